// What a filter does to an event that it matched.

import type { Rule, SegmentEvent } from '../types.js';
import { digest } from './digest.js';
import { pathOf, valueAt } from './match.js';

type Bag = Record<string, any>;

const isPlainObject = (x: unknown): x is Bag => typeof x === 'object' && x !== null && !Array.isArray(x);

const inside = (event: SegmentEvent, path: string): unknown => (path === '' ? event : valueAt(path, event));

/** The objects that a path means: one, or every object of a list. */
const objectsAt = (event: SegmentEvent, path: string): Bag[] => {
  const at = inside(event, path);
  return (Array.isArray(at) ? at : [at]).filter(isPlainObject);
};

const namesOf = (value: unknown): string[] => {
  if (!Array.isArray(value)) throw new Error('no list of keys');
  return value.map(String);
};

/** Deletes, at each path, the keys that `gone` says. */
const strip = (event: SegmentEvent, lists: unknown, gone: (key: string, listed: string[]) => boolean): void => {
  if (!isPlainObject(lists)) throw new Error('no paths');
  for (const [path, listed] of Object.entries(lists)) {
    const names = namesOf(listed);
    for (const object of objectsAt(event, path)) {
      for (const key of Object.keys(object)) if (gone(key, names)) delete object[key];
    }
  }
};

const put = (event: SegmentEvent, path: string, value: unknown): void => {
  const steps = pathOf(path);
  const last = steps.pop();
  if (last === undefined || [...steps, last].includes('__proto__')) throw new Error('no path');
  let at: Bag = event;
  for (const step of steps) {
    const own = Object.hasOwn(at, step) ? (at[step] as unknown) : undefined;
    at = isPlainObject(own) ? own : (at[step] = {});
  }
  at[last] = value;
};

const remove = (event: SegmentEvent, path: string): void => {
  const steps = pathOf(path);
  const last = steps.pop();
  const at = steps.reduce<unknown>((from, step) => (isPlainObject(from) ? from[step] : undefined), event);
  if (last !== undefined && isPlainObject(at)) delete at[last];
};

/** `{"to.path": {set | copy | move, to_string}}`. All are read before any is written, so their order does not matter. */
const map = (event: SegmentEvent, config: unknown): void => {
  if (!isPlainObject(config)) throw new Error('no paths');
  const writes: [string, unknown][] = [];
  const moved: string[] = [];
  for (const [path, how] of Object.entries(config)) {
    if (!isPlainObject(how)) throw new Error('no mapping');
    const from = (how.copy ?? how.move) as unknown;
    if (typeof from === 'string' && valueAt(from, event) === null) continue;
    let value: unknown = typeof from === 'string' ? valueAt(from, event) : how.set;
    if (typeof how.move === 'string') moved.push(how.move);
    if (how.to_string) value = typeof value === 'object' ? JSON.stringify(value) : String(value);
    writes.push([path, value]);
  }
  for (const path of moved) remove(event, path);
  for (const [path, value] of writes) put(event, path, value);
};

/** `{"path": ["key", …]}`: the text of each value becomes the hexadecimal SHA-256 of its UTF-8 bytes. */
const hash = (event: SegmentEvent, lists: unknown): void => {
  if (!isPlainObject(lists)) throw new Error('no paths');
  for (const [path, listed] of Object.entries(lists)) {
    for (const object of objectsAt(event, path)) {
      for (const key of namesOf(listed)) {
        const value: unknown = Object.hasOwn(object, key) ? object[key] : undefined;
        if (value !== undefined && value !== null)
          object[key] = digest('sha256', typeof value === 'string' ? value : JSON.stringify(value));
      }
    }
  }
};

/**
 * Whether the sample keeps the event: by chance, or by the value at `path`, so that the same user is in or out at
 * every event and a smaller percentage is a subset of a larger one. Its MD5 as the segment samplers read it: eight bytes,
 * big-endian, as a fraction of 2^64.
 */
const sampled = (event: SegmentEvent, config: unknown): boolean => {
  const { percent, path } = isPlainObject(config) ? config : ({} as Bag);
  if (typeof percent !== 'number') throw new Error('no percent');
  if (percent <= 0) return false;
  if (percent >= 1) return true;
  if (!path) return Math.random() < percent;
  return Number(BigInt(`0x${digest('md5', JSON.stringify(valueAt(path, event))).slice(0, 16)}`)) / 2 ** 64 < percent;
};

/** Applies one transformer in place. `null`: the destination must not have the event. Throws on one it cannot read. */
export function transform(
  event: SegmentEvent,
  { type, config }: Rule['transformers'][number][number],
): SegmentEvent | null {
  const read: unknown = typeof config === 'string' ? JSON.parse(config) : config;
  const given: Bag = isPlainObject(read) ? read : {};
  switch (type) {
    case 'drop':
    case 'drop_event':
      return null;
    case 'sample_event':
      return sampled(event, given.sample) ? event : null;
    case 'drop_properties':
      strip(event, given.drop, (key, listed) => listed.includes(key));
      return event;
    case 'allow_properties':
      strip(event, given.allow, (key, listed) => !listed.includes(key));
      return event;
    case 'map_properties':
      map(event, given.map);
      return event;
    case 'hash_properties':
      hash(event, given.hash);
      return event;
    default:
      throw new Error(`no such transformer: ${type}`);
  }
}
