import { AnalyticsBrowser } from '@segment/analytics-next';

let analytics;
globalThis.sdk = {
  start({ writeKey, endpoint, settings, options }) {
    const { host, protocol } = new URL(endpoint);
    analytics = AnalyticsBrowser.load(
      { writeKey, cdnURL: settings },
      { ...options, integrations: { 'Segment.io': { apiHost: `${host}/v1`, protocol: protocol.slice(0, -1) } } },
    );
    analytics.catch(() => {});
  globalThis.analytics = analytics;
  },
  track: (event, properties) => void analytics.track(event, properties).catch(() => {}),
  ready: () => analytics.then(() => true),
};
