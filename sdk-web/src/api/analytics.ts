// The instance: what `await AnalyticsBrowser.load(…)` answers, and what plugins are given.

import type { FlushReport } from '../engine/port.js';
import type { Context } from './context.js';
import type { Emitter } from './emitter.js';
import type {
  AnyEvents,
  CDNSettings,
  ConsentDecision,
  DestinationMiddlewareFunction,
  EventCalls,
  EventProperties,
  ID,
  Integrations,
  MiddlewareFunction,
  Options,
  Plugin,
} from './types.js';
import type { Group, User } from './user.js';

type Elements<E extends Element = Element> = E | ArrayLike<E> | null | undefined;
type Of<T> = T | ((element: Element) => T);
/** `trackLink` and `trackForm`: elements, the event's name, its properties, options. */
export type AutoTrack = (
  elements: Elements,
  event: Of<string>,
  properties?: Of<EventProperties>,
  options?: Options,
) => Promise<Analytics>;

/** The methods that are no calls of events, in both faces alike but for what they answer. */
export interface Analytics<Events extends object = AnyEvents> extends Omit<EventCalls<Events>, 'group'>, Emitter {
  readonly VERSION: string;
  readonly initialized: boolean;
  readonly settings: { writeKey: string; cdnSettings: CDNSettings; timeout: number; [key: string]: unknown };
  readonly options: Record<string, unknown>;
  readonly integrations: Integrations;
  /** Emits `message_delivered`, `delivery_success`, `delivery_failure`, `flush`, `initialization_failure`. */
  readonly queue: Emitter & { readonly plugins: readonly Plugin[] };
  readonly plugins: readonly Plugin[];
  readonly failedInitializations: readonly string[];

  /** Without arguments, the group. */
  group: EventCalls<Events>['group'] & (() => Group);
  user(): User;
  /** Sets the anonymousId and answers it; without an argument (or with `null`), a new one. */
  setAnonymousId(id?: string | null): ID;
  reset(): void;
  /** Settles when every plugin is ready; one that fails counts as ready. */
  ready(callback?: (results: unknown[]) => unknown): Promise<unknown[]>;
  debug(on: boolean): this;
  /** How long a callback waits for slow destinations, milliseconds; 300 at first. */
  timeout(milliseconds: number): void;

  register(...plugins: Plugin[]): Promise<Context>;
  deregister(...names: string[]): Promise<Context>;
  addSourceMiddleware(fn: MiddlewareFunction): Promise<Analytics<Events>>;
  addDestinationMiddleware(name: string, ...fns: DestinationMiddlewareFunction[]): Promise<Analytics<Events>>;
  use(factory: (analytics: Analytics<Events>) => unknown): Analytics<Events>;

  trackLink: AutoTrack;
  trackClick: AutoTrack;
  trackForm: AutoTrack;
  trackSubmit: AutoTrack;
  /** `page({path: url})`. */
  pageview(url: string): Promise<Context>;
  /** Does what `ajs_aid`, `ajs_uid` and `ajs_event` of a query say. */
  queryString(query: string): Promise<Context[]>;
  /** A call as an array: `['track', 'Clicked']`. */
  push(call: [method: string, ...args: unknown[]]): void;

  setConsent(decision: ConsentDecision): Promise<void>;
  setConsent(mode: 'update' | 'default', decision: ConsentDecision): Promise<void>;
  setConsent(mode: 'grant' | 'deny', categories?: string | string[]): Promise<void>;
  /** Sends all that waits, now. */
  flush(): Promise<FlushReport>;
  /** Throws away what waits; it is reported. */
  purge(): void;
  startSession(id?: number): void;
  endSession(): void;
}

/** What analytics-next warns about, we do, too. */
export const STUBS =
  'log addIntegrationMiddleware listeners addEventListener removeAllListeners removeListener removeEventListener hasListeners add addIntegration';
