import type { Capture, Item } from '../capture.js';
import type { Env, Tabs } from './env.js';
import type { Journal } from './journal.js';
import type { Keeper } from './keeper.js';
import type { Host, Identity, Report } from './port.js';

/** What the driver lends. */
interface Estate {
  /** Calls found; handled before this page's own. */
  found: Item[];
  capture: Capture;
  journal: Journal;
  tabs: Tabs | undefined;
  /** Names of this page's earlier lives. */
  mine: Set<string>;
  report(report: Report): void;
  leads(): boolean;
  keeper(): Keeper;
  host: Pick<Host, 'mortal' | 'identity' | 'setIdentity'>;
  /** What of a user or group is forgotten with its page, and what of this page's is. */
  apart: Env['apart'];
  held: Record<string, string>;
  /** A new anonymousId. */
  anew(): string;
  /** Up to which call of a tab the last life of this page was done, where no store says it. */
  done(tab: string): number;
  /** Calls were found. */
  work(): void;
  /** What the store knows. */
  learn(state: Record<string, string>): void;
}

/** How `capture.ts` begins the text of a call. */
const CALL = /^\{"n":\d+,"m":"\w+",/;

/** How long a dead tab's last commit may take to arrive, milliseconds. */
const MOMENT = 1000;

/**
 * Takes over the journals of tabs that are dead. While it has one's lock, nobody else does the same. Loaded by pages that
 * find a journal, or meet another tab.
 */
export const createHeirs = ({
  found,
  capture,
  journal,
  tabs,
  mine,
  report,
  leads,
  keeper,
  host,
  apart,
  held,
  anew,
  done,
  work,
  learn,
}: Estate) => {
  /** Locks of tabs whose calls are not stored yet, and the last of these calls. */
  const releases = new Map<string, [release: () => void, last: number]>();
  const watched = new Set<string>();

  /** Who this page's user is, while calls of another page are handled whose user was forgotten with it. */
  let own: Identity | undefined;
  const forgotten = ({ anonymousId, userId, traits, groupId, groupTraits }: Partial<Identity>) => ({
    ...(apart!.user && { anonymousId: anonymousId ?? anew(), userId, traits: traits ?? {} }),
    ...(apart!.group && { groupId, groupTraits }),
  });
  /** `text`: the first of these calls, which says who that user was if it was made when the page's engine was there. */
  const enter = (text: string) => (): void => {
    own = host.identity();
    let theirs: Partial<Identity> | undefined;
    try {
      theirs = JSON.parse(text).i;
    } catch {}
    host.setIdentity({ ...own, ...forgotten(theirs ?? {}) } as Identity);
  };
  const leave = (): void => {
    const back = { ...host.identity(), ...forgotten(own!) } as Identity;
    own = undefined;
    host.setIdentity(back);
  };
  const between = (run: () => void): Item => ({ n: 0, m: '', a: [], j: '', run, ok() {}, no() {} });

  const look = (): void => {
    if (leads()) keeper().look();
  };
  const end = (of: string, release: () => void): void => {
    releases.delete(of);
    keeper().unmark(of);
    release();
  };

  return {
    /** Takes over what a tab left, when it is dead; `wait`: when it dies. */
    async inherit(of: string, wait: boolean): Promise<void> {
      if (releases.has(of) || (wait && watched.has(of))) return;
      if (wait) watched.add(of);
      const lives = host.mortal();
      // Who is alone finds only what the dead left.
      const release = tabs ? await tabs.take(of, wait) : () => {};
      watched.delete(of);
      if (!release) return;
      if (!lives()) return release();
      // What it stored comes before what it did not; and its last commit may be on the way still.
      if (leads()) await keeper().look();
      setTimeout(look, MOMENT);
      const state = await keeper().state();
      if (!lives()) return release();
      learn(state);
      const stored = +(state[`j:${of}`] ?? 0);
      // What a life of this page did is not done again; the journal has it until the store does.
      const mark = Math.max(stored, done(of));
      const entries = journal
        .all()
        .filter((entry) => entry.startsWith(`${of}:`))
        .map((entry): [number, string] => [+entry.split(':')[1]!, journal.read(entry)])
        .sort(([a], [b]) => a - b);
      for (const [n] of entries) if (n <= stored) journal.remove(of, n);
      const left = entries.filter(([n]) => n > mark);
      // They are nobody's of this page: neither does it become their user, nor they its.
      const others = apart && (apart.user || apart.group) && !mine.has(of) && left.length;
      if (others) found.push(between(enter(left[0]![1])));
      for (const [n, text] of left) {
        const own = mine.has(of) ? capture.q.findIndex((item) => item.n === n) : -1;
        // What a page that is gone wanted to know nobody waits for; but what is no call's text is reported.
        const no = (error: unknown): void => {
          if (error instanceof SyntaxError)
            report({ reason: 'corrupt', count: 1, detail: `a call in the journal: ${error}` });
        };
        const item =
          own < 0 ? { n, m: '', a: [], j: CALL.test(text) ? text : '?', ok() {}, no } : capture.q.splice(own, 1)[0]!;
        found.push(Object.assign(item, { of }));
      }
      if (others) found.push(between(leave));
      const last = left.at(-1);
      if (!last) return end(of, release);
      releases.set(of, [release, last[0]]);
      work();
    },
    /** Calls of a tab are stored, up to this one. */
    stored(of: string, n: number): void {
      const [release, last] = releases.get(of) ?? [];
      if (release && n >= last!) end(of, release);
    },
    /** This life is over: live calls go back to the others, what was found stays in its journal. */
    part(): void {
      if (own) held.identity = JSON.stringify(own);
      own = undefined;
      releases.forEach(([release]) => {
        release();
      });
      releases.clear();
      watched.clear();
      capture.q.unshift(...found.splice(0).filter(({ m }) => m));
    },
  };
};

export type Heirs = ReturnType<typeof createHeirs>;
