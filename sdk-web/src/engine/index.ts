/** The engine's chunk in a page: what the browser has, lent to the driver. Loaded beside, never before calls are captured. */
import { createRuntime } from '../api/runtime.js';
import type { Shared } from '../index.js';
import { configOf, endpointOf } from './config.js';
import { createDriver } from './driver.js';
import { createIdentity, type IdentityOptions } from './identity.js';
import type { Host } from './port.js';
import { idbStore } from './store-idb.js';
import { webTabs } from './tabs.js';
import { createSend } from './transport.js';
import { type Exports, loadEngine } from './wasm.js';

/** What is said within so many milliseconds goes out together: here, what is said in one turn. */
const SOON = 1;

export const start = (shared: Shared): void => {
  const { settings, options } = shared as unknown as Pick<Host, 'settings' | 'options'>;
  const { writeKey } = settings;
  const endpoint = endpointOf({ settings, options });
  const sameOrigin = new URL(endpoint || 'x:').origin === location.origin;
  const kept = !options.disableClientPersistence;
  let life = 0;
  const get: typeof fetch = (...given) => fetch(...given);

  const hub = !shared.hubless;
  const config: Record<string, unknown> = { gzip: sameOrigin, hub, ...configOf({ settings, options }, endpoint, SOON) };
  const driver = createDriver({
    ...{ capture: shared, settings, options, facade: shared.facade },
    load: (full) =>
      loadEngine((options.wasm as string) ?? shared.chunk(full), full, async () =>
        ((await import('../../wasm/headwater.wasm2js.js')).Engine as unknown as () => Exports)(),
      ),
    async open() {
      if (!kept) return;
      return idbStore(shared.open!, shared.database).catch(async () => {
        const { localStore } = await import('./store-local.js');
        return localStore(localStorage, `hw:${writeKey}:q:`);
      });
    },
    config,
    // Where the page did not ask for batches.
    eager: config.flushInterval === SOON,
    send: createSend({ fetch: get, headers: sameOrigin, page: true, small: 1024 }),
    fetch: get,
    mono: () => performance.now(),
    name() {
      // A later life is another tab: what the earlier one left may be anybody's now.
      if (life++) shared.tab = Math.random().toString(36).slice(2);
      if (shared.key) shared.key = `hw:${writeKey}:j:${shared.tab}:`;
      return shared.tab;
    },
    ...createIdentity(options as IdentityOptions),
    ...(kept && { tabs: webTabs(writeKey, hub) }),
    runtime: (host) => createRuntime(host, shared.facade.VERSION),
  });

  const on = (target: EventTarget, listeners: Record<string, (event: any) => unknown>): void => {
    for (const type in listeners) target.addEventListener(type, listeners[type]!);
  };
  const gone = () => driver.lifecycle(2);
  shared.wake = driver.wake;
  if (!navigator.onLine) driver.online(false);
  driver
    .begin()
    .then(
      () => shared.done(driver.runtime.loaded as Shared['done'] extends (loaded: infer L) => void ? L : never),
      shared.failed,
    );
  on(document, {
    visibilitychange: () => driver.lifecycle(document.visibilityState === 'hidden' ? 1 : 0),
    freeze: gone,
    resume: driver.restart,
  });
  on(window, {
    pagehide: gone,
    pageshow: ({ persisted }: PageTransitionEvent) => persisted && driver.restart(),
    storage: ({ key }: StorageEvent) => key?.startsWith('ajs_') && driver.recalled(),
    online: () => driver.online(true),
    offline: () => driver.online(false),
  });
};
