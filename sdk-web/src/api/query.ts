// The query-string API: `?ajs_uid=…&ajs_trait_…=…&ajs_event=…&ajs_prop_…=…&ajs_aid=…`. Loaded by pages that use it.

import type { queryPairs } from './enrich.js';

type Call = [method: string, ...args: unknown[]];

const under = (all: Map<string, string>, prefix: string): Record<string, string> =>
  Object.fromEntries(
    [...all].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]),
  );

const allows = (guard: unknown, value: string): boolean => (guard instanceof RegExp ? guard : /.+/).test(value);

/** The calls that a URL, or the part of one from its `?`, asks for. `guard`: `useQueryString` of `load`; `pairs` is lent. */
export function callsOf(url: string, guard: unknown, pairs: typeof queryPairs): Call[] {
  const at = url.indexOf('?');
  if (at < 0 || guard === false) return [];
  const query = url.slice(at).replace(/#.*$/, '');
  const all = new Map(pairs(query));
  const { aid, uid } = Object(guard) as { aid?: unknown; uid?: unknown };
  const calls: Call[] = [];
  const anonymousId = all.get('ajs_aid');
  const userId = all.get('ajs_uid');
  const event = all.get('ajs_event');
  if (anonymousId && allows(aid, anonymousId)) calls.push(['setAnonymousId', anonymousId]);
  if (userId && allows(uid, userId)) calls.push(['identify', userId, under(all, 'ajs_trait_')]);
  if (event) calls.push(['track', event, under(all, 'ajs_prop_')]);
  return calls;
}
