import { RudderAnalytics } from '@rudderstack/analytics-js/bundled';

const analytics = new RudderAnalytics();
globalThis.sdk = {
  start({ writeKey, endpoint, settings, options }) {
    analytics.load(writeKey, endpoint, { configUrl: settings, ...options });
  },
  track: (event, properties) => analytics.track(event, properties),
  ready: () => new Promise((resolve) => analytics.ready(() => resolve(true))),
};
