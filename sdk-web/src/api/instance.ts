// The instance: the façade's methods, which capture calls so that there is one order, under what answers at once. Loaded
// by pages that ask for it.

import type { Captured, Host } from '../engine/port.js';
import { type Analytics, STUBS } from './analytics.js';
import type { Emitter } from './emitter.js';
import type { queryPairs } from './enrich.js';
import { createUsers } from './user.js';

export type Methods = Record<string, (...args: any[]) => unknown>;

/** What the runtime lends. */
export interface Parts {
  host: Host;
  version: string;
  emitter: Emitter;
  settings: Record<string, unknown> & { timeout: number };
  queue: Analytics['queue'];
  failures: string[];
  /** What captured calls do that make no event. */
  commands: Readonly<Record<string, (call: Captured) => unknown>>;
  ready(): Promise<unknown[]>;
  /** Lent, not imported: this chunk shares no other with what every page loads. */
  uuid(): string;
  queryPairs: typeof queryPairs;
}

export function createInstance({
  host,
  version,
  emitter,
  settings,
  queue,
  failures,
  commands,
  ready,
  uuid,
  queryPairs,
}: Parts): Analytics {
  const { capture, options } = host;
  const { user, group } = createUsers(host, uuid);
  const own: Record<string, unknown> & Methods = {
    user: () => user,
    group: (...args) => (args.length ? capture('group', args) : group),
    setAnonymousId(id) {
      capture('setAnonymousId', [id]);
      return user.anonymousId();
    },
    reset() {
      capture('reset', []);
      host.drain();
    },
    async ready(callback) {
      const results = await ready();
      if (typeof callback === 'function') callback(results);
      return results;
    },
    use(factory) {
      factory(instance);
      return instance;
    },
    push([method, ...args]) {
      capture(method, args);
    },
    async queryString(query) {
      const { callsOf } = await import('./query.js');
      const calls = callsOf(query, options.useQueryString, queryPairs);
      return Promise.all(calls.map(([method, ...args]) => capture(method, args)));
    },
    normalize: (event) => event,
    noConflict: () => instance,
    init: async () => instance,
    initialize: async () => instance,
  };
  for (const method of 'debug timeout purge startSession endSession'.split(' ')) {
    own[method] = (...a) => {
      commands[method]!({ n: 0, m: method, a, t: 0, e: [] });
      return instance;
    };
  }
  // An instance that is awaited is itself; and it listens at once.
  for (const method of ['then', 'catch', 'finally']) Object.assign(own, { [method]: undefined });
  for (const method of ['on', 'once', 'off', 'emit'] as const) {
    own[method] = (event, ...rest: [() => unknown]) => {
      emitter[method](event, ...rest);
      return instance;
    };
  }
  for (const method of STUBS.split(' ')) own[method] = () => console.warn(`analytics.${method} does nothing`);
  const instance = Object.assign(Object.create(host.facade as object), own, {
    VERSION: version,
    initialized: true,
    settings,
    options,
    integrations: options.integrations ?? {},
    Integrations: {},
    queue,
    plugins: queue.plugins,
    failedInitializations: failures,
  }) as Analytics;
  return instance;
}
