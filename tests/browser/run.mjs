// Scenarios in which web SDKs lose events, in a real browser against the real collector.
//
//   HEADWATER_BIN=PATH node run.mjs [--sdk NAME,NAME] [--only TEXT] [--table FILE] [--browser chromium,firefox]
//
// In Firefox (Node 20: with --experimental-websocket) those scenarios run that need nothing of Chromium's own.
// WEB_DIST is our built package, PEERS_DIST the bundled peers. Ours is asserted: nothing lost, nothing twice, in order.
// What peers do is counted and shown. Closing line: N passed, N failed.
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launch } from './harness/browser.mjs';
import { launchFirefox } from './harness/firefox.mjs';
import { startCollector } from './harness/collector.mjs';
import { startSink } from './harness/sink.mjs';
import { startSite } from './harness/site.mjs';
import { openWorld } from './harness/world.mjs';
import { scenarios } from './scenarios/index.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values: asked } = parseArgs({
  options: { sdk: { type: 'string', default: 'headwater' }, only: { type: 'string', default: '' }, table: { type: 'string' }, browser: { type: 'string', default: 'chromium' } },
});
const names = asked.sdk.split(',');
/** What a scenario may take; most take seconds. */
const MINUTES = 3;
const collector = await startCollector();
const sink = await startSink();
const site = await startSite({
  collector: collector.url,
  folders: {
    pages: join(here, 'pages'),
    web: process.env.WEB_DIST ?? join(here, '../../sdk-web/dist'),
    peers: process.env.PEERS_DIST ?? join(here, 'peers/node_modules/.bundles'),
  },
});
const launchers = { chromium: () => launch({ handleSIGTERM: false, handleSIGINT: false }), firefox: launchFirefox };
let browser;
const stop = async () => {
  await browser?.close();
  await site.stop();
  await sink.stop();
  await collector.stop();
};
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop().finally(() => process.exit(1)));

const results = [];
let passed = 0;
let failed = 0;
try {
  for (const kind of asked.browser.split(',')) {
    browser = await launchers[kind]();
    console.log(`── ${kind} ${browser.version()}`);
    for (const scenario of scenarios) {
      if (!scenario.name.includes(asked.only) || (scenario.chromium && kind !== 'chromium')) continue;
      const players = names.filter((name) => !scenario.sdks || scenario.sdks.includes(name));
      for (const row of await Promise.all(players.map((name) => play(kind, scenario, name)))) {
        if (kind === 'chromium') results.push(row);
        console.log(`${row.verdict.padEnd(5)} ${row.sdk.padEnd(9)} ${row.scenario.padEnd(20)} ${line(row)}`);
        if (row.verdict === 'ok') passed++;
        if (row.verdict === 'FAIL') failed++;
      }
    }
    await browser.close();
    browser = undefined;
  }
} finally {
  await stop();
}
if (asked.table) await writeFile(asked.table, table());
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

/** A scenario that hangs has failed; the others go on. */
function within(minutes, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${minutes} minutes`)), minutes * 60_000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function play(kind, scenario, name) {
  const began = Date.now();
  const world = await openWorld(name, { kind, browser, collector, sink, site });
  const row = { sdk: name, scenario: scenario.name, sentence: scenario.sentence };
  try {
    await within(MINUTES, scenario.play(world));
    await world.arrival();
    // What would come twice has time to come: from a page that was opened again, when its engine is up.
    await world.pause(world.visited() ? 1_200 : 400);
    Object.assign(row, await world.count());
    const refused = world.sdk.ours ? await world.collector.rejected() : [];
    if (refused.length > 0) throw new Error(`the collector rejected ${JSON.stringify(refused[0])}`);
  } catch (error) {
    row.error = String(error.message).split('\n')[0];
  } finally {
    await world.close();
  }
  row.note = world.note;
  row.late = row.lost === undefined ? 0 : Math.max(0, (world.late ?? 0) - row.lost);
  row.seconds = (Date.now() - began) / 1000;
  if (world.sdk.ours && world.faults.length > 0) row.error ??= `error in the page: ${world.faults[0]}`;
  const right = !row.error && row.lost === 0 && row.twice === 0 && row.disorder === 0;
  row.verdict = world.sdk.ours ? (right ? 'ok' : 'FAIL') : 'peer';
  return row;
}

function line(row) {
  const parts = [];
  if (row.error) parts.push(row.error);
  if (row.calls) parts.push(`lost ${row.lost} of ${row.calls}, twice ${row.twice}, out of order ${row.disorder}, sent again ${row.resent}`);
  if (row.note) parts.push(row.note);
  return `${parts.join('; ')} (${row.seconds.toFixed(1)} s)`;
}

/** A Markdown table of Chromium's results: scenarios down, SDKs across; lost, and what else is wrong. */
function table() {
  const cell = (row) => {
    if (!row) return '–';
    if (row.calls === undefined) return 'throws';
    const more = [row.late && `${row.late} late`, row.twice && `${row.twice} twice`, row.disorder && 'order broken'].filter(Boolean).join(', ');
    return `${row.lost}${more ? ` (${more})` : ''}`;
  };
  const head = `| scenario | calls | ${names.join(' | ')} |\n|---|---|${names.map(() => '---|').join('')}`;
  const body = scenarios.map((scenario) => {
    const rows = names.map((name) => results.find((row) => row.scenario === scenario.name && row.sdk === name));
    return `| ${scenario.sentence} | ${rows.find((row) => row?.calls)?.calls ?? ''} | ${rows.map(cell).join(' | ')} |`;
  });
  return `${head}\n${body.join('\n')}\n`;
}
