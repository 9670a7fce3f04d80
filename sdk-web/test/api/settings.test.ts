import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Context } from '../../src/api/context.js';
import { client, prepare, tick } from './client.js';

afterEach(() => vi.unstubAllGlobals());

const library =
  (name: string, got: unknown[], type = 'destination') =>
  (settings: object) => ({
    name: `${name} (Actions)`,
    type,
    version: '1',
    isLoaded: () => true,
    load: async () => {},
    track: (ctx: Context) => {
      got.push([ctx.event.event, ctx.event.integrations, settings]);
      return ctx;
    },
  });

/** A page whose scripts define the libraries of their names. */
const page = (libraries: Record<string, unknown>) => {
  const scripts: { src: string; nonce?: string; async?: boolean }[] = [];
  vi.stubGlobal('document', {
    title: '',
    referrer: '',
    querySelector: () => null,
    createElement: () => ({}),
    head: {
      appendChild(script: any) {
        scripts.push(script);
        const name = script.src.split('/').pop();
        setTimeout(() => {
          if (!(name in libraries)) return script.onerror();
          if (libraries[name]) vi.stubGlobal(name, libraries[name]);
          script.onload();
        });
      },
    },
  });
  vi.stubGlobal('location', {
    href: 'https://shop.test/',
    pathname: '/',
    search: '',
    hash: '',
    origin: 'https://shop.test',
  });
  return scripts;
};

const remote = (name: string, rest = {}) => ({
  name,
  creationName: name,
  libraryName: `${name}Lib`,
  url: `https://cdn.test/${name}Lib`,
  settings: { from: 'cdn' },
  ...rest,
});
const cdn = { cdnURL: 'https://cdn.test' };

describe('remote plugins', () => {
  it('are loaded when the settings name them and the page allows them, with the page’s nonce and options', async () => {
    const got: any[] = [];
    const scripts = page({ GA4Lib: library('GA4', got) });
    const c = await client({
      settings: cdn,
      options: {
        remotePlugins: { allow: (url) => url.startsWith('https://cdn.test/'), nonce: 'n0' },
        integrations: { GA4: { mine: 1 } },
      },
      document: { integrations: {}, remotePlugins: [remote('GA4')] },
    });
    await vi.waitUntil(() => c.analytics.plugins.length, 20_000);
    await c.call('track', 'A');
    expect(scripts).toMatchObject([{ src: 'https://cdn.test/GA4Lib', nonce: 'n0', async: true }]);
    expect(got).toEqual([['A', { GA4: true }, { from: 'cdn', mine: 1 }]]);
  });

  it('are let in by a policy where the page requires Trusted Types', async () => {
    const scripts = page({ GA4Lib: library('GA4', []) });
    const createPolicy = vi.fn((_: string, rules: object) => rules);
    vi.stubGlobal('trustedTypes', { createPolicy });
    const c = await client({
      settings: cdn,
      options: { remotePlugins: { allow: () => true } },
      document: { integrations: {}, remotePlugins: [remote('GA4')] },
    });
    await vi.waitUntil(() => c.analytics.plugins.length, 20_000);
    expect(createPolicy.mock.calls.map(([name]) => name)).toEqual(['headwater']);
    expect(scripts).toHaveLength(1);
    vi.unstubAllGlobals();
  });

  it('get what was called before they were known, once and in order', async () => {
    const got: any[] = [];
    page({ GA4Lib: library('GA4', got), AdsLib: library('Ads', []) });
    let settings = (_: object) => {};
    const other: string[] = [];
    const c = await prepare({
      settings: {
        ...cdn,
        plugins: [
          {
            name: 'Own',
            type: 'destination',
            isLoaded: () => true,
            load: async () => {},
            track: (ctx: Context) => void other.push(ctx.event.event as string),
          },
        ],
      },
      options: { remotePlugins: { allow: () => true } },
      document: new Promise<object>((resolve) => (settings = resolve)),
    });
    c.call('track', 'A');
    c.call('track', 'B', {}, { integrations: { GA4: false } });
    await c.begin();
    c.call('track', 'C', {}, { integrations: { All: false, 'GA4 (Actions)': true } });
    await vi.waitUntil(async () => (await c.all()).length === 3, 20_000);
    settings({ integrations: {}, remotePlugins: [remote('GA4'), remote('Ads')] });
    await vi.waitUntil(() => c.analytics.plugins.length === 3, 20_000);
    await c.call('track', 'D');
    expect(got.map(([event]) => event)).toEqual(['A', 'C', 'D']);
    expect(got[0][1]).toEqual({});
    expect(other).toEqual(['A', 'B', 'D']);
    expect((await c.all()).map(({ event }) => event)).toEqual(['A', 'B', 'C', 'D']);
  });

  it('named again by a later document are not loaded again, and miss nothing', async () => {
    const got: any[] = [];
    const scripts = page({ GA4Lib: library('GA4', got) });
    const document = { integrations: {}, remotePlugins: [remote('GA4')] };
    const c = await prepare({ settings: cdn, options: { remotePlugins: { allow: () => true } }, document });
    c.call('track', 'A');
    await c.begin();
    // The driver tells of the cached document, and again of the one from the network.
    c.settled(document);
    c.settled(document);
    await vi.waitUntil(() => got.length, 20_000);
    await tick(5);
    expect(scripts).toHaveLength(1);
    expect(got.map(([event]) => event)).toEqual(['A']);
  });

  it('are not loaded unless the page says which may be', async () => {
    const scripts = page({});
    const c = await client({ settings: cdn, document: { remotePlugins: [remote('GA4')] } });
    await vi.waitUntil(() => c.diagnostics.some(({ kind }) => kind === 'remote_plugin'), 20_000);
    expect(scripts).toEqual([]);
    const strict = await client({
      settings: cdn,
      options: { remotePlugins: { allow: () => false } },
      document: { remotePlugins: [remote('GA4')] },
    });
    await vi.waitUntil(() => strict.diagnostics.some(({ kind }) => kind === 'remote_plugin'), 20_000);
    expect(scripts).toEqual([]);
    expect(strict.analytics.failedInitializations).toEqual(['GA4']);
  });

  it('are not loaded when integrations switch them off', async () => {
    const scripts = page({ BLib: library('B', []) });
    const c = await client({
      settings: cdn,
      options: { remotePlugins: { allow: () => true }, integrations: { All: false, B: true, C: false } },
      document: { remotePlugins: [remote('A'), remote('B'), remote('C')] },
    });
    await vi.waitUntil(() => c.analytics.plugins.length, 20_000);
    expect(scripts.map(({ src }) => src)).toEqual(['https://cdn.test/BLib']);
  });

  it('that fail harm no other', async () => {
    const got: any[] = [];
    page({
      GoodLib: library('Good', got),
      EmptyLib: undefined,
      ThrowsLib: () => {
        throw new Error('no');
      },
    });
    const c = await client({
      settings: cdn,
      options: { remotePlugins: { allow: () => true } },
      document: { remotePlugins: [remote('Missing'), remote('Empty'), remote('Throws'), remote('Good')] },
    });
    await vi.waitUntil(() => c.analytics.plugins.length, 20_000);
    await c.call('track', 'A');
    expect(got).toHaveLength(1);
    expect([...c.analytics.failedInitializations].sort()).toEqual(['Empty', 'Missing', 'Throws']);
  });
});

describe('the settings document', () => {
  const destination = (got: string[], name = 'D') => ({
    name,
    type: 'destination',
    isLoaded: () => true,
    load: async () => {},
    track: (ctx: Context) => void got.push(ctx.event.event as string),
  });
  const drop = (event: string, destinationName?: string) => ({
    destinationName,
    matchers: [{ type: 'fql', ir: `["=","event",{"value":"${event}"}]` }],
    transformers: [[{ type: 'drop' }]],
  });

  it('filters what a destination gets, also of events that were called before it came', async () => {
    const got: string[] = [];
    let settings = (_: object) => {};
    const c = await prepare({
      settings: { ...cdn, plugins: [destination(got)] },
      document: new Promise<object>((resolve) => (settings = resolve)),
    });
    c.call('track', 'Secret');
    c.call('track', 'Open');
    await c.begin();
    expect((await c.all()).map(({ event }) => event)).toEqual(['Secret', 'Open']);
    expect(got).toEqual([]);
    settings({ integrations: {}, middlewareSettings: { routingRules: [drop('Secret', 'D'), drop('Open', 'E')] } });
    await vi.waitUntil(() => got.length, 20_000);
    await c.call('track', 'Secret');
    expect(got).toEqual(['Open']);
  });

  it('applies its plan to track events', async () => {
    const got: string[] = [];
    const plan = { track: { Blocked: { enabled: false }, NotD: { enabled: true, integrations: { D: false } } } };
    const c = await client({ settings: { cdnSettings: { integrations: {}, plan } } });
    await c.call('register', destination(got));
    for (const event of ['Blocked', 'NotD', 'Fine']) await c.call('track', event);
    expect(got).toEqual(['Fine']);
    expect(await c.all()).toHaveLength(3);
  });

  it('can be changed by the page before it is used', async () => {
    const got: string[] = [];
    const c = await client({
      settings: cdn,
      options: {
        plan: { track: { Blocked: { enabled: false } } },
        updateCDNSettings: (settings) => ({
          ...settings,
          middlewareSettings: { routingRules: [drop('Filtered') as never] },
        }),
      },
      document: { integrations: {} },
    });
    await c.call('register', destination(got));
    await vi.waitUntil(() => (c.analytics.settings.cdnSettings as any).plan, 20_000);
    for (const event of ['Blocked', 'Filtered', 'Fine']) await c.call('track', event);
    expect(got).toEqual(['Fine']);
  });

  it('never gates what goes to the hub', async () => {
    const c = await prepare({ settings: cdn, document: new Promise(() => {}) });
    c.call('track', 'A');
    await c.begin();
    expect(await c.all()).toHaveLength(1);
  });

  it('names remote middleware in vain, and says so', async () => {
    const c = await client({ settings: cdn, document: { enabledMiddleware: { scrub: true } } });
    await vi.waitUntil(() => c.diagnostics.find(({ kind }) => kind === 'ignored'), 20_000);
    expect(c.diagnostics.find(({ kind }) => kind === 'ignored')?.detail).toContain('scrub');
  });
});
