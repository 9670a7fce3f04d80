// What the page says of consent, in the engine's words. Gate, queue, purge and stamp are the engine's.

import { isPlainObject } from './arguments.js';
import type { Categories, ConsentOptions } from './types.js';

/** `true` where the browser says that its user does not want to be sold. */
export const globalPrivacyControl = (): boolean =>
  typeof navigator !== 'undefined' && (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true;

const list = (value: unknown): string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined || value === null ? [] : [String(value)];

const granted = (value: unknown): boolean => value === true || value === 'granted' || value === 'grant';

/**
 * The decision that a call of `setConsent` means, or `undefined` for one that says nothing:
 * - `({analytics: true, ads: 'denied'})`: the whole decision; a category that it leaves out is denied.
 * - `('update', {ads: 'granted'})`: changes what it names; `('default', {…})`: the same, before any decision only.
 * - `('grant')`, `('deny', 'ads')`, `('grant', ['ads', 'analytics'])`: all categories, or those.
 */
export function decisionOf(
  args: readonly unknown[],
  options: ConsentOptions,
  current: Readonly<Categories> | undefined,
): Categories | undefined {
  const [first, second] = args;
  const all = options.categories ?? [];
  const expand = (name: string): string[] => list(options.modes?.[name] ?? name);
  const set = (into: Categories, names: string[], value: unknown): Categories => {
    for (const name of names) for (const category of expand(name)) into[category] = granted(value);
    return into;
  };
  const every = (given: object, into: Categories): Categories => {
    for (const [name, value] of Object.entries(given)) set(into, [name], value);
    return into;
  };
  // Before a decision, opt-out means that everything is granted.
  const before = (): Categories => current ?? set({}, all, options.model === 'opt-out');

  let decision: Categories;
  if (isPlainObject(first)) decision = every(first, {});
  else if ((first === 'update' || first === 'default') && isPlainObject(second)) {
    if (first === 'default' && current) return undefined;
    decision = every(second, { ...before() });
  } else if (first === 'grant' || first === 'deny') {
    const names = list(second);
    const held = { ...before() };
    decision = set(held, names.length ? names : [...all, ...Object.keys(held)], first);
  } else return undefined;
  return withPrivacyControl(decision, options);
}

/** Denies what Global Privacy Control denies. */
export function withPrivacyControl(decision: Categories, options: ConsentOptions): Categories {
  if (globalPrivacyControl()) for (const category of options.gpc ?? []) decision[category] = false;
  return decision;
}

/**
 * What Global Privacy Control decides at the start of a page: nothing while the user is still to be asked (opt-in), and
 * nothing when what it denies is denied already.
 */
export function decisionAtStart(
  options: ConsentOptions,
  current: Readonly<Categories> | undefined,
): Categories | undefined {
  const gpc = options.gpc ?? [];
  if (!gpc.length || !globalPrivacyControl()) return undefined;
  if (current ? !gpc.some((category) => current[category]) : options.model !== 'opt-out') return undefined;
  return decisionOf(['update', {}], options, current);
}

/** The categories that a destination needs, by `options.consent.integrationCategoryMappings` and by itself. */
export function categoriesFor(names: readonly string[], own: unknown, options: ConsentOptions | undefined): string[] {
  const mapped = names.flatMap((name) => list(options?.integrationCategoryMappings?.[name]));
  return [...new Set([...list(own), ...mapped])];
}
