// A whole client for tests: the real capture, driver, API and WebAssembly engine, a store in memory, a scripted hub.

import type { Analytics } from '../../src/api/analytics.js';
import { createRuntime } from '../../src/api/runtime.js';
import type { InitOptions, SegmentEvent } from '../../src/api/types.js';
import { type Capture, captureAddress, createCapture } from '../../src/capture.js';
import { configOf } from '../../src/engine/config.js';
import { createDriver } from '../../src/engine/driver.js';
import { memoryStore, type Store } from '../../src/engine/store.js';
import { loadEngine } from '../../src/engine/wasm.js';
import { hubless } from '../../src/hubless.js';
import { AnalyticsBrowser } from '../../src/index.js';

// One instance for all clients of a file: it holds as many engines as are started.
const engines = [
  loadEngine(import('../../src/engine/lite.js'), false),
  loadEngine(import('../../src/engine/full.js'), true),
];

export interface Client {
  /** A call as the façade makes it. */
  call(method: string, ...args: unknown[]): Promise<any>;
  /** The same, made elsewhere. */
  capture: Capture['capture'];
  analytics: Analytics;
  /** What the hub has, in order. */
  sent: (SegmentEvent & { [key: string]: any })[];
  /** Sends all and answers `sent`. */
  all(): Promise<Client['sent']>;
  /** Starts the engine; calls before it are the pre-load ones. */
  begin(): Promise<void>;
  cookies: Map<string, string>;
  diagnostics: { kind: string; detail: string }[];
  /** The driver tells of a settings document. */
  settled(document: object): void;
}

export interface Setting {
  settings?: Record<string, unknown>;
  options?: InitOptions;
  /** What fetching the settings document answers; it waits for this. */
  document?: Promise<object> | object;
  status?: () => number;
  /** What an earlier page left. */
  store?: Store;
  /** Before an engine is loaded; what it throws, loading throws. */
  loading?: (full: boolean) => void;
}

/** Not yet started. */
export async function prepare({
  settings = {},
  options = {},
  document,
  status = () => 200,
  store = memoryStore(),
  loading,
}: Setting = {}): Promise<Client> {
  const facade = new AnalyticsBrowser();
  const capture = createCapture();
  // Without a page a façade captures nothing; most of these tests need none.
  facade.s.capture = capture.capture;
  const sent: Client['sent'] = [];
  const cookies = new Map<string, string>();
  const host = { settings: { writeKey: 'wk', ...settings }, options: options as Record<string, unknown> };
  let lives = 0;
  const driver = createDriver({
    capture,
    ...host,
    facade,
    async load(full) {
      loading?.(full);
      return engines[+full]!;
    },
    open: async () => store,
    config: { ...configOf(host, 'https://hub.test/v1'), hub: !hubless(options) },
    async send({ around, events }) {
      const answer = status();
      if (answer === 0) throw new Error('no answer');
      if (answer < 300) sent.push(...JSON.parse(around[0] + events.join() + around[1]).batch);
      return [answer];
    },
    fetch: async () => new Response(JSON.stringify(await document)),
    mono: () => performance.now(),
    name: () => `t${lives++}`,
    cookies: { get: (name) => cookies.get(name), set: (name, value) => cookies.set(name, value) },
    runtime: (given) => createRuntime(given, '1.2.3'),
  });
  capture.wake = driver.wake;
  const [analytics] = (await driver.runtime.loaded()) as [Analytics];
  const diagnostics: Client['diagnostics'] = [];
  analytics.on('diagnostic', (diagnostic) => diagnostics.push(diagnostic));
  return {
    analytics,
    capture: capture.capture,
    sent,
    cookies,
    diagnostics,
    settled: (document) => driver.runtime.settled?.(JSON.stringify(document)),
    call: (method, ...args) =>
      method.startsWith('track') && method !== 'track'
        ? (facade as any)[method](...args)
        : capture.capture(method, args),
    async begin() {
      if (globalThis.location) captureAddress(capture, options);
      await driver.begin();
      facade.s.done(driver.runtime.loaded as never);
    },
    async all() {
      await analytics.flush();
      return sent;
    },
  };
}

/** Started. */
export async function client(setting: Setting = {}): Promise<Client> {
  const made = await prepare(setting);
  await made.begin();
  return made;
}

/** Puts the test on a page. */
export function visit(href: string, { title = 'A title', referrer = '' } = {}): void {
  const url = new URL(href);
  const { pathname, search, hash, origin } = url;
  Object.assign(globalThis, {
    location: { href, pathname, search, hash, origin },
    document: { title, referrer, querySelector: () => null },
  });
}

/** Off any page. */
export function leave(): void {
  Object.assign(globalThis, { location: undefined, document: undefined });
}

export const tick = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
