// What the conformance runner asks for, played by the web SDK in whatever it runs in. The contract:
// tests/conformance/README.md. `host` is what differs:
//   create(settings, options, input)  `{ analytics, instance, close() }`
//   die()                             ends the process, or the page, as a crash does; does not return
//   say(...)                          logs
const TIMEOUT = 10_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const defined = (object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
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
  return defined({
    apiHost: apiHost ?? undefined,
    consent: ours.consent,
    followApiHost: ours.followApiHost,
    engine: defined({
      contentType: 'application/json',
      // The engine leaves it out, since pages would pay a preflight; a server names the header itself.
      headers: (ours.basicAuth ?? true) ? { Authorization: `Basic ${btoa(`${writeKey}:`)}` } : undefined,
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

async function play(input, host) {
  const { writeKey, cdnHost, sequences = [], config = {}, headwater: ours = {} } = input;
  const settings = {
    writeKey,
    ...(cdnHost && { cdnURL: cdnHost }),
  };
  const { analytics, instance: loaded, close } = host.create(settings, optionsOf(input), input);
  const reports = {};
  const told = {};
  const refused = [];
  let sentBatches = 0;
  analytics.on('report', ({ reason, count }) => {
    host.say(`${count} events lost: ${reason}`);
    reports[reason] = (reports[reason] ?? 0) + count;
  });
  let settled = false;
  analytics.on('diagnostic', ({ kind, detail }) => {
    if (['redirected', 'not_found', 'no_endpoint'].includes(kind)) told[kind] = (told[kind] ?? 0) + 1;
    if (kind === 'batch_delivered') sentBatches++;
    else host.say(kind, detail);
  });
  const instance = await loaded;
  for (const until = Date.now() + 15000; ours.awaitSettings && !settled && Date.now() < until; await sleep(5)) {
    settled = Object.keys(instance.settings.cdnSettings ?? {}).length > 0;
  }
  let calls = 0;
  for (const { delayMs = 0, consent, events = [], flush } of sequences) {
    await sleep(delayMs);
    if (consent) analytics.setConsent(consent);
    const answers = events.map((event) => {
      const answer = call(analytics, event).catch((error) => {
        host.say(`refused: ${error.message}`);
        refused.push(error.message);
      });
      // No destructor, no flush.
      if (++calls === ours.crashAfter) host.die();
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
  await close();
  const dropped = Object.values(reports).reduce((sum, count) => sum + count, 0);
  const success = dropped + pending + refused.length === 0;
  const waiting = last?.waitingFor ?? 'nothing';
  const error = `${refused.length} calls refused, ${dropped} events dropped, ${pending} pending (waiting for ${waiting})`;
  return { success, sentBatches, pending, reports, told, refused, ...(!success && { error }) };
}

/** The answer, whatever happens. */
export const run = (input, host) =>
  play(input, host).catch((error) => ({ success: false, sentBatches: 0, error: `${error?.message ?? error}` }));
