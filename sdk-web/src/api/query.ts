// The query-string API: `?ajs_uid=…&ajs_trait_…=…&ajs_event=…&ajs_prop_…=…&ajs_aid=…`. Loaded by pages that use it.

import type { Captured, Live } from '../engine/port.js';
import type { queryPairs } from './enrich.js';

const under = (all: Map<string, string>, prefix: string): Record<string, string> =>
  Object.fromEntries(
    [...all].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]),
  );

const allows = (guard: unknown, value: string): boolean => (guard instanceof RegExp ? guard : /.+/).test(value);

/**
 * The calls that a URL, or the part of one from its `?`, asks for: they were made where and when `call` was. `guard`:
 * `useQueryString` of `load`.
 */
const callsOf = (call: Captured, guard: unknown, pairs: typeof queryPairs): Captured[] => {
  const url = `${call.a[0]}`;
  const at = url.indexOf('?');
  if (at < 0 || guard === false) return [];
  const all = new Map(pairs(url.slice(at).replace(/#.*$/, '')));
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
};

/** Makes the calls that a query asks for, in their order; together they answer for it. `pairs` is lent. */
export const replay = (
  query: Captured,
  guard: unknown,
  pairs: typeof queryPairs,
  handle: (call: Captured, live: Live) => Promise<void> | undefined,
  live: Live | undefined,
): Promise<void> | undefined => {
  const calls = callsOf(query, guard, pairs);
  const answers: Promise<unknown>[] = [];
  const next = (): Promise<void> | undefined => {
    for (let call = calls.shift(); call; call = calls.shift()) {
      let waits: Promise<void> | undefined;
      const made = call;
      const answer = new Promise((ok, no) => {
        waits = handle(made, { ok, no });
      });
      // Whether it is looked at is the caller's affair.
      answer.catch(() => {});
      answers.push(answer);
      if (waits) return (waits as Promise<void>).then(next);
    }
    live?.ok(Promise.all(answers));
    return undefined;
  };
  return next();
};
