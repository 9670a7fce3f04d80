import { uuid } from '../api/uuid.js';
import { maybe } from '../maybe.js';
import type { Env } from './env.js';
import type { Host } from './port.js';
import { random } from './random.js';

interface Place {
  persist?: boolean;
  disable?: boolean;
  localStorageFallbackDisabled?: boolean;
  storage?: { stores?: string[] };
  cookie?: { key?: string };
  localStorage?: { key?: string };
}

/** How cookies are set, and where ids are kept; as analytics-next has it. */
export interface IdentityOptions {
  disableClientPersistence?: boolean;
  cookie?: { domain?: string; maxage?: number; path?: string; sameSite?: string; secure?: boolean };
  storage?: { stores?: string[] };
  user?: Place;
  group?: Place;
}

/** What of somebody lasts beyond the page: the id in cookies, id and traits in `localStorage`. */
const lasting = ({ storage }: IdentityOptions, given: Place = {}): { cookie: boolean; local: boolean } => {
  const { persist, disable, localStorageFallbackDisabled } = { persist: true, ...given };
  const { stores = ['cookie', 'localStorage'] } = given.storage ?? storage ?? {};
  const lasts = (store: string) => !disable && !!persist && stores.includes(store);
  return { cookie: lasts('cookie'), local: lasts('localStorage') && !localStorageFallbackDisabled };
};

/**
 * Whether user and group are this page's own, where the identity is not for the store to have: it counts as
 * `localStorage`, and has who is there, all of it, or nobody. `undefined`: it has.
 */
export const apartOf = (options: IdentityOptions): Env['apart'] => {
  const kept = [lasting(options, options.user), lasting(options, options.group)];
  const [user, group] = kept.map(({ cookie, local }) => !cookie && !local);
  return kept.some(({ local }) => !local) ? { user: user!, group: group! } : undefined;
};

const DAYS = 365;
const ANONYMOUS = 'ajs_anonymous_id';

const get = (name: string): string | undefined =>
  maybe(() => {
    const found = document.cookie.split('; ').find((cookie) => cookie.startsWith(`${name}=`));
    return found && decodeURIComponent(found.slice(name.length + 1));
  });

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
export const createIdentity = (options: IdentityOptions): Pick<Env, 'recall' | 'remember' | 'cookies' | 'apart'> => {
  if (options.disableClientPersistence) return {};
  const cookies = maybe(() => createCookies(options));
  const storage = maybe(() => localStorage);
  const place = (given: Place | undefined, id: string, traits: string) => {
    const { cookie, local } = lasting(options, given);
    const jar = cookie ? cookies : undefined;
    const store = local ? storage : undefined;
    const parsed = (key: string): unknown => {
      const value = maybe(() => store?.getItem(key));
      return value ? (maybe(() => JSON.parse(value)) ?? value) : undefined;
    };
    const write = (key: string, value: unknown): unknown =>
      maybe(() => (value === undefined ? store?.removeItem(key) : store?.setItem(key, JSON.stringify(value))));
    const idKey = given?.cookie?.key ?? id;
    const traitsKey = given?.localStorage?.key ?? traits;
    return {
      /** Subdomains share cookies: theirs win. */
      id(key = idKey): string | undefined {
        const id = jar?.get(key);
        // AJS 1 and some servers write JSON.
        const found = (id?.[0] === '"' && maybe(() => JSON.parse(id))) || id || parsed(key);
        return found ? `${found}` : undefined;
      },
      traits: (): Record<string, unknown> => tree(parsed(traitsKey)),
      writeId(id: string | undefined, key = idKey): void {
        write(key, id);
        maybe(() => (id || jar?.get(key)) && jar?.set(key, id ?? ''));
      },
      writeTraits: (traits: object | undefined) =>
        write(traitsKey, traits && Object.keys(traits).length ? traits : undefined),
    };
  };
  const user = place(options.user, 'ajs_user_id', 'ajs_user_traits');
  const group = place(options.group, 'ajs_group_id', 'ajs_group_properties');
  const apart = apartOf(options);

  return {
    ...(cookies && { cookies }),
    apart,
    async recall(known) {
      const anonymousId = user.id(ANONYMOUS);
      const groupId = group.id();
      const userId = user.id();
      if (!anonymousId) {
        if (known) return known;
        const stored = (key: string) => get(key) ?? maybe(() => localStorage.getItem(key));
        if (!apart?.user && stored('rl_anonymous_id')) return (await import('./rudder.js')).rudderIdentity(stored);
        if (!groupId && !userId) return;
      }
      if (known && known.anonymousId === anonymousId && (!userId || userId === known.userId)) return known;
      return {
        anonymousId: anonymousId ?? uuid(random().slice(4)),
        ...(userId && { userId }),
        traits: user.traits(),
        ...(groupId && { groupId, groupTraits: group.traits() }),
      };
    },
    remember({ anonymousId, userId, traits, groupId, groupTraits }) {
      user.writeId(anonymousId, ANONYMOUS);
      user.writeId(userId);
      user.writeTraits(traits);
      group.writeId(groupId);
      group.writeTraits(groupTraits);
    },
  };
};
