// The example that people try first, as a visitor uses it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const serve = fileURLToPath(new URL('../../../examples/web/serve.mjs', import.meta.url));

/** Opens the shop of examples/web on a free port: `{ url, close() }`. */
async function openShop(collector) {
  const child = spawn(process.execPath, [serve, '--port', '0', '--collector', collector], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise((resolve, reject) => {
    lines.on('line', (line) => resolve(/http:\S+/.exec(line)?.[0]));
    closed.then(() => reject(new Error('the shop did not open')));
  });
  return {
    url,
    async close() {
      child.kill('SIGTERM');
      await closed;
    },
  };
}

export const shop = [
  {
    name: 'the shop',
    sentence: 'the example shop: nothing before the choice, then all of it in order, and the order that leaves the page',
    sdks: ['headwater'],
    chromium: true,
    async play(world) {
      const shop = await openShop(world.collector.url);
      world.named.push(new URL(shop.url).origin);
      try {
        const page = await (await world.newContext()).newPage();
        page.setDefaultTimeout(60_000);
        page.on('pageerror', (error) => world.faults.push(error.message));
        const arrived = async () => {
          const events = await world.collector.events();
          return events.filter(({ context }) => context.page?.url?.startsWith(shop.url)).map(({ event, type }) => event ?? type);
        };
        const wanted = async (names) => {
          for (const end = Date.now() + 30_000; Date.now() < end; await world.pause(100)) if ((await arrived()).length >= names.length) break;
          const found = await arrived();
          if (found.join() !== names.join()) throw new Error(`the collector has ${found.join(', ') || 'nothing'}, not ${names.join(', ')}`);
        };
        await page.goto(shop.url);
        await page.click('text=Add Headlamp Luciole 400 to cart');
        await world.pause(1_500);
        await wanted([]);
        await page.click('button:has-text("Accept all")');
        const before = ['page', 'Product List Viewed', 'Product Added', 'Segment Consent Preference Updated'];
        await wanted(before);
        await page.click('button:has-text("Cart")');
        await page.click('button:has-text("Place the order")');
        await page.waitForURL('**/thanks.html*');
        await wanted([...before, 'Cart Viewed', 'Order Completed', 'page']);
      } finally {
        await shop.close();
      }
    },
  },
];
