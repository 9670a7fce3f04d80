// Takes captured calls one by one, makes them events, and answers their callers. The host owns order and durability,
// the engine owns every rule about events; this folder owns what a page's JavaScript sees.

import {
  type Captured,
  CONTEXT,
  DELIVERED,
  type Host,
  type Live,
  PURGE,
  RESET,
  type Report,
  type Runtime,
  SESSION_END,
  SESSION_START,
  SET_CONSENT,
} from '../engine/port.js';
import { random } from '../engine/random.js';
import type { Analytics } from './analytics.js';
import { loadIntegrations, type Resolved, resolveCall, sortOptions } from './calls.js';
import { Context, ContextCancelation } from './context.js';
import { complain, createEmitter } from './emitter.js';
import { environment, originOf, queryPairs } from './enrich.js';
import type { Methods } from './instance.js';
import type { Plugins } from './plugins.js';
import type { Documents } from './settings.js';
import type { InitOptions, Plugin, SegmentEvent } from './types.js';
import { uuid } from './uuid.js';

/** How long a callback waits for slow destinations, milliseconds (analytics-next). */
const TIMEOUT = 300;
/** Contexts remembered for the `error` event of their failure. */
const RECENT = 100;

const EVENTS = /^(track|page|screen|identify|group|alias)$/;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Something that is loaded once, when it is needed; the next one to need it tries again after a failure. */
const lazily = <T>(load: () => Promise<T>): (() => Promise<T>) => {
  let held: Promise<T> | undefined;
  return () =>
    (held ??= load().catch((error) => {
      held = undefined;
      throw error;
    }));
};

/** The runtime of one client. */
export function createRuntime(host: Host, version: string): Runtime {
  const { input } = host;
  const emitter = createEmitter();
  const { emit } = emitter;
  const options = host.options as InitOptions;
  const integrations = loadIntegrations(options.integrations);
  const list: Plugin[] = [];
  const queue = Object.assign(createEmitter(), { plugins: list });
  const settings: Record<string, unknown> & { timeout: number } = {
    ...host.settings,
    timeout: TIMEOUT,
  };
  const failures: string[] = [];
  const base = environment(version);
  const recent = new Map<string, Context>();
  let debugging = false;
  /** What every call waits for at the start: plugins of `load`, the query string. */
  let booting: Promise<unknown> | undefined;
  let up = false;
  /** The page that the engine knows, and what its query says. */
  let page = '';
  let origin = {};

  const diagnose = (kind: string, detail: string, value = 0): void => {
    emit('diagnostic', { kind, detail, value });
    if (debugging) console.warn('headwater:', kind, detail);
  };

  // What a settings document says is looked after by those who have one; they do not start without that.
  const awaited = settings.cdnURL || settings.settingsUrl || options.settingsUrl || settings.cdnSettings;
  let documents: Documents | undefined;
  const withDocuments = lazily(async () => {
    const { createDocuments } = await import('./settings.js');
    return (documents ??= createDocuments({ host, settings, withPlugins, plugins: () => plugins, failures, diagnose }));
  });

  let plugins: Plugins | undefined;
  const withPlugins = lazily(async (): Promise<Plugins> => {
    const [{ createPlugins }, instance] = await Promise.all([import('./plugins.js'), withInstance(), host.complete()]);
    const failed = (plugin: Plugin, error: unknown): void => {
      failures.push(plugin.name);
      queue.emit('initialization_failure', plugin, error);
    };
    const document = documents?.document ?? Promise.resolve({});
    const lent = { Context, ContextCancelation, host, instance, integrations, diagnose, list, document, failed };
    return (plugins = createPlugins(lent));
  });

  // A page that names consent does not start without it; a decision of its user is never lost.
  let rules: typeof import('./consent.js') | undefined;
  const withConsent = lazily(async () => (rules = await import('./consent.js')));

  // ---- one event -------------------------------------------------------------------------------------------------

  /** What the engine is told, and what a context shows before anybody else saw the event. */
  const prepare = (call: Captured, { type, fields, options: given, page: at }: Resolved) => {
    const key = at ? JSON.stringify(at) : page;
    if (key !== page) {
      page = key;
      origin = originOf(at!.search, host.cookies);
      input(CONTEXT, 0, 0, `{"page":${key}}`);
    }
    const sorted = sortOptions(given, plugins ? plugins.alias : (all) => all, integrations);
    const { anonymousId } = sorted;
    if (anonymousId && anonymousId !== host.identity().anonymousId)
      host.setIdentity({ ...host.identity(), anonymousId });
    const context: Record<string, unknown> = { ...origin, ...sorted.context };
    if (type === 'page') {
      // What the caller says of the page holds for the event's context, too.
      const said = Object.entries(fields.properties!).filter(
        ([name, value]) => at && name in at && at[name as 'url'] !== value,
      );
      if (said.length) context.page = { ...Object.fromEntries(said), ...(context.page as object) };
    }
    // The engine has a shorter way for events that add nothing to its own context.
    sorted.context = Object.keys(context).length ? context : undefined;
    const { anonymousId: from, userId } = host.identity();
    const shown = (messageId: string) => (): SegmentEvent => ({
      ...{ type, messageId, anonymousId: from, ...(userId && { userId }), ...fields },
      timestamp: new Date(sorted.timestamp ?? call.t).toISOString(),
      context: { ...base, ...context, page: { ...at, ...(context.page as object) } },
      integrations: sorted.integrations ?? {},
    });
    return [JSON.stringify({ type, ...fields, at: call.t, options: sorted }), shown] as const;
  };

  /** The event is queued (or dropped): its destinations, its callback, its promise, the SDK's own events. */
  const conclude = async (
    kept: boolean,
    ctx: Context,
    { type, callback, told }: Resolved,
    live?: Live,
  ): Promise<void> => {
    emit('dispatch_start', ctx);
    const done = plugins?.tried(ctx);
    if (callback) {
      const call = async () => callback(ctx);
      Promise.race([done, done && wait(settings.timeout)])
        .then(call)
        .catch(complain);
    }
    await done;
    if (kept) for (const event of ['message_delivered', 'delivery_success']) queue.emit(event, ctx);
    queue.emit('flush', ctx, kept);
    await plugins?.after(ctx);
    if (debugging) {
      console.log('headwater:', kept, ctx.event);
      ctx.flush();
    }
    live?.ok(ctx);
    emit(type, ...told);
  };

  const refuse = (error: unknown, live?: Live): void => {
    live?.no(error);
    diagnose('invalid', `${error}`);
  };

  /** No promise unless a plugin must see the event first. */
  const dispatch = (call: Captured, live?: Live): Promise<void> | undefined => {
    const resolved = resolveCall(call, host.identity());
    const [json, shown] = prepare(call, resolved);
    const all = plugins?.sees() ? plugins : undefined;
    const finish = (answer: string, ctx?: Context): void => {
      const id = answer.slice(1);
      if (answer[0] === '!') {
        refuse(new Error(id), live);
        return;
      }
      ctx ??= new Context(shown(id), id);
      recent.set(id, ctx);
      if (recent.size > RECENT) recent.delete(recent.keys().next().value!);
      conclude(answer[0] !== 'd', ctx, resolved, live).catch(complain);
    };
    const early = documents?.early();
    if (!all && !early) {
      finish(host.call(json, call));
      return undefined;
    }
    const stamped = host.stamp(json, call);
    const ctx = stamped[0] === '!' ? undefined : new Context(JSON.parse(stamped.slice(1)) as SegmentEvent);
    const submit = (seen?: Context | string): undefined => {
      if (!ctx) finish(stamped);
      else if (seen instanceof Context) {
        early?.push(seen.event);
        finish(host.submit(JSON.stringify(seen.event), call), seen);
      } else {
        host.discard(JSON.stringify(ctx.event), `${seen}`);
        finish(`d${ctx.id}`, ctx);
      }
    };
    return all && ctx ? all.run(ctx).then(submit) : submit(ctx);
  };

  // ---- calls that make no event ----------------------------------------------------------------------------------

  const viaPlugins =
    (method: 'register' | 'deregister' | 'addSourceMiddleware' | 'addDestinationMiddleware') =>
    async ({ a }: Captured): Promise<unknown> =>
      ((await withPlugins())[method] as (...args: unknown[]) => unknown)(...a);

  /** These are captured, so that they take their place among the events; the next call waits for what they await. */
  const commands: Record<string, (call: Captured) => unknown> = {
    setAnonymousId({ a, e }) {
      const anonymousId = `${a[0] || uuid(e.slice(4))}`;
      host.setIdentity({ ...host.identity(), anonymousId });
      return anonymousId;
    },
    reset(call) {
      input(RESET, 0, 0, undefined, call);
      emit('reset');
    },
    setConsent(call) {
      const decide = ({ decisionOf }: typeof import('./consent.js')): void => {
        const decision = decisionOf(call.a, options.consent ?? {}, host.consent());
        if (decision) input(SET_CONSENT, 0, 0, JSON.stringify(decision), call);
      };
      return rules ? decide(rules) : withConsent().then(decide);
    },
    register: viaPlugins('register'),
    deregister: viaPlugins('deregister'),
    addSourceMiddleware: viaPlugins('addSourceMiddleware'),
    addDestinationMiddleware: viaPlugins('addDestinationMiddleware'),
    flush: host.flush,
    debug({ a: [on] }) {
      debugging = !!on;
      if (on === false) globalThis.localStorage?.removeItem('debug');
    },
    timeout({ a: [milliseconds] }) {
      settings.timeout = milliseconds as number;
    },
    purge: () => input(PURGE),
    startSession: ({ a: [id = -1] }) => input(SESSION_START, id as number),
    endSession: () => input(SESSION_END),
  };
  for (const method of ['on', 'once', 'off'] as const)
    commands[method] = ({ a }) => void emitter[method](...(a as Parameters<typeof emitter.on>));

  const handle = (call: Captured, live?: Live): Promise<void> | undefined => {
    if (booting) return booting.then(() => handle(call, live));
    const { m, a } = call;
    try {
      if (/^pagev/i.test(m)) return dispatch({ ...call, m: 'page', a: [{ path: a[0] }, ...a.slice(1)] }, live);
      if (EVENTS.test(m) && (m !== 'group' || a.length)) return dispatch(call, live);
      const command = commands[m];
      // What the instance answers is the caller's affair, not that of the calls behind this one; so is a flush.
      if (!command)
        return withInstance()
          .then((instance) => live?.ok((instance as unknown as Methods)[m]!(...a)))
          .catch((error) => refuse(error, live));
      const answer = command(call);
      if (m !== 'flush' && answer instanceof Promise) return answer.then(live?.ok, live?.no);
      live?.ok(answer);
    } catch (error) {
      refuse(error, live);
    }
    return undefined;
  };

  const withInstance = lazily(async (): Promise<Analytics> => {
    const { createInstance } = await import('./instance.js');
    const ready = async () => (await plugins?.ready()) ?? [];
    const lent = { uuid: () => uuid(random().slice(4)), queryPairs };
    return createInstance({ host, version, emitter, settings, queue, failures, commands, ready, ...lent });
  });

  // ---- what the host tells ---------------------------------------------------------------------------------------

  const boot = (): void => {
    setTimeout(() => emit('initialize', settings, options));
    const { plugins: given } = host.settings as { plugins?: Plugin[] };
    const where = globalThis.location ? location.search || location.hash : '';
    const query = options.useQueryString !== false && where.includes('ajs_') ? where : '';
    if (!given?.length && !options.highEntropyValuesClientHints?.length && !query) return;
    booting = import('./start.js')
      .then(({ start }) => start({ host, given, query, withPlugins, random, queryPairs }))
      .catch((error): Captured[] => {
        complain(error);
        return [];
      })
      .then(async (calls) => {
        booting = undefined;
        for (const call of calls) await handle(call);
      })
      .catch(complain);
  };

  return {
    loaded: async () => [await withInstance(), Context.system()],
    needs: Promise.all([options.consent && withConsent(), awaited && withDocuments()]),
    base,
    first: ['on', 'once', 'off', 'register', 'addSourceMiddleware', 'addDestinationMiddleware'],
    handle,
    started() {
      page = '';
      const amp = host.cookies?.get('_ga');
      if (amp?.startsWith('amp')) input(CONTEXT, 0, 0, JSON.stringify({ amp: { id: amp } }));
      const decision = options.consent && rules?.decisionAtStart(options.consent, host.consent());
      if (decision) input(SET_CONSENT, 0, 0, JSON.stringify(decision));
      if (!up) boot();
      up = true;
    },
    revise: (text) => documents?.revise(text) ?? text,
    settled(given) {
      // Another tab's page may have one where this has none.
      if (documents) documents.settled(given);
      else withDocuments().then((those) => those.settled(given), complain);
    },
    deliver(delivery, destination, text) {
      const event = JSON.parse(text) as SegmentEvent;
      if (plugins) plugins.deliver(delivery, destination, event, () => recent.get(event.messageId!));
      else input(DELIVERED, delivery, 1);
    },
    cancelDeliveries() {
      plugins?.cancelDeliveries();
    },
    report(report: Report) {
      emit('report', report);
      if (debugging) console.warn('headwater:', report);
      const ctx = recent.get(report.messageId!);
      ctx?.setFailedDelivery({ reason: report });
      if (ctx) queue.emit('delivery_failure', ctx, report);
      emit('error', { code: 'delivery_failure', reason: report, ctx });
    },
    diagnostic: diagnose,
  };
}
