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
  adopt(events: Stored[]): void;
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

  let adds: Added[] = [];
  /** On their way into the store. */
  let going: Added[] = [];
  let gone: number[] = [];
  let state = new Map<string, string>();
  /** Calls that are done, by tab, and still in the journal; none: what the store says of that tab is of no more use. */
  let marks = new Map<string, number[]>();
  let told = new Set<number>();
  /** State, where there is no store. */
  let shadow = new Map<string, string>();
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
      going = [];
      for (const done of looked) done();
      heard.over();
    });
  };

  const write = async (): Promise<void> => {
    const [added, dropped, saved, done, look] = [adds, gone, state, marks, scan];
    const change: Change = { add: added, state: new Map(saved), forget: dropped };
    done.forEach((list, tab) => change.state.set(`j:${tab}`, `${list.at(-1) ?? ''}`));
    going = added;
    adds = [];
    gone = [];
    state = new Map();
    marks = new Map();
    scan = false;
    const seqs = added.map(({ seq }) => seq);
    try {
      if (!store) throw undefined;
      if (added.length + dropped.length + change.state.size) {
        const first = await store.commit(change);
        added.forEach(({ seq }, i) => {
          keys.set(seq, (highest = first + i));
        });
        // Forgotten while they were on their way.
        forgetAll(late.splice(0));
      }
      if (closed) return;
      clear(done);
      if (saved.size) heard.saved(saved);
      if (seqs.length) heard.persisted(seqs, true);
      if (look) await adopt();
      told = new Set();
    } catch (error) {
      const left = new Set(late.splice(0));
      adds = added.filter(({ seq }) => !left.has(seq)).concat(adds);
      gone = dropped.concat(gone);
      state = new Map([...saved, ...state]);
      marks.forEach((list, tab) => done.set(tab, (done.get(tab) ?? []).concat(list)));
      marks = done;
      scan ||= look;
      if (closed) return;
      if (error) heard.failed(error, seqs.length);
      else {
        heard.saved(saved);
        shadow = new Map([...shadow, ...saved]);
        state = new Map([...state].filter(([key, value]) => saved.get(key) !== value));
      }
      // All that was done has been delivered: nothing hangs on the journal.
      if (!adds.length) {
        clear(marks);
        marks = new Map();
      }
      const fresh = seqs.filter((seq) => !told.has(seq));
      fresh.forEach((seq) => told.add(seq));
      if (fresh.length) heard.persisted(fresh, false);
    }
    if (atHand > AT_HAND) for (const seq of bodies.keys()) if (keys.has(seq)) drop(seq);
  };
  /** Forgotten between the start of their commit and its end. */
  const late: number[] = [];

  const clear = (done: Map<string, number[]>): void =>
    done.forEach((list, tab) => {
      for (const n of list) journal.remove(tab, n);
      if (!list.length) return;
      // With the next commit, whenever that is.
      if (!marks.has(tab)) marks.set(tab, []);
      heard.cleared(tab, list.at(-1)!);
    });

  /** What other tabs stored. */
  const adopt = async (): Promise<void> => {
    const known = new Set(keys.values());
    const events = await store!.after(scanned);
    scanned = Math.max(scanned, events.at(-1)?.key ?? 0);
    highest = Math.max(highest, scanned);
    const foreign = events.filter(({ key }) => !known.has(key) && !gone.includes(key));
    if (foreign.length) heard.adopt(foreign);
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
        adds = from.adds.map((event) => ({ ...event, seq: next++ }));
        ({ state, marks, gone } = from);
        told = new Set(adds.map(({ seq }) => seq));
        dirty = true;
        stored.push(...quads(adds, (i) => adds[i]!.seq));
      }
      return [{ ...known, ...Object.fromEntries(from?.state ?? []) }, stored, next];
    },
    add(event: Added): void {
      dirty = true;
      adds.push(event);
      hold(event.seq, event.body);
    },
    forget(seqs: Iterable<number>): void {
      dirty = true;
      const left = new Set(forgetAll(seqs));
      if (left.size) adds = adds.filter(({ seq }) => !left.delete(seq));
      late.push(...left);
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
      if (key === 'purged') value = `${highest + adds.length + 1}`;
      else if (key === 'consent')
        value = value.replace(/"releasedUntil":\d+/, `"releasedUntil":${highest + adds.length}`);
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
      marks.set(tab, []);
    },
    /** Looks for what other tabs stored; over when that is adopted. */
    look(): Promise<void> {
      return new Promise((done) => {
        looks.push(done);
        dirty = scan = true;
        commit();
      });
    },
    adopt: (events: Stored[], first: number): number[] => {
      events.forEach(({ key }, i) => {
        keys.set(first + i, key);
      });
      return quads(events, (i) => first + i);
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
    waiting: (): number[] => going.concat(adds).map(({ seq }) => seq),
    /** Whether there are other events than these. */
    more: (seqs: number): boolean => bodies.size > seqs || keys.size > seqs,
    commit,
    /** Ends, when what is on its way has arrived; answers what was left over. */
    async end(): Promise<Left> {
      closed = true;
      await running;
      return { adds, state: new Map([...shadow, ...state]), marks, gone };
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
