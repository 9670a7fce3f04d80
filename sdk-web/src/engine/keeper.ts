import type { Journal } from './journal.js';
import type { Change, Store, Stored } from './store.js';

/** An event that the store does not have yet, by the engine's number. */
interface Added extends Omit<Stored, 'key'> {
  seq: number;
}

/** What the keeper tells the driver. */
interface Heard {
  /** These are in the store; `lasting` false: in memory and, as calls, in the journal. */
  persisted(seqs: number[], lasting: boolean): void;
  /** These pieces of state are in the store. */
  saved(state: Map<string, string>): void;
  /** That tab's calls are stored, up to this one. */
  cleared(tab: string, n: number): void;
  /** Numbers for so many events of other tabs; answers the first. */
  reserve(count: number): number;
  /** Events that other tabs stored, as the engine wants them. */
  adopt(quads: number[]): void;
  failed(error: unknown, events: number): void;
  /** A commit is over. */
  over(): void;
}

/** Bodies kept at hand, characters; beyond, they are read back from the store. */
const AT_HAND = 1 << 20;

const utf8 = new TextEncoder();

/**
 * Between the engine and the store. Events, state and how far the journal is done go to the store in one transaction,
 * one at a time, so that a call is either in the journal or in the store. What the store does not take stays here and in
 * the journal, and every later commit tries again: without any store this is the store.
 */
export const createKeeper = (store: Store | undefined, journal: Journal, heard: Heard) => {
  /** Places in the store by the engine's number, and bodies. */
  const keys = new Map<number, number>();
  const bodies = new Map<number, string>();
  let atHand = 0;
  /** Up to here the store was looked through for other tabs' events; the highest place known. */
  let scanned = 0;
  let highest = 0;

  /** By the engine's number. */
  const adds = new Map<number, Added>();
  let gone: number[] = [];
  let state = new Map<string, string>();
  /** Calls that are done, by tab, and still in the journal; none: what the store says of that tab is of no more use. */
  let marks = new Map<string, number[]>();
  let told = new Set<number>();
  /** State, where there is no store. */
  const shadow = new Map<string, string>();
  let scan = false;
  const looks: (() => void)[] = [];
  let running: Promise<void> | undefined;
  let closed = false;
  let dirty = false;

  const hold = (seq: number, body: string): void => {
    bodies.set(seq, body);
    atHand += body.length;
  };
  const drop = (seq: number): void => {
    atHand -= bodies.get(seq)?.length ?? 0;
    bodies.delete(seq);
  };

  /** Answers those that the store does not have. */
  const forgetAll = (seqs: Iterable<number>): number[] => {
    const left: number[] = [];
    for (const seq of seqs) {
      const key = keys.get(seq);
      if (key === undefined) left.push(seq);
      else gone.push(key);
      keys.delete(seq);
      drop(seq);
    }
    return left;
  };

  const commit = (): void => {
    if (running || closed || !dirty) return;
    dirty = false;
    const looked = scan ? looks.splice(0) : [];
    running = write().finally(() => {
      running = undefined;
      for (const done of looked) done();
      heard.over();
    });
  };

  /** What is on its way stays where it is until it has arrived. */
  const write = async (): Promise<void> => {
    const [added, dropped, saved, look] = [[...adds.values()], [...gone], new Map(state), scan];
    const done = new Map([...marks].map(([tab, list]) => [tab, [...list]]));
    const change: Change = { add: added, state: new Map(saved), forget: dropped };
    done.forEach((list, tab) => change.state.set(`j:${tab}`, `${list.at(-1) ?? ''}`));
    scan = false;
    const known = (): void => {
      saved.forEach((value, key) => state.get(key) === value && state.delete(key));
      if (!closed) heard.saved(saved);
    };
    const seqs = added.map(({ seq }) => seq);
    try {
      if (!store) throw undefined;
      if (added.length + dropped.length + change.state.size) {
        const first = await store.commit(change);
        gone.splice(0, dropped.length);
        added.forEach(({ seq }, i) => {
          keys.set(seq, (highest = first + i));
          // Forgotten while it was on its way.
          if (!adds.delete(seq)) forgetAll([seq]);
        });
        known();
        done.forEach((list, tab) => {
          const left = marks.get(tab)!;
          left.splice(0, list.length);
          // What is not in the journal needs no mark: it goes with the next commit, whenever that is.
          if (!left.length && !list.length) marks.delete(tab);
        });
      }
      // The store has them, whoever lives on.
      clear(done);
      if (closed) return;
      if (seqs.length) heard.persisted(seqs, true);
      if (look) await adopt();
      told = new Set();
    } catch (error) {
      scan ||= look;
      if (closed) return;
      if (error) heard.failed(error, seqs.length);
      else {
        saved.forEach((value, key) => shadow.set(key, value));
        known();
      }
      // All that was done has been delivered: nothing hangs on the journal.
      if (!adds.size) {
        clear(marks);
        marks = new Map();
      }
      const fresh = seqs.filter((seq) => !told.has(seq));
      fresh.forEach((seq) => told.add(seq));
      if (fresh.length) heard.persisted(fresh, false);
    }
    if (atHand > AT_HAND) for (const seq of bodies.keys()) if (keys.has(seq)) drop(seq);
  };

  const clear = (done: Map<string, number[]>): void =>
    done.forEach((list, tab) => {
      for (const n of list) journal.remove(tab, n);
      if (list.length) heard.cleared(tab, list.at(-1)!);
    });

  /** What other tabs stored. */
  const adopt = async (): Promise<void> => {
    const known = new Set(keys.values());
    const events = await store!.after(scanned);
    const foreign = events.filter(({ key }) => !known.has(key) && !gone.includes(key));
    const first = foreign.length && heard.reserve(foreign.length);
    // No engine to tell: they stay to be found.
    if (foreign.length && !first) return;
    scanned = Math.max(scanned, events.at(-1)?.key ?? 0);
    highest = Math.max(highest, scanned);
    if (!first) return;
    foreign.forEach(({ key }, i) => {
      keys.set(first + i, key);
    });
    heard.adopt(quads(foreign, (i) => first + i));
  };

  /** `[number, at, bytes, unstamped, …]` for the engine, which will know these events by the numbers from `first` on. */
  const quads = (events: readonly Omit<Stored, 'key'>[], number: (i: number) => number): number[] =>
    events.flatMap(({ at, unstamped, body }, i) => {
      hold(number(i), body);
      return [number(i), at, utf8.encode(body).length, unstamped ? 1 : 0];
    });

  return {
    /** Everything for an engine's start, with what the keeper before this one could not store. */
    async start(leads: boolean, from?: Left): Promise<[state: Record<string, string>, stored: number[], next: number]> {
      let known: Record<string, string> = {};
      let events: Stored[] = [];
      try {
        if (store) [known, events] = await Promise.all([store.state(), leads ? store.after(0) : []]);
      } catch (error) {
        heard.failed(error, 0);
      }
      for (const { key } of events) keys.set(key, (scanned = highest = key));
      const stored = quads(events, (i) => events[i]!.key);
      let next = highest + 1;
      if (from) {
        ({ state, marks, gone } = from);
        stored.push(...quads(from.adds, (i) => next + i));
        for (const event of from.adds) adds.set(next, { ...event, seq: next++ });
        told = new Set(adds.keys());
        dirty = true;
      }
      return [{ ...known, ...Object.fromEntries(from?.state ?? []) }, stored, next];
    },
    add(event: Added): void {
      dirty = true;
      adds.set(event.seq, event);
      hold(event.seq, event.body);
    },
    forget(seqs: Iterable<number>): void {
      dirty = true;
      for (const seq of forgetAll(seqs)) adds.delete(seq);
    },
    /** They are another tab's now. */
    giveAway(seqs: number[]): void {
      for (const seq of seqs) {
        keys.delete(seq);
        drop(seq);
      }
    },
    save(key: string, value: string): void {
      dirty = true;
      // The engine's numbers mean nothing to the next one: what outlives it speaks of places in the store.
      if (key === 'purged') value = `${highest + adds.size + 1}`;
      else if (key === 'consent')
        value = value.replace(/"releasedUntil":\d+/, `"releasedUntil":${highest + adds.size}`);
      state.set(key, value);
    },
    /** A call is done; what came of it has been added. */
    done(tab: string, n: number): void {
      dirty = true;
      const list = marks.get(tab);
      if (list) list.push(n);
      else marks.set(tab, [n]);
    },
    /** Nothing of that tab is in the journal. */
    unmark(tab: string): void {
      dirty = true;
      if (!marks.has(tab)) marks.set(tab, []);
    },
    /** Looks for what other tabs stored; over when that is adopted. */
    look(): Promise<void> {
      return new Promise((done) => {
        looks.push(done);
        dirty = scan = true;
        commit();
      });
    },
    /** Bodies by the engine's numbers: at once where they are at hand. */
    read(seqs: number[]): (string | undefined)[] | Promise<(string | undefined)[]> {
      const near = seqs.map((seq) => bodies.get(seq));
      if (!near.includes(undefined)) return near;
      return (async () => {
        await running;
        const far = await store?.read(seqs.map((seq) => keys.get(seq) ?? -1)).catch(() => []);
        return near.map((body, i) => body ?? far?.[i]);
      })();
    },
    /** Not stored yet, as far as is known. */
    waiting: (): number[] => [...adds.keys()],
    /** Whether there are other events than these. */
    more: (seqs: number): boolean => bodies.size > seqs || keys.size > seqs,
    commit,
    /** Ends, when what is on its way (`all`: or waits) has arrived; answers what was left over. */
    async end(all = false): Promise<Left> {
      while (all && (running || dirty)) {
        commit();
        await running;
      }
      closed = true;
      await running;
      return { adds: [...adds.values()], state: new Map([...shadow, ...state]), marks, gone };
    },
    state: async (): Promise<Record<string, string>> => (await store?.state().catch(() => undefined)) ?? {},
  };
};

/** What a keeper could not store. */
export interface Left {
  adds: Added[];
  state: Map<string, string>;
  marks: Map<string, number[]>;
  gone: number[];
}

export type Keeper = ReturnType<typeof createKeeper>;
