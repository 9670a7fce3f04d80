// What web SDKs cost a page, side by side in the same Chromium against the same collector.
//
//   HEADWATER_BIN=PATH node bench.mjs      WEB_ROUNDS=5 rounds, WEB_SDKS=headwater,segment,rudder,snowplow
//
// The SDKs take turns, each page load in a fresh private window. Figures are medians over the rounds. The run fails when
// not all of ours arrive.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFile } from 'node:fs/promises';
import { launch } from '../../tests/browser/harness/browser.mjs';
import { startCollector } from '../../tests/browser/harness/collector.mjs';
import { labelsOf, tally } from '../../tests/browser/harness/count.mjs';
import { startSink } from '../../tests/browser/harness/sink.mjs';
import { startSite } from '../../tests/browser/harness/site.mjs';
import { openWorld } from '../../tests/browser/harness/world.mjs';

const CALLS = 1_000;
const ROUND_TRIP = 100;
const PEER = 'analytics-next';
const titles = { headwater: 'headwater', segment: PEER, rudder: 'rudderstack', snowplow: 'snowplow', posthog: 'posthog' };
const rounds = Number(process.env.WEB_ROUNDS ?? 5);
const names = (process.env.WEB_SDKS ?? 'headwater,segment,rudder,snowplow').split(',');

const here = dirname(fileURLToPath(import.meta.url));
const browserTests = join(here, '../../tests/browser');
const peers = process.env.PEERS_DIST ?? join(browserTests, 'peers/node_modules/.bundles');
const preload = JSON.parse(await readFile(join(peers, 'preload.json')));

const collector = await startCollector();
const sink = await startSink();
const folders = { pages: join(browserTests, 'pages'), web: process.env.WEB_DIST ?? join(here, '../../sdk-web/dist'), peers };
const site = await startSite({ collector: collector.url, folders, preload });
const browser = await launch();

/** @type {Map<string, {track: number[], cpu: number[], first: number[], requests: number[], lost: number[], bare: number[], script: number[]}>} */
const figures = new Map(names.map((name) => [name, { track: [], cpu: [], first: [], requests: [], lost: [], bare: [], script: [] }]));

try {
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      await withWorld(name, costs);
      await withWorld(name, (world, into) => firstEvent(world, into.first, { built: 1 }));
      if (name !== 'headwater') continue;
      await withWorld(name, (world, into) => firstEvent(world, into.bare, { built: 1, bare: 1 }));
      await withWorld(name, (world, into) => firstEvent(world, into.script, { script: 1 }));
    }
  }
} finally {
  await browser.close();
  await site.stop();
  await sink.stop();
  await collector.stop();
}
report();

async function withWorld(name, measure) {
  const world = await openWorld(name, { browser, collector, sink, site });
  try {
    await measure(world, figures.get(name));
  } finally {
    await world.close();
  }
}

/** A thousand calls on a page that is at rest: the time of the calls, and the thread's until the last one arrived. */
async function costs(world, into) {
  const page = await world.open({ built: 1 });
  await world.pause(700);
  const session = await page.context().newCDPSession(page);
  // CPU time of the thread, so that what else the machine does is not counted.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const thread = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find((each) => each.name === 'TaskDuration').value * 1_000;
  };
  const before = await thread();
  const took = await page.evaluate(
    ([event, calls]) => {
      const properties = { tab: 'a', n: 0, sku: 'PET-301', name: 'Headlamp Luciole 400', category: 'Light', price: 39.9, currency: 'EUR', quantity: 2 };
      const began = performance.now();
      for (let n = 1; n <= calls; n++) globalThis.sdk.track(event, { ...properties, n });
      return performance.now() - began;
    },
    [world.run, CALLS],
  );
  const lost = () => tally(labelsOf(world.link.bodies, world.run), { a: CALLS }).lost;
  let missing = CALLS;
  for (let since = Date.now(); lost() > 0 && Date.now() - since < 6_000; await world.pause(100)) {
    if (lost() < missing) since = Date.now();
    missing = lost();
  }
  into.lost.push(lost());
  if (world.sdk.ours && lost() > 0) throw new Error(`${lost()} of ${CALLS} calls did not arrive`);
  // What follows the answers belongs to it.
  await world.pause(500);
  into.cpu.push((await thread()) - before);
  into.track.push((took * 1_000) / CALLS);
  into.requests.push(world.link.requests.length);
}

/** From the start of the navigation until the collector has the first event, everything a round trip away. */
async function firstEvent(world, into, more) {
  await world.link.set({ delay: ROUND_TRIP });
  site.delay = ROUND_TRIP;
  try {
    const page = await world.open({ ready: false, calls: 1, ...more });
    for (const end = Date.now() + 20_000; ; await world.pause(5)) {
      const heard = world.link.bodies.findIndex((body) => labelsOf(body, world.run).length > 0);
      if (heard >= 0) {
        into.push(world.link.heard[heard] - (await page.evaluate(() => performance.timeOrigin)));
        return;
      }
      if (Date.now() > end) throw new Error(`${world.sdk.name}: the first event did not arrive`);
    }
  } finally {
    site.delay = 0;
  }
}

function report() {
  const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
  const all = names.map((name) => {
    const { track, cpu, first, requests, lost, bare, script } = figures.get(name);
    return { name, track: median(track), cpu: median(cpu), first: median(first), bare: median(bare), script: median(script), requests: median(requests), lost: median(lost), spread: [track, cpu, first].map((each) => [Math.min(...each), Math.max(...each)]) };
  });
  const digits = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(0));
  const cell = (value, [low, high]) => `${digits(value)} (${digits(low)}–${digits(high)})`.padEnd(22);
  console.log(`${browser.version()}, ${rounds} rounds; median (least–greatest)`);
  console.log(`${''.padEnd(16)}${'µs a call'.padEnd(22)}${`CPU ms, ${CALLS} events`.padEnd(22)}${'first event ms'.padEnd(22)}${'requests'.padEnd(10)}lost`);
  for (const each of all) {
    console.log(`${titles[each.name].padEnd(16)}${cell(each.track, each.spread[0])}${cell(each.cpu, each.spread[1])}${cell(each.first, each.spread[2])}${String(each.requests).padEnd(10)}${each.lost}`);
  }
  const ours = all.find((each) => each.name === 'headwater');
  const peer = all.find((each) => each.name === 'segment');
  if (!ours || !peer) return;
  const lines = [
    ['web_track_us', 'track', 'us'],
    ['web_main_thread_ms', 'cpu', 'ms'],
    ['web_first_event_ms', 'first', 'ms'],
  ];
  for (const [line, key, unit] of lines) {
    bench(line, ours[key], unit, peer[key]);
  }
  // By a build that announces nothing, and by the script build, whose snippet does.
  bench('web_first_event_bare_ms', ours.bare, 'ms', peer.first);
  bench('web_first_event_script_ms', ours.script, 'ms', peer.first);

  function bench(line, value, unit, other) {
    console.log(`BENCH name=${line} value=${digits(value)} unit=${unit} vs=${PEER} ratio=${(value / other).toFixed(3)}`);
  }
}
