// `node cli.mjs --input '<json>'`: the web SDK as the conformance runner drives it, by its /core entry. The contract:
// tests/conformance/README.md. One JSON document on stdout, logs on stderr, exit code 0 when every event was delivered.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAnalytics } from '../dist/core.js';
import { fileJournal, fileStore } from './storage.mjs';

const TIMEOUT = 10_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const withScheme = (host) => (host.includes('://') ? host : `https://${host}`);
const defined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
const seconds = (ms) => (ms === undefined ? undefined : ms / 1000);

/** What `load` is given, and what only a test may set of the engine's. */
function optionsOf({ apiHost, writeKey, config = {}, headwater: ours = {} }) {
  const backoffConfig = defined({
    maxRetryCount: config.maxRetries,
    baseBackoffInterval: seconds(ours.backoffMs),
    maxBackoffInterval: seconds(ours.maxBackoffMs),
    maxTotalBackoffDuration: seconds(ours.maxTotalMs),
  });
  const rateLimitConfig = defined({ maxRetryCount: ours.maxRateLimited });
  const { directory } = ours;
  const kept = directory && ours.durability !== 'memory';
  return defined({
    apiHost: withScheme(apiHost),
    consent: ours.consent,
    followApiHost: ours.followApiHost,
    store: kept ? fileStore(directory) : undefined,
    // Nothing is written of who has not agreed.
    journal: kept && ours.consent?.hold !== 'memory' ? fileJournal(join(directory, 'journal')) : undefined,
    engine: defined({
      contentType: 'application/json',
      // The engine leaves it out, since pages would pay a preflight; a server names the header itself.
      headers: (ours.basicAuth ?? true) ? [['Authorization', `Basic ${btoa(`${writeKey}:`)}`]] : undefined,
      gzip: ours.gzip ?? true,
      flushAt: config.flushAt,
      flushInterval: config.flushInterval,
      flushBytes: ours.flushBytes,
      maxBatchBytes: 500_000,
      maxBatchEvents: ours.maxBatchEvents,
      requestTimeout: ours.requestTimeoutMs,
      quota: ours.quotaEvents ? { events: ours.quotaEvents } : undefined,
      retry: { backoffConfig, rateLimitConfig },
    }),
  });
}

/** One of the six calls; its ids travel as options, as everything that a call names for itself alone. */
function call(analytics, event) {
  const { type, userId, anonymousId, messageId, timestamp, context, integrations } = event;
  const options = defined({ userId, anonymousId, messageId, timestamp, context, integrations });
  switch (type) {
    case 'track':
      return analytics.track(event.event, event.properties ?? {}, options);
    case 'identify':
      return analytics.identify(userId, event.traits ?? {}, options);
    case 'page':
    case 'screen':
      return analytics[type](event.category ?? null, event.name ?? null, event.properties ?? {}, options);
    case 'group':
      return analytics.group(event.groupId, event.traits ?? {}, options);
    case 'alias':
      return analytics.alias(userId ?? '', event.previousId ?? null, options);
    default:
      return Promise.reject(new Error(`unknown type ${type}`));
  }
}

async function run(input) {
  const { writeKey, cdnHost, sequences = [], config = {}, headwater: ours = {} } = input;
  if (!input.apiHost) throw new Error('the input names no apiHost');
  const settings = {
    writeKey,
    ...(cdnHost && { cdnURL: withScheme(cdnHost).replace(/\/$/, '').replace(/\/v1$/, '') }),
  };
  const analytics = createAnalytics(settings, optionsOf(input));
  const reports = {};
  const refused = [];
  let sentBatches = 0;
  analytics.on('report', ({ reason, count }) => {
    console.error(`${count} events lost: ${reason}`);
    reports[reason] = (reports[reason] ?? 0) + count;
  });
  let settled = false;
  analytics.on('diagnostic', ({ kind, detail }) => {
    if (kind === 'batch_delivered') sentBatches++;
    else console.error(kind, detail);
  });
  const instance = await analytics.ready();
  for (const until = Date.now() + 5000; ours.awaitSettings && !settled && Date.now() < until; await sleep(5)) {
    settled = Object.keys(instance.settings.cdnSettings ?? {}).length > 0;
  }
  let calls = 0;
  for (const { delayMs = 0, consent, events = [], flush } of sequences) {
    await sleep(delayMs);
    if (consent) analytics.setConsent(consent);
    const answers = events.map((event) => {
      const answer = call(analytics, event).catch((error) => {
        console.error(`refused: ${error.message}`);
        refused.push(error.message);
      });
      // No destructor, no flush: as a process that dies.
      if (++calls === ours.crashAfter) process.kill(process.pid, 'SIGKILL');
      return answer;
    });
    await Promise.all(answers);
    if (flush) await analytics.flush();
  }
  const until = Date.now() + (config.timeout === undefined ? TIMEOUT : config.timeout * 1000);
  let last;
  do {
    const rest = Math.max(until - Date.now(), 0);
    last = await Promise.race([analytics.flush(), sleep(rest).then(() => last)]);
    if (!last?.pending || last.retryIn > rest) break;
    await sleep(Math.min(last.retryIn ?? 20, rest));
  } while (Date.now() < until);
  const pending = last?.pending ?? calls;
  await analytics.close();
  const dropped = Object.values(reports).reduce((sum, count) => sum + count, 0);
  const success = dropped + pending + refused.length === 0;
  const waiting = last?.waitingFor ?? 'nothing';
  const error = `${refused.length} calls refused, ${dropped} events dropped, ${pending} pending (waiting for ${waiting})`;
  return { success, sentBatches, pending, reports, refused, ...(!success && { error }) };
}

const [flag, text = ''] = process.argv.slice(2);
if (flag !== '--input') {
  console.log("node cli.mjs --input '<json>' | --input @FILE");
  process.exit(2);
}
const answer = await Promise.resolve()
  .then(() => run(JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text)))
  .catch((error) => ({ success: false, sentBatches: 0, error: `${error?.message ?? error}` }));
console.log(JSON.stringify(answer));
process.exit(answer.success ? 0 : 1);
