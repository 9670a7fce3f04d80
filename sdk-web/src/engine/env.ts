import type { Capture } from '../capture.js';
import type { Host, Identity, Runtime } from './port.js';
import type { Store } from './store.js';
import type { Start } from './wasm.js';

/** What a page, a worker or a process lends the driver: everything that is its own lies here. */
export interface Env {
  capture: Capture;
  settings: Host['settings'];
  options: Host['options'];
  facade: unknown;
  /** A fresh engine's start. `full`: with what most pages do without (`bindings/wasm`). */
  load(full: boolean): Promise<Start>;
  /** Opens the store; `undefined` where nothing is to be kept. Rejects where nothing can be. */
  open(): Promise<Store | undefined>;
  /** The engine's configuration, but for what goes under each event's context. */
  config: Record<string, unknown>;
  /** Sends a batch; rejects when no answer came. */
  send(request: Upload): Promise<Answer>;
  /** Fetches the settings document. */
  fetch(url: string): Promise<Response>;
  /** A page may be left any moment: its first batch is sent from the journal, before the store has it. */
  eager?: boolean;
  /** Unix milliseconds. Default: `Date.now`. */
  now?(): number;
  /** A clock that never jumps, milliseconds. */
  mono(): number;
  /** Ids that other pages or SDKs left, laid over what the store knows. */
  recall?(known: Identity | undefined): Promise<Identity | undefined>;
  /** Leaves ids where other pages and SDKs look for them. */
  remember?(identity: Identity): void;
  /**
   * Where identity is no matter of the store's (and of what else it keeps about a visit): whether the user, and the group,
   * are this page's own, to be forgotten with it. Otherwise they are where `remember` left them.
   */
  apart?: { user: boolean; group: boolean } | undefined;
  /** Cookies for the API. */
  cookies?: NonNullable<Host['cookies']>;
  /** This life's name in journal keys and locks; new at each life. */
  name(): string;
  tabs?: Tabs;
  runtime(host: Host): Runtime;
}

/** The status, and `Retry-After` as it came. */
export type Answer = [status: number, after?: string | undefined];

/** One request, as the engine wants it. */
export interface Upload {
  url: string;
  headers: [string, string][];
  /** The body is `around[0]`, the events joined by commas, `around[1]`. */
  events: string[];
  around: [start: string, end: string];
  gzip: boolean;
  /** Milliseconds. */
  timeout: number;
  /** The page is going away: it is now or never. */
  leaving: boolean;
  /** Stops it: the caller's, when it is no longer wanted, and when its time is up. */
  abort: AbortController;
}

/** The other tabs of the site. */
export interface Tabs {
  /** Takes this tab's lock and asks for the lead; whether it leads at once. `led` is called when it does later. */
  join(tab: string, led: () => void, heard: (message: Message) => void): Promise<boolean>;
  /** Gives up everything, so that others take over and the page may be frozen. */
  part(): void;
  tell(message: Message): void;
  /** Another tab's lock, which one has when that tab is dead; `undefined` when it lives. `wait`: as soon as it dies. */
  take(tab: string, wait: boolean): Promise<(() => void) | undefined>;
}

/** What tabs tell each other: events are in the store, who leads?, here is a tab, a piece of state, a purge. */
export type Message = ['e'] | ['l'] | ['h', string] | ['s', string, string] | ['p'];
