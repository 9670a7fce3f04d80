import type { SyncStorage } from '../capture.js';
import type { Store, Stored } from './store.js';

/**
 * `localStorage`, where there is no IndexedDB. A commit is a row of writes; events come first and the mark of what was
 * taken from the journal last, so that one cut short repeats events (the hub knows them again) and loses none.
 */
export const localStore = (storage: SyncStorage, prefix: string): Store => {
  const rows = (kind: string): string[] => {
    const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? '');
    return keys.filter((key) => key.startsWith(prefix + kind)).map((key) => key.slice(prefix.length + 1));
  };
  const order = (): number[] =>
    rows('e')
      .map(Number)
      .sort((a, b) => a - b);
  // Tabs write without knowing of each other: time orders, the remainder tells tabs apart.
  let last = 0;
  const salt = Math.floor(Math.random() * 1000);
  const read = (key: number): Stored | undefined => {
    try {
      const [at, unstamped, body] = JSON.parse(storage.getItem(`${prefix}e${key}`)!);
      return { key, at, unstamped: !!unstamped, body };
    } catch {
      return;
    }
  };
  return {
    state: async () => Object.fromEntries(rows('s').map((key) => [key, storage.getItem(`${prefix}s${key}`)!])),
    after: async (key) =>
      order()
        .filter((found) => found > key)
        .map(read)
        .filter((event) => event !== undefined),
    read: async (keys) => keys.map((key) => read(key)?.body),
    async commit({ add, state, forget }) {
      const first = Math.max(last + 1, Date.now() * 1000 + salt);
      try {
        forget.forEach((key) => storage.removeItem(`${prefix}e${key}`));
        add.forEach(({ at, unstamped, body }, i) =>
          storage.setItem(`${prefix}e${first + i}`, JSON.stringify([at, unstamped ? 1 : 0, body])),
        );
        state.forEach((value, key) =>
          value ? storage.setItem(`${prefix}s${key}`, value) : storage.removeItem(`${prefix}s${key}`),
        );
      } catch (error) {
        add.forEach((_, i) => storage.removeItem(`${prefix}e${first + i}`));
        throw error;
      }
      last = Math.max(last, first + add.length - 1);
      return first;
    },
    close() {},
  };
};
