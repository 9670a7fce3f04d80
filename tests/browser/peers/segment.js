import { AnalyticsBrowser } from '@segment/analytics-next';

let analytics;
globalThis.sdk = {
  /** `bare`: what it integrates, and where it sends, is the options' affair. */
  start({ writeKey, endpoint, settings, options, bare }) {
    const { host, protocol } = new URL(endpoint);
    const hub = { 'Segment.io': { apiHost: `${host}/v1`, protocol: protocol.slice(0, -1) } };
    analytics = AnalyticsBrowser.load({ writeKey, cdnURL: settings }, bare ? options : { ...options, integrations: hub });
    analytics.catch(() => {});
    globalThis.analytics = analytics;
  },
  track: (event, properties) => void analytics.track(event, properties).catch(() => {}),
  ready: () => analytics.then(() => true),
};
