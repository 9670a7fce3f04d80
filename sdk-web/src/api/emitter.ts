// Events of the SDK itself. A listener that throws costs nobody but itself.

type Listener = (...args: any[]) => unknown;

/** `on`, `once`, `off`, `emit`; all but `emit` by name and function, chainable. */
export interface Emitter {
  on(event: string, listener: Listener): this;
  once(event: string, listener: Listener): this;
  off(event: string, listener: Listener): this;
  emit(event: string, ...args: unknown[]): this;
}

/** A new emitter. */
export function createEmitter(): Emitter {
  const listeners = new Map<string, Listener[]>();
  const emitter: Emitter = {
    on(event, listener) {
      listeners.set(event, [...(listeners.get(event) ?? []), listener]);
      return emitter;
    },
    once(event, listener) {
      const once = (...args: unknown[]) => {
        emitter.off(event, once);
        return listener(...args);
      };
      once.of = listener;
      return emitter.on(event, once);
    },
    off(event, listener) {
      listeners.set(
        event,
        (listeners.get(event) ?? []).filter((held) => held !== listener && (held as { of?: Listener }).of !== listener),
      );
      return emitter;
    },
    emit(event, ...args) {
      for (const listener of listeners.get(event) ?? []) {
        try {
          const answer = listener(...args) as Promise<unknown> | undefined;
          if (answer && typeof answer.then === 'function') answer.then(undefined, complain);
        } catch (error) {
          complain(error);
        }
      }
      return emitter;
    },
  };
  return emitter;
}

/** Tells the console, where there is one; never throws. */
export function complain(...what: unknown[]): void {
  try {
    console.error('[headwater]', ...what);
  } catch {
    // A console that throws is no reason to lose an event.
  }
}
