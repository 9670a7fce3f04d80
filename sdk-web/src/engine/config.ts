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

const hubOf = (from: Loose): Loose => from.integrations?.['Segment.io'] ?? {};

/** An address as a whole: it may be a path of the page's own site, or lack its scheme. TLS is not to be had on the loopback. */
const whole = (given: string, protocol?: string): string => {
  if (/^https?:/i.test(given)) return given;
  if (/^[/.]/.test(given)) return new URL(given, location.href).href;
  return `${protocol ?? (/^(localhost|127\.[\d.]+|\[::1])([:/?]|$)/i.test(given) ? 'http' : 'https')}://${given}`;
};

/**
 * What events are posted under, as far as the page itself says so: by `apiHost`, or in settings of its own. Empty: the
 * settings document will say, or its address. There is no other default.
 */
export const endpointOf = ({ settings, options }: Load): string => {
  const { cdnURL, cdnSettings = {} } = settings as Loose;
  const own = hubOf(options);
  const { apiHost, protocol } = own.apiHost ? own : hubOf(cdnSettings);
  const host = options.apiHost || settings.apiHost || apiHost;
  if (host) return whole(host as string, own.protocol ?? protocol);
  return cdnURL && settings.cdnSettings ? new URL('/v1', whole(cdnURL)).href : '';
};

/** Whether this configuration needs what the small engine is without. */
export const needsFull = (config: Loose): boolean =>
  config.hub === false || ['consent', 'destinations', 'retry', 'sessionTimeout', 'settings'].some((key) => config[key]);

/** The engine's configuration from what `load` was given. JSON leaves out what is undefined. */
export const configOf = (load: Load, endpoint: string, together = TOGETHER): Loose => {
  const { settings, options } = load as { settings: Loose; options: Loose };
  const { writeKey, cdnURL } = settings;
  const { deliveryStrategy, httpConfig } = hubOf(options);
  const { size = 10, timeout = 5000 } =
    deliveryStrategy?.strategy === 'batching' ? (deliveryStrategy.config ?? {}) : { size: 100, timeout: together };
  const url =
    settings.settingsUrl ??
    options.settingsUrl ??
    (cdnURL && !settings.cdnSettings && `${cdnURL.replace(/(\/v1)?\/*$/, '')}/v1/projects/${writeKey}/settings`);
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
      ? { url: whole(url), followApiHost: options.followApiHost, defaults: options.plan && { plan: options.plan } }
      : undefined,
    sessionTimeout: options.sessionTimeout || undefined,
    ...options.engine,
  };
};
