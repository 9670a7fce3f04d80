// Our package as it is shipped: dist/ served as it lies, so chunks and WebAssembly are fetched as on a real site.
import { AnalyticsBrowser } from '/web/index.js';

let analytics;
globalThis.sdk = {
  start({ writeKey, endpoint, settings, options }) {
    analytics = AnalyticsBrowser.load({ writeKey, ...(settings && { cdnURL: settings }) }, { apiHost: `${endpoint}/v1`, ...options });
    analytics.catch((error) => console.error(`load: ${error}`));
    globalThis.analytics = analytics;
  },
  track: (event, properties) => void analytics.track(event, properties),
  ready: () => analytics.then(() => true),
};
