/** An event as the store keeps it. */
export interface Stored {
  /** Its place in the order of all tabs; assigned by the store. */
  key: number;
  /** When it was queued, unix milliseconds. */
  at: number;
  /** Made before a decision on consent. */
  unstamped: boolean;
  /** Its JSON. */
  body: string;
}

/** What one commit changes, all of it or nothing. */
export interface Change {
  add: Omit<Stored, 'key'>[];
  /** Small state by name; an empty value removes it. */
  state: Map<string, string>;
  forget: number[];
}

/** Events in order and small state, shared by all tabs of a site. Everything may reject; the caller goes on. */
export interface Store {
  state(): Promise<Record<string, string>>;
  /** The events after this key, in order. */
  after(key: number): Promise<Stored[]>;
  /** Bodies by key; what is gone is `undefined`. */
  read(keys: number[]): Promise<(string | undefined)[]>;
  /** Answers the key of the first added event; the others have those that follow. */
  commit(change: Change): Promise<number>;
  close(): void;
}

/** Where nothing may be kept, or nothing can. */
export const memoryStore = (): Store => {
  const events = new Map<number, Stored>();
  const state = new Map<string, string>();
  let last = 0;
  return {
    state: async () => Object.fromEntries(state),
    after: async (key) => [...events.values()].filter((event) => event.key > key),
    read: async (keys) => keys.map((key) => events.get(key)?.body),
    async commit(change) {
      const first = last + 1;
      for (const event of change.add) events.set(++last, { ...event, key: last });
      change.forget.forEach((key) => events.delete(key));
      change.state.forEach((value, key) => (value ? state.set(key, value) : state.delete(key)));
      return first;
    },
    close() {},
  };
};
