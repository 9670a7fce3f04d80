// What some pages do before their first call: plugins of `load`, client hints, calls that the address asks for.

import { type Captured, CONTEXT } from '../engine/port.js';
import type { Lent } from './lent.js';
import { callsOf } from './query.js';
import type { InitOptions, Plugin } from './types.js';

interface Hinting {
  userAgentData?: { getHighEntropyValues?(hints: string[]): Promise<object> };
}

/** Registers, asks the browser, and answers the calls to be made first. `query`: the part of the address with `ajs_` in it. */
export async function start(
  { host, withPlugins, random, queryPairs }: Lent,
  given: Plugin[] | undefined,
  query: string,
): Promise<Captured[]> {
  const { highEntropyValuesClientHints: hints, useQueryString } = host.options as InitOptions;
  if (given?.length) await (await withPlugins()).register(...given);
  const { userAgentData: source } = (globalThis.navigator ?? {}) as Hinting;
  const userAgentData = hints?.length && (await source?.getHighEntropyValues?.([...hints]));
  if (userAgentData) host.input(CONTEXT, 0, 0, JSON.stringify({ userAgentData }));
  return callsOf(query, useQueryString, queryPairs).map(([m, ...a]) => ({ n: 0, m, a, t: Date.now(), e: random() }));
}
