import { jitsuAnalytics } from '@jitsu/js';

let analytics;
globalThis.sdk = {
  start({ writeKey, endpoint }) {
    analytics = jitsuAnalytics({ writeKey, host: endpoint });
  },
  track: (event, properties) => void Promise.resolve(analytics.track(event, properties)).catch(() => {}),
  ready: async () => true,
};
