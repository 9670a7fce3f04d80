// The public types: the product's face. Shapes are those of the tracking API's specification and of what users of
// `@segment/analytics-next` already type.

import type { Analytics } from './analytics.js';
import type { Context } from './context.js';
import type { Listening } from './emitter.js';
import type { Group } from './user.js';

/** An id; `null` and `undefined` are "none". */
export type ID = string | null | undefined;
/** The kinds of event. */
export type EventType = 'track' | 'identify' | 'page' | 'screen' | 'group' | 'alias';
/** Properties of a track, page or screen call. Interfaces are welcome. */
export type EventProperties = Record<string, unknown>;
/** What is known of a user or an account. */
export type Traits = Record<string, unknown>;
/** Which destinations may have an event: a name beats `All`, an object is options and counts as `true`. */
export type Integrations = Record<string, boolean | Record<string, unknown> | undefined>;
/** Called once the event is stored and its device-mode destinations were tried, or after `timeout`, if that is sooner. */
export type Callback = (ctx: Context) => unknown;

/** Overrides for one event. A key that is not listed is copied into `context`. */
export interface Options {
  integrations?: Integrations;
  /** When it happened, if not now. */
  timestamp?: Date | string | number;
  /** At most 100 bytes; a random UUID otherwise. */
  messageId?: string;
  anonymousId?: string;
  /** Wins over the stored user id for this one event. */
  userId?: string;
  context?: Record<string, unknown>;
  [key: string]: unknown;
}

/** An event on the wire. */
export interface SegmentEvent {
  type: EventType;
  messageId?: string;
  timestamp?: string;
  event?: string;
  name?: string | null;
  category?: string | null;
  userId?: ID;
  anonymousId?: ID;
  groupId?: ID;
  previousId?: ID;
  properties?: EventProperties;
  traits?: Traits;
  context?: Record<string, any>;
  integrations?: Integrations;
  [key: string]: unknown;
}

/** The page of a call, captured when the call was made. */
export interface PageContext {
  path: string;
  referrer: string;
  search: string;
  title: string;
  url: string;
}

/** Where in the pipeline a plugin stands. */
export type PluginType = 'before' | 'enrichment' | 'destination' | 'after' | 'utility';

/** A plugin. Whatever it throws, rejects or never settles costs nobody but itself and, where it is `required`, its event. */
export interface Plugin {
  name: string;
  type: PluginType;
  version?: string;
  /** More names under which `integrations` may speak of it. */
  alternativeNames?: string[];
  /**
   * Of the types `before` (default `true`) and `enrichment` (default `false`): whether no event may go without it. When it throws,
   * rejects or takes longer than 5 seconds, the event is kept back, seen again by all plugins after 1 and after 10 seconds, and then
   * reported as `plugin_failed`.
   */
  required?: boolean;
  /** Consent categories it needs, all of them. Added to those of the settings document and of `options.consent`. */
  categories?: string[];
  isLoaded(): boolean;
  load(ctx: Context, analytics: Analytics): unknown;
  unload?(ctx: Context, analytics: Analytics): unknown;
  ready?(): Promise<unknown>;
  track?(ctx: Context): Context | void | Promise<Context | void>;
  identify?(ctx: Context): Context | void | Promise<Context | void>;
  page?(ctx: Context): Context | void | Promise<Context | void>;
  screen?(ctx: Context): Context | void | Promise<Context | void>;
  group?(ctx: Context): Context | void | Promise<Context | void>;
  alias?(ctx: Context): Context | void | Promise<Context | void>;
}

/** What a middleware is given: the event in `obj`, and reading shortcuts. */
export interface Payload {
  obj: SegmentEvent;
  rawEvent(): SegmentEvent;
  json(): SegmentEvent;
  /** The value at a dotted path, or `undefined`. */
  proxy(path: string): unknown;
  type(): EventType;
  event(): string | undefined;
  userId(): ID;
  anonymousId(): ID;
  messageId(): string | undefined;
  timestamp(): Date | undefined;
  properties(): EventProperties;
  traits(): Traits;
  context(): Record<string, any>;
  integrations(): Integrations;
}

/**
 * Sees every event before it is queued. An event for which `next` is not called is dropped (and reported). One that throws or never
 * settles keeps its event back, as a `required` plugin does.
 */
export type MiddlewareFunction = (params: {
  payload: Payload;
  integrations: Integrations;
  next(payload?: Payload | null): void;
}) => unknown;

/**
 * Sees the events of one destination. `next(null)`, or no `next`, keeps the event from it. So does one that throws or never settles:
 * it is tried again after 1 and after 10 seconds, and then reported as `plugin_failed`.
 */
export type DestinationMiddlewareFunction = (params: {
  payload: Payload;
  integration: string;
  next(payload?: Payload | null): void;
}) => unknown;

/** One destination filter of the settings document. */
export interface Rule {
  destinationName?: string;
  scope?: string;
  matchers: { type: string; ir?: unknown; [key: string]: unknown }[];
  transformers: { type: string; config?: unknown }[][];
  [key: string]: unknown;
}

/** A device-mode destination that the settings document names. */
export interface RemotePlugin {
  name: string;
  creationName?: string;
  libraryName: string;
  url: string;
  settings?: Record<string, unknown>;
}

/** The settings document. What is not listed is ignored. */
export interface CDNSettings {
  integrations?: Record<string, any>;
  plan?: {
    track?: Record<string, { enabled?: boolean; integrations?: Record<string, boolean> }>;
    [key: string]: unknown;
  };
  middlewareSettings?: { routingRules?: Rule[] };
  remotePlugins?: RemotePlugin[];
  enabledMiddleware?: Record<string, boolean>;
  edgeFunction?: unknown;
  consentSettings?: { allCategories?: string[]; hasUnmappedDestinations?: boolean };
  [key: string]: unknown;
}

/** Category names, each granted or not. */
export type Categories = Record<string, boolean>;

/** What the user must agree to. Absent: nobody is asked, everything flows. */
export interface ConsentOptions {
  /** Before a decision: `opt-in` holds events back, `opt-out` lets them flow. */
  model?: 'opt-in' | 'opt-out';
  /** The categories that exist. One that a decision leaves out counts as denied. */
  categories?: string[];
  /** Where held events wait: on the device's disk (default) or in memory only. */
  hold?: 'persist' | 'memory';
  /** Which categories each destination needs, all of them. */
  integrationCategoryMappings?: Record<string, string[]>;
  /** Categories that `navigator.globalPrivacyControl` denies, whatever the user's own decision says. */
  gpc?: string[];
  /** Names of `setConsent('grant' | 'deny', …)` and Consent Mode → categories (`{analytics_storage: 'analytics'}`). */
  modes?: Record<string, string | string[]>;
}

/** A decision: categories with booleans or, Consent Mode style, `'granted'` and `'denied'`. */
export type ConsentDecision = Record<string, boolean | 'granted' | 'denied'>;

/** Which remote plugins the page lets in. */
export interface RemotePluginOptions {
  /** Asked for each script's full URL. Nothing is loaded without it. */
  allow: (url: string) => boolean;
  /** `nonce` of the script elements, for pages with a Content Security Policy. */
  nonce?: string;
}

/** Names of typed events with their properties: `load<{ 'Order Completed': { total: number } }>(…)`. */
export type EventMap = { [Event in string]: object };
/** The events of a page that names none: anything goes. */
export type AnyEvents = Record<string, object>;

type Tail = [options?: Options | Callback, callback?: Callback];
/** The arguments of `track` after the event's name; properties may be left out when none is required. */
export type TrackArguments<Properties> =
  Partial<Properties> extends Properties
    ? [properties?: Properties | Callback | null, ...tail: Tail]
    : [properties: Properties, ...tail: Tail];

/** The object form of `track`. */
export type TrackEvent<Events extends object> = {
  [Event in keyof Events & string]: {
    event: Event;
    properties?: Events[Event];
    type?: 'track';
    [key: string]: unknown;
  };
}[keyof Events & string];

/** The calls that make events, with their overloads. */
export interface EventCalls<Events extends object = AnyEvents> {
  track<Event extends keyof Events & string>(event: Event, ...rest: TrackArguments<Events[Event]>): Promise<Context>;
  track(event: TrackEvent<Events>, ...tail: Tail): Promise<Context>;
  page: PageCall;
  screen: PageCall;
  identify(id?: ID | number | object, traits?: object | Callback | null, ...tail: Tail): Promise<Context>;
  group(id: ID | number | object, traits?: object | Callback | null, ...tail: Tail): Promise<Context>;
  alias(to: string | number, from?: string | number | Options | Callback | null, ...tail: Tail): Promise<Context>;
}

/** `page` and `screen`: category, name, properties, options, callback; each may be left out. */
export type PageCall = (
  category?: string | object | Callback | null,
  name?: string | object | Callback | null,
  properties?: object | Callback | null,
  options?: Options | Callback | null,
  callback?: Callback,
) => Promise<Context>;

/** How cookies are set. */
export interface CookieOptions {
  /** Days; 365. */
  maxage?: number;
  /** The widest that takes a cookie, otherwise. */
  domain?: string;
  path?: string;
  secure?: boolean;
  sameSite?: string;
}

/** Where ids are kept. */
export interface StorageOptions {
  stores: ('localStorage' | 'cookie' | 'memory')[];
}

/** What is kept of the user, or of the group, beyond the page. */
export interface KeptOptions {
  /** `false`: nothing; a page begins with nobody. */
  persist?: boolean;
  /** Nothing, and no call says who it is. */
  disable?: boolean;
  /** Ids in cookies alone; traits nowhere. */
  localStorageFallbackDisabled?: boolean;
  /** Wins over `storage` of all. */
  storage?: StorageOptions;
  cookie?: { key?: string };
  localStorage?: { key?: string };
  [key: string]: unknown;
}

/** The first argument of `load`. */
export interface AnalyticsBrowserSettings {
  writeKey: string;
  /**
   * Where the settings document is fetched: `{cdnURL}/v1/projects/{writeKey}/settings`. Absent: nothing is fetched. Without
   * an `apiHost` the document names the hub, and events wait for it.
   */
  cdnURL?: string;
  /** The settings document itself; then nothing is fetched. */
  cdnSettings?: CDNSettings;
  /** Registered before the first event. */
  plugins?: Plugin[];
  [key: string]: unknown;
}

/** The second argument of `load`. What each does, and what is accepted and ignored, is in the README. */
export interface InitOptions {
  /**
   * Where events go: `host/path`, with or without a scheme, or relative to the page (`/t/v1`); they are posted to `/b` under
   * it. Wins over `integrations['Segment.io']`. There is no default: without it, and without a `cdnURL`, events wait.
   */
  apiHost?: string;
  /**
   * Names beat `All`; `{'Segment.io': {apiHost, protocol, httpConfig}}` configures the hub. `All: false` without
   * `'Segment.io'`, or `'Segment.io': false`, leaves the hub out.
   */
  integrations?: Integrations;
  /** Calls `page()` at once. */
  initialPageview?: boolean;
  /** Keeps nothing on the device: ids, journal and queue in memory. */
  disableClientPersistence?: boolean;
  /** `true`, or a function of the settings document: nothing is captured, stored or sent. */
  disable?: boolean | ((settings: CDNSettings) => boolean | Promise<boolean>);
  cookie?: CookieOptions;
  /** Where ids are kept: nowhere else. */
  storage?: StorageOptions;
  user?: KeptOptions;
  group?: KeptOptions;
  /** Laid over the settings document's tracking plan; holds from the first event on. */
  plan?: CDNSettings['plan'];
  /** Sees the settings document before anything else does; what it answers is used. */
  updateCDNSettings?: (settings: CDNSettings) => CDNSettings;
  /** `false`, or what ids the query may set. */
  useQueryString?: boolean | { aid?: RegExp; uid?: RegExp };
  /** Client hints to ask the browser for, into `context.userAgentData`. */
  highEntropyValuesClientHints?: string[];
  /** The name of the global that the snippet uses. */
  globalAnalyticsKey?: string;
  consent?: ConsentOptions;
  remotePlugins?: RemotePluginOptions;
  /** Accepted and ignored: nothing here converts dates for old integrations. */
  disableAutoISOConversion?: boolean;
  /** Accepted and ignored: paths of remote scripts are not obfuscated. */
  obfuscate?: boolean;
  /** Accepted and ignored: the queue always retries. */
  retryQueue?: boolean;
  [key: string]: unknown;
}

type Answers<T> = T extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
type Asked =
  | 'reset'
  | 'ready'
  | 'setAnonymousId'
  | 'pageview'
  | 'trackLink'
  | 'trackForm'
  | 'trackSubmit'
  | 'trackClick'
  | 'register'
  | 'deregister'
  | 'addSourceMiddleware'
  | 'addDestinationMiddleware'
  | 'flush'
  | 'startSession'
  | 'endSession'
  | 'purge'
  | 'timeout'
  | 'queryString'
  | 'user';

/** The façade's methods: callable at any time; all but the chainable answer a promise. */
export interface AnalyticsBrowserMethods<Events extends object = AnyEvents>
  extends Omit<EventCalls<Events>, 'group'>,
    Pick<Analytics<Events>, 'setConsent'>,
    Listening,
    AnsweredMethods<Events> {
  /** Without arguments, the group. */
  group: EventCalls<Events>['group'] & (() => Promise<Group>);
  debug(on: boolean): this;
  /** `pageview`, by its old name. */
  pageView(url: string): Promise<Context>;
}
type AnsweredMethods<Events extends object> = { [Method in Asked]: Answers<Analytics<Events>[Method]> };
