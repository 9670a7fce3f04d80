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

/** Listeners and middleware of the page come before the calls that they are to see. */
export const sort = (queue: Item[]): void => {
  const before = queue.filter(({ m }) => FIRST.test(m));
  if (before.length) queue.splice(0, queue.length, ...before, ...queue.filter((item) => !before.includes(item)));
};

/** The call as it was captured; what is in no journal is of now. */
export const read = ({ m, a, j }: Item, now: () => number): Captured => {
  if (!j) return { n: 0, m, a: Array.from(a), t: now(), e: random() };
  const call: Captured = JSON.parse(j);
  for (let i = 0; i < a.length; i++) if (typeof a[i] === 'function') call.a[i] = a[i];
  return call;
};
