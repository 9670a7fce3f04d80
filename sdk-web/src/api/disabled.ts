// `options.disable`: nothing is captured, stored or sent. Loaded by pages that have the option.

import type { Analytics } from './analytics.js';
import type { Context } from './context.js';
import type { CDNSettings, InitOptions } from './types.js';

/** What of the façade is needed. */
export interface Disabling {
  settings: { writeKey: string; cdnURL?: string; cdnSettings?: CDNSettings };
  options: InitOptions;
  /** Calls that wait. */
  q: { m: string; ok(value: unknown): void }[];
  capture(method: string, args: ArrayLike<unknown>): Promise<unknown>;
  done(loaded: () => Promise<[Analytics, Context]>): void;
}

/** A function decides on the settings document, which is fetched for it; one that cannot be had is empty. */
const decide = async ({ settings, options }: Disabling): Promise<boolean> => {
  const { disable } = options;
  if (typeof disable !== 'function') return Boolean(disable);
  const { writeKey, cdnURL, cdnSettings } = settings;
  const fetched = async (): Promise<CDNSettings> => {
    const answer = await fetch(`${cdnURL?.replace(/(\/v1)?\/*$/, '')}/v1/projects/${writeKey}/settings`);
    return (await answer.json()) as CDNSettings;
  };
  return disable(cdnSettings ?? (cdnURL ? await fetched().catch(() => ({})) : {}));
};

/** The context of no event. Its class stays in the engine's chunk, which such a page never loads. */
const context = (): Context => {
  const event = { type: 'track', event: 'system' } as const;
  const self = {
    ...{ id: 'disabled', attempts: 0, event, logs: () => [], log() {}, flush() {}, failedDelivery() {} },
    ...{ updateEvent: () => event, setFailedDelivery() {}, isSame: () => true, cancel() {} },
    stats: { metrics: [], increment() {}, gauge() {} },
    toJSON: () => ({ id: 'disabled', event, logs: [], metrics: [] }),
  };
  return Object.assign(self, { logger: self }) as unknown as Context;
};

/** What a call answers that did nothing. */
const nothing = (method: string): unknown => {
  if (method === 'user' || method === 'group') return view;
  if (method === 'ready' || method === 'queryString') return [];
  return /^(track|page|screen|identify|group|alias|pageview|register|deregister)/i.test(method) ? context() : undefined;
};
const view = {
  id: () => null,
  anonymousId: () => null,
  traits: () => ({}),
  identify() {},
  logout() {},
  reset() {},
  load: () => view,
  save: () => false,
};

/** An instance of which every method does nothing. */
export const nullAnalytics = (): Analytics =>
  new Proxy({ initialized: false } as unknown as Analytics, {
    get(held, name) {
      // No promise, so that it can be resolved with.
      if (name in held || name === 'then' || typeof name === 'symbol') return held[name as keyof Analytics];
      if (/^(on|once|off|emit|debug|use)$/.test(name)) return () => nullAnalytics();
      if (/^(user|group)$/.test(name)) return () => nothing(name);
      return async () => nothing(name);
    },
  });

/** Whether the page is switched off; if it is, what was captured is forgotten, and what will be does nothing. */
export async function disabled(shared: Disabling): Promise<boolean> {
  if (!(await decide(shared))) return false;
  shared.capture = async (method) => nothing(method);
  for (const { m, ok } of shared.q.splice(0)) ok(nothing(m));
  shared.done(async () => [nullAnalytics(), context()]);
  return true;
}
