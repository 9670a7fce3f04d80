// The page goes away while events are young.
import { crash, crashed, killed, renderers } from '../harness/browser.mjs';

export const leaving = [
  {
    name: 'navigation',
    sentence: 'twenty calls and the page leaves in the same tick',
    async play(world) {
      const page = await world.open();
      world.expect(20);
      await page.evaluate((to) => globalThis.callsAndLeave(20, to), `${world.site}/elsewhere`);
      await page.waitForURL('**/elsewhere');
      await world.noteNow('before the next visit');
      await world.visit();
    },
  },
  {
    name: 'navigation at once',
    sentence: 'twenty calls right after load(), and the page leaves in the same tick',
    async play(world) {
      world.expect(20);
      const page = await world.open({ ready: false, calls: 20, leave: '/elsewhere' });
      await page.waitForURL('**/elsewhere');
      await world.visit();
    },
  },
  {
    name: 'script build',
    sentence: 'the script build behind its snippet: twenty calls before it came, and twenty in the tick in which the page leaves',
    sdks: ['headwater'],
    async play(world) {
      world.expect(40);
      const page = await world.open({ script: 1, calls: 20 });
      await page.evaluate((to) => globalThis.callsAndLeave(20, to), `${world.site}/elsewhere`);
      await page.waitForURL('**/elsewhere');
      await world.noteNow('before the next visit');
      await world.visit();
    },
  },
  {
    name: 'navigation, large',
    sentence: 'two hundred calls, more than keepalive takes, and the page leaves in the same tick',
    async play(world) {
      const page = await world.open();
      world.expect(200);
      await page.evaluate((to) => globalThis.callsAndLeave(200, to), `${world.site}/elsewhere`);
      await page.waitForURL('**/elsewhere');
      await world.visit();
    },
  },
  {
    name: 'tab closed',
    sentence: 'twenty calls and the tab is closed',
    async play(world) {
      const page = await world.open();
      await world.call(page, 20);
      await world.closeTab(page);
      await world.noteNow('before the next visit');
      await world.visit();
    },
  },
  {
    name: 'slow server',
    sentence: 'the page leaves while its request waits a second for the answer',
    async play(world) {
      const page = await world.open();
      await world.link.set({ delay: 1_000 });
      await world.call(page, 20);
      await world.heard();
      await page.goto(`${world.site}/elsewhere`);
      await world.link.set({ up: true });
      await world.visit();
    },
  },
  {
    name: 'no answer',
    sentence: 'a request with twenty calls ends without an answer; then twenty more, and the page leaves in the same tick',
    sdks: ['headwater'],
    async play(world) {
      const page = await world.open();
      await world.link.set({ cut: true });
      await world.call(page, 20);
      await world.tried();
      await world.link.set({ up: true });
      world.expect(20);
      await page.evaluate((to) => globalThis.callsAndLeave(20, to), `${world.site}/elsewhere`);
      await page.waitForURL('**/elsewhere');
      await world.noteNow('before the next visit');
      await world.visit();
    },
  },
  {
    name: 'renderer crash',
    chromium: true,
    sentence: 'fifty calls with the server down, the renderer crashes, the site is opened again',
    async play(world) {
      const page = await world.open();
      await world.link.set({ down: true });
      await world.call(page, 50);
      await crash(page);
      await page.close();
      await world.link.set({ up: true });
      await world.visit();
    },
  },
  {
    name: 'renderer killed',
    chromium: true,
    sentence: 'fifty calls with the server down from the start, SIGKILL for the renderer, the site is opened again',
    async play(world) {
      const profile = await world.profile();
      await world.link.set({ down: true });
      const page = await world.open({ ready: false });
      await page.waitForFunction(() => globalThis.started);
      await world.call(page, 50);
      const gone = crashed(page);
      await killed(await renderers(profile.context.browser()));
      await gone;
      await page.close();
      await world.link.set({ up: true });
      await world.visit();
    },
  },
  {
    name: 'browser quit',
    chromium: true,
    sentence: 'twenty calls with the server down, the browser is quit and started again on the next day',
    async play(world) {
      const profile = await world.profile();
      const page = await world.open();
      await world.link.set({ down: true });
      await world.call(page, 20);
      await world.pause(500);
      await profile.quit();
      await world.link.set({ up: true });
      world.context = await profile.again();
      await world.visit();
    },
  },
  {
    name: 'bfcache',
    chromium: true,
    sentence: 'calls before and after a round trip through the back/forward cache',
    async play(world) {
      // Playwright turns the cache off; here it is on.
      const profile = await world.profile({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
      const page = await world.open();
      await world.call(page, 20);
      await page.evaluate((to) => void setTimeout(() => (location.href = to)), `${world.site}/elsewhere`);
      await page.waitForURL('**/elsewhere');
      await world.pause(500);
      await page.evaluate(() => void setTimeout(() => history.back()));
      await world.pause(1_000);
      const restored = () => page.evaluate(() => globalThis.restored > 0).catch(() => false);
      for (const end = Date.now() + 10_000; Date.now() < end && !(await restored()); ) await world.pause(50);
      world.note = await page.evaluate(() =>
        globalThis.restored ? '' : `not restored: ${JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons?.reasons ?? 'no reason given')}`,
      );
      if (world.note && world.sdk.ours) throw new Error(world.note);
      // A page that was loaded anew counts from one again.
      if (world.note) {
        await page.goto(world.address({ from: 20 }));
        await world.ready(page);
      }
      await world.call(page, 20);
    },
  },
];
