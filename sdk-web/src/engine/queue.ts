/** Captured calls, before they are handled: what is in one, which come first, what they need. */
import type { Item } from '../capture.js';
import type { Captured } from './port.js';
import { random } from './random.js';

/** Plugins and middleware, which need the full engine. */
const PLUGGING = /^(reg|add)/;
/**
 * Of the calls made before the engine was there, these are handled first, in their order (as analytics-next does): `on`,
 * `once`, `off` and those above. A scrubbing middleware that is added in the tick of the first `page()` sees it.
 */
const FIRST = /^(on|off|reg|add)/;

/** Whether one of them needs the full engine. */
export const plugs = (queue: Item[]): boolean => queue.some(({ m }) => PLUGGING.test(m));

/** Takes out listeners and middleware of the page: they come before the calls that they are to see, whoever made those. */
export const first = (queue: Item[]): Item[] => {
  const all = queue.splice(0);
  queue.push(...all.filter(({ m }) => !FIRST.test(m)));
  return all.filter(({ m }) => FIRST.test(m));
};

/** The call as it was captured; what is in no journal is of now. */
export const read = ({ m, a, j }: Item, now: () => number): Captured => {
  if (!j) return { n: 0, m, a: Array.from(a), t: now(), e: random() };
  const call: Captured = JSON.parse(j);
  for (let i = 0; i < a.length; i++) if (typeof a[i] === 'function') call.a[i] = a[i];
  return call;
};
