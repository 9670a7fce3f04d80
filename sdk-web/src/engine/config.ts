import type { Host } from './port.js';

type Loose = Record<string, any>;
/** What `load` was given. */
type Load = Pick<Host, 'settings' | 'options'>;

/** What waits at most: 10 MB, 10,000 events, 30 days. A site shares a browser's storage with itself. */
const QUOTA = { bytes: 10e6, events: 10_000 };
/** What is said within so many milliseconds goes out together. */
const TOGETHER = 5;
/** Browsers let 64 KiB outlive a page. */
const MAX_BATCH = 60_000;

const hubOf = ({ options }: Load): Loose => (options.integrations as Loose)?.['Segment.io'] ?? {};
const given = (load: Load): string | undefined =>
  load.options.apiHost ?? load.settings.apiHost ?? (hubOf(load).apiHost as Loose[string]);

/** Where events go: an address, `host/path`, or a path of the page's own origin. */
export const endpointOf = (load: Load): string => {
  const host = given(load) ?? 'api.segment.io/v1';
  if (/^https?:/.test(host)) return host;
  return /^[/.]/.test(host) ? new URL(host, location.href).href : `${hubOf(load).protocol ?? 'https'}://${host}`;
};

/** Whether this configuration needs what the small engine is without. */
export const needsFull = (config: Loose): boolean =>
  config.hub === false || ['consent', 'destinations', 'retry', 'sessionTimeout', 'settings'].some((key) => config[key]);

/** The engine's configuration from what `load` was given. JSON leaves out what is undefined. */
export const configOf = (load: Load, endpoint: string, together = TOGETHER): Loose => {
  const { settings, options } = load as { settings: Loose; options: Loose };
  const { writeKey, cdnURL } = settings;
  const { deliveryStrategy, httpConfig } = hubOf(load);
  const { size = 10, timeout = 5000 } =
    deliveryStrategy?.strategy === 'batching' ? (deliveryStrategy.config ?? {}) : { size: 100, timeout: together };
  const url =
    settings.settingsUrl ??
    options.settingsUrl ??
    (cdnURL && !settings.cdnSettings && `${cdnURL}/v1/projects/${writeKey}/settings`);
  return {
    writeKey,
    endpoint,
    contentType: 'text/plain',
    quota: { ...QUOTA, ...options.quota },
    maxBatchBytes: MAX_BATCH,
    flushBytes: MAX_BATCH,
    flushAt: size,
    flushInterval: timeout,
    retry: httpConfig,
    consent: options.consent || undefined,
    settings: url
      ? { url, followApiHost: options.followApiHost ?? !given(load), defaults: options.plan && { plan: options.plan } }
      : undefined,
    sessionTimeout: options.sessionTimeout || undefined,
    ...options.engine,
  };
};
