/**
 * Analytics without a page: service workers, extensions (MV3), edge runtimes, Node. Storage, network and clock are given
 * or the platform's; nothing here touches a DOM.
 */
import type { Analytics } from './api/analytics.js';
import type { Context } from './api/context.js';
import { createRuntime } from './api/runtime.js';
import type { AnalyticsBrowserMethods, AnalyticsBrowserSettings, AnyEvents, InitOptions } from './api/types.js';
import { createCapture, type SyncStorage } from './capture.js';
import { configOf, endpointOf } from './engine/config.js';
import { openDatabase } from './engine/database.js';
import { createDriver } from './engine/driver.js';
import { apartOf, type IdentityOptions } from './engine/identity.js';
import type { FlushReport, Host } from './engine/port.js';
import type { Change, Store, Stored } from './engine/store.js';
import { memoryStore } from './engine/store.js';
import { idbStore } from './engine/store-idb.js';
import { webTabs } from './engine/tabs.js';
import { createSend } from './engine/transport.js';
import { type Chunk, loadEngine, type WasmSource } from './engine/wasm.js';
import { hubless } from './hubless.js';

export type * from './api/types.js';
export type { Analytics, Change, Context, FlushReport, Store, Stored, SyncStorage, WasmSource };
export { memoryStore };

/** What a runtime without pages may bring along. All of it has a default. */
export interface CoreOptions extends InitOptions {
  /** Where events are kept until the hub has them. Default: IndexedDB where there is one, else memory. */
  store?: Store | Promise<Store>;
  /** A synchronous storage, in which a call lies from the moment it is made. Default: none; calls are in memory first. */
  journal?: SyncStorage;
  /** Default: the global one. */
  fetch?: typeof fetch;
  /** The engine: an address, bytes or a compiled module (edge runtimes). Default: what lies beside this file. */
  wasm?: WasmSource;
  /** The time, unix milliseconds. Default: `Date.now`. */
  now?: () => number;
  /** A clock that never jumps, milliseconds. Default: `performance.now`. */
  mono?: () => number;
}

/** The calls of the façade; what needs a page is not there. */
export interface CoreAnalytics<Events extends object = AnyEvents>
  extends Omit<
    AnalyticsBrowserMethods<Events>,
    'ready' | 'flush' | 'trackLink' | 'trackForm' | 'trackClick' | 'trackSubmit' | 'pageView'
  > {
  /** Once the engine is up. Rejects when it cannot be loaded. */
  ready(): Promise<Analytics<Events>>;
  /** Sends all that waits. In a service worker: `event.waitUntil(analytics.flush())`. */
  flush(): Promise<FlushReport>;
  /** Ends: what is stored stays for the next start. */
  close(): Promise<void>;
}

const METHODS =
  'track page screen identify group alias user reset setAnonymousId register deregister addSourceMiddleware addDestinationMiddleware setConsent startSession endSession purge timeout on once off debug';

/** Bundlers that look for Node's modules are not to find this one. */
const FILES = 'node:fs/promises';

const wasmOf = async (given: WasmSource | undefined, full: boolean): Promise<WasmSource | Chunk> => {
  if (given instanceof URL && given.protocol === 'file:')
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ FILES)).readFile(given);
  if (given) return given;
  // A service worker may not import while it runs; the file has both engines' rules.
  return (full ? import('./engine/full.js') : import('./engine/lite.js')).catch(
    () => new URL('./headwater_bg.wasm', import.meta.url),
  );
};

export const createAnalytics = <Events extends object = AnyEvents>(
  settings: AnalyticsBrowserSettings,
  options: CoreOptions = {},
): CoreAnalytics<Events> => {
  const host = { settings, options } as unknown as Pick<Host, 'settings' | 'options'>;
  const { writeKey } = settings;
  const now = options.now ?? (() => Date.now());
  const capture = createCapture(now);
  const get: typeof fetch = options.fetch ?? ((...given) => fetch(...given));
  const endpoint = endpointOf(host);
  // A worker of another origin's asks nobody before: no header that costs a preflight.
  const simple = typeof location !== 'undefined' && new URL(endpoint || 'x:').origin !== location.origin;
  const shared = typeof indexedDB !== 'undefined' && !options.store && !options.disableClientPersistence;
  const analytics = {} as Record<string, unknown>;
  let life = 0;

  if (options.journal) capture.store = options.journal;
  const driver = createDriver({
    ...{ capture, ...host, facade: analytics, now, mono: options.mono ?? (() => performance.now()) },
    load: (full) => loadEngine(wasmOf(options.wasm, full), full),
    open: async () => options.store ?? (shared ? idbStore(() => openDatabase(`hw:${writeKey}`)) : memoryStore()),
    config: { gzip: !simple, hub: !hubless(options), ...configOf(host, endpoint) },
    apart: apartOf(options as IdentityOptions),
    send: createSend({ fetch: get, headers: !simple, page: false, small: 0 }),
    fetch: get,
    name() {
      const tab = life++ + Math.random().toString(36).slice(2);
      if (options.journal) capture.key = `hw:${writeKey}:j:${tab}:`;
      return tab;
    },
    ...(shared && 'locks' in navigator && { tabs: webTabs(writeKey) }),
    runtime: (host) => createRuntime(host, VERSION),
  });
  const begun = driver.begin();
  begun.catch(() => {});
  capture.wake = driver.wake;

  for (const method of METHODS.split(' ')) analytics[method] = (...args: unknown[]) => capture.capture(method, args);
  analytics.ready = () => begun.then(async () => (await driver.runtime.loaded())[0]);
  analytics.flush = () => begun.then(driver.flush);
  analytics.close = () => begun.then(driver.close);
  return analytics as unknown as CoreAnalytics<Events>;
};

const VERSION = 'core:headwater-0.1.0';
