// The browser or the site refuses what an SDK would like to have.
import { cookiesBlocked } from '../harness/browser.mjs';

export const refusals = [
  {
    name: 'cookies blocked',
    chromium: true,
    sentence: 'the visitor blocked all site data: every storage throws',
    async play(world) {
      const profile = await world.profile({ preferences: cookiesBlocked });
      const page = await world.open();
      const refused = await page.evaluate(() => {
        try {
          return !localStorage;
        } catch {
          return true;
        }
      });
      if (!refused) throw new Error('the browser did not refuse the storage');
      await world.call(page, 10);
      await world.pause(500);
      world.expect(10);
      await page.evaluate((to) => globalThis.callsAndLeave(10, to), `${world.site}/elsewhere`);
      await page.waitForURL('**/elsewhere');
    },
  },
  {
    name: 'storage throws',
    sentence: 'localStorage and IndexedDB throw at every call',
    async play(world) {
      world.context = await world.newContext();
      await world.context.addInitScript(() => {
        const refuse = () => {
          throw new DOMException('refused', 'SecurityError');
        };
        Object.assign(Storage.prototype, { getItem: refuse, setItem: refuse, removeItem: refuse, key: refuse });
        IDBFactory.prototype.open = refuse;
      });
      const page = await world.open();
      await world.call(page, 20);
    },
  },
  {
    name: 'IndexedDB hangs',
    sentence: 'IndexedDB never answers',
    async play(world) {
      world.context = await world.newContext();
      await world.context.addInitScript(() => {
        IDBFactory.prototype.open = () => new EventTarget();
      });
      const page = await world.open();
      await world.call(page, 20);
      await world.arrival();
      await world.closeTab(page);
      await world.visit();
    },
  },
  {
    name: 'quota full',
    chromium: true,
    sentence: 'localStorage is full to the last byte, and the origin has no quota left',
    async play(world) {
      world.context = await world.newContext();
      const filler = await world.context.newPage();
      await filler.goto(`${world.site}/elsewhere`);
      await filler.evaluate(() => {
        for (let size = 1 << 20, i = 0; size >= 1; ) {
          try {
            localStorage.setItem(`filler${i}`, 'x'.repeat(size));
            i++;
          } catch {
            size = Math.floor(size / 2);
          }
        }
      });
      const session = await world.context.newCDPSession(filler);
      await session.send('Storage.overrideQuotaForOrigin', { origin: world.site, quotaSize: 0 });
      const page = await world.open();
      const full = await page.evaluate(() => {
        try {
          localStorage.setItem('one more', 'byte');
          return false;
        } catch {
          return true;
        }
      });
      if (!full) throw new Error('there was room left');
      await world.call(page, 20);
    },
  },
  {
    name: 'strict CSP',
    sentence: 'the page allows no WebAssembly, no eval, no inline code',
    async play(world) {
      const page = await world.open({ csp: 'strict' });
      const compiled = await page.evaluate(() => WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)).then(() => true, () => false));
      if (compiled) throw new Error('the policy did not forbid WebAssembly');
      await world.call(page, 20);
      await world.arrival();
      world.expect(20);
      await page.evaluate((to) => globalThis.callsAndLeave(20, to), `${world.site}/elsewhere`);
      await page.waitForURL('**/elsewhere');
      await world.visit({ csp: 'strict' });
    },
  },
  {
    name: 'guard blocked',
    chromium: true,
    sdks: ['headwater'],
    sentence: 'the code for plugins is blocked: what a source middleware was to see is reported, and never sent as it was',
    async play(world) {
      world.context = await world.newContext();
      await world.context.route('**/plugins-*.js', (route) => route.abort());
      const page = await world.open();
      await page.evaluate(() => {
        globalThis.reports = [];
        globalThis.analytics.on('report', ({ reason }) => globalThis.reports.push(reason));
        globalThis.analytics.addSourceMiddleware(({ payload, next }) => next(payload));
        globalThis.calls(5);
      });
      await page.waitForFunction(() => globalThis.reports.length === 5);
      const reasons = await page.evaluate(() => [...new Set(globalThis.reports)].join());
      if (reasons !== 'plugin_failed') throw new Error(`reported as ${reasons}`);
      await world.visit();
      await world.pause(1_000);
      if (world.link.bodies.length > 0) throw new Error('something was sent');
    },
  },
];
