/**
 * The seam between the host (this folder: storage, tabs, transport, the WASM engine) and the API runtime (`../api`:
 * overloads, plugins, user and group, events). The host takes calls in order and hands each to the runtime, which turns
 * it into work for the engine; what the engine wants of the page comes back through the runtime's hooks.
 */

/** Where a call was made. */
export interface PageContext {
  path: string;
  referrer: string;
  search: string;
  title: string;
  url: string;
}

/** One call as it was captured. For calls that make events, `a` is a deep copy: what JSON keeps of the arguments. */
export interface Captured {
  /** Its place in its tab's order, from 1. 0: not in the journal (`on`, `ready`, `register` …); arguments as given. */
  n: number;
  /** The method's name. */
  m: string;
  /** The arguments. Functions stand in their places; a recovered call has `null` there. */
  a: unknown[];
  /** When, unix milliseconds. */
  t: number;
  /** Where; absent outside of pages. */
  p?: PageContext;
  /** Who the user was when it was made, where that is forgotten with the page. */
  i?: Identity;
  /** Eight random 32-bit numbers. The messageId comes from them: a replay after a crash has the same one. */
  e: number[];
}

/** Settles the promise that the caller holds. Absent for calls recovered from a page that is gone. */
export interface Live {
  ok(value: unknown): void;
  no(error: unknown): void;
}

/** Who the current user is. */
export interface Identity {
  anonymousId: string;
  userId?: string;
  traits: Record<string, unknown>;
  groupId?: string;
  groupTraits?: Record<string, unknown>;
}

/** Events that will never be delivered. `reason` as `DropReason` of core/engine names it (`quota_bytes`, `refused` …). */
export interface Report {
  reason: string;
  count: number;
  status?: number;
  messageId?: string;
  destination?: string;
  detail: string;
}

/** What a flush did. */
export interface FlushReport {
  delivered: number;
  dropped: number;
  pending: number;
  /** Milliseconds until the next try, where that is known. */
  retryIn?: number;
  waitingFor?: string;
}

/** Kinds of `Host.input`, as the engine numbers them. */
export const DELIVERED = 19;
export const SET_CONSENT = 12;
export const CONTEXT = 13;
export const RESET = 14;
export const SESSION_START = 16;
export const SESSION_END = 17;
export const PURGE = 18;

/** What the runtime may ask of the host. Everything is synchronous; storing and sending happen behind it. */
export interface Host {
  /** The first argument of `load`. */
  readonly settings: Readonly<Record<string, unknown>> & { readonly writeKey: string };
  /** The second argument of `load`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The engine's configuration. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The façade object. It listens to links and forms itself: the instance's `trackLink` and its like are its own. */
  readonly facade: unknown;
  /**
   * Captures a call as the façade does, journal included: the methods of the instance go through here, so that there
   * is one order. Resolves (or rejects) as `Runtime.handle` says.
   */
  capture(method: string, args: ArrayLike<unknown>): Promise<unknown>;
  /** Handles what was captured so far, now, unless a call waits for an async plugin. For accessors such as `user()`. */
  drain(): void;
  /**
   * Has the engine answer. `CALL`: it stamps and queues `text`, JSON as Engine.call takes it (type, event, properties …,
   * at, options), with what was captured as `seed`. The answer is one letter and text: `q` queued, `h` held for consent,
   * `l` for destinations alone, `d` dropped, each with the messageId; `!` refused, with the reason. `STAMP`, the same
   * in two steps, where plugins see the event between them: `=` and the event's JSON, or `!` and why not. `SUBMIT`, the
   * second with that event: answers as `CALL`. `HOLD`, instead of it: a plugin failed that the event must not go without.
   */
  ask(kind: number, text: string, seed?: Captured): string;
  /** Any other input of the engine. The text of SET_CONSENT and RESET begins with 16 random bytes, hexadecimal. */
  input(kind: number, a?: number, b?: number, text?: string): void;
  /** Before plugins and destinations: the engine is one that has them. Begins a new life where it was not. */
  complete(): Promise<void>;
  /** The destinations that every new engine is told of, in their order, as JSON. */
  readonly destinations: string[];
  /** Asked now and called later: whether this engine's life goes on. */
  mortal(): () => boolean;
  /** Fetches a settings document. */
  fetch(url: string): Promise<Response>;
  /** Who the user is, as the engine knows it. Do not change it. */
  identity(): Identity;
  /** Takes over another identity. */
  setIdentity(identity: Identity): void;
  /** The user's decision as it is saved: category → granted. `undefined` before one was taken. */
  consent(): Readonly<Record<string, boolean>> | undefined;
  /** Cookies with the domain, path and lifetime of the identity's. Absent where nothing may be kept. */
  readonly cookies?: { get(name: string): string | null | undefined; set(name: string, value: string): void };
  /** Sends all that waits. */
  flush(): Promise<FlushReport>;
}

/** What the host asks of the runtime. Nothing of it may throw; the host catches and reports what does all the same. */
export interface Runtime {
  /** What `then` of the façade resolves with: `[instance, context]`. Loaded for who asks. */
  loaded(): Promise<unknown[]>;
  /** What must be there before the engine starts; when it fails, the engine does not start. */
  readonly needs?: Promise<unknown> | undefined;
  /** Merged under each event's context: library, userAgent, locale, timezone … Read once, before the engine starts. */
  readonly base: Record<string, unknown>;
  /**
   * Turns one call into work. Called strictly in order, the next one only after this one is over: a promise must settle,
   * so time plugins out. No promise when nothing is awaited: then a thousand calls cost one turn of the loop.
   */
  handle(call: Captured, live?: Live): void | Promise<void>;
  /** The settings document to begin with: what the page was given, or the one that is `cached`. */
  given?(cached: string | undefined): string | undefined;
  /** The engine is up (again, after a restart): identity may be read, calls begin. */
  started?(): void;
  /** A settings document is known: from the store, `cdnSettings` or another tab. */
  settled?(document: string): void;
  /**
   * What the full engine alone asks for, by kind as it numbers its effects: to fetch the settings document (`FETCH`), to
   * hand an event to a destination (`DELIVER`, before `ask` returns, where that causes it), not to begin deliveries that
   * have not begun (`CANCEL`), and to run all plugins again on an event that one of them kept back (`TRY`).
   */
  effect?(kind: number, numbers: number[], texts: string[]): void;
  report?(report: Report): void;
  /** Something worth knowing that costs no event. */
  diagnostic?(kind: string, detail: string, value: number): void;
}
