import type { Host } from './port.js';

type Loose = Record<string, any>;

/** What waits at most: 10 MB, 10,000 events, 30 days. A site shares a browser's storage with itself. */
const QUOTA = { bytes: 10e6, events: 10_000 };
/** Browsers let 64 KiB outlive a page. */
const MAX_BATCH = 60_000;

/** Where events go: an address, `host/path`, or a path of the page's own origin. */
export const endpointOf = ({ settings, options }: Pick<Host, 'settings' | 'options'>): string => {
  const hub = ((options.integrations as Loose)?.['Segment.io'] ?? {}) as Loose;
  const host: string = (options.apiHost ?? settings.apiHost ?? hub.apiHost ?? 'api.segment.io/v1') as string;
  if (/^https?:/.test(host)) return host;
  return /^[/.]/.test(host) ? new URL(host, location.href).href : `${hub.protocol ?? 'https'}://${host}`;
};

/** The engine's configuration from what `load` was given. */
export const configOf = (host: Pick<Host, 'settings' | 'options'>, endpoint: string, context: Loose): Loose => {
  const { settings, options } = host;
  const { writeKey, cdnURL } = settings;
  const hub = (options.integrations as Loose)?.['Segment.io'] as Loose | undefined;
  const { strategy, config: batch = {} } = (hub?.deliveryStrategy ?? {}) as Loose;
  const batching = strategy === 'batching';
  const url =
    settings.settingsUrl ??
    options.settingsUrl ??
    (cdnURL && !settings.cdnSettings && `${cdnURL}/v1/projects/${writeKey}/settings`);
  return {
    writeKey,
    endpoint,
    contentType: 'text/plain',
    basicAuth: false,
    quota: { ...QUOTA, ...(options.quota as Loose) },
    maxBatchBytes: MAX_BATCH,
    flushAt: batching ? (batch.size ?? 10) : 1,
    flushInterval: batching ? (batch.timeout ?? 5000) : 0,
    ...(hub?.httpConfig && { retry: hub.httpConfig }),
    ...(!!options.consent && { consent: options.consent }),
    ...(!!url && { settings: { url } }),
    ...(!!options.sessionTimeout && { sessionTimeout: options.sessionTimeout }),
    ...(options.engine as Loose | undefined),
    context,
  };
};
