// A site for tests: one storage and one store for all its tabs, a hub, and tabs with the real engine in them.

import { type Capture, createCapture } from '../../src/capture.js';
import { configOf } from '../../src/engine/config.js';
import { createDriver, type Driver } from '../../src/engine/driver.js';
import type { Env, Message, Tabs, Upload } from '../../src/engine/env.js';
import { CALL } from '../../src/engine/inputs.js';
import type { Captured, Host, Identity, Live, Report, Runtime } from '../../src/engine/port.js';
import { memoryStore, type Store } from '../../src/engine/store.js';
import { loadEngine, type Start } from '../../src/engine/wasm.js';
import { fakeStorage } from './storage.js';

/** The small engine, or the full one. */
export const engine = (full: boolean): Promise<Start> =>
  loadEngine(full ? import('../../src/engine/full.js') : import('../../src/engine/lite.js'), full);

export const bodyOf = ({ around, events }: Upload): string => around[0] + events.join() + around[1];

export interface Tab {
  capture: Capture;
  driver: Driver;
  host: Host;
  reports: Report[];
  diagnostics: string[];
  track(event: string): Promise<unknown>;
  /** Dies as a process does: nothing runs any more, its locks are free. */
  kill(): void;
}

export interface World {
  storage: ReturnType<typeof fakeStorage>;
  store: Store;
  /** Names of the events that arrived, each once, in the order of arrival. */
  arrived(): string[];
  uploads: Upload[];
  hub: { status: number | 'none'; after?: string };
  open(more?: Partial<Env>, handle?: Handle): Promise<Tab>;
  /** Until this holds. */
  until(holds: () => boolean): Promise<void>;
}

/** Handles a call in a way of its own; `undefined`: as usual. */
export type Handle = (call: Captured, host: Host, usual: () => void) => void | Promise<void>;

const locks = () => {
  const held = new Map<string, object>();
  const waiting: { lock: string; owner: object; granted: () => void }[] = [];
  const release = (owner: object, only?: string): void => {
    for (const [lock, by] of [...held]) if (by === owner && (!only || lock === only)) held.delete(lock);
    for (const one of [...waiting]) {
      if (held.has(one.lock) || one.owner === owner) continue;
      waiting.splice(waiting.indexOf(one), 1);
      held.set(one.lock, one.owner);
      one.granted();
    }
  };
  return { held, waiting, release };
};

export function createWorld(): World {
  const storage = fakeStorage();
  const store = memoryStore();
  const uploads: Upload[] = [];
  const hub: World['hub'] = { status: 200 };
  const seen = new Map<string, string>();
  const { held, waiting, release } = locks();
  const listeners = new Map<object, (message: Message) => void>();
  let names = 0;

  const tabsOf = (owner: object): Tabs => {
    const take = (lock: string, wait: boolean): Promise<boolean> => {
      if (!held.has(lock)) {
        held.set(lock, owner);
        return Promise.resolve(true);
      }
      if (!wait) return Promise.resolve(false);
      return new Promise((ok) => waiting.push({ lock, owner, granted: () => ok(true) }));
    };
    return {
      async join(tab, led, heard) {
        listeners.set(owner, heard);
        await take(`tab:${tab}`, true);
        if (await take('lead', false)) return true;
        take('lead', true).then(led);
        return false;
      },
      part() {
        listeners.delete(owner);
        release(owner);
      },
      tell: (message) =>
        [...listeners].forEach(([other, heard]) => other !== owner && setTimeout(() => heard(message))),
      take: async (tab, wait) => ((await take(`tab:${tab}`, wait)) ? () => release(owner, `tab:${tab}`) : undefined),
    };
  };

  const open: World['open'] = async (more = {}, handle) => {
    const owner = {};
    const capture = createCapture();
    capture.store = storage;
    const reports: Report[] = [];
    const diagnostics: string[] = [];
    let alive = true;
    let host!: Host;
    const tabs = tabsOf(owner);
    const host0 = { settings: { writeKey: 'wk' }, options: {} };
    const runtime = (given: Host): Runtime => {
      host = given;
      const usual = ({ m, a, t, n }: Captured, call: Captured, live?: Live): void => {
        const fields = m === 'track' ? { event: a[0], properties: { n } } : { userId: a[0], traits: {} };
        const answer = given.ask(CALL, JSON.stringify({ type: m, ...fields, at: t }), call);
        if (answer[0] === '!') live?.no(new Error(answer.slice(1)));
        else live?.ok(answer.slice(1));
      };
      return {
        loaded: async () => [{}, {}],
        base: { library: { name: 'test' } },
        handle: (call, live) => (handle ? handle(call, given, () => usual(call, call, live)) : usual(call, call, live)),
        report: (report) => void reports.push(report),
        diagnostic: (kind, detail, value) => void diagnostics.push(`${kind} ${detail} ${value}`),
      };
    };
    const guarded: Store = {
      ...store,
      commit: (change) => (alive ? store.commit(change) : new Promise(() => {})),
    };
    const driver = createDriver({
      capture,
      ...host0,
      facade: {},
      load: engine,
      open: async () => guarded,
      config: configOf(host0, 'https://hub.test/v1'),
      async send(upload) {
        if (!alive) return new Promise(() => {});
        uploads.push(upload);
        await Promise.resolve();
        const { status, after } = hub;
        if (status === 'none') throw new TypeError('no answer');
        if (status < 300)
          for (const { messageId, event, type } of JSON.parse(bodyOf(upload)).batch) seen.set(messageId, event ?? type);
        return [status, after];
      },
      fetch: async () => new Response('', { status: 404 }),
      mono: () => performance.now(),
      name() {
        const tab = `t${++names}`;
        capture.key = `hw:wk:j:${tab}:`;
        return tab;
      },
      tabs,
      runtime,
      ...more,
    });
    await driver.begin();
    capture.wake = driver.wake;
    driver.wake();
    return {
      capture,
      driver,
      host,
      reports,
      diagnostics,
      track: (event) => capture.capture('track', [event]),
      kill() {
        alive = false;
        capture.wake = undefined;
        tabs.part();
      },
    };
  };

  return {
    storage,
    store,
    uploads,
    hub,
    open,
    arrived: () => [...seen.values()],
    async until(holds) {
      const end = Date.now() + 20_000;
      while (!holds()) {
        if (Date.now() > end) throw new Error(`never: ${holds}; arrived: ${[...seen.values()]}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

export const journal = (world: World): string[] =>
  [...world.storage.map.keys()].filter((key) => key.startsWith('hw:wk:j:'));

/** An engine that traps at some calls. */
export const trapping = (at: (call: string) => boolean) => async (): Promise<Start> => {
  const start = await engine(true);
  return (...given) => {
    const engine = start(...given);
    return (op, wall, mono, a, b, text) => {
      if (op === CALL && at(text!)) throw new WebAssembly.RuntimeError('unreachable');
      return engine(op, wall, mono, a, b, text);
    };
  };
};

export type { Identity };
