import { maybe } from '../maybe.js';
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
export const createIdentity = (options: IdentityOptions): Pick<Env, 'recall' | 'remember' | 'cookies'> => {
  if (options.disableClientPersistence) return {};
  const { stores = ['localStorage', 'cookie'] } = options.storage ?? {};
  const cookies = maybe(() => createCookies(options));
  const jar = stores.includes('cookie') ? cookies : undefined;
  const local = stores.includes('localStorage') ? maybe(() => localStorage) : undefined;
  const place = (
    given: Place = {},
    id: string,
    traits: string,
  ): [id: string, traits: string, persist: boolean | undefined] => [
    given.cookie?.key ?? id,
    given.localStorage?.key ?? traits,
    given.persist,
  ];
  const user = place(options.user, 'ajs_user_id', 'ajs_user_traits');
  const group = place(options.group, 'ajs_group_id', 'ajs_group_properties');

  const parsed = (key: string): unknown => {
    const value = maybe(() => local?.getItem(key));
    return value ? (maybe(() => JSON.parse(value)) ?? value) : undefined;
  };
  /** Subdomains share cookies: theirs win. */
  const idOf = (key: string): string | undefined => {
    const id = jar?.get(key) || parsed(key);
    return id ? `${id}` : undefined;
  };
  const write = (key: string, value: unknown): unknown =>
    maybe(() => (value === undefined ? local?.removeItem(key) : local?.setItem(key, JSON.stringify(value))));
  const writeId = (key: string, id: string | undefined): void => {
    write(key, id);
    maybe(() => (id || jar?.get(key)) && jar?.set(key, id ?? ''));
  };
  const keep = (
    [idKey, traitsKey, persist]: ReturnType<typeof place>,
    id: string | undefined,
    traits: object | undefined,
  ): void => {
    if (persist === false) return;
    writeId(idKey, id);
    write(traitsKey, traits && Object.keys(traits).length ? traits : undefined);
  };

  return {
    ...(cookies && { cookies }),
    async recall(known) {
      const anonymousId = idOf(ANONYMOUS);
      if (!anonymousId) {
        const stored = (key: string) => get(key) ?? maybe(() => localStorage.getItem(key));
        return known ?? (stored('rl_anonymous_id') ? (await import('./rudder.js')).rudderIdentity(stored) : undefined);
      }
      const userId = idOf(user[0]);
      if (known?.anonymousId === anonymousId && (!userId || userId === known.userId)) return known;
      const groupId = idOf(group[0]);
      return {
        anonymousId,
        ...(userId && { userId }),
        traits: tree(parsed(user[1])),
        ...(groupId && { groupId, groupTraits: tree(parsed(group[1])) }),
      };
    },
    remember({ anonymousId, userId, traits, groupId, groupTraits }) {
      writeId(ANONYMOUS, anonymousId);
      keep(user, userId, traits);
      keep(group, groupId, groupTraits);
    },
  };
};
