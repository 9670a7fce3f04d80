/**
 * The façade: all that a page loads before it may call. It captures each call at once (`capture.ts`) and fetches the
 * engine beside; everything else is the engine's chunk. Importing it touches nothing, so servers may render with it.
 */
import type { Analytics } from './api/analytics.js';
import type { Context } from './api/context.js';
import { autoTrack } from './api/links.js';
import type { AnalyticsBrowserMethods, AnalyticsBrowserSettings, AnyEvents, InitOptions } from './api/types.js';
import { type Capture, captureAddress, createCapture } from './capture.js';
import { openDatabase } from './engine/database.js';
import type { Chunk } from './engine/wasm.js';
import { hubless } from './hubless.js';

export type * from './api/types.js';
export type { Analytics, Context };

const ANSWERING =
  'track page screen identify group alias user reset ready setAnonymousId pageview pageView addSourceMiddleware addDestinationMiddleware register deregister setConsent flush startSession endSession purge timeout queryString';
const CHAINING = 'on once off debug';

export const VERSION = 'npm:headwater-0.1.0';

/** What the façade tells the engine's chunk. */
export interface Shared<Events extends object = AnyEvents> extends Capture {
  settings: AnalyticsBrowserSettings;
  options: InitOptions;
  /** This tab's name in journal keys and locks. */
  tab: string;
  facade: AnalyticsBrowser<Events>;
  /** Nothing is for the hub. */
  hubless: boolean;
  /** The engine as text: the small one, or the one with consent, sessions, settings and plugins. */
  chunk(full: boolean): Promise<Chunk>;
  /** The store's database, on its way; and once more, where it was closed. */
  database?: Promise<IDBDatabase>;
  open?(): Promise<IDBDatabase>;
  /** The engine is up; where to have the instance, which only who asks for it loads. */
  done(loaded: () => Promise<[Analytics<Events>, Context]>): void;
  failed(error: unknown): void;
}

/**
 * Analytics of a page. Every call is kept from the moment it is made, also those made before `load`, and they are
 * handled in the order in which they were made. Like a promise, it resolves to `[instance, context]`.
 */
export class AnalyticsBrowser<Events extends object = AnyEvents> {
  readonly VERSION = VERSION;
  ctx?: Context;
  /** @internal */
  readonly s: Shared<Events>;
  /** @internal */
  readonly p: Promise<() => Promise<[Analytics<Events>, Context]>>;
  /** @internal */
  i?: Analytics<Events>;

  constructor() {
    const shared = createCapture() as Shared<Events>;
    // A server renders and forgets.
    if (typeof document === 'undefined') shared.capture = async () => {};
    this.s = shared;
    shared.facade = this;
    this.p = new Promise((ok, no) => {
      shared.failed = no;
      shared.done = ok;
    });
    this.p.catch(() => {});
  }

  /** Soon after it was first asked for; like `ctx`, once loaded. */
  get instance(): Analytics<Events> | undefined {
    if (!this.i) this.catch(() => {});
    return this.i;
  }

  /** Names the source and begins. A second call is ignored. Nothing happens where there is no page. */
  load(settings: AnalyticsBrowserSettings, options: InitOptions = {}): this {
    const shared = this.s;
    if (typeof document === 'undefined') shared.failed(new Error('analytics: there is no page here'));
    else if (!shared.settings) {
      shared.settings = settings;
      shared.options = options;
      if (options.initialPageview) shared.capture('page', []);
      if (options.disable)
        import('./api/disabled.js')
          .then(({ disabled }) => disabled(shared as Shared))
          .then((off) => off || begin(shared as Shared))
          .catch(shared.failed);
      else begin(shared as Shared);
    }
    return this;
  }

  static load<Events extends object = AnyEvents>(settings: AnalyticsBrowserSettings, options?: InitOptions) {
    return new AnalyticsBrowser<Events>().load(settings, options);
  }

  static standalone<Events extends object = AnyEvents>(writeKey: string, options?: InitOptions) {
    return AnalyticsBrowser.load<Events>({ writeKey }, options).then(([instance]) => instance);
  }

  then<A = [Analytics<Events>, Context], B = never>(
    ok?: ((loaded: [Analytics<Events>, Context]) => A | PromiseLike<A>) | null,
    no?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.p
      .then((loaded) => loaded())
      .then((pair) => {
        [this.i, this.ctx] = pair;
        return pair;
      })
      .then(ok, no);
  }

  catch<B>(no: (error: unknown) => B | PromiseLike<B>): Promise<[Analytics<Events>, Context] | B> {
    return this.then(null, no);
  }

  finally(done: () => void): Promise<[Analytics<Events>, Context]> {
    return this.then().finally(done);
  }
}

export interface AnalyticsBrowser<Events extends object> extends AnalyticsBrowserMethods<Events> {}

const methods = AnalyticsBrowser.prototype as unknown as Record<string, unknown>;
for (const name of ANSWERING.split(' ')) {
  methods[name] = function (this: AnalyticsBrowser, ...args: unknown[]) {
    return this.s.capture(name, args);
  };
}
// Links and forms are listened to from the call on, not from the engine's arrival.
for (const name of ['trackLink', 'trackClick', 'trackForm', 'trackSubmit']) {
  methods[name] = async function (this: AnalyticsBrowser, ...args: unknown[]) {
    const capture: Capture['capture'] = (method, given) => this.s.capture(method, given);
    autoTrack(/[mt]$/.test(name) ? 'submit' : 'click', capture, () => this.i?.settings?.timeout ?? 300, args);
    return (await this)[0];
  };
}
for (const name of CHAINING.split(' ')) {
  methods[name] = function (this: AnalyticsBrowser, ...args: unknown[]) {
    this.s.capture(name, args);
    return this;
  };
}

const begin = (shared: Shared): void => {
  const { settings, options } = shared;
  const { apiHost } = options;
  // The way to the hub opens meanwhile: a connection costs as much as the engine. Who must agree first is not there yet.
  if (apiHost?.includes('://') && !options.consent)
    document.head?.append(
      Object.assign(document.createElement('link'), { rel: 'preconnect', href: apiHost, crossOrigin: 'anonymous' }),
    );
  shared.hubless = hubless(options);
  captureAddress(shared, options);
  shared.tab = crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36);
  try {
    // With consent held in memory, and without persistence, nothing may be written. A call that no hub is to have must not
    // be found by a page that has one.
    if (!options.disableClientPersistence && options.consent?.hold !== 'memory' && !shared.hubless) {
      shared.store = localStorage;
      shared.key = `hw:${settings.writeKey}:j:${shared.tab}:`;
      shared.keep();
    }
  } catch {}
  if (!options.disableClientPersistence) {
    shared.open = () => openDatabase(`hw:${settings.writeKey}`);
    shared.database = shared.open();
    shared.database.catch(() => {});
  }
  // What the page asked for once is there when the engine asks again.
  shared.chunk = (full) => (full ? import('./engine/full.js') : import('./engine/lite.js'));
  // When what the page registers in this task is known. What compiles meanwhile comes first.
  queueMicrotask(() => {
    if (!options.wasm)
      shared
        .chunk(
          !!(
            ['cdnURL', 'cdnSettings', 'settingsUrl', 'plugins'].some((key) => key in settings) ||
            ['settingsUrl', 'consent', 'sessionTimeout', 'plan'].some((key) => options[key]) ||
            shared.hubless ||
            shared.q.some(({ m }) => /^(register|add)/.test(m))
          ),
        )
        .catch(() => {});
    // No engine, no answers; but what the journal has goes out when the next page loads.
    import('./engine/index.js').then((engine) => engine.start(shared)).catch(shared.failed);
  });
};
