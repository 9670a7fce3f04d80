import type { Capture } from '../capture.js';

/** The journals of all tabs, as the engine's side sees them. */
export interface Journal {
  /** Other tabs of which there are entries. */
  tabs(): string[];
  /** The entries of a tab, in order; `undefined` for one that cannot be read. */
  entries(tab: string): [n: number, text: string][];
  remove(tab: string, n: number): void;
}

/** `prefix` is the source's, `hw:<writeKey>:j:`. */
export const openJournal = (capture: Capture, prefix: string): Journal => {
  const { store } = capture;
  const keys = (start: string): string[] => {
    const found: string[] = [];
    for (let i = 0; i < (store?.length ?? 0); i++) {
      const key = store!.key(i);
      if (key?.startsWith(start)) found.push(key);
    }
    return found;
  };
  return {
    tabs() {
      const tabs = new Set(keys(prefix).map((key) => key.slice(prefix.length).split(':')[0]!));
      return [...tabs].filter((tab) => capture.key !== `${prefix}${tab}:`);
    },
    entries: (tab) =>
      keys(`${prefix}${tab}:`)
        .map((key): [number, string] => [+key.split(':').pop()!, store!.getItem(key) ?? ''])
        .sort(([a], [b]) => a - b),
    remove(tab, n) {
      const key = `${prefix}${tab}:`;
      try {
        store?.removeItem(key + n);
      } catch {}
      if (key === capture.key && capture.size > 0) capture.chars -= capture.chars / capture.size--;
    },
  };
};
