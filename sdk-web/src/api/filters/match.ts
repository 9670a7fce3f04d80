// The filter language's intermediate form, with the meaning of its documentation (`core/govern` has the same):
// `["and", …] ["or", …] ["!", x] ["=", l, r] ["<", l, r] ["in", x, list] ["contains", s, sub] ["match", s, glob]`, a
// string is a path, `{value}` a literal. A missing path is null; comparing is strict by type; order is for numbers.

import type { Rule } from '../types.js';

type Values = Record<string, (...args: any[]) => unknown>;

const utf8 = new TextEncoder();
const isText = (value: unknown): value is string => typeof value === 'string';
const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);
const ordered = (test: (left: number, right: number) => boolean) => (left: unknown, right: unknown) =>
  typeof left === 'number' && typeof right === 'number' && test(left, right);

const functions: Values = {
  '=': same,
  '!=': (left, right) => !same(left, right),
  '<': ordered((left, right) => left < right),
  '<=': ordered((left, right) => left <= right),
  '>': ordered((left, right) => left > right),
  '>=': ordered((left, right) => left >= right),
  in: (item, list) => Array.isArray(list) && list.some((other) => same(item, other)),
  contains: (text, part) => isText(text) && isText(part) && text.includes(part),
  match: (text, glob) => isText(text) && isText(glob) && globMatches(glob, text),
  lowercase: (text) => (isText(text) ? text.toLowerCase() : null),
  uppercase: (text) => (isText(text) ? text.toUpperCase() : null),
  length: (value) =>
    value === null ? 0 : isText(value) ? utf8.encode(value).length : Array.isArray(value) ? value.length : null,
  typeof: (value) =>
    value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value === 'boolean' ? 'bool' : typeof value,
};

/** The value at a dotted path; a backslash keeps the next character from being a separator. */
export function valueAt(path: string, event: unknown): unknown {
  let at = event;
  for (const step of pathOf(path)) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, step)) return null;
    at = (at as Record<string, unknown>)[step];
  }
  return at ?? null;
}

/** The steps of a path. */
export const pathOf = (path: string): string[] =>
  (path.match(/(?:\\.|[^.\\])+/gs) ?? []).map((step) => step.replace(/\\(.)/gs, '$1'));

const evaluate = (ir: unknown, event: unknown): unknown => {
  if (isText(ir)) return valueAt(ir, event);
  if (!Array.isArray(ir)) {
    if (ir === null || typeof ir !== 'object') return ir;
    if (!('value' in ir)) throw new Error('a literal without a value');
    return ir.value ?? null;
  }
  const [name, ...args] = ir as [unknown, ...unknown[]];
  if (name === 'and') return args.every((arg) => evaluate(arg, event) === true);
  if (name === 'or') return args.some((arg) => evaluate(arg, event) === true);
  if (name === '!') return evaluate(args[0], event) !== true;
  if (!isText(name) || !Object.hasOwn(functions, name)) throw new Error(`no such operation: ${String(name)}`);
  // The list of `in` is written out: its items are literals or paths.
  const values = args.map((arg, at) =>
    name === 'in' && at === 1 && Array.isArray(arg) ? arg.map((item) => evaluate(item, event)) : evaluate(arg, event),
  );
  return (functions[name] as (...args: unknown[]) => unknown)(...values);
};

/** Whether the matcher is true of the event. Throws when it cannot be read. */
export function matches(event: unknown, matcher: Rule['matchers'][number]): boolean {
  if (matcher.type === 'all') return true;
  if (matcher.type !== 'fql') throw new Error(`no such matcher: ${matcher.type}`);
  const ir: unknown = isText(matcher.ir) ? JSON.parse(matcher.ir) : matcher.ir;
  if (ir === undefined || ir === null) throw new Error('a matcher without ir');
  return evaluate(ir, event) === true;
}

/** Whole string, case-sensitive: `*`, `?`, `[abc]`, `[a-z]`, `[^…]`, `\x`. A pattern that cannot be read matches nothing. */
export function globMatches(glob: string, text: string): boolean {
  const units = unitsOf(glob);
  if (!units) return false;
  const chars = [...text];
  // The set of places in the pattern that the text so far can have reached.
  let reached = closure(new Set([0]), units);
  for (const char of chars) {
    const next = new Set<number>();
    for (const at of reached) {
      const unit = units[at];
      if (unit === '*') next.add(at);
      else if (unit?.(char)) next.add(at + 1);
    }
    reached = closure(next, units);
  }
  return reached.has(units.length);
}

type Unit = '*' | ((char: string) => boolean);

const closure = (places: Set<number>, units: Unit[]): Set<number> => {
  for (const at of places) if (units[at] === '*') places.add(at + 1);
  return places;
};

const unitsOf = (glob: string): Unit[] | undefined => {
  const chars = [...glob];
  const units: Unit[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] as string;
    if (char === '*') units.push('*');
    else if (char === '?') units.push(() => true);
    else if (char === '\\') {
      const literal = chars[++at];
      if (literal === undefined) return undefined;
      units.push((other) => other === literal);
    } else if (char === '[') {
      const negated = chars[at + 1] === '^';
      if (negated) at++;
      const ranges: [string, string][] = [];
      for (;;) {
        let low = chars[++at];
        if (low === ']' && ranges.length) break;
        if (low === undefined || low === ']' || low === '-') return undefined;
        if (low === '\\') low = chars[++at];
        let high = low;
        if (chars[at + 1] === '-') {
          high = chars[(at += 2)];
          if (high === '\\') high = chars[++at];
          if (high === ']') return undefined;
        }
        if (low === undefined || high === undefined) return undefined;
        ranges.push([low, high]);
      }
      units.push((other) => ranges.some(([low, high]) => low <= other && other <= high) !== negated);
    } else units.push((other) => other === char);
  }
  return units;
};
