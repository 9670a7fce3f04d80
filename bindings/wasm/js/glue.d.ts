/** The engine's class for an instance of the WebAssembly. */
export function createGlue(): {
  Engine: typeof Engine;
  /** What the WebAssembly imports. */
  imports(): WebAssembly.Imports;
  /** The instance in which engines are created from now on. They stay until it goes. */
  attach(instance: { exports: object }): void;
};

/**
 * One engine: the queue, identity, consent, sessions and destinations of one page. `wall` is unix milliseconds, `mono`
 * those of a clock that never jumps. The kinds of inputs and effects are listed in `bindings/wasm/README.md`.
 */
export declare class Engine {
  private constructor();
  /**
   * Starts from what the store held: `state` is a JSON object of the texts that Save gave, `stored` holds `[seq, at,
   * length, unstamped, …]` of the events that wait, in order, `nextSeq` is a number that no event ever had, `entropy`
   * is 32 random bytes. Throws a string, the member of `config` that cannot work: `config`, `writeKey` or `endpoint`.
   */
  static create(config: string, state: string, stored: Iterable<number>, nextSeq: number, wall: number, mono: number, entropy: Uint8Array): Engine;
  /**
   * One call, as JSON, with 32 random bytes. Answers a letter and the messageId (`q` queued, `h` held, `l` local only,
   * `d` dropped), or `!` and the name of what is wrong: `unreadable`, `too_large`, `empty_event`, `empty_group`,
   * `empty_alias`, `message_id`, `anonymous_id`, `traits_too_large`, `closed`.
   */
  call(wall: number, mono: number, json: string, entropy: Uint8Array): string;
  /** The first half of a call, for plugins that see the event before it is queued: `=` and the event, or `!` and what is wrong. */
  stamp(wall: number, mono: number, json: string, entropy: Uint8Array): string;
  /** The second half. Answers as `call`. */
  submit(wall: number, mono: number, event: string): string;
  /** A plugin keeps a stamped event back: reported. */
  discard(event: string, plugin: string): void;
  /**
   * A plugin that guards events failed on a stamped event: it is kept back and comes again as effect 16. `guards` are the names of
   * all that it must pass. Answers as `call`.
   */
  hold(wall: number, mono: number, event: string, plugin: string, detail: string, guards: string[]): string;
  /** The first of `count` numbers that no event has. */
  reserve(count: number): number;
  /** Events that other tabs persisted are this one's to send: `[seq, at, length, unstamped, …]`. */
  adopt(wall: number, mono: number, stored: Iterable<number>): void;
  /** These events are in the store and another tab's to send. */
  giveAway(wall: number, mono: number, seqs: Iterable<number>): void;
  /** Another tab saved this piece of state. */
  saved(wall: number, mono: number, key: string, text: string): void;
  /** Sixteen random bytes for the next input that needs some. */
  entropy(bytes: Uint8Array): void;
  /** Anything that happened. An unknown kind, or one whose text cannot be read, does nothing. */
  input(wall: number, mono: number, kind: number, a: number, b: number, text?: string): void;
  /** The next effect's kind, 0 when there is none. It can be read until the next poll. */
  poll(): number;
  /** A number of the current effect. */
  num(index: number): number;
  /** A text of the current effect. */
  text(index: number): string;
  /** The sequence numbers of the current effect. */
  seqs(): number[];
  /** When to hand in the timer, on the monotonic clock; -1: not before something happens. */
  deadline(): number;
  /** Who the user is, as JSON: `{anonymousId, userId?, traits, groupId?, groupTraits?}`. */
  identity(): string;
}
