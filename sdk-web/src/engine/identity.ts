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

type Cookies = NonNullable<Host['cookies']>;

const DAYS = 365;

const getCookie = (name: string): string | undefined => {
  const found = document.cookie.split('; ').find((cookie) => cookie.startsWith(`${name}=`));
  try {
    return found && decodeURIComponent(found.slice(name.length + 1));
  } catch {
    return;
  }
};

/** The widest domain on which the browser lets us set a cookie: ids are shared by all subdomains. */
const widest = (): string | undefined => {
  const labels = location.hostname.split('.');
  for (let n = 2; n <= labels.length && !/^[\d.]+$|:/.test(location.hostname); n++) {
    const domain = labels.slice(-n).join('.');
    const probe = `__tld__=1;domain=${domain}`;
    document.cookie = probe;
    if (getCookie('__tld__')) {
      document.cookie = `${probe};max-age=0`;
      return domain;
    }
  }
  return;
};

const createCookies = ({
  cookie: { domain = widest(), maxage = DAYS, path = '/', sameSite = 'Lax', secure } = {},
}: IdentityOptions): Cookies => ({
  get: getCookie,
  set(name, value) {
    const age = value ? maxage * 86_400 : 0;
    document.cookie = [
      `${name}=${encodeURIComponent(value)}`,
      `path=${path}`,
      `max-age=${age}`,
      domain && `domain=${domain}`,
      `samesite=${sameSite}`,
      secure && 'secure',
    ]
      .filter(Boolean)
      .join(';');
  },
});

/** Tries; what a browser refuses is as if it were not there. */
const maybe = <T>(run: () => T): T | undefined => {
  try {
    return run();
  } catch {
    return;
  }
};

/** RudderStack's values: JSON, in its envelope or not. */
const rudder = (value: string | null | undefined): unknown =>
  maybe(() => {
    const text = value?.startsWith('RS_ENC_v3_')
      ? new TextDecoder().decode(Uint8Array.from(atob(value.slice(10)), (c) => c.charCodeAt(0)))
      : value;
    return text ? JSON.parse(text) : undefined;
  });

const text = (value: unknown): string | undefined =>
  value === null || value === undefined || value === '' ? undefined : `${value}`;
const tree = (value: unknown): Record<string, unknown> => (value && typeof value === 'object' ? { ...value } : {});

/** Ids where Segment's SDKs keep them: raw in cookies, JSON in `localStorage`; traits in the latter alone. */
export const createIdentity = (options: IdentityOptions): Pick<Env, 'recall' | 'remember' | 'cookies'> => {
  if (options.disableClientPersistence) return {};
  const { stores = ['localStorage', 'cookie'] } = options.storage ?? {};
  const cookies = maybe(() => createCookies(options));
  const jar = stores.includes('cookie') ? cookies : undefined;
  const local = stores.includes('localStorage') ? maybe(() => localStorage) : undefined;
  const { user = {}, group = {} } = options;
  const keyOf = ({ cookie, localStorage }: Place, id: string, traits: string) =>
    [cookie?.key ?? id, localStorage?.key ?? traits] as const;
  const [userKey, traitsKey] = keyOf(user, 'ajs_user_id', 'ajs_user_traits');
  const [groupKey, groupTraitsKey] = keyOf(group, 'ajs_group_id', 'ajs_group_properties');
  const ANONYMOUS = 'ajs_anonymous_id';

  const parsed = (key: string): unknown => {
    const value = maybe(() => local?.getItem(key));
    return value ? (maybe(() => JSON.parse(value)) ?? value) : undefined;
  };
  const cookie = (key: string): string | undefined => maybe(() => text(jar?.get(key)));
  const stored = (key: string): unknown => maybe(() => cookies?.get(key) ?? localStorage.getItem(key));

  const write = (key: string, value: unknown, withCookie: boolean): void => {
    const empty = value === undefined;
    maybe(() => (empty ? local?.removeItem(key) : local?.setItem(key, JSON.stringify(value))));
    if (withCookie && (!empty || cookie(key))) maybe(() => jar?.set(key, empty ? '' : `${value}`));
  };

  return {
    ...(cookies && { cookies }),
    recall(known) {
      // Subdomains share cookies: theirs win.
      const anonymousId = cookie(ANONYMOUS) ?? text(parsed(ANONYMOUS));
      if (!anonymousId) {
        if (known) return known;
        const [id, userId, groupId] = ['rl_anonymous_id', 'rl_user_id', 'rl_group_id'].map((key) =>
          text(rudder(stored(key) as string)),
        );
        const [traits, groupTraits] = ['rl_trait', 'rl_group_trait'].map((key) => tree(rudder(stored(key) as string)));
        return id
          ? {
              anonymousId: id,
              ...(userId && { userId }),
              traits: traits!,
              ...(groupId && { groupId, groupTraits: groupTraits! }),
            }
          : undefined;
      }
      const userId = cookie(userKey) ?? text(parsed(userKey));
      if (known?.anonymousId === anonymousId && (!userId || userId === known.userId)) return known;
      const groupId = cookie(groupKey) ?? text(parsed(groupKey));
      return {
        anonymousId,
        ...(userId && { userId }),
        traits: tree(parsed(traitsKey)),
        ...(groupId && { groupId, groupTraits: tree(parsed(groupTraitsKey)) }),
      };
    },
    remember({ anonymousId, userId, traits, groupId, groupTraits }) {
      write(ANONYMOUS, anonymousId, true);
      const kept = <T>(value: T): T | undefined => (value && Object.keys(value).length ? value : undefined);
      if (user.persist !== false) {
        write(userKey, userId, true);
        write(traitsKey, kept(traits), false);
      }
      if (group.persist !== false) {
        write(groupKey, groupId, true);
        write(groupTraitsKey, kept(groupTraits), false);
      }
    },
  };
};
