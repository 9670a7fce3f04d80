// The SDK, as any page uses it: events go to this site's own address, which passes them on to the collector.
import { AnalyticsBrowser } from '/sdk/index.js';

export const analytics = AnalyticsBrowser.load(
  { writeKey: 'zeltplatz' },
  {
    apiHost: '/t/v1',
    // Before the visitor chose, events wait on the device.
    consent: { model: 'opt-in', categories: ['analytics', 'ads'], gpc: ['ads'] },
  },
);

const KEY = 'zeltplatz-choice';

/** What the visitor chose: `{ analytics, ads }`, or `null` before. */
export const choice = () => JSON.parse(localStorage.getItem(KEY) ?? 'null');

/** Takes a choice over, without a reload. */
export const choose = (decision) => {
  localStorage.setItem(KEY, JSON.stringify(decision));
  return analytics.setConsent(decision);
};

/** Where the collector's live page is. */
export const showLive = async (link) => {
  link.href = (await (await fetch('/collector')).json()).url;
};
