// The query-string API: `?ajs_uid=…&ajs_trait_…=…&ajs_event=…&ajs_prop_…=…&ajs_aid=…`.

import type { Captured } from '../engine/port.js';
import { queryPairs } from './enrich.js';

const under = (all: Map<string, string>, prefix: string): Record<string, string> =>
  Object.fromEntries(
    [...all].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]),
  );

const allows = (guard: unknown, value: string): boolean => (guard instanceof RegExp ? guard : /.+/).test(value);

/**
 * The calls that a URL, or the part of one from its `?`, asks for: they were made where and when `call` was. `guard`:
 * `useQueryString` of `load`.
 */
export function callsOf(call: Captured, guard: unknown): Captured[] {
  const url = `${call.a[0]}`;
  const at = url.indexOf('?');
  if (at < 0 || guard === false) return [];
  const all = new Map(queryPairs(url.slice(at).replace(/#.*$/, '')));
  const { aid, uid } = Object(guard) as { aid?: unknown; uid?: unknown };
  const calls: Captured[] = [];
  const add = (e: number[], m: string, ...a: unknown[]) => calls.push({ ...call, e, m, a });
  const anonymousId = all.get('ajs_aid');
  const userId = all.get('ajs_uid');
  const event = all.get('ajs_event');
  if (anonymousId && allows(aid, anonymousId)) add(call.e, 'setAnonymousId', anonymousId);
  if (userId && allows(uid, userId)) add(call.e, 'identify', userId, under(all, 'ajs_trait_'));
  // Another event, another messageId; made again after a crash, the same one.
  if (event) add([...call.e].reverse(), 'track', event, under(all, 'ajs_prop_'));
  return calls;
}
