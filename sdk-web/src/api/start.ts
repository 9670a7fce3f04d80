// What some pages do before their first call: plugins of `load`, client hints, a word on a hub that is left out.

import { CONTEXT } from '../engine/port.js';
import type { Lent } from './lent.js';
import type { InitOptions, Plugin } from './types.js';

interface Hinting {
  userAgentData?: { getHighEntropyValues?(hints: string[]): Promise<object> };
}

/** Registers, asks the browser, and tells. */
export async function start({ host, withPlugins, diagnose }: Lent, given: Plugin[] | undefined): Promise<void> {
  const { highEntropyValuesClientHints: hints } = host.options as InitOptions;
  // When the page listens.
  if (host.config.hub === false)
    setTimeout(() =>
      diagnose('hub_left_out', 'integrations of load leave Segment.io out: nothing is kept for the hub or sent to it'),
    );
  if (given?.length) await (await withPlugins()).register(...given);
  const { userAgentData: source } = (globalThis.navigator ?? {}) as Hinting;
  // What the browser refuses to tell keeps no event back.
  const userAgentData =
    hints?.length &&
    (await (async () => source?.getHighEntropyValues?.([...hints]))().catch((error) =>
      console.error('headwater:', error),
    ));
  if (userAgentData) host.input(CONTEXT, 0, 0, JSON.stringify({ userAgentData }));
}
