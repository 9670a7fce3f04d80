// The live page as a person meets it: a real collector, events over HTTP, a real browser.
//
//   HEADWATER_BIN=path/to/headwater node test.mjs          starts its own collector on a free port
//   node test.mjs http://127.0.0.1:8765                    uses one that runs, in development mode and empty
//
// CHROMIUM names another browser than /usr/bin/chromium.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { startCollector } from './collector.mjs';

const given = process.argv[2];
const binary = process.env.HEADWATER_BIN;
if (!given && !binary) {
  console.error('set HEADWATER_BIN to the collector, or give the address of one that runs');
  process.exit(2);
}
const collector = given ? { url: given, remove: async () => {} } : await startCollector(binary);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

const faults = [];
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'], ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (line) => {
    const away = /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_NETWORK|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/.test(line.text());
    if (line.type() === 'error' && !away) faults.push(line.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(collector.url) && !request.url().startsWith('data:')) faults.push(`asked another machine: ${request.url()}`);
  });
  page.on('dialog', (dialog) => (faults.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  await page.goto(collector.url);
  await page.locator('#state[data-state=live]').waitFor();
  return page;
}

async function send(path, body, headers = {}) {
  const answer = await fetch(collector.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${btoa('page-test:')}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  await answer.arrayBuffer();
  return answer.status;
}

const track = (event, more = {}) => send('/v1/track', { userId: 'u1', event, ...more });
const row = (page, text) => page.locator('#list .row:visible', { hasText: text });
const until = async (claim, ms = 30_000) => {
  for (const end = Date.now() + ms; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      return await claim();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
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

const page = await open();

await test('an empty collector teaches how to send, with its own address', async () => {
  assert.equal(await page.locator('#connectTitle').textContent(), 'Waiting for the first event');
  const host = new URL(collector.url).host;
  for (const tab of await page.locator('#languages [role=tab]').all()) {
    await tab.click();
    const code = await page.locator('#code').textContent();
    assert.ok(code.includes(host) && code.includes('dev'), `${await tab.textContent()}: ${code}`);
  }
  await page.locator('#languages [role=tab]').first().click();
  await page.locator('#copyCode').click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl http/);
});

await test('the button sends a real event, and it is seen', async () => {
  await page.locator('#test').click();
  await row(page, 'Product Viewed').waitFor();
  await until(async () => assert.match(await page.locator('#test').textContent(), /On disk in \d+ ms|Send a test event/));
  assert.equal(await page.locator('#connect').isVisible(), false);
});

await test('events appear newest first, with type, name, user and source', async () => {
  await track('Opening Call', { properties: { colour: 'blue' } });
  await send('/v1/identify', { userId: 'u2', traits: { name: 'Ada' } });
  await send('/v1/page', { anonymousId: 'a3', name: 'Home' });
  await row(page, 'Home').waitFor();
  const texts = await page.locator('#list .row:visible').evaluateAll((rows) => rows
    .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
    .map((each) => each.innerText.replace(/\s+/g, ' ')));
  assert.match(texts[0], /page Home .*a3/);
  assert.match(texts[1], /identify Ada .*u2/);
  assert.match(texts[2], /track Opening Call .*colour: blue.*u1/);
});

await test('an opened event shows its facts and its JSON, and copies it', async () => {
  await row(page, 'Opening Call').click();
  const detail = page.locator('#detail');
  await detail.waitFor();
  const text = await detail.innerText();
  for (const part of ['Opening Call', 'User', 'u1', 'Message ID', 'Received', 'Lag', 'Source', '"colour"', '"blue"']) assert.ok(text.includes(part), `${part} in ${text}`);
  await detail.locator('.bar .copy').click();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(copied.event, 'Opening Call');
  assert.equal(copied.type, 'track');
});

await test('j and k walk the list, escape closes', async () => {
  const title = () => page.locator('#detail h2').textContent();
  await page.keyboard.press('k');
  assert.equal(await title(), 'Ada');
  await page.keyboard.press('k');
  assert.equal(await title(), 'Home');
  await page.keyboard.press('j');
  assert.equal(await title(), 'Ada');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#detail').isVisible(), false);
});

await test('a rejected event has its place, its code and what to do', async () => {
  await send('/v1/batch', { batch: [{ type: 'track', event: 'Nobody Did This' }] });
  await row(page, 'Nobody Did This').waitFor();
  await page.locator('label', { hasText: 'Rejected' }).click();
  await until(async () => assert.equal(await page.locator('#list .row:visible').count(), 1));
  await row(page, 'Nobody Did This').click();
  const text = await page.locator('#detail').innerText();
  assert.match(text, /Rejected\s+no_user_anon_id/);
  assert.match(text, /What to do: .*userId/);
  await page.keyboard.press('Escape');
  await page.locator('label', { hasText: 'All' }).first().click();
});

await test('a request that is refused as a whole is told too', async () => {
  await send('/v1/batch', '{"batch": [oops');
  await row(page, 'Refused request').waitFor();
  await row(page, 'Refused request').click();
  assert.match(await page.locator('#detail').innerText(), /Rejected[\s\S]*What to do/);
  await page.keyboard.press('Escape');
});

await test('a duplicate is marked, and listed apart', async () => {
  await track('Twice', { messageId: 'twice-1' });
  await track('Twice', { messageId: 'twice-1' });
  await row(page, 'duplicate').waitFor();
  await page.locator('label', { hasText: 'Duplicates' }).click();
  await until(async () => assert.equal(await page.locator('#list .row:visible').count(), 1));
  await page.locator('#list .row:visible').click();
  assert.match(await page.locator('#detail').innerText(), /Duplicate[\s\S]*twice-1/);
  await page.keyboard.press('Escape');
  await page.locator('label', { hasText: 'All' }).first().click();
});

await test('types and text filter the list, and one click takes the filters away', async () => {
  await page.locator('#types [data-type=identify]').click();
  await until(async () => assert.equal(await page.locator('#list .row:visible').count(), 1));
  await page.locator('#types [data-type=identify]').click();
  await page.keyboard.press('/');
  await page.keyboard.type('BLUE');
  await until(async () => assert.equal(await page.locator('#list .row:visible').count(), 1));
  assert.equal(await row(page, 'Opening Call').count(), 1);
  await page.fill('#search', 'nothing has this in it');
  await page.locator('#unfilter').click();
  await until(async () => assert.ok((await page.locator('#list .row:visible').count()) > 5));
  assert.equal(await page.locator('#search').inputValue(), '');
});

await test('a source can be chosen', async () => {
  await page.selectOption('#source', 'dev');
  await until(async () => assert.ok((await row(page, 'Opening Call').count()) === 1 && (await row(page, 'Refused request').count()) === 0));
  await page.selectOption('#source', '');
});

await test('paused, the list stands still and counts what arrives; resumed, it is all there', async () => {
  await page.locator('#list').focus();
  await page.keyboard.press(' ');
  for (let i = 0; i < 3; i++) await track(`While Paused ${i}`);
  await until(async () => assert.match(await page.locator('#pause').innerText(), /Resume · 3 new/));
  assert.equal(await row(page, 'While Paused').count(), 0);
  await page.keyboard.press(' ');
  await until(async () => assert.equal(await row(page, 'While Paused').count(), 3));
});

await test('the totals are the collector’s', async () => {
  const totals = await (await fetch(`${collector.url}/_inspect/all`)).json();
  await until(async () => {
    assert.equal(await page.locator('#accepted').textContent(), String(totals.good));
    assert.equal(await page.locator('#rejected').textContent(), String(totals.bad));
    assert.equal(await page.locator('#duplicates').textContent(), String(totals.duplicates));
  });
});

await test('hostile events are text and nothing else', async () => {
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  await track(evil, { userId: evil, properties: { [evil]: evil, __proto__: 1, constructor: evil } });
  await track('\u202Egnp.exe مرحبا بالعالم 👩‍👩‍👧 \u0000\u0007', { messageId: 'rtl-1' });
  let deep = 1;
  for (let i = 0; i < 50; i++) deep = { deep };
  await track('Deep', { properties: deep });
  await track('Long', { properties: { long: 'y'.repeat(28_000) } });
  await track('Wide', { properties: Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`key ${i}`, i])) });
  await track('N'.repeat(20_000));
  await send('/v1/batch', { batch: [null, 7, 'text', ['list'], { type: { no: 'type' }, userId: ['u'], event: { a: 1 } }] });
  for (const name of [evil, 'مرحبا', 'Deep', 'Long', 'Wide', 'NNNN']) {
    const found = page.locator('#list .row:visible', { hasText: name }).first();
    await found.waitFor();
    await found.click();
    assert.equal(await page.locator('#detail').isVisible(), true);
    const right = await page.locator('#detail').evaluate((panel) => panel.scrollWidth - panel.clientWidth);
    assert.ok(right <= 1, `${name.slice(0, 20)} is ${right} px too wide`);
  }
  assert.equal(await page.locator('#detail img, #list img, #detail script, #list script').count(), 0);
  await row(page, 'Long').click();
  await page.locator('#detail .more').click();
  assert.ok((await page.locator('#detail .json').innerText()).includes('y'.repeat(28_000)));
  await page.keyboard.press('Escape');
});

await test('an event too large to show is cut, and the page says how large it is and where all of it is', async () => {
  const pad = 'large '.repeat(40_000);
  await send('/v1/batch', { batch: [{ type: 'track', event: 'Too Large', userId: 'u-large', properties: { pad } }] });
  await row(page, 'Too Large').waitFor();
  await row(page, 'Too Large').click();
  const text = await page.locator('#detail').innerText();
  assert.match(text, /Rejected\s+event_too_large/);
  assert.match(text, /234\.\d KB/);
  assert.match(text, /headwater export --rejected/);
  assert.ok(text.includes('u-large') && text.includes('large large large'));
  const right = await page.locator('#detail').evaluate((panel) => panel.scrollWidth - panel.clientWidth);
  assert.ok(right <= 1, `${right} px too wide`);
  await page.keyboard.press('Escape');
});

await test('a page that was too slow says how many events it lost', async () => {
  const context = await browser.newContext();
  const slow = await context.newPage();
  const message = { id: 8, kind: 'good', receivedAt: new Date().toISOString(), source: 'dev', type: 'track', event: { type: 'track', event: 'After The Gap' } };
  const stats = { accepted: 8, duplicates: 0, rejected: 0, skippedBytes: 3_500_000, logBytes: 9 };
  const body = `event: stats\ndata: ${JSON.stringify(stats)}\n\nevent: skipped\ndata: {"count":7}\n\nevent: good\nid: 8\ndata: ${JSON.stringify(message)}\n\n`;
  await slow.route('**/_events?*', (route) => route.fulfill({ status: 200, contentType: 'text/event-stream', body }));
  await slow.goto(collector.url);
  await row(slow, 'After The Gap').first().waitFor();
  await until(async () => assert.match(await slow.locator('#kept').textContent(), /\b\d*7 skipped/));
  assert.match(await slow.locator('#kept').textContent(), /3\.3 MB came too fast to show/);
  await context.close();
});

await test('a page that is turned away says why and when it asks again', async () => {
  for (const [status, told] of [[503, /^Too many readers, again in \d+ s$/], [429, /^Too many wrong tokens, again in \d+ s$/]]) {
    const context = await browser.newContext();
    const late = await context.newPage();
    await late.route('**/_events?*', (route) => route.fulfill({ status, headers: { 'retry-after': '5' }, body: '{}' }));
    await late.goto(collector.url);
    await late.locator('#state[data-state=waiting]').waitFor();
    assert.match(await late.locator('#stateText').textContent(), told);
    await context.close();
  }
});

await test('a reader further down stays where they are, and is told of what is new', async () => {
  await send('/v1/batch', { batch: Array.from({ length: 120 }, (_, i) => ({ type: 'track', userId: 'u', event: `Scroll ${i}` })) });
  await page.locator('#list').evaluate((list) => (list.scrollTop = 0));
  await row(page, 'Scroll 119').waitFor();
  await page.locator('#list').evaluate((list) => (list.scrollTop = 1_800));
  await page.waitForTimeout(200);
  const before = await row(page, 'Scroll 60').boundingBox();
  await track('Above');
  await until(async () => assert.match(await page.locator('#newer').innerText(), /1 new/));
  const after = await row(page, 'Scroll 60').boundingBox();
  assert.ok(Math.abs(before.y - after.y) < 2, `${before.y} → ${after.y}`);
  await page.locator('#newer').click();
  await row(page, 'Above').waitFor();
});

await test('clear empties the list and keeps it empty over a reload of the stream', async () => {
  await page.locator('#clear').click();
  await until(async () => assert.equal(await page.locator('#list .row:visible').count(), 0));
  assert.match(await page.locator('#nothingText').textContent(), /Cleared/);
  await track('After Clear');
  await row(page, 'After Clear').waitFor();
});

await test('a page that opens later shows what came before', async () => {
  const later = await open({ colorScheme: 'dark', viewport: { width: 400, height: 800 } });
  await row(later, 'After Clear').waitFor();
  const wide = await later.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} px wider than a phone`);
  await row(later, 'After Clear').click();
  await later.locator('#detail .close').click();
  await later.context().close();
});

if (!given) {
  await test('when the collector goes, the page says so, and comes back by itself', async () => {
    await collector.end();
    await page.locator('#state[data-state=waiting]').waitFor();
    assert.match(await page.locator('#stateText').textContent(), /again in \d+ s/);
    await collector.again();
    await page.locator('#state[data-state=live]').waitFor({ timeout: 60_000 });
    await track('After Restart');
    await row(page, 'After Restart').waitFor();
    assert.equal(await row(page, 'After Clear').count(), 1);
  });
}

await test('a thousand events a second do not freeze it', async () => {
  const flooded = await open();
  // What a busy machine lets an empty page wait is no fault of this one.
  const empty = await (await browser.newContext()).newPage();
  const watch = () => {
    window.gaps = [];
    let last = performance.now();
    requestAnimationFrame(function frame(now) {
      window.gaps.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    });
  };
  await Promise.all([flooded.evaluate(watch), empty.evaluate(watch)]);
  const started = Date.now();
  for (let sent = 0; sent < 5_000; ) {
    while (sent < 5_000 && sent < Date.now() - started) {
      const batch = Array.from({ length: 50 }, () => ({ type: 'track', userId: `u${sent % 90}`, event: `Flood ${sent++}`, properties: { text: 'x'.repeat(300) } }));
      assert.equal(await send('/v1/batch', { batch }), 200);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await row(flooded, 'Flood 4999').waitFor({ timeout: 60_000 });
  const seen = await flooded.evaluate(() => ({ rows: document.querySelectorAll('.row').length, worst: Math.max(...window.gaps), kept: document.getElementById('kept').textContent }));
  assert.ok(seen.rows < 60, `${seen.rows} rows`);
  const usual = await empty.evaluate(() => Math.max(...window.gaps));
  assert.ok(seen.worst < 1_000 + usual, `the longest frame took ${seen.worst} ms, an empty page's ${usual} ms`);
  console.log(`     longest frame ${Math.round(seen.worst)} ms (of an empty page ${Math.round(usual)} ms), ${seen.rows} rows, ${seen.kept}`);
  await flooded.context().close();
  await empty.context().close();
});

await test('the page is served with a strict policy and revalidated', async () => {
  const first = await fetch(collector.url);
  assert.match(first.headers.get('content-security-policy'), /^default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.equal(first.headers.get('cache-control'), 'no-cache');
  const again = await fetch(collector.url, { headers: { 'if-none-match': first.headers.get('etag') } });
  assert.equal(again.status, 304);
});

await test('the browser found nothing to complain about', async () => assert.deepEqual(faults, []));

await browser.close();
await collector.remove();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
