// Takes captured calls one by one, makes them events, and answers their callers. The host owns order and durability,
// the engine owns every rule about events; this file owns what a page's JavaScript sees.

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
import { type Analytics, STUBS } from './analytics.js';
import { isFunction, isPlainObject } from './arguments.js';
import { loadIntegrations, type Resolved, resolveCall, sortOptions } from './calls.js';
import { decisionAtStart, decisionOf } from './consent.js';
import { Context } from './context.js';
import { complain, createEmitter } from './emitter.js';
import { ampOf, campaignOf, environment, highEntropy, referrerOf } from './enrich.js';
import { autoTrack } from './links.js';
import type { Plugins } from './plugins.js';
import type { CDNSettings, InitOptions, Integrations, Plugin, SegmentEvent } from './types.js';
import { createUsers, freshId } from './user.js';

/** How long a callback waits for slow destinations, milliseconds (analytics-next). */
const TIMEOUT = 300;
/** How long a promise waits for them. */
const PATIENCE = 5_000;
/** Contexts remembered for the `error` event of their failure. */
const RECENT = 100;
/** Events remembered for destinations that only the settings document will name. */
const EARLY = 1_000;

const EVENTS = 'track page screen identify group alias'.split(' ');
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The runtime of one client. */
export function createRuntime(host: Host, version: string): Runtime {
  const emitter = createEmitter();
  const options = host.options as InitOptions;
  const integrations = loadIntegrations(options.integrations);
  const { user, group } = createUsers(host);
  const list: Plugin[] = [];
  const queue = Object.assign(createEmitter(), { plugins: list });
  const settings: Analytics['settings'] = { ...host.settings, timeout: TIMEOUT, cdnSettings: {} };
  const failures: string[] = [];
  const base = environment(version);
  const recent = new Map<string, Context>();
  let debugging = false;
  let page = '';
  let booted: Promise<unknown> | undefined;
  let up = false;
  let fetched = false;
  /** Deliveries by message, while their callers wait. */
  const open = new Map<string, Promise<unknown>[]>();

  const diagnose = (kind: string, detail: string, value = 0): void => {
    emitter.emit('diagnostic', { kind, detail, value });
    if (debugging) console.warn('[headwater]', kind, detail);
  };

  // Destination filters come with the settings; where a document is awaited, destinations wait for it.
  let filtersAreKnown: (() => void) | undefined;
  const awaited = host.settings.cdnSettings || host.settings.cdnURL || host.settings.settingsUrl || options.settingsUrl;
  const filtersKnown = awaited ? new Promise<void>((resolve) => (filtersAreKnown = resolve)) : Promise.resolve();

  /** What was sent before the settings came, where they may name destinations that must have it. */
  let early: SegmentEvent[] | undefined = awaited && options.remotePlugins ? [] : undefined;

  let plugins: Plugins | undefined;
  let loading: Promise<Plugins> | undefined;
  const withPlugins = (): Promise<Plugins> =>
    (loading ??= import('./plugins.js').then(({ createPlugins }) => {
      plugins = createPlugins({
        host,
        instance: () => instance,
        consent: options.consent,
        integrations,
        diagnose,
        list,
        filtersKnown,
        failed(plugin, error) {
          failures.push(plugin.name);
          queue.emit('initialization_failure', plugin, error);
        },
      });
      plugins.setRules(settings.cdnSettings.middlewareSettings?.routingRules ?? []);
      return plugins;
    }));

  // ---- one event -------------------------------------------------------------------------------------------------

  /** What the engine is told, and what a context shows before anybody but us saw the event. */
  const prepare = (call: Captured, { type, fields, options: given, page: at }: Resolved) => {
    const key = at ? JSON.stringify(at) : '';
    if (key && key !== page) {
      page = key;
      host.input(CONTEXT, 0, 0, `{"page":${key}}`);
    }
    const sorted = sortOptions(given, integrations);
    if (typeof sorted.anonymousId === 'string' && sorted.anonymousId !== host.identity().anonymousId) {
      host.setIdentity({ ...host.identity(), anonymousId: sorted.anonymousId });
    }
    if (sorted.integrations && plugins) sorted.integrations = plugins.alias(sorted.integrations as Integrations);
    const own = (sorted.context ?? {}) as Record<string, unknown>;
    const search = at?.search;
    if (type === 'page' && at) {
      const changed = Object.keys(at).filter((name) => fields.properties?.[name] !== at[name as keyof typeof at]);
      if (changed.length) {
        const properties = Object.fromEntries(changed.map((name) => [name, fields.properties?.[name]]));
        own.page = { ...properties, ...(own.page as object) };
      }
    }
    const campaign = own.campaign ? undefined : campaignOf(search ?? '');
    if (campaign) own.campaign = campaign;
    const referrer = own.referrer ? undefined : referrerOf(search ?? '', host.cookies);
    if (referrer) own.referrer = referrer;
    if (Object.keys(own).length) sorted.context = own;
    const json = JSON.stringify({ type, ...fields, at: call.t, options: sorted });
    const identity = host.identity();
    const shown = (messageId: string) => (): SegmentEvent => ({
      type,
      messageId,
      timestamp: new Date((sorted.timestamp as number) ?? call.t).toISOString(),
      anonymousId: identity.anonymousId,
      ...(identity.userId && { userId: identity.userId }),
      ...fields,
      context: { ...base, ...own, ...(at && { page: { ...at, ...(own.page as object) } }) },
      integrations: (sorted.integrations as SegmentEvent['integrations']) ?? {},
    });
    return { json, shown };
  };

  /** The event is queued (or dropped): its destinations, its callback, its promise, the SDK's own events. */
  const conclude = async (answer: string, ctx: Context, resolved: Resolved, live?: Live): Promise<void> => {
    const { type, callback, told } = resolved;
    const { id } = ctx;
    recent.set(id, ctx);
    if (recent.size > RECENT) recent.delete(recent.keys().next().value as string);
    emitter.emit('dispatch_start', ctx);
    let done: Promise<unknown> | undefined;
    if (plugins?.hasDestinations()) {
      // The host hands events to destinations before it lets go of its task.
      const deliveries: Promise<unknown>[] = [];
      open.set(id, deliveries);
      const rest = async (): Promise<void> => {
        await wait(0);
        const failed = (await Promise.all(deliveries)).filter(Boolean);
        open.delete(id);
        if (failed.length) ctx.setFailedDelivery({ reason: failed[0] });
      };
      done = Promise.race([rest(), wait(PATIENCE)]);
    }
    if (callback) {
      const call = async () => callback(ctx);
      (done ? Promise.race([done, wait(settings.timeout)]) : Promise.resolve()).then(call).catch(complain);
    }
    await done;
    open.delete(id);
    const kept = answer[0] !== 'd';
    if (kept) {
      queue.emit('message_delivered', ctx);
      queue.emit('delivery_success', ctx);
    }
    queue.emit('flush', ctx, kept);
    if (plugins?.sees('after')) await plugins.after(ctx);
    if (debugging) {
      console.log('[headwater]', answer[0], ctx.event);
      ctx.flush();
    }
    live?.ok(ctx);
    emitter.emit(type, ...told);
  };

  /** No promise unless a plugin must see the event first. */
  const dispatch = (call: Captured, live?: Live): void | Promise<void> => {
    const refuse = (error: unknown): void => {
      live?.no(error);
      diagnose('invalid', error instanceof Error ? error.message : String(error));
    };
    try {
      const resolved = resolveCall(call, host.identity());
      const { json, shown } = prepare(call, resolved);
      const finish = (answer: string, ctx: Context): void => {
        if (answer[0] === '!') refuse(new Error(answer.slice(1)));
        else conclude(answer, ctx, resolved, live).catch(complain);
      };
      const all = plugins;
      const seen = all?.sees('before') || all?.sees('enrichment');
      if (!seen && !early) {
        const answer = host.call(json, call);
        const id = answer.slice(1);
        return finish(answer, new Context(shown(id), id));
      }
      const stamped = host.stamp(json, call);
      const text = stamped.slice(1);
      if (stamped[0] === '!') return refuse(new Error(text));
      const ctx = new Context(JSON.parse(text) as SegmentEvent);
      if (!seen || !all) {
        if (early && early.length < EARLY) early.push(ctx.event);
        return finish(host.submit(text, call), ctx);
      }
      return all.run(ctx).then((after) => {
        const event = JSON.stringify(typeof after === 'string' ? ctx.event : after.event);
        if (typeof after === 'string') {
          host.discard(event, after);
          return finish('d', ctx);
        }
        if (early && early.length < EARLY) early.push(JSON.parse(event) as SegmentEvent);
        return finish(host.submit(event, call), after);
      });
    } catch (error) {
      return refuse(error);
    }
  };

  // ---- calls that make no event ----------------------------------------------------------------------------------

  const commands: Record<string, (call: Captured) => unknown> = {
    setAnonymousId(call) {
      const next = (call.a[0] as string) || freshId(call.e);
      host.setIdentity({ ...host.identity(), anonymousId: next });
      return next;
    },
    reset(call) {
      host.input(RESET, 0, 0, undefined, call);
      emitter.emit('reset');
    },
    setConsent(call) {
      const decision = decisionOf(call.a, options.consent ?? {}, host.consent());
      if (decision) host.input(SET_CONSENT, 0, 0, JSON.stringify(decision), call);
    },
    register: async (call) => (await withPlugins()).register(...(call.a as Plugin[])),
    deregister: async (call) => (await withPlugins()).deregister(...(call.a as string[])),
    async addSourceMiddleware(call) {
      await (await withPlugins()).addSourceMiddleware(call.a[0] as never);
      return instance;
    },
    async addDestinationMiddleware(call) {
      (await withPlugins()).addDestinationMiddleware(...(call.a as [string]));
      return instance;
    },
  };

  const handle = (call: Captured, live?: Live): void | Promise<void> => {
    if (booted) return booted.then(() => handle(call, live));
    const { m, a } = call;
    if (m === 'pageview') return dispatch({ ...call, m: 'page', a: [{ path: a[0] }, ...a.slice(1)] }, live);
    if (EVENTS.includes(m) && (m !== 'group' || a.length)) return dispatch(call, live);
    try {
      const method = methods[m];
      const command = commands[m];
      if (!command && !isFunction(method)) throw new Error(`there is no method ${m}`);
      const answer = command ? command(call) : (method as (...args: unknown[]) => unknown)(...a);
      if (command && answer instanceof Promise) return answer.then(live?.ok, live?.no);
      // The promise is the caller's affair, not that of the calls behind this one.
      live?.ok(answer);
    } catch (error) {
      live?.no(error);
      if (!live) diagnose('invalid', String(error));
    }
    return undefined;
  };

  // ---- the instance ----------------------------------------------------------------------------------------------

  const capture =
    (method: string) =>
    (...args: unknown[]): Promise<any> =>
      host.capture(method, args);

  const instance = {
    VERSION: version,
    initialized: true,
    settings,
    options,
    integrations: (options.integrations ?? {}) as Analytics['integrations'],
    queue,
    plugins: list,
    failedInitializations: failures,
    user: () => user,
    group: (...args: unknown[]) => (args.length ? host.capture('group', args) : group),
    setAnonymousId(id?: string | null) {
      void host.capture('setAnonymousId', [id]);
      return user.anonymousId();
    },
    reset() {
      void host.capture('reset', []);
      host.drain();
    },
    async ready(callback?: (results: unknown[]) => unknown) {
      const results = loading ? await (await loading).ready() : [];
      if (isFunction(callback)) callback(results);
      return results;
    },
    debug(on: boolean) {
      debugging = on;
      if (on === false) {
        try {
          localStorage.removeItem('debug');
        } catch {
          // No storage here.
        }
      }
      return instance;
    },
    timeout(milliseconds: number) {
      settings.timeout = milliseconds;
    },
    use(factory: (analytics: Analytics) => unknown) {
      factory(instance);
      return instance;
    },
    push: ([method, ...args]: [string, ...unknown[]]) => void host.capture(method, args),
    pageview: (url: string) => host.capture('pageview', [url]),
    async queryString(query: string) {
      const { callsOf } = await import('./query.js');
      const calls = callsOf(query, options.useQueryString);
      return (await Promise.all(calls.map(([method, ...args]) => host.capture(method, args)))) as Context[];
    },
    flush: () => host.flush(),
    purge: () => host.input(PURGE),
    startSession: (id = -1) => host.input(SESSION_START, id),
    endSession: () => host.input(SESSION_END),
    normalize: (event: unknown) => event,
    noConflict: () => instance,
    init: async () => instance,
    initialize: async () => instance,
    Integrations: {},
  } as unknown as Analytics;
  const methods = instance as unknown as Record<string, unknown>;
  for (const method of ['on', 'once', 'off', 'emit'] as const) {
    methods[method] = (event: string, ...rest: [() => unknown]) => {
      emitter[method](event, ...rest);
      return instance;
    };
  }
  for (const method of [...EVENTS, ...Object.keys(commands)]) {
    methods[method] ??= capture(method);
  }
  for (const [method, kind] of Object.entries({
    trackLink: 'click',
    trackClick: 'click',
    trackForm: 'submit',
    trackSubmit: 'submit',
  })) {
    methods[method] = async (...args: unknown[]) => {
      autoTrack(kind as 'click', host.capture, () => settings.timeout, args);
      return instance;
    };
  }
  for (const method of STUBS.split(' ')) {
    methods[method] = () => console.warn(`analytics.${method} does nothing`);
  }

  // ---- what the host tells ---------------------------------------------------------------------------------------

  const onReport = (report: Report): void => {
    emitter.emit('report', report);
    if (debugging) console.warn('[headwater]', report);
    const ctx = report.messageId ? recent.get(report.messageId) : undefined;
    ctx?.setFailedDelivery({ reason: report });
    if (ctx) queue.emit('delivery_failure', ctx, report);
    emitter.emit('error', { code: 'delivery_failure', reason: report, ctx });
  };

  const boot = (): void => {
    setTimeout(() => emitter.emit('initialize', settings, options));
    const work: Promise<unknown>[] = [];
    const given = host.settings.plugins;
    if (Array.isArray(given) && given.length)
      work.push(withPlugins().then((all) => all.register(...(given as Plugin[]))));
    const hints = options.highEntropyValuesClientHints;
    if (Array.isArray(hints) && hints.length) {
      work.push(
        highEntropy(hints).then((data) => data && host.input(CONTEXT, 0, 0, JSON.stringify({ userAgentData: data }))),
      );
    }
    const where = typeof location === 'undefined' ? '' : location.search || location.hash;
    const asks = options.useQueryString !== false && where.includes('ajs_');
    if (!asks && !work.length) return;
    booted = Promise.all(work)
      .then(async () => {
        const calls = asks ? (await import('./query.js')).callsOf(where, options.useQueryString) : [];
        booted = undefined;
        for (const [m, ...a] of calls) {
          await handle({ n: 0, m, a, t: Date.now(), e: [...crypto.getRandomValues(new Uint32Array(8))] });
        }
      })
      .catch((error) => {
        booted = undefined;
        complain(error);
      });
  };

  /** Destinations of the settings document; what was sent before they were known is offered to them now. */
  const remote = async ({ remotePlugins = [] }: CDNSettings): Promise<void> => {
    const missed = early ?? [];
    early = undefined;
    const allowed = options.remotePlugins;
    const refuse = (name: string, why: string): void => {
      failures.push(name);
      diagnose('remote_plugin', `${name}: ${why}`);
    };
    if (!allowed) {
      for (const { name } of remotePlugins) refuse(name, 'options.remotePlugins.allow is not set');
      return;
    }
    const [{ loadRemotePlugins }, all] = await Promise.all([import('./remote.js'), withPlugins()]);
    const found = await loadRemotePlugins(remotePlugins, options.integrations ?? {}, allowed, refuse);
    await all.register(...found);
    const keys = new Set(found.filter(({ type }) => type === 'destination').map(({ name }) => name));
    for (const event of missed) {
      for (const key of keys) {
        // To this destination alone: the hub has it, and so have the others.
        const own = all.alias(event.integrations ?? {});
        const wish = { All: false, 'Segment.io': false, [key]: own[key] ?? own.All !== false };
        all.restore(event);
        host.submit(JSON.stringify({ ...event, integrations: wish }), {
          n: 0,
          m: event.type,
          a: [],
          t: Date.now(),
          e: [],
        });
      }
    }
  };

  return {
    instance,
    context: Context.system(),
    base,
    first: ['on', 'once', 'off', 'register', 'addSourceMiddleware', 'addDestinationMiddleware'],
    handle,
    started() {
      page = '';
      const amp = ampOf(host.cookies);
      if (amp) host.input(CONTEXT, 0, 0, JSON.stringify({ amp }));
      const decision = options.consent && decisionAtStart(options.consent, host.consent());
      if (decision) host.input(SET_CONSENT, 0, 0, JSON.stringify(decision));
      if (!up) boot();
      up = true;
    },
    revise(document) {
      try {
        let settings = JSON.parse(document) as CDNSettings;
        if (isPlainObject(options.plan)) settings = { ...settings, plan: { ...settings.plan, ...options.plan } };
        if (isFunction(options.updateCDNSettings))
          settings = (options.updateCDNSettings(settings) as CDNSettings) ?? settings;
        return JSON.stringify(settings);
      } catch (error) {
        diagnose('settings_failed', `updateCDNSettings: ${String(error)}`);
        return document;
      }
    },
    settled(document) {
      const known = document as CDNSettings;
      (settings as { cdnSettings: CDNSettings }).cdnSettings = known;
      plugins?.setRules(known.middlewareSettings?.routingRules ?? []);
      filtersAreKnown?.();
      for (const name of Object.keys(known.enabledMiddleware ?? {})) {
        diagnose(
          'ignored',
          `enabledMiddleware.${name}: remote middleware is not loaded; add it with addSourceMiddleware`,
        );
      }
      if (!fetched) remote(known).catch(complain);
      fetched = true;
    },
    deliver(delivery, destination, text) {
      const event = JSON.parse(text) as SegmentEvent;
      if (!plugins) return host.input(DELIVERED, delivery, 1);
      const id = event.messageId as string;
      const ctx = recent.get(id);
      const done = plugins.deliver(delivery, destination, event, (seen) => ctx && (ctx.event = seen));
      open.get(id)?.push(done);
    },
    cancelDeliveries() {
      plugins?.cancelDeliveries();
    },
    report: onReport,
    diagnostic: diagnose,
  };
}
