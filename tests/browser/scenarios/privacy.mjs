// What a page leaves, and who gets its events, beside analytics-next in the same browser: equal, or less.
import { crash } from '../harness/browser.mjs';

const email = 'ann@private.example';
const hex = () => Math.random().toString(16).slice(2);
const until = async (world, holds, what) => {
  for (const end = Date.now() + 20_000; Date.now() < end; await world.pause(50)) if (await holds()) return;
  throw new Error(`not within 20 s: ${what}`);
};
const same = (what, ours, theirs) => {
  if (JSON.stringify(ours) !== JSON.stringify(theirs)) throw new Error(`${what}: ${JSON.stringify(ours)}, and with analytics-next ${JSON.stringify(theirs)}`);
};

/** A page with an SDK on it; `bare`: `integrations` are the options' alone, and what would go to Segment is answered here. */
async function open(world, context, sdk, key, options, { to = world.link.url, bare } = {}) {
  world.named.push(new URL(to).origin);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const asked = { sdk, run: key, to, options: JSON.stringify(options) };
  if (sdk === 'segment') Object.assign(asked, { settings: `${world.site}/settings/ok`, ...(bare && { bare: '1' }) });
  await page.goto(`${world.site}/page?${new URLSearchParams(asked)}`);
  await world.ready(page);
  return page;
}

/** Everything that the site finds in this browser. */
const inventory = () => {
  const answer = (request) => new Promise((ok, no) => Object.assign(request, { onsuccess: () => ok(request.result), onerror: () => no(request.error) }));
  const records = async ({ name }) => {
    const db = await answer(indexedDB.open(name));
    const found = [];
    for (const store of db.objectStoreNames) {
      const held = db.transaction(store).objectStore(store);
      const [keys, values] = await Promise.all([answer(held.getAllKeys()), answer(held.getAll())]);
      keys.forEach((key, i) => found.push([`${name}/${store}/${key}`, JSON.stringify(values[i])]));
    }
    db.close();
    return found;
  };
  return (async () => ({
    cookies: document.cookie.split('; ').filter(Boolean).map((cookie) => cookie.split('=')),
    localStorage: Object.entries(localStorage),
    sessionStorage: Object.entries(sessionStorage),
    indexedDB: (await Promise.all((await indexedDB.databases()).map(records))).flat(),
  }))();
};

/** Who the page's user is. */
const who = async () => {
  const [user, group] = [await globalThis.analytics.user(), await globalThis.analytics.group()];
  return { anonymousId: user.anonymousId(), id: user.id(), traits: user.traits() ?? {}, group: group.id(), properties: group.traits() ?? {} };
};

/** Takes the work from the list, some at a time. */
const each = async (list, work) => {
  const left = [...list];
  const next = async () => {
    while (left.length > 0) await work(left.shift());
  };
  await Promise.all([next(), next(), next(), next()]);
};

/** A window whose requests with events are answered here: what was sent. */
async function listen(context) {
  const sent = [];
  await context.route(/\/v1\/([tipgb]|batch)$/, (route) => {
    const body = JSON.parse(route.request().postData() ?? '{}');
    sent.push(...(body.batch ?? [body]));
    return route.fulfill({ status: 200, headers: { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' }, body: '{}' });
  });
  // Nothing else goes to Segment: neither metrics nor what its settings name.
  await context.route(/\/v1\/m$/, (route) => route.abort());
  return sent;
}

/** One visit: what is left of it, and who is there at the next one. `reached`: whether there is a hub. */
async function visit(world, sdk, options, reached) {
  const context = await world.newContext();
  const sent = reached ? await listen(context) : [];
  const key = `key-${hex()}`;
  const names = { id: `user-${hex()}`, group: `group-${hex()}`, size: `size-${hex()}` };
  // Nothing listens at that port.
  const page = await open(world, context, sdk, key, options, reached ? {} : { to: 'http://127.0.0.1:1' });
  await page.evaluate(
    async ([{ id, group, size }, email]) => {
      await globalThis.analytics.identify(id, { email });
      await globalThis.analytics.group(group, { size }).catch(() => {});
      await globalThis.analytics.track('Done', { id });
    },
    [names, email],
  );
  const { anonymousId } = await page.evaluate(who);
  const arrived = () => sent.some(({ event }) => event === 'Done');
  if (reached) await until(world, arrived, `${sdk}: the events of ${JSON.stringify(options)}`);
  const there = async () => JSON.stringify((await page.evaluate(inventory)).indexedDB).includes('Done');
  if (reached) await until(world, async () => !(await there()), `${sdk}: what was delivered is forgotten`);
  await page.goto(`${world.site}/elsewhere`);
  await page.evaluate(() => new Promise((done) => setTimeout(done, 200)));
  const left = await page.evaluate(inventory);
  const next = await open(world, context, sdk, key, options, reached ? {} : { to: 'http://127.0.0.1:1' });
  const again = await next.evaluate(who);
  await context.close();
  const secrets = { ...names, email, ...(anonymousId && { anonymousId }) };
  /** Texts in which what differs from SDK to SDK, and from run to run, has the same name. */
  const named = (text) => Object.entries(secrets).reduce((all, [name, secret]) => all.replaceAll(secret, `<${name}>`), String(text));
  const known = named(JSON.stringify({ ...again, anonymousId: again.anonymousId === anonymousId && !!anonymousId }));
  return { left, named, known: JSON.parse(known) };
}

const tags = (texts) => new Set(texts.flatMap((text) => text.match(/<\w+>/g) ?? []));

function compare(options, ours, theirs) {
  const at = JSON.stringify(options);
  for (const place of ['cookies', 'localStorage', 'sessionStorage']) {
    const told = ({ left, named }) => left[place].filter(([key]) => !key.startsWith('hw:') && !key.startsWith('persisted-queue:')).map(([key, text]) => `${key}=${named(decodeURIComponent(text))}`);
    const allowed = told(theirs);
    const more = told(ours).filter((each) => !allowed.includes(each));
    if (more.length > 0) throw new Error(`${at} leaves in ${place}: ${more}`);
  }
  // Our own database and journal may say of the user what analytics-next's localStorage says.
  const own = ours.left.localStorage.filter(([key]) => key.startsWith('hw:')).concat(ours.left.indexedDB);
  const allowed = tags(theirs.left.localStorage.map(([, text]) => theirs.named(text)));
  const more = [...tags(own.map(([, text]) => ours.named(text)))].filter((tag) => !allowed.has(tag));
  if (more.length > 0) throw new Error(`${at} leaves ${more} in ${own.map(([key]) => key)}`);
  same(`${at}: the next page knows`, ours.known, theirs.known);
}

const choices = [
  {},
  ...['user', 'group'].flatMap((of) => [
    { [of]: { persist: false } },
    { [of]: { disable: true } },
    { [of]: { localStorageFallbackDisabled: true } },
    { [of]: { storage: { stores: ['memory'] } } },
    { [of]: { storage: { stores: ['cookie', 'memory'] } } },
  ]),
  { storage: { stores: ['memory'] } },
  { storage: { stores: ['cookie', 'memory'] } },
  { storage: { stores: ['localStorage', 'memory'] } },
  { storage: { stores: ['memory'] }, group: { storage: { stores: ['localStorage'] } } },
  { disableClientPersistence: true },
];

/** The hub's own name says nothing here: analytics-next is configured by it. */
const bareName = (name) => name !== 'Segment.io';

/** Events of a page with these options, after `run`: their `integrations` as text, and what `run` answers. */
async function wire(world, sdk, options, run, given) {
  const context = await world.newContext();
  const sent = await listen(context);
  const page = await open(world, context, sdk, `key-${hex()}`, options, { bare: true });
  const answer = await page.evaluate(run, given);
  // What is sent is sent by then; that nothing comes cannot be waited for.
  await world.pause(700);
  await context.close();
  const wishes = sent.map(({ integrations = {} }) => Object.entries(integrations).filter(([name]) => bareName(name)));
  return { sent: wishes.map((wish) => JSON.stringify(wish.sort())).sort(), answer };
}

const waiting = [{}, { user: { persist: false } }, { user: { disable: true } }, { storage: { stores: ['memory'] } }, { disableClientPersistence: true }];

const permutations = [undefined, true, false].flatMap((All) =>
  [undefined, true, false, {}].map((hub) => ({ ...(All !== undefined && { All }), ...(hub !== undefined && { 'Segment.io': hub }) })),
);

export const privacy = [
  {
    name: 'what a page leaves',
    sentence: 'cookies, localStorage, sessionStorage and IndexedDB hold what analytics-next leaves, or less, under every option; so does who is there at the next page',
    sdks: ['headwater'],
    chromium: true,
    async play(world) {
      await each(choices, async (options) => {
        compare(options, await visit(world, 'headwater', options, true), await visit(world, 'segment', options, true));
      });
      // What could not be sent waits: analytics-next's in its persisted queue, ours in the journal and in IndexedDB.
      await each(waiting, async (options) => {
        compare(options, await visit(world, 'headwater', options, false), await visit(world, 'segment', options, false));
      });
    },
  },
  {
    name: 'left without a user',
    sentence: 'what a page of a forgotten user could not send goes out as that user with the next page, whose own events do not',
    sdks: ['headwater'],
    chromium: true,
    async play(world) {
      const options = { storage: { stores: ['memory'] } };
      await world.link.set({ down: true });
      const context = (world.context = await world.newContext());
      const first = await open(world, context, 'headwater', world.run, options);
      await first.evaluate(() => globalThis.analytics.identify('forgotten', {}));
      await world.call(first, 3);
      await crash(first);
      await world.link.set({ up: true });
      const second = await open(world, context, 'headwater', world.run, options);
      await second.evaluate(() => globalThis.analytics.track('own'));
      await world.arrival();
      const events = () => world.collector.events().then((all) => all.filter(({ event, context }) => event === world.run || (event === 'own' && context.page.url.includes(world.run))));
      await until(world, async () => (await events()).length === 4, 'all of it');
      const own = (await events()).filter(({ event }) => event === 'own');
      const left = (await events()).filter(({ event }) => event !== 'own');
      same('users', [left.map(({ userId }) => userId), own[0].userId ?? null], [['forgotten', 'forgotten', 'forgotten'], null]);
      if (own[0].anonymousId === left[0].anonymousId) throw new Error('the visits are tied together');
    },
  },
  {
    name: 'address',
    sentence: 'calls of the address pass middleware and plugins registered before load, lie in the journal when load returns, and go out though nothing else is called',
    sdks: ['headwater'],
    chromium: true,
    async play(world) {
      const context = await world.newContext();
      const load = async ([to, run]) => {
        const { AnalyticsBrowser } = await import('/web/index.js');
        const analytics = new AnalyticsBrowser();
        analytics.addSourceMiddleware(({ payload, next }) => {
          delete payload.obj.traits?.email;
          next(payload);
        });
        analytics.load({ writeKey: run }, { apiHost: `${to}/v1` });
        return Object.entries(localStorage).filter(([key]) => key.startsWith(`hw:${run}:j:`)).map(([, text]) => JSON.parse(text).m);
      };
      const ours = async (page) => {
        const all = (await world.collector.events()).filter(({ context }) => context.page?.url?.includes(page));
        return all.map(({ type, event, userId, traits }) => [event ?? type, userId ?? null, traits?.email ?? null]);
      };
      const [lives, dies] = [hex(), hex()];
      const address = (mark) => `${world.site}/elsewhere?mark=${mark}&ajs_uid=u9&ajs_trait_email=${email}&ajs_event=Landed`;
      const landed = [['identify', 'u9', null], ['Landed', 'u9', null]];
      const page = await context.newPage();
      await page.goto(address(lives));
      same('the journal', await page.evaluate(load, [world.link.url, world.run]), ['queryString']);
      await until(world, async () => (await ours(lives)).length === 2, 'what the address asks for');
      same('the hub has', await ours(lives), landed);
      // The same, in a page that dies before its engine is there.
      const second = await context.newPage();
      await second.route('**/web/engine.js', () => {});
      await second.goto(address(dies));
      await second.evaluate(load, [world.link.url, world.run]);
      await crash(second);
      const third = await context.newPage();
      await third.goto(`${world.site}/elsewhere`);
      await third.evaluate(load, [world.link.url, world.run]);
      await until(world, async () => (await ours(dies)).length === 2, 'what the dead page’s address asked for');
      same('the hub has', await ours(dies), landed);
    },
  },
  {
    name: 'hub left out',
    sentence: 'integrations of load keep the hub out where analytics-next does not load Segment.io, in all permutations',
    sdks: ['headwater'],
    chromium: true,
    async play(world) {
      const run = () => globalThis.analytics.track('A').then(() => {});
      await each(permutations, async (integrations) => {
        const [ours, theirs] = [await wire(world, 'headwater', { integrations }, run), await wire(world, 'segment', { integrations }, run)];
        same(JSON.stringify(integrations), ours.sent.length, theirs.sent.length);
      });
    },
  },
  {
    name: 'plan and plugins',
    sentence: 'what the plan blocks is on the wire as analytics-next sends it, and what is false stays false below',
    sdks: ['headwater'],
    chromium: true,
    async play(world) {
      const plan = { track: { X: { enabled: true, integrations: { amplitude: false, ga: true } }, Off: { enabled: false }, On: { enabled: true } } };
      const planned = async () => {
        for (const event of ['X', 'Off', 'On', 'Free']) await globalThis.analytics.track(event);
      };
      const beside = (run, options, given) => Promise.all(['headwater', 'segment'].map((sdk) => wire(world, sdk, options, run, given)));
      const [ours, theirs] = await beside(planned, { plan });
      same('the plan', ours.sent, theirs.sent);
      const below = async ([integrations, paths]) => {
        let calls = 0;
        const plugin = { isLoaded: () => true, load: () => Promise.resolve() };
        await globalThis.analytics.register(
          { ...plugin, name: 'session', type: 'enrichment', track: (ctx) => (paths.forEach((path) => ctx.updateEvent(path, 42)), ctx) },
          { ...plugin, name: 'Amplitude', type: 'destination', track: (ctx) => (calls++, ctx) },
        );
        await globalThis.analytics.track('e', {}, { integrations });
        return calls;
      };
      const wishes = [{}, { Amplitude: false }, { Amplitude: true }, { All: false, Amplitude: false }];
      await each(wishes.flatMap((wish) => [[wish, true], [wish, false]]), async ([integrations, ofLoad]) => {
        const asked = [ofLoad ? {} : integrations, ['integrations.Amplitude.session_id', 'integrations.Amplitude.x.y']];
        const options = ofLoad ? { integrations: { ...integrations, 'Segment.io': true } } : {};
        const [ours, theirs] = await beside(below, options, asked);
        same(JSON.stringify(integrations), ours, theirs);
      });
    },
  },
];
