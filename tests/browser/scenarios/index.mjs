import { consent } from './consent.mjs';
import { hosts } from './hosts.mjs';
import { leaving } from './leaving.mjs';
import { network } from './network.mjs';
import { privacy } from './privacy.mjs';
import { refusals } from './refusals.mjs';
import { shop } from './shop.mjs';
import { tabs } from './tabs.mjs';

/**
 * All scenarios: `{ name, sentence, sdks?, chromium?, play(world) }`; `sdks` where not all can play, `chromium`
 * where Chromium's own protocol is needed.
 */
export const scenarios = [...leaving, ...network, ...tabs, ...refusals, ...hosts, ...consent, ...privacy, ...shop];
