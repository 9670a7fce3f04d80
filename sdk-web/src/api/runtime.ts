// Takes captured calls one by one, makes them events, and answers their callers. The host owns order and durability,
// the engine owns every rule about events; this folder owns what a page's JavaScript sees.

import { CALL, FETCH, TRY } from '../engine/inputs.js';
import {
  type Captured,
  CONTEXT,
  type Host,
  type Live,
  PURGE,
  RESET,
  type Report,
  type Runtime,
  SESSION_END,
  SESSION_START,
} from '../engine/port.js';
import { hex, random } from '../engine/random.js';
import { lazily } from '../lazily.js';
import { resolveCall } from './calls.js';
import { Context } from './context.js';
import { complain, createEmitter } from './emitter.js';
import { environment, originOf, queryPairs } from './enrich.js';
import type { Methods } from './instance.js';
import type { Lent } from './lent.js';
import type { Plugins } from './plugins.js';
import type { Documents } from './settings.js';
import type { InitOptions, Integrations, Plugin, SegmentEvent } from './types.js';
import { uuid } from './uuid.js';

/** How long a callback waits for slow destinations, milliseconds (analytics-next). */
const TIMEOUT = 300;
/** Contexts remembered for the `error` event of their failure. */
const RECENT = 100;

type Query = typeof import('./query.js');

const EVENTS = /^(track|page|screen|identify|group|alias)$/;
const PLUGGING = /^(de)?reg|^add/;
/** No event may go without it. */
const isGuard = ({ type, required = type === 'before' }: Plugin): boolean =>
  required && (type === 'before' || type === 'enrichment');
/** How long after a failure the code of a guard is asked for again, milliseconds: as the engine tries a guard again. */
const WAITS = [1_000, 10_000];
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const text = (value: unknown): string | undefined => (value ? `${value}` : undefined);

/** The runtime of one client. */
export function createRuntime(host: Host, version: string): Runtime {
  const { input } = host;
  const emitter = createEmitter();
  const { emit } = emitter;
  const options = host.options as InitOptions;
  /** The `integrations` of `load`, as every event carries them: options count as `true`. */
  const integrations: Integrations = Object.fromEntries(
    Object.entries(options.integrations ?? {}).map(([key, value]) => [key, !!value]),
  );
  const settings: Record<string, unknown> & { timeout: number } = {
    ...host.settings,
    timeout: TIMEOUT,
  };
  const base = environment(version);
  const recent = new Map<string, Context>();
  /** What every call waits for at the start: plugins of `load`, client hints. */
  let booting: Promise<unknown> | undefined;
  let up = false;
  /** The page that the engine knows, and what its query says. */
  let page = '';
  let origin = {};

  const diagnose = (kind: string, detail: string, value = 0): void => {
    emit('diagnostic', { kind, detail, value });
  };

  // What a settings document says is looked after by those who have one; they do not start without that.
  const awaited =
    settings.cdnURL || settings.settingsUrl || options.settingsUrl || settings.cdnSettings || options.plan;
  let documents: Documents | undefined;
  const withDocuments = lazily(async () => (documents ??= (await import('./settings.js')).createDocuments(lent)));

  let plugins: Plugins | undefined;
  const withPlugins = lazily(async (): Promise<Plugins> => {
    const [chunk, instance] = await Promise.all([import('./plugins.js'), withInstance(), host.complete()]);
    return (plugins = chunk.createPlugins(lent, instance));
  });

  /** Why the code of a guard never came: each event of this page is given up, as where a guard fails three times. */
  let lost: unknown;
  /** For what no event may go without. Without a connection it waits as long as that takes. */
  const surely = <T>(load: () => Promise<T>, tries = 0): Promise<T> =>
    load().catch((error) => {
      const offline = globalThis.navigator?.onLine === false;
      const ms = offline ? WAITS[0] : WAITS[tries];
      if (ms) return wait(ms).then(() => surely(load, offline ? tries : tries + 1));
      complain((lost = error));
      diagnose('plugin_failed', `a guard did not load: ${error}`);
      throw error;
    });

  const withInstance = lazily(async () => (await import('./instance.js')).createInstance(lent));

  const lent: Lent = {
    ...{ host, version, emitter, settings, integrations, recent, list: [], failures: [] },
    ...{ Context, createEmitter, isGuard, random, hex, uuid, diagnose, withPlugins },
    plugins: () => plugins,
    documents: () => documents,
  };

  // What the address asks for is a call of the journal: a page that could not read it does not start.
  let query: Query | undefined;
  const withQuery = lazily(async () => (query = await import('./query.js')));

  /** What a call says; of whom the page disabled, nothing. */
  let resolve = resolveCall;
  const withNobody = async () => {
    const { nobody } = await import('./nobody.js');
    resolve = nobody(options, resolveCall, uuid);
  };

  // A page that names consent does not start without it; a decision of its user is never lost.
  let rules: typeof import('./consent.js') | undefined;
  const withConsent = lazily(async () => (rules = await import('./consent.js')));

  // ---- one event -------------------------------------------------------------------------------------------------

  const setAnonymousId = (anonymousId: string): void => host.setIdentity({ ...host.identity(), anonymousId });

  /** No promise unless a plugin must see the event first. */
  const dispatch = (call: Captured, live?: Live): Promise<void> | undefined => {
    const { m: type, p: at, t: made } = call;
    const { fields, options: given, callback, told } = resolve(call, host.identity());
    const { integrations: wish, context: more, timestamp, anonymousId, userId, messageId, ...rest } = given;
    const key = at ? JSON.stringify(at) : page;
    if (key !== page) {
      page = key;
      origin = originOf(at!.search, host.cookies);
      input(CONTEXT, 0, 0, `{"page":${key}}`);
    }
    if (anonymousId && `${anonymousId}` !== host.identity().anonymousId) setAnonymousId(`${anonymousId}`);
    const context: Record<string, unknown> = { ...origin, ...(more as object), ...rest };
    if (type === 'page') {
      // What the caller says of the page holds for the event's context, too.
      const said = Object.entries(fields.properties!).filter(
        ([name, value]) => at && name in at && at[name as 'url'] !== value,
      );
      if (said.length) context.page = { ...Object.fromEntries(said), ...(context.page as object) };
    }
    const all = { ...integrations, ...wish };
    const wanted = plugins?.alias(all) ?? all;
    const when = new Date(timestamp ?? '').getTime();
    const own = Number.isNaN(when) ? undefined : when;
    // JSON leaves out what is undefined, and the engine has a shorter way for events that add nothing to its context.
    const json = JSON.stringify({
      type,
      ...fields,
      at: made,
      options: {
        integrations: wanted,
        context: Object.keys(context).length ? context : undefined,
        timestamp: own,
        anonymousId: text(anonymousId),
        userId: text(userId),
        messageId: text(messageId),
      },
    });
    const { anonymousId: visitor, userId: user } = host.identity();

    /** The event is queued (or dropped): its destinations, its callback, its promise, the SDK's own events. */
    const conclude = async (kept: boolean, ctx: Context): Promise<void> => {
      emit('dispatch_start', ctx);
      const done = plugins?.tried(ctx);
      if (callback)
        Promise.race([done, done && wait(settings.timeout)])
          .then(() => callback(ctx))
          .catch(complain);
      await done;
      await plugins?.after(ctx);
      emit('dispatch_end', ctx, kept);
      live?.ok(ctx);
      emit(type, ...told);
    };
    const finish = (answer: string, ctx?: Context): void => {
      const id = answer.slice(1);
      if (answer[0] === '!') {
        refuse(new Error(id), live);
        return;
      }
      // What a context shows of an event that nobody saw before.
      ctx ??= new Context(
        () =>
          ({
            ...{ type, messageId: id, anonymousId: visitor, ...(user && { userId: user }), ...fields },
            timestamp: new Date(own ?? made).toISOString(),
            context: { ...base, ...context, page: { ...at, ...(context.page as object) } },
            integrations: wanted,
          }) as SegmentEvent,
        id,
      );
      recent.set(id, ctx);
      if (recent.size > RECENT) recent.delete(recent.keys().next().value!);
      conclude(answer[0] !== 'd', ctx).catch(complain);
    };
    const first = plugins?.sees() ? plugins : documents?.early() && documents;
    if (first) return first.inHalves(json, call, finish);
    finish(host.ask(CALL, json, call));
    return undefined;
  };

  const report = (report: Report): void => {
    emit('report', report);
    const ctx = recent.get(report.messageId!);
    ctx?.setFailedDelivery({ reason: report });
    emit('error', { code: 'delivery_failure', reason: report, ctx });
  };

  const refuse = (error: unknown, live?: Live): void => {
    live?.no(error);
    diagnose('invalid', `${error}`);
  };

  // ---- calls that make no event ----------------------------------------------------------------------------------

  /** These are captured, so that they take their place among the events; the next call waits for what they await. */
  const commands: Record<string, (call: Captured) => unknown> = {
    setAnonymousId({ a, e }) {
      const anonymousId = `${a[0] || uuid(e.slice(4))}`;
      setAnonymousId(anonymousId);
      return anonymousId;
    },
    reset({ e }) {
      input(RESET, 0, 0, hex(e.slice(0, 4)));
      emit('reset');
    },
    setConsent: (call) => (rules ? rules.decide(lent, call) : withConsent().then(({ decide }) => decide(lent, call))),
    flush: host.flush,
    // At once, also in a page that is just left or has no connection.
    purge: () => input(PURGE),
    startSession: ({ a: [id = -1] }) => input(SESSION_START, id as number),
    endSession: () => input(SESSION_END),
    timeout({ a: [milliseconds] }) {
      settings.timeout = milliseconds as number;
    },
  };

  const handle = (call: Captured, live?: Live): Promise<void> | undefined => {
    if (booting) return booting.then(() => handle(call, live));
    const { m, a } = call;
    if (lost && call.n && !commands[m]) {
      report({ reason: 'plugin_failed', count: 1, detail: `${lost}` });
      throw lost;
    }
    try {
      if (/^pagev/i.test(m)) return dispatch({ ...call, m: 'page', a: [{ path: a[0] }, ...a.slice(1)] }, live);
      if (EVENTS.test(m) && (m !== 'group' || a.length)) return dispatch(call, live);
      if (m === 'queryString') {
        const replay = ({ replay }: Query) => replay(call, options.useQueryString, queryPairs, handle, live);
        return query ? replay(query) : withQuery().then(replay, (error) => refuse(error, live));
      }
      if (m in emitter) live?.ok(void emitter[m as 'on'](...(a as Parameters<typeof emitter.on>)));
      else if (commands[m]) {
        const answer = commands[m](call);
        if (m === 'flush' || !(answer instanceof Promise)) live?.ok(answer);
        else return answer.then(live?.ok, live?.no);
      } else {
        if (PLUGGING.test(m))
          return (
            /^add/.test(m) || Array.from(a as ArrayLike<Plugin>).some(isGuard) ? surely(withPlugins) : withPlugins()
          )
            .then((plugins) => (plugins as unknown as Methods)[m]!(...a))
            .then(live?.ok, live?.no);
        // What the instance answers is the caller's affair, not that of the calls behind this one; so is a flush.
        return withInstance()
          .then((instance) => live?.ok((instance as unknown as Methods)[m]!(...a)))
          .catch((error) => refuse(error, live));
      }
    } catch (error) {
      refuse(error, live);
    }
    return undefined;
  };

  // ---- what the host tells ---------------------------------------------------------------------------------------

  const boot = (): void => {
    setTimeout(() => emit('initialize', settings, options));
    const { plugins: given } = host.settings as { plugins?: Plugin[] };
    if (!given?.length && !options.highEntropyValuesClientHints?.length && host.config.hub !== false) return;
    const begin = () => import('./start.js').then(({ start }) => start(lent, given));
    booting = (given?.some(isGuard) ? surely(begin) : begin())
      .catch((error) => lost || complain(error))
      .then(() => {
        booting = undefined;
      });
  };

  return {
    loaded: async () => [await withInstance(), Context.system()],
    needs: Promise.all([
      options.consent && withConsent(),
      awaited && withDocuments(),
      (options.user?.disable || options.group?.disable) && withNobody(),
      globalThis.location && /ajs_/.test(location.search + location.hash) && withQuery(),
    ]),
    base,
    handle,
    started() {
      page = '';
      const amp = host.cookies?.get('_ga');
      if (amp?.startsWith('amp')) input(CONTEXT, 0, 0, JSON.stringify({ amp: { id: amp } }));
      if (options.consent) rules?.decideAtStart(lent);
      if (!up) boot();
      up = true;
    },
    given: (cached) => documents?.given(cached),
    settled(document) {
      // Another tab's page may have one where this has none.
      if (documents) documents.settled(document);
      else withDocuments().then((those) => those.settled(document), complain);
    },
    effect(kind, ...given) {
      // An earlier page may have left one: it is answered, whoever has plugins.
      if (kind === TRY) withPlugins().then((those) => those.effect(kind, ...given), complain);
      else (kind === FETCH ? documents : plugins)?.effect(kind, ...given);
    },
    report,
    diagnostic: diagnose,
  };
}
