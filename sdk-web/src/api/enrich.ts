// What the library says of the page and the browser. The page is the one captured at the call, never read again.

import { isPlainObject } from './arguments.js';
import type { PageContext } from './types.js';

const decode = (text: string): string => {
  const spaced = text.replace(/\+/g, ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
};

/** The pairs of a query string, raw names, decoded values; a second `?` separates like `&`. */
export function queryPairs(search: string): [string, string][] {
  return search
    .replace(/^\?/, '')
    .split(/[&?]/)
    .filter(Boolean)
    .map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), decode(pair.slice(at + 1))];
    });
}

/** `utm_*` of a query: `utm_campaign` is called `name`. `undefined` without a query, `{}` for one without `utm_`. */
export function campaignOf(search: string): Record<string, string> | undefined {
  if (!search) return undefined;
  const campaign: Record<string, string> = {};
  for (const [name, value] of queryPairs(search)) {
    if (name.includes('utm_') && name.length > 4) {
      const key = name.slice(4);
      campaign[key === 'campaign' ? 'name' : key] = value;
    }
  }
  return campaign;
}

const REFERRER_COOKIE = 's:context.referrer';
const REFERRERS: Record<string, string> = { btid: 'dataxu', urid: 'millennial-media' };

/** The cookies of the page as the enrichment sees them. */
export interface Cookies {
  get(name: string): string | null | undefined;
  set(name: string, value: string): void;
}

/** The advertiser's click id of the query, remembered in a cookie for later pages. */
export function referrerOf(search: string, cookies: Cookies | undefined): { id: string; type: string } | undefined {
  let found: { id: string; type: string } | undefined;
  for (const [name, id] of queryPairs(search)) {
    const type = Object.hasOwn(REFERRERS, name) ? REFERRERS[name] : undefined;
    if (type) found = { id, type };
  }
  if (found) cookies?.set(REFERRER_COOKIE, JSON.stringify(found));
  else {
    try {
      const saved: unknown = JSON.parse(cookies?.get(REFERRER_COOKIE) || 'null');
      if (isPlainObject(saved)) found = saved as { id: string; type: string };
    } catch {
      // A cookie that somebody else wrote.
    }
  }
  return found;
}

/** `amp.id`, where an AMP page of the site gave the visitor one. */
export function ampOf(cookies: Cookies | undefined): { id: string } | undefined {
  const id = cookies?.get('_ga');
  return id?.startsWith('amp') ? { id } : undefined;
}

/** What stays the same for the life of a page: browser, language, time zone, this library. */
export function environment(version: string): Record<string, unknown> {
  const context: Record<string, unknown> = { library: { name: '@headwater/analytics', version } };
  const browser = typeof navigator === 'undefined' ? undefined : (navigator as Navigator & Hints);
  if (browser?.userAgent) context.userAgent = browser.userAgent;
  const locale = browser?.userLanguage || browser?.language;
  if (locale) context.locale = locale;
  const hints = browser?.userAgentData?.toJSON?.();
  if (hints) context.userAgentData = hints;
  try {
    context.timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  } catch {
    // No Intl here.
  }
  return context;
}

interface Hints {
  userLanguage?: string;
  userAgentData?: {
    toJSON?(): Record<string, unknown>;
    getHighEntropyValues?(hints: string[]): Promise<Record<string, unknown>>;
  };
}

/** The client hints asked for with `highEntropyValuesClientHints`; `undefined` where the browser has none. */
export async function highEntropy(hints: readonly string[]): Promise<Record<string, unknown> | undefined> {
  try {
    return await (navigator as Navigator & Hints).userAgentData?.getHighEntropyValues?.([...hints]);
  } catch {
    return undefined;
  }
}

/** The page context of the call: what the caller gives wins over what was captured. */
export function pageOf(captured: PageContext, given: unknown): Record<string, unknown> {
  return isPlainObject(given) ? { ...captured, ...given } : { ...captured };
}
