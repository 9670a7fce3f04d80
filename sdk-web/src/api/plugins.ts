// Plugins and middleware, loaded by pages that have any. Each is isolated: what one throws, rejects or never settles
// costs its own work, not the others. One that is required keeps its event back then, a destination's middleware keeps it from
// that destination. The engine decides which destination may have which event, and when a plugin that failed is tried again.

import { CANCEL, DELIVER, DESTINATION, TRIED, TRY } from '../engine/inputs.js';
import { type Captured, DELIVERED } from '../engine/port.js';
import type { Analytics } from './analytics.js';
import { categoriesFor } from './categories.js';
import type { Context } from './context.js';
import { type Finish, inHalves, type Passed } from './halves.js';
import type { Lent } from './lent.js';
import { payloadOf } from './payload.js';
import type {
  CDNSettings,
  ConsentOptions,
  DestinationMiddlewareFunction,
  Integrations,
  MiddlewareFunction,
  Plugin,
  PluginType,
  Rule,
  SegmentEvent,
} from './types.js';

/** How long a plugin may take over one event, milliseconds; calls behind it wait so long at most. */
export const PLUGIN_TIMEOUT = 5_000;
/** Ids remembered of events that were kept back; as many as the engine keeps. */
const KEPT = 1000;
/** How long a caller waits for the destinations of its event, milliseconds. */
const PATIENCE = 5_000;
/** How long a plugin may take to load, milliseconds. A destination's events wait; nobody else's do. */
export const LOAD_TIMEOUT = 30_000;

interface Destination {
  plugin: Plugin;
  names: string[];
  /** `true` once loaded, `false` when that failed; pending before. */
  loaded: Promise<boolean>;
  /** Work in order. */
  tail: Promise<unknown>;
  gone: boolean;
}

/** `undefined` where it throws, as what a plugin threw may do when it is looked at. */
const look = <T>(at: () => T): T | undefined => {
  try {
    return at();
  } catch {
    return undefined;
  }
};

/** What `ctx.cancel()` throws, ours or analytics-next's: the event goes no further, and that is no failure. */
const cancels = (error: unknown): boolean =>
  !!look(() => {
    const { retry, reason } = Object(error) as { retry?: unknown; reason?: unknown };
    return typeof retry === 'boolean' && typeof reason === 'string';
  });

/** Whatever was thrown, in words, without the two signs that separate texts on the way to the engine. */
const text = (error: unknown): string =>
  (look(() => `${error instanceof Error ? error.message : String(error)}`) ?? 'something that has no words').replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these two
    /[\0\x01]/g,
    ' ',
  );

/** A middleware of a destination failed: the event is kept from that destination. */
class Kept extends Error {}

/** Settles as `work` does, or rejects after `ms`. A `work` that throws rejects. */
function bounded<T>(work: () => T | PromiseLike<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
    const done =
      <V>(settle: (value: V) => void) =>
      (value: V) => {
        clearTimeout(timer);
        settle(value);
      };
    try {
      Promise.resolve(work()).then(done(resolve), done(reject));
    } catch (error) {
      done(reject)(error);
    }
  });
}

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** All plugins of one client. */
export type Plugins = ReturnType<typeof createPlugins>;

export function createPlugins(lent: Lent, instance: Analytics) {
  const { host, list, Context, isGuard, diagnose } = lent;
  const destinations: Destination[] = [];
  /** By the engine's index. */
  const byIndex = new Map<number, Destination>();
  /** In the order of adding, by name in lower case. */
  const middleware: [string, DestinationMiddlewareFunction][] = [];
  let rules: readonly Rule[] = [];
  const setRules = ({ middlewareSettings }: CDNSettings): void => {
    rules = middlewareSettings?.routingRules ?? [];
  };
  /** The settings document, whose filters destinations wait for; at once `{}` where none is awaited. */
  const document: Promise<CDNSettings> = lent.documents()?.document ?? Promise.resolve({});
  document.then(setRules);
  const again = new Map<string, Integrations>();
  /** Deliveries by message, while their callers wait. */
  const open = new Map<string, Promise<unknown>[]>();
  /** Ids of the last events that a plugin kept back. */
  const kept = new Set<string>();
  /** Deliveries begun before this number must not reach a plugin any more. */
  let epoch = 0;

  const remove = (plugin: Plugin): void => {
    const at = list.indexOf(plugin);
    if (at >= 0) list.splice(at, 1);
    for (const destination of destinations) if (destination.plugin === plugin) destination.gone = true;
  };

  const begin = (plugin: Plugin, ms: number): Promise<unknown> =>
    bounded(() => plugin.load(Context.system(), instance), ms, `loading ${plugin.name}`);

  /** Guards that did not load, and the try to do so that is under way. */
  const unloaded = new Map<Plugin, Promise<unknown> | undefined>();

  /** `false` when it failed; then it is gone or, where no event may go without it, loaded again for the next event. */
  const load = async (plugin: Plugin): Promise<boolean> => {
    try {
      await begin(plugin, LOAD_TIMEOUT);
      return true;
    } catch (error) {
      if (isGuard(plugin)) unloaded.set(plugin, undefined);
      else remove(plugin);
      lent.failures.push(plugin.name);
      instance.queue.emit('initialization_failure', plugin, error);
      diagnose('plugin_failed', `${plugin.name} did not load: ${text(error)}`);
      return false;
    }
  };

  const add = (plugin: Plugin): Promise<unknown> | undefined => {
    if (list.includes(plugin)) return undefined;
    list.push(plugin);
    const loaded = load(plugin);
    if (plugin.type !== 'destination') return loaded;
    const names = [plugin.name, ...(plugin.alternativeNames ?? [])];
    const destination: Destination = { plugin, names, loaded, tail: loaded, gone: false };
    destinations.push(destination);
    const categories = categoriesFor(names, plugin.categories, host.options.consent as ConsentOptions | undefined);
    const told = JSON.stringify({ key: plugin.name, categories });
    byIndex.set(host.destinations.push(told) - 1, destination);
    host.input(DESTINATION, 0, 0, told);
    return undefined;
  };

  /** One plugin on one event; what it answers is the event from here on. */
  const attempt = async (plugin: Plugin, ctx: Context): Promise<Context> => {
    const hook = plugin[ctx.event.type];
    if (typeof hook !== 'function') return ctx;
    if (unloaded.has(plugin)) {
      const loading = unloaded.get(plugin) ?? begin(plugin, PLUGIN_TIMEOUT);
      unloaded.set(plugin, loading);
      await loading.then(
        () => unloaded.delete(plugin),
        (error) => {
          if (unloaded.get(plugin) === loading) unloaded.set(plugin, undefined);
          throw error;
        },
      );
    }
    const answer: unknown = await bounded(() => hook.call(plugin, ctx), PLUGIN_TIMEOUT, plugin.name);
    return answer instanceof Context ? answer : ctx;
  };

  const stage = async (type: PluginType, ctx: Context): Promise<Passed> => {
    let before = copy(ctx.event);
    for (const plugin of list.filter((held) => held.type === type)) {
      try {
        ctx = await attempt(plugin, ctx);
        // Which throws where the plugin left something that JSON cannot say.
        before = copy(ctx.event);
      } catch (error) {
        if (cancels(error)) return plugin.name;
        if (isGuard(plugin)) {
          ctx.log('error', `${plugin.name}: ${text(error)}`);
          return { plugin: plugin.name, detail: text(error), guards: list.filter(isGuard).map(({ name }) => name) };
        }
        // The event goes on as it was before this plugin.
        ctx = new Context(copy(before), ctx.id);
        ctx.log('error', `${plugin.name}: ${text(error)}`);
        diagnose('plugin_failed', `${plugin.name}: ${text(error)}`);
      }
    }
    return ctx;
  };

  const pass = async (ctx: Context): Promise<Passed> => {
    const after = await stage('before', ctx);
    return after instanceof Context ? stage('enrichment', after) : after;
  };

  /** All plugins see an event again that one of them kept back. Where one that it must pass is not there, that has failed. */
  const tryAgain = async (id: number, [json, ...guards]: string[]): Promise<void> => {
    const missing = guards.find((name) => !list.some((plugin) => plugin.name === name));
    const seen = missing
      ? { plugin: missing, detail: 'it is not there' }
      : await pass(new Context(JSON.parse(json!) as SegmentEvent));
    if (seen instanceof Context) {
      lent.documents()?.early()?.push(seen.event);
      host.input(TRIED, id, 1, JSON.stringify(seen.event));
      kept.delete(seen.id);
      await stage('after', seen);
    } else if (typeof seen === 'string') host.input(TRIED, id, 2, seen);
    else host.input(TRIED, id, 0, `${seen.plugin}\0${seen.detail}`);
  };

  const transform = async (destination: Destination, event: SegmentEvent): Promise<SegmentEvent | null> => {
    const name = destination.plugin.name;
    if (rules.some((rule) => !rule.destinationName || destination.names.includes(rule.destinationName))) {
      const { applyFilters } = await import('./filters/index.js');
      const mine = rules.filter((rule) => !rule.destinationName || destination.names.includes(rule.destinationName));
      const left = applyFilters(event, mine);
      if (!left) return null;
      event = left;
    }
    for (const [wanted, fn] of middleware) {
      if (wanted !== '*' && !destination.names.some((held) => held.toLowerCase() === wanted)) continue;
      let next: SegmentEvent | null | undefined;
      const payload = payloadOf(event);
      const work = () =>
        fn({
          payload,
          integration: name,
          next: (given) => {
            next = given === null ? null : (given?.obj ?? payload.obj);
          },
        });
      try {
        await bounded(work, PLUGIN_TIMEOUT, `a middleware of ${name}`);
        if (!next) return null;
        event = next;
      } catch (error) {
        if (cancels(error)) return null;
        const detail = `a middleware of ${name}: ${text(error)}`;
        diagnose('plugin_failed', detail);
        throw new Kept(detail);
      }
    }
    return event;
  };

  return {
    /** Adds plugins; settles when those that are no destinations are loaded. */
    async register(...plugins: Plugin[]): Promise<Context> {
      await Promise.all(plugins.map(add));
      return Context.system();
    },

    async deregister(...names: string[]): Promise<Context> {
      const ctx = Context.system();
      for (const plugin of list.filter((held) => names.includes(held.name))) {
        remove(plugin);
        try {
          await bounded(() => plugin.unload?.(ctx, instance), PLUGIN_TIMEOUT, `unloading ${plugin.name}`);
        } catch (error) {
          diagnose('plugin_failed', `${plugin.name} did not unload: ${text(error)}`);
        }
      }
      return ctx;
    },

    async addSourceMiddleware(fn: MiddlewareFunction): Promise<Analytics> {
      const run = async (ctx: Context): Promise<Context> => {
        let called = false;
        const payload = payloadOf(ctx.event);
        await fn({
          payload,
          integrations: lent.integrations,
          next(given) {
            called = true;
            ctx.event = given?.obj ?? payload.obj;
          },
        });
        if (!called) {
          const reason = 'Middleware `next` function skipped';
          throw Object.assign(new Error(reason), { retry: false, type: 'middleware_cancellation', reason });
        }
        return ctx;
      };
      const name = `Source Middleware ${list.length}`;
      const all = { track: run, identify: run, page: run, screen: run, group: run, alias: run };
      await add({ name, type: 'before', isLoaded: () => true, load: () => undefined, ...all });
      return instance;
    },

    /** For the destination of this name (or `*`), whether it is registered already or not yet. */
    addDestinationMiddleware(name: string, ...fns: DestinationMiddlewareFunction[]): Analytics {
      for (const fn of fns) middleware.push([name.toLowerCase(), fn]);
      return instance;
    },

    setRules,

    /** Loads something, as bounded as a plugin's loading is. Lent to the loader of remote plugins. */
    loading: <T>(work: () => T | PromiseLike<T>, what: string): Promise<T> => bounded(work, LOAD_TIMEOUT, what),

    /** Whether an event must pass through JavaScript before it is queued. */
    sees: (): boolean => list.some(({ type }) => type === 'before' || type === 'enrichment'),

    /** `before` and `enrichment`, then the queue. */
    inHalves: (json: string, call: Captured, finish: Finish) =>
      inHalves(lent, json, call, finish, async (ctx) => {
        const seen = await pass(ctx);
        if (!(seen instanceof Context) && typeof seen !== 'string') kept.add(ctx.id);
        if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
        return seen;
      }),

    /** The last stage; what it answers changes nothing. */
    after: async (ctx: Context): Promise<unknown> => kept.has(ctx.id) || stage('after', ctx),

    /** `integrations` may speak of a destination by another name; the engine knows it by its own. */
    alias(integrations: Integrations): Integrations {
      for (const { plugin, names, gone } of destinations) {
        if (gone || plugin.name in integrations) continue;
        const named = names.find((name) => name in integrations);
        if (named) integrations = { ...integrations, [plugin.name]: integrations[named] };
      }
      return integrations;
    },
    /** Settles when the destinations have tried an event, or took too long; `undefined` when there are none. */
    tried(ctx: Context): Promise<unknown> | undefined {
      if (!destinations.length) return undefined;
      // The host hands events to destinations before it lets go of its task.
      const deliveries = open.get(ctx.id) ?? [];
      open.set(ctx.id, deliveries);
      const all = async (): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve));
        const failed = (await Promise.all(deliveries)).filter(Boolean);
        if (failed.length) ctx.setFailedDelivery({ reason: failed[0] });
      };
      const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
      return Promise.race([all(), late]).then(() => open.delete(ctx.id));
    },

    /** This event comes again, for one destination, with `integrations` to that end; the destination sees its own. */
    restore(event: SegmentEvent): void {
      again.set(event.messageId as string, event.integrations ?? {});
    },

    /** One event for one destination, in that destination's order; or an end to what has not begun. */
    effect(kind: number, [delivery, index]: number[], texts: string[]): void {
      if (kind === CANCEL) epoch++;
      if (kind === TRY) tryAgain(delivery!, texts);
      if (kind !== DELIVER) return;
      const event = JSON.parse(texts[0]!) as SegmentEvent;
      const destination = byIndex.get(index!);
      const now = epoch;
      const own =
        event.integrations?.All === false &&
        event.integrations['Segment.io'] === false &&
        again.get(event.messageId as string);
      if (own) event.integrations = own;
      const work = async (): Promise<unknown> => {
        let error: unknown;
        try {
          await document;
          if (destination && (await destination.loaded) && !destination.gone && now === epoch) {
            const ctx = lent.recent.get(event.messageId!);
            if (ctx) ctx.event = event;
            const left = await transform(destination, copy(event));
            if (left && !destination.gone && now === epoch) await attempt(destination.plugin, new Context(left));
          }
        } catch (caught) {
          if (!cancels(caught)) error = caught ?? new Error('rejected');
        }
        host.input(DELIVERED, delivery!, error instanceof Kept ? 2 : error ? 0 : 1, error ? text(error) : undefined);
        return error;
      };
      const done = destination ? destination.tail.then(work, work) : work();
      if (destination) destination.tail = done;
      // While `call` runs its caller is not known yet.
      const id = event.messageId!;
      const deliveries = open.get(id) ?? [];
      deliveries.push(done);
      open.set(id, deliveries);
      done.then(() => open.delete(id));
    },

    /** What each plugin's `ready` answers; one that fails answers `undefined`. */
    ready: (): Promise<unknown[]> =>
      Promise.all(
        list.map((plugin) =>
          bounded(
            async () => {
              const destination = destinations.find((held) => held.plugin === plugin);
              if (destination) await destination.loaded;
              return plugin.ready?.();
            },
            LOAD_TIMEOUT,
            `${plugin.name} being ready`,
          ).catch(() => undefined),
        ),
      ),
  };
}
