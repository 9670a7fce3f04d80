// Events of the SDK itself. A listener that throws costs nobody but itself.

type Listener = (...args: any[]) => unknown;

/** Listening to the SDK's own events; chainable. */
export interface Listening {
  on(event: string, listener: Listener): this;
  once(event: string, listener: Listener): this;
  off(event: string, listener: Listener): this;
}

/** The other end, too. */
export interface Emitter extends Listening {
  emit(event: string, ...args: unknown[]): this;
}

/** Tells the console; never throws. */
export const complain = (...what: unknown[]): void => console.error('headwater:', ...what);

/** A new emitter. */
export function createEmitter(): Emitter {
  let all: [event: string, listener: Listener, once?: boolean][] = [];
  const emitter: Emitter = {
    on(...entry) {
      all = [...all, entry];
      return emitter;
    },
    once(event, listener) {
      all = [...all, [event, listener, true]];
      return emitter;
    },
    off(event, listener) {
      all = all.filter((entry) => entry[0] !== event || entry[1] !== listener);
      return emitter;
    },
    emit(event, ...args) {
      for (const entry of all) {
        if (entry[0] !== event) continue;
        if (entry[2]) all = all.filter((held) => held !== entry);
        // An async function starts at once, and what it throws is caught.
        (async () => entry[1](...args))().catch(complain);
      }
      return emitter;
    },
  };
  return emitter;
}
