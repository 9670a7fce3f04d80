import type { Env } from './env.js';
import type { Host } from './port.js';

interface Place {
  persist?: boolean;
  cookie?: { key?: string };
  localStorage?: { key?: string };
}

/** How cookies are set, and where ids are kept; as analytics-next has it. */
export interface IdentityOptions {
  disableClientPersistence?: boolean;
  cookie?: { domain?: string; maxage?: number; path?: string; sameSite?: string; secure?: boolean };
  storage?: { stores: string[] };
  user?: Place;
  group?: Place;
}

const DAYS = 365;
const ANONYMOUS = 'ajs_anonymous_id';

/** What a browser refuses is as if it were not there. */
const maybe = <T>(run: () => T): T | undefined => {
  try {
    return run();
  } catch {
    return;
  }
};

const get = (name: string): string | undefined => {
  const found = document.cookie.split('; ').find((cookie) => cookie.startsWith(`${name}=`));
  return maybe(() => found && decodeURIComponent(found.slice(name.length + 1)));
};

/** The widest domain on which the browser lets us set a cookie: ids are shared by all subdomains. */
const widest = (): string | undefined => {
  const { hostname } = location;
  const labels = hostname.split('.');
  if (/^[\d.]+$|:/.test(hostname)) return;
  for (let n = 2; n <= labels.length; n++) {
    const domain = labels.slice(-n).join('.');
    const probe = `__tld__=1;domain=${domain}`;
    document.cookie = probe;
    if (get('__tld__')) {
      document.cookie = `${probe};max-age=0`;
      return domain;
    }
  }
  return;
};

const createCookies = ({ cookie = {} }: IdentityOptions): NonNullable<Host['cookies']> => {
  const { domain = widest(), maxage = DAYS, path = '/', sameSite = 'Lax', secure } = cookie;
  const rest = `;path=${path};samesite=${sameSite}${domain ? `;domain=${domain}` : ''}${secure ? ';secure' : ''}`;
  return {
    get,
    set(name, value) {
      document.cookie = `${name}=${encodeURIComponent(value)};max-age=${value ? maxage * 86_400 : 0}${rest}`;
    },
  };
};

const tree = (value: unknown): Record<string, unknown> => (value && typeof value === 'object' ? { ...value } : {});

/** Ids where Segment's SDKs keep them: raw in cookies, JSON in `localStorage`; traits in the latter alone. */
export const createIdentity = (options: IdentityOptions): Pick<Env, 'recall' | 'remember' | 'cookies'> => {
  if (options.disableClientPersistence) return {};
  const { stores = ['localStorage', 'cookie'] } = options.storage ?? {};
  const cookies = maybe(() => createCookies(options));
  const jar = stores.includes('cookie') ? cookies : undefined;
  const local = stores.includes('localStorage') ? maybe(() => localStorage) : undefined;
  const places = [options.user, options.group].map((place, i) => ({
    kept: place?.persist !== false,
    id: place?.cookie?.key ?? ['ajs_user_id', 'ajs_group_id'][i]!,
    traits: place?.localStorage?.key ?? ['ajs_user_traits', 'ajs_group_properties'][i]!,
  }));
  const [user, group] = places as [(typeof places)[0], (typeof places)[0]];

  const parsed = (key: string): unknown => {
    const value = maybe(() => local?.getItem(key));
    return value ? (maybe(() => JSON.parse(value)) ?? value) : undefined;
  };
  /** Subdomains share cookies: theirs win. */
  const idOf = (key: string): string | undefined => {
    const id = maybe(() => jar?.get(key)) || parsed(key);
    return id ? `${id}` : undefined;
  };
  const write = (key: string, value: unknown, withCookie?: boolean): void => {
    maybe(() => (value === undefined ? local?.removeItem(key) : local?.setItem(key, JSON.stringify(value))));
    if (withCookie) maybe(() => (value || jar?.get(key)) && jar?.set(key, `${value ?? ''}`));
  };

  return {
    ...(cookies && { cookies }),
    async recall(known) {
      const anonymousId = idOf(ANONYMOUS);
      if (!anonymousId) {
        const stored = (key: string) => maybe(() => cookies?.get(key) ?? localStorage.getItem(key));
        return known ?? (stored('rl_anonymous_id') ? (await import('./rudder.js')).rudderIdentity(stored) : undefined);
      }
      const userId = idOf(user.id);
      if (known?.anonymousId === anonymousId && (!userId || userId === known.userId)) return known;
      const groupId = idOf(group.id);
      return {
        anonymousId,
        ...(userId && { userId }),
        traits: tree(parsed(user.traits)),
        ...(groupId && { groupId, groupTraits: tree(parsed(group.traits)) }),
      };
    },
    remember({ anonymousId, userId, traits, groupId, groupTraits }) {
      write(ANONYMOUS, anonymousId, true);
      for (const [{ kept, ...keys }, id, more] of [
        [user, userId, traits],
        [group, groupId, groupTraits],
      ] as const) {
        if (kept) {
          write(keys.id, id, true);
          write(keys.traits, more && Object.keys(more).length ? more : undefined);
        }
      }
    },
  };
};
