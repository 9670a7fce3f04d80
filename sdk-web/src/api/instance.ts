// The instance: the façade's methods, which capture calls so that there is one order, under what answers at once. Loaded
// by pages that ask for it.

import { PURGE, type Report, SESSION_END, SESSION_START } from '../engine/port.js';
import { type Analytics, STUBS } from './analytics.js';
import type { Context } from './context.js';
import type { Lent } from './lent.js';
import type { InitOptions } from './types.js';
import { createUsers } from './user.js';

export type Methods = Record<string, (...args: any[]) => unknown>;

export function createInstance(lent: Lent): Analytics {
  const { host, version, emitter, settings, list, failures, random, uuid } = lent;
  const { capture, options } = host;
  const { user, group } = createUsers(host, () => uuid(random().slice(4)), options as InitOptions);
  // Nobody listens to the queue before there is an instance.
  const queue = Object.assign(lent.createEmitter(), { plugins: list });
  emitter.on('dispatch_end', (ctx: Context, kept: boolean) => {
    if (kept) for (const event of ['message_delivered', 'delivery_success']) queue.emit(event, ctx);
    queue.emit('flush', ctx, kept);
  });
  emitter.on('error', ({ reason, ctx }) => ctx && queue.emit('delivery_failure', ctx, reason));
  // What `debug` shows.
  const diagnosed = ({ kind, detail }: Record<string, string>) => console.warn('headwater:', kind, detail);
  const reported = (report: Report) => console.warn('headwater:', report);
  const handled = (ctx: Context, kept: boolean) => {
    console.log('headwater:', kept, ctx.event);
    ctx.flush();
  };
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
      const results = (await lent.plugins()?.ready()) ?? [];
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
    debug(on) {
      emitter.off('diagnostic', diagnosed).off('report', reported).off('dispatch_end', handled);
      if (on) emitter.on('diagnostic', diagnosed).on('report', reported).on('dispatch_end', handled);
      if (on === false) globalThis.localStorage?.removeItem('debug');
      return instance;
    },
    timeout(milliseconds) {
      settings.timeout = milliseconds;
    },
    purge: () => host.input(PURGE),
    startSession: (id = -1) => host.input(SESSION_START, id),
    endSession: () => host.input(SESSION_END),
    normalize: (event) => event,
    noConflict: () => instance,
    init: async () => instance,
    initialize: async () => instance,
  };
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
    plugins: list,
    failedInitializations: failures,
  }) as Analytics;
  return instance;
}
