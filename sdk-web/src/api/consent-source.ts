// Entry `@headwater/analytics/consent`: any consent manager, by two functions.

import type { Categories, ConsentDecision, ConsentOptions } from './types.js';

/** A consent manager. */
export interface ConsentSource {
  /** What the user decided, by category; `undefined` while there is no decision. */
  getCategories(): Categories | undefined | Promise<Categories | undefined>;
  /** Calls back with each new decision. May answer a function that stops it. */
  registerOnConsentChanged?(changed: (categories: Categories) => void): unknown;
}

const complain = (error: unknown): void => console.error('headwater: the source of consent failed:', error);

/** What of an `AnalyticsBrowser` (or of a loaded instance) is needed. */
export interface Consenting {
  setConsent(decision: ConsentDecision): unknown;
}

/**
 * Tells `analytics` what the source says, now and at each change. A source that fails decides nothing: under opt-in,
 * events stay held. Answers a function that stops it.
 */
export function connectConsent(analytics: Consenting, source: ConsentSource): () => void {
  let stopped = false;
  let told = false;
  const tell = (categories: Categories | undefined): void => {
    if (stopped || !categories) return;
    told = true;
    analytics.setConsent(categories);
  };
  let stop: unknown;
  try {
    stop = source.registerOnConsentChanged?.(tell);
  } catch (error) {
    complain(error);
  }
  (async () => source.getCategories())().then((categories) => told || tell(categories), complain);
  return () => {
    stopped = true;
    if (typeof stop === 'function') stop();
  };
}

/** What `withConsent` wraps. */
export interface Loadable extends Consenting {
  load(settings: any, options?: any): unknown;
}

/**
 * Connects a source when `load` is called, and gives `load` a consent model: opt-in, unless `consent` says otherwise.
 * Answers `analytics` itself: `withConsent(new AnalyticsBrowser(), source).load({writeKey})`.
 */
export function withConsent<A extends Loadable>(analytics: A, source: ConsentSource, consent: ConsentOptions = {}): A {
  const load = analytics.load;
  let connected = false;
  analytics.load = function (this: A, settings: any, options: { consent?: ConsentOptions } = {}) {
    if (!connected) connectConsent(analytics, source);
    connected = true;
    return load.call(analytics, settings, { ...options, consent: { model: 'opt-in', ...consent, ...options.consent } });
  } as A['load'];
  return analytics;
}
