// One scenario with one SDK: a link of its own, a context of its own, pages, and the count at the end.
import { randomBytes } from 'node:crypto';
import { launchProfile } from './browser.mjs';
import { labelsOf, tally } from './count.mjs';
import { startLink } from './link.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The SDKs: `store` says where what arrived is counted: in the collector's log, or at the link for an SDK that does not
 * speak the tracking API. `settings` turns a site and a mode into what the SDK takes for it.
 */
export const sdks = {
  headwater: { store: 'collector', ours: true },
  segment: { store: 'collector', settings: (site, mode) => `${site}/settings/${mode}` },
  rudder: { store: 'collector', settings: (site, mode) => `${site}/settings/${mode}/v1` },
  snowplow: { store: 'link' },
  posthog: { store: 'link' },
  jitsu: { store: 'link' },
  fetch: { store: 'collector' },
};

/** Opens a world. `parts`: `{ kind, browser, collector, sink, site }`. */
export async function openWorld(name, parts) {
  const sdk = { name, ...sdks[name] };
  const run = `run-${randomBytes(6).toString('hex')}`;
  const link = await startLink(sdk.store === 'collector' ? parts.collector.url : parts.sink.url);
  const contexts = [];
  const profiles = [];
  const faults = [];
  const expected = {};
  /** Every request of the pages, in order: `{ method, url, at }`. */
  const asked = [];
  /** Ours asks nobody but the site itself, the hub, and what the hub's settings name: the collector behind the link. */
  const named = [parts.site.url, link.url, parts.collector.url];
  const watch = (context) => {
    context.on?.('request', (request) => {
      const url = request.url();
      asked.push({ method: request.method(), url, at: Date.now() });
      if (!sdk.ours || !/^(http|ws)/.test(url)) return;
      if (!named.includes(new URL(url).origin)) faults.push(`a request to a host that nobody named: ${url}`);
    });
    return context;
  };
  let visits = 0;

  const world = {
    sdk,
    run,
    link,
    faults,
    asked,
    /** Origins that the page names; a scenario with pages of its own adds theirs. */
    named,
    collector: parts.collector,
    site: parts.site.url,
    browser: parts.browser,
    pause,

    /** Another private window; the first one is `world.context`. */
    async newContext(options) {
      const context = await parts.browser.newContext(options);
      contexts.push(watch(context));
      return context;
    },
    /** A browser with a profile on disk for this scenario; `world.context` is its context. */
    async profile(options) {
      const profile = await launchProfile(options);
      profiles.push(profile);
      world.context = watch(profile.context);
      return profile;
    },
    /** The page's address: `tab` names its calls; `settings`, `csp`, `options`, `calls`, `leave` as pages/page.js reads. */
    address({ tab = 'a', settings = 'ok', options, ...more } = {}) {
      const asked = new URLSearchParams({ sdk: name, run, tab, to: link.url, ...more });
      if (sdk.settings) asked.set('settings', sdk.settings(parts.site.url, settings));
      else if (more.withSettings) asked.set('settings', `${parts.site.url}/settings/${settings}`);
      if (options) asked.set('options', JSON.stringify(options));
      return `${parts.site.url}/page?${asked}`;
    },
    /** Opens a tab on the site; with `ready` (default) it waits until the SDK says that it is. */
    async open({ ready = true, ...more } = {}) {
      world.context ??= await world.newContext();
      const page = await world.context.newPage();
      page.setDefaultTimeout(60_000);
      page.on('pageerror', (error) => faults.push(error.message));
      await page.goto(world.address(more), { waitUntil: 'commit' });
      if (ready) await world.ready(page);
      return page;
    },
    async ready(page) {
      await page.waitForFunction(() => globalThis.started);
      // Peers may never say so.
      const patience = sdk.ours ? 30_000 : 3_000;
      await page.evaluate((ms) => Promise.race([globalThis.sdk.ready?.(), new Promise((resolve) => setTimeout(resolve, ms))]), patience);
    },
    /** Closes the tab as its user does: the page hears of it. */
    async closeTab(page) {
      const closed = page.waitForEvent('close');
      await page.close({ runBeforeUnload: true });
      await closed;
    },
    /** `count` calls in one tick of the page. */
    async call(page, count, tab = 'a') {
      world.expect(count, tab);
      await page.evaluate((each) => globalThis.calls(each), count);
    },
    expect(count, tab = 'a') {
      expected[tab] = (expected[tab] ?? 0) + count;
    },
    /** The visitor comes back: a new tab. Peers get a call there, since some begin to send only with the next one. */
    visit: (more) => world.open({ tab: `visit${++visits}`, ready: false, ...(!sdk.ours && { calls: 1 }), ...more }),
    visited: () => visits > 0,
    /** Another call of a peer, for the same reason; it is not counted. Ours goes on by itself. */
    nudge: (page) => sdk.ours || page.evaluate((event) => globalThis.sdk.track(event, { tab: 'later', n: 1 }), run),

    async labels() {
      if (sdk.store === 'link') return labelsOf(link.bodies, run);
      const answer = await fetch(`${parts.collector.url}/_inspect/good?event=${run}&limit=1000`);
      return labelsOf((await answer.json()).items.map((each) => each.event).reverse(), run);
    },
    /** Waits until the collector was given `requests` requests with events, or for half a minute. */
    async heard(requests = 1) {
      for (const end = Date.now() + 30_000; link.bodies.length < requests && Date.now() < end; ) await pause(20);
    },
    /** Waits until a page heard that its request came to nothing, or for half a minute. */
    async tried() {
      const asked = () => link.requests.some(({ method }) => method === 'POST');
      for (const end = Date.now() + 30_000; !asked() && Date.now() < end; ) await pause(20);
      await pause(100);
    },
    /** Waits until all calls arrived, or nothing new came for `quiet` milliseconds (RudderStack needs up to 12 s). */
    async arrival({ quiet = sdk.ours ? 8_000 : 13_000 } = {}) {
      let count = -1;
      for (let since = Date.now(); Date.now() - since < quiet; await pause(60)) {
        const now = tally(await world.labels(), expected);
        if (now.lost === 0) return;
        if (now.lost !== count) {
          count = now.lost;
          since = Date.now();
        }
      }
    },
    /**
     * Notes how many are still missing now. Ours must miss none in Chromium. In Firefox, a tab that is closed on a busy
     * machine sometimes leaves the rest for the next visit; that is noted, too.
     */
    async noteNow(when) {
      await world.arrival({ quiet: 8_000 });
      const { lost } = tally(await world.labels(), expected);
      world.late = lost;
      if (lost > 0) world.note = `${lost} missing ${when}`;
      if (lost > 0 && sdk.ours && parts.kind !== 'firefox') throw new Error(world.note);
    },
    /** The count, from the collector's log on disk: `{ calls, lost, twice, disorder, resent }`. */
    async count() {
      const kept = sdk.store === 'link' ? link.bodies : (await parts.collector.events()).filter((each) => each.event === run);
      const received = tally(labelsOf(link.bodies, run), expected);
      return { ...tally(labelsOf(kept, run), expected), resent: received.twice };
    },
    async close() {
      for (const context of contexts) await context.close().catch(() => {});
      for (const profile of profiles) await profile.remove();
      await link.stop();
    },
  };
  return world;
}
