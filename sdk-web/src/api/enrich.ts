// What the library says of the page and the browser. The page is the one captured at the call, never read again.

import { maybe } from '../maybe.js';
import { isPlainObject } from './arguments.js';

/** The pairs of a query string, raw names, decoded values; a second `?` separates like `&`. */
export const queryPairs = (search: string): [name: string, value: string][] =>
  search
    .split(/[&?]/)
    .filter(Boolean)
    .map((pair) => {
      const [name, ...rest] = pair.split('=');
      const value = rest.join('=').replace(/\+/g, ' ');
      return [name as string, maybe(() => decodeURIComponent(value)) ?? value];
    });

/** The cookies of the page as the enrichment sees them. */
export interface Cookies {
  get(name: string): string | null | undefined;
  set(name: string, value: string): void;
}

const REFERRER_COOKIE = 's:context.referrer';
const REFERRERS = new Map([
  ['btid', 'dataxu'],
  ['urid', 'millennial-media'],
]);

/**
 * What a query says of where the visitor came from. `campaign`: its `utm_*` (`utm_campaign` is called `name`); absent
 * without a query, `{}` for one without `utm_`. `referrer`: an advertiser's click id, remembered in a cookie.
 */
export function originOf(search: string, cookies?: Cookies): Record<string, Record<string, string>> {
  const campaign: Record<string, string> = {};
  let referrer: Record<string, string> | undefined;
  for (const [name, value] of queryPairs(search)) {
    if (name.includes('utm_') && name[4]) campaign[name.slice(4).replace(/^campaign$/, 'name')] = value;
    const type = REFERRERS.get(name);
    if (type) referrer = { id: value, type };
  }
  if (referrer) cookies?.set(REFERRER_COOKIE, JSON.stringify(referrer));
  else {
    // None, or one that somebody else wrote.
    const saved = maybe(() => JSON.parse(cookies!.get(REFERRER_COOKIE)!));
    if (isPlainObject(saved)) referrer = saved;
  }
  return { ...(search && { campaign }), ...(referrer && { referrer }) };
}

interface Browser {
  userAgent?: string;
  language?: string;
  userLanguage?: string;
  userAgentData?: { toJSON?(): object };
}

/** What stays the same for the life of a page: browser, language, time zone, this library. */
export function environment(version: string): Record<string, unknown> {
  const { userAgent, userAgentData, userLanguage, language } = (globalThis.navigator ?? {}) as Browser;
  const { Temporal } = globalThis as { Temporal?: { Now: { timeZoneId(): string } } };
  // JSON leaves out what is undefined.
  return {
    library: { name: '@headwater/analytics', version },
    userAgent,
    userAgentData: userAgentData?.toJSON?.(),
    locale: userLanguage || language,
    // Without Temporal this costs a page some 15 ms.
    timezone: Temporal?.Now.timeZoneId() ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}
