import type { Capture } from '../capture.js';
import { maybe } from '../maybe.js';

/** The journals of all tabs, as the engine's side sees them. */
export interface Journal {
  /** Every entry there is, as `<tab>:<n>`. */
  all(): string[];
  read(entry: string): string;
  remove(tab: string, n: number): void;
}

/** `prefix` is the source's, `hw:<writeKey>:j:`. */
export const openJournal = (capture: Capture, prefix: string): Journal => {
  const { store } = capture;
  return {
    all: () =>
      Array.from({ length: store?.length ?? 0 }, (_, i) => store!.key(i)!.split(prefix)).flatMap(([before, entry]) =>
        before ? [] : (entry ?? []),
      ),
    read: (entry) => store!.getItem(prefix + entry) ?? '',
    remove(tab, n) {
      const key = `${prefix}${tab}:`;
      maybe(() => store?.removeItem(key + n));
      if (key === capture.key && capture.size > 0) capture.chars -= capture.chars / capture.size--;
    },
  };
};

/** Tabs but this one that left calls in their journals, or may: by these, and by what the store says of them. */
export const left = (journal: Journal, tab: string, state = {}): string[] => {
  const entries = journal.all().concat(Object.keys(state).flatMap((key) => key.split('j:')[1] ?? []));
  return [...new Set(entries.map((entry) => entry.split(':')[0]!))].filter((of) => of !== tab);
};
