// The instance's methods. Those that change something are captured like the façade's, so that there is one order.

import { type Host, PURGE, SESSION_END, SESSION_START } from '../engine/port.js';
import { type Analytics, STUBS } from './analytics.js';
import { isFunction } from './arguments.js';
import type { Emitter } from './emitter.js';
import { queryPairs } from './enrich.js';
import type { Group, User } from './user.js';

export type Methods = Record<string, (...args: any[]) => unknown>;

/** What the runtime lends. */
export interface Parts {
  host: Host;
  version: string;
  emitter: Emitter;
  user: User;
  group: Group;
  settings: Record<string, unknown> & { timeout: number };
  queue: Analytics['queue'];
  failures: string[];
  /** Names of captured calls that make no event. */
  commands: string[];
  ready(): Promise<unknown[]>;
  debug(on: boolean): void;
}

export function createInstance({
  host,
  version,
  emitter,
  user,
  group,
  settings,
  queue,
  failures,
  commands,
  ready,
  debug,
}: Parts): Analytics {
  const { capture, input, options } = host;
  const methods: Methods = {
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
      if (isFunction(callback)) callback(results);
      return results;
    },
    debug(on: boolean) {
      debug(on);
      if (on === false) globalThis.localStorage?.removeItem('debug');
      return instance;
    },
    timeout(milliseconds: number) {
      settings.timeout = milliseconds;
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
    purge: () => input(PURGE),
    startSession: (id = -1) => input(SESSION_START, id),
    endSession: () => input(SESSION_END),
    normalize: (event) => event,
    noConflict: () => instance,
    init: async () => instance,
    initialize: async () => instance,
  };
  for (const method of [...'track page screen identify alias pageview'.split(' '), ...commands]) {
    methods[method] ??= (...args) => capture(method, args);
  }
  for (const method of ['on', 'once', 'off', 'emit'] as const) {
    methods[method] = (event, ...rest: [() => unknown]) => {
      emitter[method](event, ...rest);
      return instance;
    };
  }
  // The façade listens, from the call on.
  for (const method of ['trackLink', 'trackClick', 'trackForm', 'trackSubmit']) {
    methods[method] = (...args) => (host.facade as Methods)[method]!(...args);
  }
  for (const method of STUBS.split(' ')) methods[method] = () => console.warn(`analytics.${method} does nothing`);

  const instance = {
    ...methods,
    VERSION: version,
    initialized: true,
    settings,
    options,
    integrations: options.integrations ?? {},
    Integrations: {},
    queue,
    plugins: queue.plugins,
    failedInitializations: failures,
  } as unknown as Analytics;
  return instance;
}
