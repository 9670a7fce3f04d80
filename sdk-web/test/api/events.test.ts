import { afterEach, describe, expect, it, vi } from 'vitest';
import { takeOver } from '../../src/api/snippet.js';
import type { Plugin } from '../../src/api/types.js';
import { client, leave, prepare, tick, visit } from './client.js';

afterEach(() => {
  leave();
  vi.unstubAllGlobals();
});

describe('calls', () => {
  it('made before load are sent in the order in which they were made, each with the identity of its moment', async () => {
    const c = await prepare();
    c.call('track', 'A');
    c.call('identify', 'u1');
    c.call('track', 'B');
    c.call('page', 'Home');
    c.call('group', 'g1');
    c.call('track', 'C');
    await c.begin();
    const sent = await c.all();
    expect(sent.map(({ type, event }) => event ?? type)).toEqual(['A', 'identify', 'B', 'page', 'group', 'C']);
    expect(sent.map(({ userId }) => userId)).toEqual([undefined, 'u1', 'u1', 'u1', 'u1', 'u1']);
  });

  it('that are wrong reject and cost nothing', async () => {
    const c = await client();
    await expect(c.call('track')).rejects.toThrow('Event missing');
    await expect(c.call('track', {})).rejects.toThrow('Event missing');
    await c.call('track', 'fine');
    expect((await c.all()).map(({ event }) => event)).toEqual(['fine']);
  });

  it('whose texts were cut in the middle of a character go out, with what stands for one that is missing', async () => {
    const c = await client();
    const cut = '😀'.slice(0, 1);
    await c.call('track', `Cut ${cut}`, { [cut]: 'a', b: `${cut}${cut}`, whole: '😀', escaped: '\\ud83d "\\\\ud83d"' });
    await c.call('identify', `u${cut}`, { name: cut });
    const [track, identify] = await c.all();
    expect(track).toMatchObject({
      event: 'Cut \ufffd',
      properties: { '\ufffd': 'a', b: '\ufffd\ufffd', whole: '😀', escaped: '\\ud83d "\\\\ud83d"' },
    });
    expect(identify).toMatchObject({ userId: 'u\ufffd', traits: { name: '\ufffd' } });
  });

  it('of methods that do not exist reject', async () => {
    const c = await client();
    await expect(c.call('nonsense')).rejects.toThrow();
  });

  it('resolve with a context that shows the event', async () => {
    visit('https://shop.test/cart?a=1');
    const c = await client();
    const ctx = await c.call('track', 'A', { x: 1 });
    const [sent] = await c.all();
    expect(ctx.event).toMatchObject({ type: 'track', event: 'A', properties: { x: 1 }, messageId: sent?.messageId });
    expect(ctx.event.context.page.path).toBe('/cart');
    expect(ctx.event.anonymousId).toBe(sent?.anonymousId);
    expect(ctx.failedDelivery()).toBeUndefined();
  });

  it('resolve although the hub cannot be reached', async () => {
    const c = await client({ status: () => 0 });
    await expect(c.call('track', 'A')).resolves.toBeDefined();
  });
});

describe('a callback', () => {
  it('comes as soon as the event is queued, not after a timer', async () => {
    const c = await client();
    c.analytics.timeout(60_000);
    const ctx = await new Promise<any>((resolve) => c.call('track', 'A', resolve));
    expect(ctx.event.event).toBe('A');
  });

  it('comes after the timeout when a destination takes longer', async () => {
    const c = await client();
    c.analytics.timeout(20);
    let finish = () => {};
    const slow = new Promise<void>((resolve) => (finish = resolve));
    const plugin = { name: 'Slow', type: 'destination', isLoaded: () => true, load: async () => {}, track: () => slow };
    await c.call('register', plugin);
    const order: string[] = [];
    const promise = c.call('track', 'A', () => order.push('callback')).then(() => order.push('promise'));
    await vi.waitUntil(() => order.length, 20_000);
    finish();
    await promise;
    expect(order).toEqual(['callback', 'promise']);
  });

  it('that throws harms nobody', async () => {
    vi.stubGlobal('console', { ...console, error: vi.fn() });
    const c = await client();
    await c.call('track', 'A', () => {
      throw new Error('mine');
    });
    await c.call('track', 'B');
    expect((await c.all()).map(({ event }) => event)).toEqual(['A', 'B']);
  });
});

describe('options', () => {
  it('timestamp, messageId and integrations are the event’s; every other key goes into its context', async () => {
    const c = await client({ options: { integrations: { GA: { id: 1 }, Ads: false } } });
    const when = new Date('2024-02-03T04:05:06.789Z');
    await c.call(
      'track',
      'A',
      {},
      {
        timestamp: when,
        messageId: 'm-1',
        integrations: { Ads: true },
        foo: 1,
        traits: { z: 1 },
        context: { ip: '0.0.0.0' },
      },
    );
    const [event] = await c.all();
    expect(event).toMatchObject({
      timestamp: '2024-02-03T04:05:06.789Z',
      messageId: 'm-1',
      integrations: { GA: true, Ads: true },
    });
    expect(event?.context).toMatchObject({ foo: 1, traits: { z: 1 }, ip: '0.0.0.0' });
  });

  it('anonymousId holds from that call on', async () => {
    const c = await client();
    await c.call('track', 'A', {}, { anonymousId: 'anon-9' });
    await c.call('track', 'B');
    expect((await c.all()).map(({ anonymousId }) => anonymousId)).toEqual(['anon-9', 'anon-9']);
    expect(c.analytics.user().anonymousId()).toBe('anon-9');
  });

  it('userId holds for its call alone, also over a stored one', async () => {
    const c = await client();
    await c.call('identify', 'u1');
    await c.call('track', 'A', {}, { userId: 'u2' });
    await c.call('track', 'B');
    expect((await c.all()).map(({ userId }) => userId)).toEqual(['u1', 'u2', 'u1']);
  });

  it('an unreadable timestamp is no timestamp', async () => {
    const c = await client();
    await c.call('track', 'A', {}, { timestamp: 'yesterday' });
    const [event] = await c.all();
    expect(Number.isNaN(Date.parse(event?.timestamp as string))).toBe(false);
  });
});

describe('identity', () => {
  it('an identify carries all that is known of the user', async () => {
    const c = await client();
    await c.call('identify', 'u1', { a: 1 });
    await c.call('identify', 'u1', { b: 2 });
    await c.call('identify', { c: 3 });
    expect((await c.all()).map(({ traits }) => traits)).toEqual([{ a: 1 }, { a: 1, b: 2 }, { a: 1, b: 2, c: 3 }]);
  });

  it('another user starts with nothing, and with another anonymousId', async () => {
    const c = await client();
    await c.call('identify', 'u1', { a: 1 });
    await c.call('identify', 'u2', { b: 2 });
    const [one, two] = await c.all();
    expect(two?.traits).toEqual({ b: 2 });
    expect(two?.anonymousId).not.toBe(one?.anonymousId);
  });

  it('a group carries all that is known of the account', async () => {
    const c = await client();
    await c.call('group', 'g1', { a: 1 });
    await c.call('group', 'g1', { b: 2 });
    expect((await c.all()).map(({ groupId, traits }) => [groupId, traits])).toEqual([
      ['g1', { a: 1 }],
      ['g1', { a: 1, b: 2 }],
    ]);
  });

  it('an alias goes out exactly as it was made, also for an identified user', async () => {
    const c = await client();
    await c.call('identify', 'u1');
    await c.call('alias', 'new2', 'old2');
    await c.call('alias', 'x');
    const [, first, second] = await c.all();
    expect(first).toMatchObject({ type: 'alias', userId: 'new2', previousId: 'old2' });
    expect(second).toMatchObject({ type: 'alias', userId: 'x', previousId: 'u1' });
  });

  it('setAnonymousId answers at once what the next event carries', async () => {
    const c = await client();
    expect(c.analytics.setAnonymousId('mine')).toBe('mine');
    const fresh = c.analytics.setAnonymousId();
    expect(fresh).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await c.call('track', 'A');
    expect((await c.all())[0]?.anonymousId).toBe(fresh);
  });

  it('takes its place among the calls: events before setAnonymousId keep the old id', async () => {
    const c = await prepare();
    c.call('track', 'A');
    c.call('setAnonymousId', 'mine');
    c.call('track', 'B');
    await c.begin();
    const [a, b] = await c.all();
    expect(a?.anonymousId).not.toBe('mine');
    expect(b?.anonymousId).toBe('mine');
  });

  it('reset forgets user and group, and says so', async () => {
    const c = await client();
    await c.call('identify', 'u1', { a: 1 });
    await c.call('group', 'g1');
    const before = c.analytics.user().anonymousId();
    const heard = vi.fn();
    c.analytics.on('reset', heard);
    c.analytics.reset();
    expect(c.analytics.user().id()).toBeNull();
    expect(c.analytics.user().traits()).toEqual({});
    expect(c.analytics.group().id()).toBeNull();
    expect(c.analytics.user().anonymousId()).not.toBe(before);
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it('an event queued before a reset keeps its user over every retry', async () => {
    let status = 0;
    const c = await client({ status: () => status });
    await c.call('identify', 'u1');
    await c.call('track', 'A');
    await c.call('reset');
    await c.call('identify', 'other');
    status = 200;
    const sent = await vi.waitUntil(async () => ((await c.all()).length === 3 ? c.sent : undefined), {
      timeout: 20_000,
    });
    expect(sent.map(({ userId }) => userId)).toEqual(['u1', 'u1', 'other']);
  }, 30_000);
});

describe('user() and group()', () => {
  it('read and write', async () => {
    const c = await client();
    const user = c.analytics.user();
    user.identify('u1', { a: 1 });
    expect([user.id(), user.traits()]).toEqual(['u1', { a: 1 }]);
    user.traits({ b: 2 });
    expect(user.traits()).toEqual({ b: 2 });
    user.traits(null);
    expect(user.traits()).toEqual({});
    expect(user.anonymousId('anon')).toBe('anon');
    expect(user.anonymousId()).toBe('anon');
    expect(user.anonymousId(null)).not.toBe('anon');
    const before = user.anonymousId();
    user.id('u2');
    expect(user.id()).toBe('u2');
    expect(user.anonymousId()).not.toBe(before);
    user.logout();
    expect([user.id(), user.traits()]).toEqual([null, {}]);
    const group = c.analytics.group();
    group.id('g1');
    group.traits({ size: 3 });
    expect([group.id(), group.traits(), group.anonymousId()]).toEqual(['g1', { size: 3 }, undefined]);
  });

  it('know of a call that was made just before', async () => {
    const c = await client();
    c.analytics.identify('u1', { a: 1 });
    expect(c.analytics.user().id()).toBe('u1');
    expect(c.analytics.user().traits()).toEqual({ a: 1 });
  });

  it('come as promises from the façade', async () => {
    const c = await client();
    expect((await c.call('user')).id()).toBeNull();
    expect((await c.call('group')).id()).toBeNull();
  });
});

describe('the page', () => {
  it('is the one of the call, also when it is handled on another', async () => {
    const c = await prepare();
    visit('https://shop.test/one?x=1', { title: 'One', referrer: 'https://ref.test/' });
    c.call('track', 'A');
    visit('https://shop.test/two', { title: 'Two' });
    c.call('page', 'Home', { title: 'Mine' });
    c.call('track', 'B', {}, { context: { page: { path: '/own' } } });
    c.call('track', 'C');
    await c.begin();
    const [a, page, b, last] = await c.all();
    const one = {
      path: '/one',
      search: '?x=1',
      title: 'One',
      referrer: 'https://ref.test/',
      url: 'https://shop.test/one?x=1',
    };
    expect(a?.context?.page).toEqual(one);
    expect(page?.properties).toEqual({
      path: '/two',
      search: '',
      title: 'Mine',
      referrer: '',
      url: 'https://shop.test/two',
      name: 'Home',
    });
    expect(page?.context?.page).toMatchObject({ path: '/two', title: 'Mine' });
    expect(b?.context?.page).toMatchObject({ path: '/own', title: 'Two' });
    expect(last?.context?.page).toMatchObject({ path: '/two', title: 'Two' });
  });

  it('of a snippet’s call is in its own words, the canonical address first', async () => {
    const c = await client();
    const bpc = {
      __t: 'bpc',
      c: 'https://shop.test/canonical',
      p: '/p',
      u: 'https://shop.test/p?q=1#top',
      s: '?q=1',
      t: 'T',
      r: 'R',
    };
    const analytics = [
      ['track', 'A', { x: 1 }, bpc],
      ['track', 'B', { ...bpc, c: undefined }],
    ];
    takeOver(() => ({ s: { capture: c.capture }, load() {}, then() {} }), { analytics });
    const [a, b] = await c.all();
    expect(a?.properties).toEqual({ x: 1 });
    expect(a?.context?.page).toEqual({
      path: '/canonical',
      url: 'https://shop.test/canonical?q=1',
      search: '?q=1',
      title: 'T',
      referrer: 'R',
    });
    expect(b?.context?.page).toMatchObject({ path: '/p', url: 'https://shop.test/p?q=1' });
  });

  it('gives a page call category and name, a screen no page properties', async () => {
    visit('https://shop.test/');
    const c = await client();
    await c.call('page', 'Docs', 'Start', { x: 1 });
    await c.call('screen', 'Docs', 'Start', { x: 1 });
    const [page, screen] = await c.all();
    expect(page).toMatchObject({
      category: 'Docs',
      name: 'Start',
      properties: { x: 1, category: 'Docs', name: 'Start', path: '/' },
    });
    expect(screen?.properties).toEqual({ x: 1, category: 'Docs', name: 'Start' });
    expect(screen?.context?.page).toMatchObject({ path: '/' });
  });

  it('pageview is a page call with that path', async () => {
    visit('https://shop.test/');
    const c = await client();
    await c.call('pageview', '/elsewhere');
    const [page] = await c.all();
    expect(page).toMatchObject({
      type: 'page',
      properties: { path: '/elsewhere' },
      context: { page: { path: '/elsewhere' } },
    });
  });
});

describe('the context', () => {
  it('names the library, the browser, its language and time zone', async () => {
    vi.stubGlobal('navigator', {
      userAgent: 'Test/1',
      language: 'de-AT',
      userAgentData: { toJSON: () => ({ mobile: false }) },
    });
    const c = await client();
    await c.call('track', 'A');
    expect((await c.all())[0]?.context).toMatchObject({
      library: { name: '@headwater/analytics', version: '1.2.3' },
      userAgent: 'Test/1',
      userAgentData: { mobile: false },
      locale: 'de-AT',
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
  });

  it('asks the browser for the client hints that the page wants, before the first event', async () => {
    const getHighEntropyValues = async (hints: string[]) => ({ asked: hints });
    vi.stubGlobal('navigator', { userAgent: 'Test/1', userAgentData: { getHighEntropyValues } });
    const c = await prepare({ options: { highEntropyValuesClientHints: ['bitness'] } });
    c.call('track', 'A');
    await c.begin();
    await tick(5);
    expect((await c.all())[0]?.context?.userAgentData).toEqual({ asked: ['bitness'] });
  });

  it.each([
    ['?utm_source=n+l&utm_campaign=spring%20sale', { source: 'n l', name: 'spring sale' }],
    ['?utm_x=%zz', { x: '%zz' }],
    ['?a=1', {}],
    ['?a=1?utm_medium=mail', { medium: 'mail' }],
    ['', undefined],
  ])('reads the campaign of %j', async (search, campaign) => {
    visit(`https://shop.test/${search}`);
    const c = await client();
    await c.call('track', 'A');
    expect((await c.all())[0]?.context?.campaign).toEqual(campaign);
  });

  it('leaves a campaign that the caller gave', async () => {
    visit('https://shop.test/?utm_source=a');
    const c = await client();
    await c.call('track', 'A', {}, { context: { campaign: { source: 'b' } } });
    expect((await c.all())[0]?.context?.campaign).toEqual({ source: 'b' });
  });

  it('remembers an advertiser’s click id for later pages', async () => {
    visit('https://shop.test/?btid=42');
    const c = await client();
    await c.call('track', 'A');
    visit('https://shop.test/later');
    await c.call('track', 'B');
    const expected = { id: '42', type: 'dataxu' };
    expect((await c.all()).map(({ context }) => context?.referrer)).toEqual([expected, expected]);
    expect(JSON.parse(c.cookies.get('s:context.referrer') as string)).toEqual(expected);
  });
});

describe('the SDK’s own events', () => {
  it('are told after the call, with its arguments', async () => {
    const c = await client();
    const heard: unknown[] = [];
    for (const name of ['track', 'page', 'identify', 'group', 'alias', 'screen']) {
      c.analytics.on(name, (...args: unknown[]) => heard.push([name, ...args]));
    }
    await c.call('track', 'A', { x: 1 }, { foo: 1 });
    await c.call('identify', 'u1', { a: 1 });
    await c.call('alias', 'to', 'from');
    expect(heard).toEqual([
      ['track', 'A', { x: 1 }, { foo: 1 }],
      ['identify', 'u1', { a: 1 }, {}],
      ['alias', 'to', 'from', {}],
    ]);
  });

  it('begin with initialize, for listeners that were added before load', async () => {
    const c = await prepare({ options: { integrations: { GA: false } } });
    const heard = vi.fn();
    c.call('on', 'initialize', heard);
    await c.begin();
    await tick(1);
    expect(heard).toHaveBeenCalledTimes(1);
    expect(heard.mock.calls[0]?.[0]).toMatchObject({ writeKey: 'wk' });
    expect(heard.mock.calls[0]?.[1]).toMatchObject({ integrations: { GA: false } });
  });

  it('on, once and off do what they say, and a listener that throws harms nobody', async () => {
    vi.stubGlobal('console', { ...console, error: vi.fn() });
    const c = await client();
    const [on, once, off] = [vi.fn(), vi.fn(), vi.fn()];
    c.analytics
      .on('track', () => {
        throw new Error('mine');
      })
      .on('track', on)
      .once('track', once)
      .on('track', off)
      .off('track', off);
    await c.call('track', 'A');
    await c.call('track', 'B');
    expect([on, once, off].map((fn) => fn.mock.calls.length)).toEqual([2, 1, 0]);
  });

  it('tell of an event that the hub refused', async () => {
    const c = await client({ status: () => 403 });
    const heard: any[] = [];
    c.analytics.on('error', (error) => heard.push(error));
    const ctx = await c.call('track', 'A');
    await vi.waitUntil(() => heard.length, 20_000);
    expect(heard[0]).toMatchObject({ code: 'delivery_failure', reason: { reason: 'refused' } });
    expect(ctx.event.event).toBe('A');
  });
});

describe('the instance', () => {
  it('says who it is', async () => {
    const c = await client({ options: { integrations: { GA: { id: 1 } } } });
    expect(c.analytics.VERSION).toBe('1.2.3');
    expect(c.analytics.initialized).toBe(true);
    expect(c.analytics.settings).toMatchObject({ writeKey: 'wk', timeout: 300 });
    expect(c.analytics.integrations).toEqual({ GA: { id: 1 } });
    expect(c.analytics.use((it) => it.timeout(5))).toBe(c.analytics);
    expect(c.analytics.settings.timeout).toBe(5);
    c.analytics.push(['track', 'Pushed']);
    expect((await c.all()).map(({ event }) => event)).toEqual(['Pushed']);
  });

  it('warns at what analytics-next warns at', async () => {
    const warn = vi.fn();
    vi.stubGlobal('console', { ...console, warn });
    const c = await client();
    for (const method of ['log', 'addIntegrationMiddleware', 'listeners', 'add', 'addIntegration', 'hasListeners']) {
      (c.analytics as any)[method]();
    }
    expect(warn).toHaveBeenCalledTimes(6);
  });

  it('purge, timeout and sessions take their place among the calls', async () => {
    const c = await client({ options: { sessionTimeout: 60_000 }, status: () => 0 });
    const reports: object[] = [];
    c.analytics.on('report', (report) => reports.push(report));
    const answers = await Promise.all([
      c.call('track', 'Purged'),
      c.call('purge'),
      c.call('startSession', 7),
      c.call('track', 'Kept'),
      c.call('endSession'),
      c.call('timeout', 1000),
    ]);
    expect(answers[1]).toBeUndefined();
    expect(answers[3].event.event).toBe('Kept');
    expect(reports).toMatchObject([{ reason: 'purged', count: 1 }]);
    expect(c.analytics.settings.timeout).toBe(1000);
  });

  it('debug shows each event', async () => {
    const log = vi.fn();
    vi.stubGlobal('console', { ...console, log });
    const c = await client();
    await c.call('debug', true);
    await c.call('track', 'Shown');
    await c.call('debug', false);
    await c.call('track', 'Hidden');
    expect(log.mock.calls.map((call) => call.at(-1).event)).toEqual(['Shown']);
  });

  it('ready settles with what the plugins answer, and calls back', async () => {
    const c = await prepare();
    const called = vi.fn();
    c.call('register', {
      name: 'P',
      type: 'utility',
      isLoaded: () => true,
      load: async () => {},
      ready: async () => 7,
    });
    c.call('register', {
      name: 'Q',
      type: 'utility',
      isLoaded: () => true,
      load: async () => {},
      ready: async () => {
        throw new Error('no');
      },
    });
    const ready = c.call('ready', called);
    await c.begin();
    expect(await ready).toEqual([7, undefined]);
    expect(called).toHaveBeenCalledWith([7, undefined]);
  });
});

describe('the query string', () => {
  it('speaks before the page’s own calls', async () => {
    visit('https://shop.test/?ajs_aid=anon&ajs_uid=u+1&ajs_trait_plan=pro&ajs_event=Landed&ajs_prop_x=%31');
    const c = await prepare();
    c.call('track', 'Own');
    await c.begin();
    await vi.waitUntil(async () => (await c.all()).length === 3, 20_000);
    const sent = await c.all();
    expect(sent.map(({ type, event }) => event ?? type)).toEqual(['identify', 'Landed', 'Own']);
    expect(sent[0]).toMatchObject({ anonymousId: 'anon', userId: 'u 1', traits: { plan: 'pro' } });
    expect(sent[1]?.properties).toEqual({ x: '1' });
  });

  it('passes middleware and plugins that the page registered before load', async () => {
    visit('https://shop.test/?ajs_uid=u1&ajs_trait_email=e%40x.y&ajs_event=Landed');
    const seen: unknown[] = [];
    const plugin: Plugin = {
      ...{ name: 'before', type: 'before', isLoaded: () => true, load: () => {} },
      identify: (ctx) => void seen.push('plugin identify', ctx.event.type),
    };
    const c = await prepare({ settings: { plugins: [plugin] } });
    c.call('page');
    c.call('addSourceMiddleware', ({ payload, next }: any) => {
      seen.push(payload.obj.event ?? payload.obj.type);
      delete payload.obj.traits?.email;
      next(payload);
    });
    await c.begin();
    await vi.waitUntil(async () => (await c.all()).length === 3, 20_000);
    expect(seen).toEqual(['plugin identify', 'identify', 'identify', 'Landed', 'page']);
    expect((await c.all()).map(({ type, traits }) => [type, traits?.email])).toEqual([
      ['identify', undefined],
      ['track', undefined],
      ['page', undefined],
    ]);
  });

  it('is sent though no other call is made, as events of their own', async () => {
    visit('https://shop.test/?ajs_uid=u1&ajs_event=Landed');
    const c = await client();
    await vi.waitUntil(() => c.sent.length === 2, 20_000);
    expect(c.sent.map(({ type }) => type)).toEqual(['identify', 'track']);
    expect(new Set(c.sent.map(({ messageId }) => messageId)).size).toBe(2);
    expect(c.sent[1]?.context?.page).toMatchObject({ search: '?ajs_uid=u1&ajs_event=Landed' });
  });

  it('may be read from the fragment', async () => {
    visit('https://shop.test/#/route?ajs_event=Landed');
    const c = await prepare();
    c.call('track', 'Own');
    await c.begin();
    await vi.waitUntil(async () => (await c.all()).length === 2, 20_000);
    expect((await c.all()).map(({ event }) => event)).toEqual(['Landed', 'Own']);
  });

  it('is left alone where the page says so', async () => {
    visit('https://shop.test/?ajs_uid=u1&ajs_event=Landed');
    const off = await client({ options: { useQueryString: false } });
    await off.call('track', 'Own');
    expect((await off.all()).map(({ event }) => event)).toEqual(['Own']);
    const guarded = await client({ options: { useQueryString: { uid: /^[0-9]+$/ } } });
    await guarded.call('track', 'Own');
    expect((await guarded.all()).map(({ type }) => type)).toEqual(['track', 'track']);
  });

  it('can be given by hand', async () => {
    const c = await client();
    await c.analytics.queryString('?ajs_event=A&ajs_event=B');
    expect((await c.all()).map(({ event }) => event)).toEqual(['B']);
  });
});
