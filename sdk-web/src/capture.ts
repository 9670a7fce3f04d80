import type { Live, PageContext } from './engine/port.js';

/** What of `Storage` the journal needs. */
export type SyncStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

/** One call that waits for the engine. */
export interface Item extends Live {
  /** Its place in the journal's order; 0: a call that makes no event. */
  n: number;
  /** The method's name; that of a page that is gone is in `j` alone. */
  m: string;
  /** The arguments as given. */
  a: ArrayLike<unknown>;
  /** JSON of `Captured`, for calls that make events. */
  j: string;
  /** The tab in whose journal it is, if not this one. */
  of?: string;
  /** No call, but what is to happen at this place. */
  run?(): void;
}

/**
 * What the façade and the engine share: the calls in order, and where they are kept. A call that makes an event is
 * complete when `capture` returns: arguments, time, page, order and randomness are fixed, and the text lies in the
 * journal, so that a page that dies now loses nothing.
 */
export interface Capture {
  /** Calls in the order in which they were made. */
  q: Item[];
  /** Keys of the journal are this and `n`. Absent before `load` names the source, and where nothing may be written. */
  key?: string | undefined;
  /** The journal. */
  store?: SyncStorage | undefined;
  /** The number given last. The first one is kept for the call that comes before all others. */
  n: number;
  /** Entries in the journal, and their characters. */
  size: number;
  chars: number;
  /** Calls that the journal could not take; they are in memory alone until the engine has them. */
  over: number;
  /** Who the user is, as a member of the next calls' JSON, where only the page knows. */
  who?: string | undefined;
  /** Wakes the engine. */
  wake?: (() => void) | undefined;
  /** `page`: where the call was made, if not here. `first`: it comes before those made until now; there is one. */
  capture(method: string, args: ArrayLike<unknown>, page?: PageContext, first?: boolean): Promise<unknown>;
  /** Writes what was captured before the journal was there. */
  keep(): void;
}

/** The journal is for the moments until the engine has stored a call, and for the seconds until it is loaded. */
const MAX_ENTRIES = 1000;
const MAX_CHARS = 1e6;

const events = /^(track|page|screen|identify|group|alias|pageview|reset|setAnonymousId|setConsent|queryString)$/;

/** Where we are, as JSON, looked up once for each address and title. */
let seen: string | undefined;
let page = '';
const where = (): string => {
  if (typeof document === 'undefined') return '';
  const { href } = location;
  const now = href + document.title;
  if (now !== seen) {
    seen = now;
    const canonical = document.querySelector('link[rel=canonical]')?.getAttribute('href');
    const { search, pathname } = location;
    let path = pathname;
    let url = href.split('#')[0]!;
    if (canonical) {
      try {
        path = new URL(canonical, href).pathname;
      } catch {}
      url = canonical.includes('?') ? canonical : canonical + search;
    }
    page = `"p":${JSON.stringify({ path, referrer: document.referrer, search, title: document.title, url })},`;
  }
  return page;
};

/** JSON of anything: what cannot be written is left out, never thrown at the page. */
const json = (args: ArrayLike<unknown>): string => {
  try {
    return JSON.stringify(args);
  } catch {
    const path: unknown[] = [];
    return JSON.stringify(args, function (this: unknown, _, value) {
      if (typeof value === 'bigint') return `${value}`;
      while (path.length && path[path.length - 1] !== this) path.pop();
      if (path.includes(value)) return;
      if (value && typeof value === 'object') path.push(value);
      return value;
    });
  }
};

export const createCapture = (now: () => number = Date.now): Capture => {
  const write = (item: Item): void => {
    if (!self.key || !item.n) return;
    if (self.size < MAX_ENTRIES && self.chars + item.j.length < MAX_CHARS) {
      try {
        self.store!.setItem(self.key + item.n, item.j);
        self.size++;
        self.chars += item.j.length;
        return;
      } catch {}
    }
    self.over++;
  };
  const self: Capture = {
    q: [],
    n: 1,
    size: 0,
    chars: 0,
    over: 0,
    capture(m, a, page, first) {
      const promise = new Promise<unknown>((ok, no) => {
        const item: Item = { n: 0, m, a, j: '', ok, no };
        // `group()` and `user()` ask; they tell nothing.
        if (events.test(m) && (a.length || m !== 'group')) {
          item.n = first ? 1 : ++self.n;
          try {
            item.j = `{"n":${item.n},"m":"${m}","t":${now()},"e":[${crypto.getRandomValues(new Uint32Array(8))}],${self.who ?? ''}${page ? `"p":${JSON.stringify(page)},` : where()}"a":${json(a)}}`;
            write(item);
          } catch (error) {
            // A getter or a toJSON of the page's own threw.
            return no(error);
          }
        }
        if (first) self.q.unshift(item);
        else self.q.push(item);
        self.wake?.();
      });
      // A page that does not look at the answer must not hear of an unhandled rejection.
      promise.catch(() => {});
      return promise;
    },
    keep() {
      self.q.forEach(write);
    },
  };
  return self;
};

/** What the page's address asks for (`?ajs_event=…`) is a call like any other, before the page's own. */
export const captureAddress = ({ capture }: Capture, { useQueryString }: { useQueryString?: unknown }): void => {
  const query = location.search || location.hash;
  if (query.includes('ajs_') && useQueryString !== false) capture('queryString', [query], undefined, true);
};
