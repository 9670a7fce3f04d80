// What some pages do before their first call: plugins of `load`, client hints.

import { CONTEXT } from '../engine/port.js';
import type { Lent } from './lent.js';
import type { InitOptions, Plugin } from './types.js';

interface Hinting {
  userAgentData?: { getHighEntropyValues?(hints: string[]): Promise<object> };
}

/** Registers, and asks the browser. */
export async function start({ host, withPlugins }: Lent, given: Plugin[] | undefined): Promise<void> {
  const { highEntropyValuesClientHints: hints } = host.options as InitOptions;
  if (given?.length) await (await withPlugins()).register(...given);
  const { userAgentData: source } = (globalThis.navigator ?? {}) as Hinting;
  const userAgentData = hints?.length && (await source?.getHighEntropyValues?.([...hints]));
  if (userAgentData) host.input(CONTEXT, 0, 0, JSON.stringify({ userAgentData }));
}
