import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { takeOver } from '../../src/api/snippet.js';
import { client } from './client.js';

const text = readFileSync(new URL('../../snippet.js', import.meta.url), 'utf8');

/** A page whose head ran the snippet. */
const page = (search = '?q=1') => {
  const scripts: Record<string, any>[] = [];
  const stored = new Map<string, string>();
  const listeners: Record<string, ((event: object) => void)[]> = {};
  const scope: Record<string, any> = {
    location: { pathname: '/p', href: `https://shop.test/p${search}`, search },
    document: {
      title: 'T',
      referrer: 'R',
      querySelector: () => ({ getAttribute: () => 'https://shop.test/canonical' }),
      createElement: () => ({
        setAttribute(name: string, value: string) {
          Object.assign(this, { [name]: value });
        },
      }),
      head: { appendChild: (script: object) => scripts.push(script) },
    },
    localStorage: { setItem: (key: string, value: string) => stored.set(key, value) },
    crypto,
    URL,
    addEventListener: (type: string, listener: (event: object) => void) => (listeners[type] ??= []).push(listener),
  };
  scope.window = scope;
  runInNewContext(text, scope);
  return {
    scope,
    scripts,
    stored,
    fire: (type: string, event = {}) => listeners[type]?.forEach((listener) => listener(event)),
  };
};

/** A façade that remembers what it captured. */
const facade = () => {
  const captured: unknown[][] = [];
  let done = (_: object) => {};
  return {
    captured,
    loaded: [] as unknown[],
    s: {
      capture: async (method: string, args: ArrayLike<unknown>) => void captured.push([method, ...Array.from(args)]),
    },
    load(...args: unknown[]) {
      this.loaded = args;
    },
    then(ok: (pair: [object]) => void) {
      done = (instance) => ok([instance]);
    },
    finish: (instance: object) => done(instance),
    track(...args: unknown[]) {
      captured.push(['track', ...args]);
    },
  };
};

describe('the snippet', () => {
  it('keeps calls in order, each with its page, and fetches the build from the site itself', () => {
    const { scope, scripts } = page();
    scope.analytics.track('A', { x: 1 });
    scope.analytics.on('track', () => {});
    const bpc = {
      __t: 'bpc',
      c: 'https://shop.test/canonical',
      p: '/p',
      u: 'https://shop.test/p?q=1',
      s: '?q=1',
      t: 'T',
      r: 'R',
    };
    const calls = JSON.parse(JSON.stringify(Array.from(scope.analytics)));
    expect(calls).toEqual([
      ['page', bpc],
      ['track', 'A', { x: 1 }, bpc],
      ['on', 'track', null],
    ]);
    expect(scripts).toMatchObject([
      { src: '/headwater/standalone.js', async: true, 'data-global-segment-analytics-key': 'analytics' },
      { rel: 'modulepreload', href: '/headwater/engine.js' },
      { rel: 'modulepreload', href: '/headwater/lite.js' },
    ]);
    expect(scope.analytics._writeKey).toBe('YOUR_WRITE_KEY');
  });

  it('has the methods of Segment’s snippet', () => {
    const { scope } = page();
    const methods =
      'trackSubmit trackClick trackLink trackForm pageview identify reset group track ready alias debug page screen once off on addSourceMiddleware addIntegrationMiddleware setAnonymousId addDestinationMiddleware register deregister';
    for (const method of methods.split(' ')) expect(scope.analytics[method], method).toBeTypeOf('function');
  });

  it('does nothing the second time', () => {
    const { scope, scripts } = page();
    runInNewContext(text, scope);
    expect(scripts.filter(({ src }) => src)).toHaveLength(1);
  });

  it('leaves to the next page what the build did not come for', async () => {
    const { scope, stored, fire } = page();
    scope.analytics.track('A');
    scope.analytics.ready(() => {});
    fire('pagehide', { persisted: false });
    expect(stored.size).toBe(2);
    const entries = [...stored].map(([key, value]) => ({ key, ...JSON.parse(value) }));
    expect(entries[1].key).toMatch(/^hw:YOUR_WRITE_KEY:j:s[0-9a-z]+:3$/);
    expect(entries[1]).toMatchObject({ n: 3, m: 'track', t: expect.any(Number) });
    expect(entries[1].e).toHaveLength(8);
    // Such an entry is a captured call, which a client makes an event of.
    const c = await client();
    await c.capture(entries[1].m, entries[1].a, entries[1].p);
    const url = 'https://shop.test/canonical?q=1';
    expect((await c.all())[0]).toMatchObject({ event: 'A', context: { page: { path: '/canonical', url } } });
  });

  it('leaves what the address asked for, before the calls', () => {
    const { scope, stored, fire } = page('?ajs_event=Landed');
    fire('pagehide', { persisted: false });
    const entries = [...stored.values()].map((text) => JSON.parse(text));
    expect(entries.map(({ n, m }) => [n, m])).toEqual([
      [1, 'queryString'],
      [2, 'page'],
    ]);
    expect(entries[0]).toMatchObject({ a: ['?ajs_event=Landed'], p: { path: '/canonical' }, t: expect.any(Number) });
    stored.clear();
    scope.analytics._loadOptions = { useQueryString: false };
    scope.analytics.page();
    fire('pagehide', { persisted: false });
    expect([...stored.values()].map((text) => JSON.parse(text).m)).not.toContain('queryString');
  });

  it('writes nothing when the page may come back, or when consent, persistence or a hub left out forbids', () => {
    const out = [{ integrations: { All: false } }, { integrations: { 'Segment.io': false } }];
    for (const options of [{}, { consent: {} }, { disableClientPersistence: true }, ...out]) {
      const { scope, stored, fire } = page();
      scope.analytics._loadOptions = options;
      fire('pagehide', { persisted: Object.keys(options).length === 0 });
      expect(stored.size).toBe(0);
    }
  });
});

describe('taking over', () => {
  it('replays the buffer in order, loads, and stands in its place', () => {
    const { scope } = page();
    const old = scope.analytics;
    old.track('A');
    old.identify('u1');
    const made = facade();
    expect(takeOver(() => made, scope)).toBe(made);
    expect(made.captured.map(([method, first]) => [method, typeof first === 'string' ? first : ''])).toEqual([
      ['page', ''],
      ['track', 'A'],
      ['identify', 'u1'],
    ]);
    expect(made.loaded).toEqual([{ writeKey: 'YOUR_WRITE_KEY' }, { apiHost: '/t/v1' }]);
    expect(scope.analytics).toBe(made);
    // A script that took hold of the buffer before still reaches the client.
    old.track('B');
    old.push(['track', 'C']);
    expect(made.captured.slice(3)).toEqual([
      ['track', 'B'],
      ['track', 'C'],
    ]);
    const instance = { initialized: true, track: vi.fn() };
    made.finish(instance);
    expect(scope.analytics).toBe(instance);
    old.track('D');
    expect(instance.track).toHaveBeenCalledWith('D');
  });

  it('happens once, works without a snippet, and under another name', () => {
    const scope: Record<string, any> = { analyticsWriteKey: 'embedded' };
    const made = facade();
    takeOver(() => made, scope, { apiHost: '/t/v1', globalSegmentAnalyticsKey: 'stats' });
    expect(made.loaded[0]).toEqual({ writeKey: 'embedded', apiHost: '/t/v1' });
    expect(scope.stats).toBe(made);
    expect(takeOver(facade, scope, { globalSegmentAnalyticsKey: 'stats' })).toBeUndefined();
    const bare = facade();
    takeOver(() => bare, {});
    expect(bare.loaded).toEqual([]);
  });
});
