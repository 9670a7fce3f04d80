// The live page where a hub is behind the log: an opened event shows its way, to its end.
//
//   HEADWATER_BIN=path/to/headwater node hub.mjs
//
// CHROMIUM names another browser than /usr/bin/chromium.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startCollector } from './collector.mjs';

const binary = process.env.HEADWATER_BIN;
if (!binary) {
  console.error('set HEADWATER_BIN to the hub');
  process.exit(2);
}
// The destination: fails until it is told to take events.
let open = false;
const destination = createServer((request, answer) => {
  request.resume().on('end', () => answer.writeHead(open ? 200 : 503).end());
});
await new Promise((resolve) => destination.listen(0, '127.0.0.1', resolve));
const hub = await startCollector(binary, undefined, {
  workspace: fileURLToPath(new URL('../../examples/hub', import.meta.url)),
  env: { ECHO_URL: `http://127.0.0.1:${destination.address().port}` },
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const faults = [];
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
page.setDefaultTimeout(60_000);
page.on('pageerror', (error) => faults.push(error.message));
page.on('console', (line) => line.type() === 'error' && faults.push(line.text()));
await page.goto(hub.url);
await page.locator('#state[data-state=live]').waitFor();

async function track(event, properties) {
  await fetch(`${hub.url}/v1/track`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('demo:')}` },
    body: JSON.stringify({ userId: 'u1', messageId: `m-${event}`, event, properties }),
  });
  await page.locator('#list .row:visible', { hasText: event }).click();
  return page.locator('#detail .way li');
}

let passed = 0;
let failed = 0;
async function test(sentence, proof) {
  try {
    await proof();
    passed++;
    console.log(`ok   ${sentence}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${sentence}\n     ${String(error.stack ?? error).split('\n').slice(0, 6).join('\n     ')}`);
  }
}

await test('an opened event shows what its plan found, that its destination fails, and that it was delivered in the end', async () => {
  const way = await track('Order Completed', { total: 'free' });
  await way.filter({ hasText: 'trying again' }).waitFor();
  assert.match(await way.first().innerText(), /properties\.order_id is required/);
  assert.match(await way.nth(1).innerText(), /failed: 503/);
  open = true;
  await way.filter({ hasText: 'delivered' }).waitFor();
});

await test('an event that a filter keeps back says which', async () => {
  const way = await track('Rehearsal', {});
  await way.filter({ hasText: 'dropped' }).waitFor();
  assert.match(await way.nth(1).innerText(), /filter:no-rehearsals dropped/);
});

await test('the browser found nothing to complain about', () => assert.deepEqual(faults, []));

await browser.close();
await hub.remove();
destination.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
