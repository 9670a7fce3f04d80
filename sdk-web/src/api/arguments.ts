// The argument overloads of the six calls, to the letter of analytics-next.

import type { Callback, EventProperties, ID, Options, SegmentEvent, Traits } from './types.js';

type Fn = (...args: any[]) => unknown;
type Bag = Record<string, any>;

const isString = (x: unknown): x is string => typeof x === 'string';
const isNumber = (x: unknown): x is number => typeof x === 'number';
export const isFunction = (x: unknown): x is Fn => typeof x === 'function';
/** Objects that are no arrays, dates, functions …; instances of classes count. */
export const isPlainObject = (x: unknown): x is Bag => Object.prototype.toString.call(x) === '[object Object]';

const callbackOf = (args: readonly unknown[]): Callback | undefined => args.find(isFunction) as Callback | undefined;

/** `track`: name, properties, options, callback. Throws `Event missing`. */
export function resolveArguments(
  event?: string | SegmentEvent | object | null,
  properties?: unknown,
  options?: unknown,
  callback?: unknown,
): [string, EventProperties, Options, Callback | undefined] {
  const whole = isPlainObject(event);
  const name: unknown = whole ? event.event : event;
  if (!name || !isString(name)) throw new Error('Event missing');
  const data = whole ? (event.properties ?? {}) : isPlainObject(properties) ? properties : {};
  const opts = whole && !isFunction(properties) ? properties : options;
  return [name, data, (!isFunction(opts) && (opts as Options)) || {}, callbackOf([properties, options, callback])];
}

/** `page` and `screen`: category, name, properties, options, callback. One string is the name. */
export function resolvePageArguments(
  ...args: unknown[]
): [string | null, string | null, EventProperties, Options, Callback | undefined] {
  const [first, second] = args.filter(isString);
  const two = second !== undefined;
  const objects = args.filter(isPlainObject);
  let [properties = {}, options = {}] = objects.length > 2 ? [] : objects;
  if (objects.length === 1 && properties === args[3]) [properties, options] = [{}, properties];
  return [two ? (first as string) : null, (two ? second : first) ?? null, properties, options, callbackOf(args)];
}

/** `identify` and `group`: id, traits, options, callback. Without an id, the stored one. */
export const resolveUserArguments =
  (user: { id(): ID }) =>
  (...args: unknown[]): [ID, Traits, Options, Callback | undefined] => {
    const end = args.findIndex(isFunction);
    const rest = end < 0 ? args : args.slice(0, end);
    let id: ID;
    if (isString(rest[0]) || isNumber(rest[0]) || rest[0] == null) {
      const given = rest.shift();
      if (given != null) id = `${given as string}`;
    }
    const [traits, options] = rest;
    return [
      id ?? user.id() ?? null,
      isPlainObject(traits) ? traits : {},
      isPlainObject(options) ? options : {},
      callbackOf(args),
    ];
  };

/** `alias`: to, from, options, callback. */
export function resolveAliasArguments(...args: unknown[]): [string, string | null, Options, Callback | undefined] {
  const [to, from] = args.map((x, at) => (at < 2 && isNumber(x) ? `${x}` : x)).filter(isString);
  return [to as string, from ?? null, args.find(isPlainObject) ?? {}, callbackOf(args)];
}

/** The page context that the snippet appends to buffered calls, cut off the end of the arguments. */
export interface BufferedPageContext {
  __t: 'bpc';
  /** canonical URL */ c?: string;
  /** pathname */ p: string;
  /** href */ u: string;
  /** search */ s: string;
  /** title */ t: string;
  /** referrer */ r: string;
}

/** Takes a trailing page context off `args`. */
export function popPageContext(args: unknown[]): BufferedPageContext | undefined {
  const last = args[args.length - 1];
  return isPlainObject(last) && last.__t === 'bpc' ? (args.pop() as BufferedPageContext) : undefined;
}
