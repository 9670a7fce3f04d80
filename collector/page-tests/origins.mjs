// What pages of other origins may do with the collector, in a real browser: read what their SDK needs, and nothing else.
// One page stands for a shop that sends events, one for a stranger's whose name points to this machine.
//
//   HEADWATER_BIN=path/to/headwater node origins.mjs
//
// CHROMIUM names another browser than /usr/bin/chromium.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { startCollector } from './collector.mjs';

const binary = process.env.HEADWATER_BIN;
if (!binary) {
  console.error('set HEADWATER_BIN to the collector');
  process.exit(2);
}

const site = createServer((_, answer) => answer.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>shop</title>'));
await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
const dev = await startCollector(binary);
const full = await startCollector(binary, `
[server]
public_url = "https://hub.example"
[storage]
dir = "DATA"
min_free_bytes = 1000000000000000000
[[sources]]
name = "web"
write_keys = ["wk"]
`);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    // A bar of this browser's own, which other browsers have not.
    '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWarn,BlockInsecurePrivateNetworkRequests',
    '--host-resolver-rules=MAP evil.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'],
});
const at = async (url) => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  return page;
};

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

// localhost and 127.0.0.1 are two sites to a browser, so requests between them are cross-site and preflights are real.
const shop = `http://localhost:${site.address().port}`;

await test('a page of another origin reads Retry-After of a 503, with and without a preflight', async () => {
  const page = await at(shop);
  for (const headers of [{ 'content-type': 'text/plain' }, { 'content-type': 'application/json', authorization: `Basic ${btoa('wk:')}` }]) {
    const answer = await page.evaluate(async ([url, sent]) => {
      const body = JSON.stringify({ event: 'E', userId: 'u', writeKey: 'wk' });
      const response = await fetch(`${url}/v1/t`, { method: 'POST', headers: sent, body });
      return [response.status, response.headers.get('retry-after')];
    }, [full.url, headers]);
    assert.deepEqual(answer, [503, '30']);
  }
});

await test('a page of another origin reads its settings document, and asks for it again without its body', async () => {
  const page = await at(shop);
  const read = () => page.evaluate(async (url) => {
    const response = await fetch(`${url}/v1/projects/wk/settings`, { cache: 'no-cache' });
    const segment = (await response.json()).integrations['Segment.io'];
    return `${segment.protocol}://${segment.apiHost}`;
  }, full.url);
  assert.equal(await read(), 'https://hub.example/v1');
  const again = page.waitForResponse(/settings/);
  assert.equal(await read(), 'https://hub.example/v1');
  assert.ok((await again).ok() || (await again).status() === 304);
});

await test('a page of another origin sends events to dev, and neither sees nor forgets any', async () => {
  const page = await at(shop);
  const outcome = await page.evaluate(async (url) => {
    const told = [];
    const sent = await fetch(`${url}/v1/t`, { method: 'POST', body: JSON.stringify({ event: 'Secret', userId: 'u', writeKey: 'k' }) });
    told.push(sent.status);
    for (const path of ['/_inspect/good', '/_inspect/all', '/_events']) {
      await fetch(url + path).then(() => told.push('read'), () => told.push('kept'));
    }
    await fetch(`${url}/_inspect/reset`, { method: 'POST', mode: 'no-cors' }).catch(() => {});
    await new Promise((resolve) => {
      const image = new Image();
      image.onload = image.onerror = resolve;
      image.src = `${url}/_inspect/reset`;
    });
    const form = Object.assign(document.createElement('form'), { method: 'POST', action: `${url}/_inspect/reset` });
    document.body.append(form);
    setTimeout(() => form.submit());
    return told;
  }, dev.url);
  assert.deepEqual(outcome, [200, 'kept', 'kept', 'kept']);
  await page.waitForURL(/_inspect\/reset/);
  assert.match(await page.locator('body').innerText(), /cross_site/);
  const left = await (await fetch(`${dev.url}/_inspect/good`)).json();
  assert.deepEqual(left.items.map((item) => item.event.event), ['Secret']);
});

await test('a page whose own name was made to point to this machine sees no event', async () => {
  const { port } = new URL(dev.url);
  const page = await (await browser.newContext()).newPage();
  // What it loaded before the name moved, from the same origin.
  const origin = `http://evil.example:${port}`;
  await page.route(`${origin}/trap`, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto(`${origin}/trap`);
  const read = await page.evaluate(async () => {
    const told = [];
    for (const [method, path] of [['GET', '/_inspect/good'], ['GET', '/_events'], ['GET', '/'], ['POST', '/_inspect/reset']]) {
      const response = await fetch(path, { method });
      told.push([response.status, (await response.text()).includes('Secret')]);
    }
    return told;
  });
  assert.deepEqual(read, Array.from({ length: 4 }, () => [403, false]));
});

await browser.close();
site.close();
await Promise.all([dev.remove(), full.remove()]);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
