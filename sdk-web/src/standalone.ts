/**
 * The script build: for `<script src=".../standalone.js">`, alone or behind Segment's snippet. Takes over the calls that
 * the snippet buffered, in their order, and stands in its place.
 */
import { AnalyticsBrowser, type InitOptions } from './index.js';

type Buffered = unknown[] & { _writeKey?: string; _loadOptions?: InitOptions; _cdn?: string };

const script = document.currentScript as HTMLScriptElement | null;
const name = script?.dataset.globalSegmentAnalyticsKey ?? 'analytics';
const page = window as unknown as Record<string, unknown>;
const buffered = (page[name] ?? []) as Buffered;
const writeKey =
  script?.dataset.writeKey ??
  (page.analyticsWriteKey as string | undefined) ??
  buffered._writeKey ??
  /\/analytics\.js\/v1\/([^/]+)\//.exec(script?.src ?? '')?.[1];

const analytics = new AnalyticsBrowser();
const methods = analytics as unknown as Record<string, (...args: unknown[]) => unknown>;
for (const [method, ...args] of Array.isArray(buffered) ? (buffered as [string, ...unknown[]][]) : [])
  methods[method]?.(...args);
page[name] = analytics;
page.AnalyticsBrowser = AnalyticsBrowser;
if (writeKey) {
  const { apiHost } = script?.dataset ?? {};
  analytics.load(
    { writeKey, ...(buffered._cdn && { cdnURL: buffered._cdn }), ...(apiHost && { apiHost }) },
    buffered._loadOptions,
  );
  analytics.then(([instance]) => {
    page[name] = instance;
  });
}
