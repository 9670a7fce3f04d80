import type { Host } from './port.js';

type Loose = Record<string, any>;

/** What waits at most: 10 MB, 10,000 events, 30 days. A site shares a browser's storage with itself. */
const QUOTA = { bytes: 10e6, events: 10_000 };
/** What is said within so many milliseconds goes out together. */
const TOGETHER = 5;
/** Browsers let 64 KiB outlive a page. */
const MAX_BATCH = 60_000;

const hubOf = ({ options }: Pick<Host, 'options'>): Loose => (options.integrations as Loose)?.['Segment.io'] ?? {};
const given = ({ settings, options }: Pick<Host, 'settings' | 'options'>): string | undefined =>
  options.apiHost ?? settings.apiHost ?? (hubOf({ options }).apiHost as Loose[string]);

/** Where events go: an address, `host/path`, or a path of the page's own origin. */
export const endpointOf = (load: Pick<Host, 'settings' | 'options'>): string => {
  const hub = hubOf(load);
  const host = given(load) ?? 'api.segment.io/v1';
  if (/^https?:/.test(host)) return host;
  return /^[/.]/.test(host) ? new URL(host, location.href).href : `${hub.protocol ?? 'https'}://${host}`;
};

/** Whether this configuration needs what the small engine is without. */
export const needsFull = (config: Loose): boolean =>
  ['consent', 'destinations', 'retry', 'sessionTimeout', 'settings'].some((key) => key in config);

/** The engine's configuration from what `load` was given. */
export const configOf = (
  host: Pick<Host, 'settings' | 'options'>,
  endpoint: string,
  context: Loose,
  together = TOGETHER,
): Loose => {
  const { settings, options } = host;
  const { writeKey, cdnURL } = settings;
  const hub = hubOf(host);
  const { strategy, config: batch = {} } = (hub.deliveryStrategy ?? {}) as Loose;
  const batching = strategy === 'batching';
  const url =
    settings.settingsUrl ??
    options.settingsUrl ??
    (cdnURL && !settings.cdnSettings && `${cdnURL}/v1/projects/${writeKey}/settings`);
  return {
    writeKey,
    endpoint,
    contentType: 'text/plain',
    quota: { ...QUOTA, ...(options.quota as Loose) },
    maxBatchBytes: MAX_BATCH,
    flushBytes: MAX_BATCH,
    flushAt: batching ? (batch.size ?? 10) : 100,
    flushInterval: batching ? (batch.timeout ?? 5000) : together,
    ...(hub.httpConfig && { retry: hub.httpConfig }),
    ...(!!options.consent && { consent: options.consent }),
    ...(!!url && { settings: { url, followApiHost: options.followApiHost ?? !given(host) } }),
    ...(!!options.sessionTimeout && { sessionTimeout: options.sessionTimeout }),
    ...(options.engine as Loose | undefined),
    context,
  };
};
