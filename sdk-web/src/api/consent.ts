// What the page says of consent, in the engine's words. Gate, queue, purge and stamp are the engine's.

import { type Captured, SET_CONSENT } from '../engine/port.js';
import type { Lent } from './lent.js';
import type { Categories, ConsentOptions } from './types.js';

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null;

/** `true` where the browser says that its user does not want to be sold. */
export const globalPrivacyControl = (): boolean =>
  typeof navigator !== 'undefined' && (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true;

/**
 * The decision that a call of `setConsent` means, or `undefined` for one that says nothing:
 * - `({analytics: true, ads: 'denied'})`: the whole decision; a category that it leaves out is denied.
 * - `('update', {ads: 'granted'})`: changes what it names; `('default', {…})`: the same, before any decision only, and
 *   none as long as it grants nothing and the model is opt-in.
 * - `('grant')`, `('deny', 'ads')`, `('grant', ['ads', 'analytics'])`: all categories, or those.
 */
export function decisionOf(
  [first, second]: readonly unknown[],
  { categories = [], model, modes = {}, gpc = [] }: ConsentOptions,
  current: Readonly<Categories> | undefined,
): Categories | undefined {
  const decision: Categories = {};
  const set = (name: string, value: unknown): void => {
    for (const category of [modes[name] ?? name].flat()) decision[category] = /^(true|grant(ed)?)$/.test(`${value}`);
  };
  let given: Record<string, unknown>;
  if (isObject(first)) given = first;
  else {
    // Before a decision, opt-out means that everything is granted.
    for (const category of categories) set(category, model === 'opt-out');
    Object.assign(decision, current);
    if (first === 'grant' || first === 'deny') {
      const named = second === undefined ? Object.keys(decision) : [second].flat();
      given = Object.fromEntries(named.map((name) => [name, first]));
    } else if (isObject(second) && (first === 'update' || (first === 'default' && !current))) given = second;
    else return undefined;
  }
  for (const name of Object.keys(given)) set(name, given[name]);
  if (globalPrivacyControl()) for (const category of gpc) decision[category] = false;
  // To deny everything by default is to ask first, which opt-in does by itself: what was called meanwhile is kept.
  if (first === 'default' && model !== 'opt-out' && !Object.values(decision).includes(true)) return undefined;
  return decision;
}

/**
 * What Global Privacy Control decides at the start of a page: nothing while the user is still to be asked (opt-in), and
 * nothing when what it denies is denied already.
 */
export const decisionAtStart = (
  options: ConsentOptions,
  current: Readonly<Categories> | undefined,
): Categories | undefined =>
  globalPrivacyControl() &&
  (current || options.model === 'opt-out') &&
  options.gpc?.some((id) => current?.[id] !== false)
    ? decisionOf(['update', {}], options, current)
    : undefined;

const tell = ({ host, hex, random }: Lent, decision: Categories | undefined, seed = random()): void => {
  if (decision) host.input(SET_CONSENT, 0, 0, hex(seed.slice(0, 4)) + JSON.stringify(decision));
};
const given = ({ host }: Lent): ConsentOptions => host.options.consent ?? {};

/** A call of `setConsent`. */
export const decide = (lent: Lent, { a, e }: Captured): void =>
  tell(lent, decisionOf(a, given(lent), lent.host.consent()), e);

/** A page begins. */
export const decideAtStart = (lent: Lent): void => tell(lent, decisionAtStart(given(lent), lent.host.consent()));
