import { newTracker, trackStructEvent } from '@snowplow/browser-tracker';

globalThis.sdk = {
  start({ writeKey, endpoint }) {
    newTracker(writeKey, endpoint, { appId: 'site' });
  },
  // A structured event: category the run, label the tab, value the number of the call.
  track: (event, { tab, n }) => trackStructEvent({ category: event, action: 'call', label: tab, value: n }),
  ready: async () => true,
};
