import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AnalyticsBrowser } from '../../src/index.js';
import { leave, visit } from './client.js';

// What begins after load is the engine's chunk, which these tests stop at the door.
const started = vi.hoisted(() => ({ with: [] as any[] }));
vi.mock('../../src/engine/index.js', () => ({ start: (shared: any) => started.with.push(shared) }));

beforeEach(() => {
  started.with = [];
  visit('https://shop.test/start');
  vi.stubGlobal('localStorage', { setItem: vi.fn(), getItem: () => null, removeItem: vi.fn() });
});
afterEach(() => {
  leave();
  vi.unstubAllGlobals();
});

describe('initialPageview', () => {
  it('is a page call at load, with the page of that moment, behind the calls that were made before', async () => {
    const analytics = new AnalyticsBrowser();
    analytics.track('Before');
    analytics.load({ writeKey: 'wk' }, { initialPageview: true });
    visit('https://shop.test/later');
    analytics.track('After');
    await vi.waitUntil(() => started.with.length, 20_000);
    const calls = started.with[0].q.map(({ j }: any) => JSON.parse(j));
    expect(calls.map(({ m, p }: any) => [m, p.path])).toEqual([
      ['track', '/start'],
      ['page', '/start'],
      ['track', '/later'],
    ]);
  });
});

describe('load', () => {
  it('opens the way to a hub elsewhere at once, but not before consent', () => {
    const links: object[] = [];
    Object.assign(document, { createElement: () => ({}), head: { append: (link: object) => links.push(link) } });
    AnalyticsBrowser.load({ writeKey: 'wk' }, { apiHost: '/t/v1' });
    AnalyticsBrowser.load({ writeKey: 'wk' }, { apiHost: 'https://hub.test/v1', consent: { model: 'opt-in' } });
    expect(links).toEqual([]);
    AnalyticsBrowser.load({ writeKey: 'wk' }, { apiHost: 'https://hub.test/v1' });
    expect(links).toMatchObject([{ rel: 'preconnect', href: 'https://hub.test/v1' }]);
  });

  it('loads the instance for who asks for it, once', async () => {
    const analytics = AnalyticsBrowser.load({ writeKey: 'wk' });
    await vi.waitUntil(() => started.with.length, 20_000);
    const instance = { name: 'instance' };
    const loaded = vi.fn(async () => [instance, { name: 'context' }]);
    started.with[0].done(loaded);
    await analytics.p;
    expect(loaded).not.toHaveBeenCalled();
    expect(analytics.instance).toBeUndefined();
    await vi.waitUntil(() => analytics.instance, 20_000);
    expect(analytics.instance).toBe(instance);
    expect(analytics.ctx).toEqual({ name: 'context' });
  });
});

describe('what the address asks for', () => {
  it('lies in the journal when load returns, before every other call', async () => {
    visit('https://shop.test/?ajs_event=Landed');
    const analytics = new AnalyticsBrowser();
    analytics.track('Before');
    analytics.load({ writeKey: 'wk' }, { initialPageview: true });
    const written = vi.mocked(localStorage.setItem).mock.calls.map(([key, text]) => [key, JSON.parse(text).m]);
    expect(written.map(([key, m]) => [key!.split(':').at(-1), m])).toEqual([
      ['1', 'queryString'],
      ['2', 'track'],
      ['3', 'page'],
    ]);
    await vi.waitUntil(() => started.with.length, 20_000);
    expect(started.with[0].q.map(({ n }: any) => n)).toEqual([1, 2, 3]);
  });
});

describe('a page that leaves the hub out', () => {
  it('writes no call down: no page that has a hub may find one', async () => {
    const leaves = { integrations: { All: false } };
    AnalyticsBrowser.load({ writeKey: 'wk' }, leaves).track('A');
    AnalyticsBrowser.load({ writeKey: 'wk' }, { integrations: { 'Segment.io': false } }).track('A');
    expect(localStorage.setItem).not.toHaveBeenCalled();
    AnalyticsBrowser.load({ writeKey: 'wk' }, { integrations: { All: false, 'Segment.io': true } }).track('A');
    expect(localStorage.setItem).toHaveBeenCalledTimes(1);
  });
});

describe('disable', () => {
  it('captures, stores and starts nothing; every call answers', async () => {
    const analytics = new AnalyticsBrowser();
    const before = analytics.track('Before');
    analytics.load({ writeKey: 'wk' }, { disable: true });
    const [instance] = await analytics;
    expect((await before).event.event).toBe('system');
    await analytics.track('After');
    await analytics.ready();
    expect((await analytics.user()).id()).toBeNull();
    expect(instance.user().traits()).toEqual({});
    await instance.track('A');
    instance.on('track', () => {});
    expect(started.with).toEqual([]);
    expect(localStorage.setItem).not.toHaveBeenCalled();
  });

  it('may decide by the settings document; nothing is written before it has', async () => {
    const seen: unknown[] = [];
    const decide = (answer: boolean) => (settings: object) => {
      seen.push(settings);
      return Promise.resolve(answer);
    };
    const cdnSettings = { integrations: { GA: {} } };
    const off = AnalyticsBrowser.load({ writeKey: 'wk', cdnSettings }, { disable: decide(true) });
    off.track('A');
    await off;
    expect(localStorage.setItem).not.toHaveBeenCalled();
    vi.stubGlobal('fetch', async (url: string) => ({ json: async () => ({ url }) }));
    const on = AnalyticsBrowser.load({ writeKey: 'wk', cdnURL: 'https://cdn.test' }, { disable: decide(false) });
    on.track('A');
    await vi.waitUntil(() => started.with.length, 20_000);
    expect(started.with[0].q).toHaveLength(1);
    expect(localStorage.setItem).toHaveBeenCalled();
    expect(seen).toEqual([cdnSettings, { url: 'https://cdn.test/v1/projects/wk/settings' }]);
  });
});
