import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type CoreOptions, createAnalytics } from '../../src/core.js';
import { configOf, endpointOf } from '../../src/engine/config.js';

const vectors = JSON.parse(
  readFileSync(new URL('../../../tests/vectors/engine/addresses.json', import.meta.url), 'utf8'),
);
const wasm = readFileSync(new URL('../../wasm/headwater_bg.wasm', import.meta.url));
type Answer = Response | Promise<Response>;

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Tracks once; what was asked for, in order, and what was told. */
const track = async (
  settings: object,
  options: object,
  answer: (url: string, n: number) => Answer = () => new Response('{}'),
) => {
  const asked: string[] = [];
  const told: string[] = [];
  const get = async (url: string) => {
    asked.push(url);
    return answer(url, asked.length - 1);
  };
  const analytics = createAnalytics({ writeKey: 'KEY', ...settings }, {
    wasm,
    fetch: get,
    ...options,
    engine: { flushInterval: 1 },
  } as unknown as CoreOptions);
  analytics.on('diagnostic', ({ kind, detail }: any) => told.push(`${kind} ${detail}`.trim()));
  analytics.track('A');
  const report = await analytics.flush();
  await analytics.close();
  return { asked, told, report };
};
const document = (apiHost: string) => new Response(JSON.stringify({ integrations: { 'Segment.io': { apiHost } } }));

describe('where events go', () => {
  it('is where the vectors say for a device', async () => {
    for (const { given, device } of vectors.addresses) {
      const { asked } = await track({}, { apiHost: given });
      // A page's fetch leaves out a fragment, and asks for names in small letters.
      expect(asked.map((url) => url.replace(/#.*/, '').toLowerCase())).toEqual([device.toLowerCase()]);
    }
  });

  it('may be a path of the page’s own site', () => {
    vi.stubGlobal('location', { href: 'https://shop.test/a/b', origin: 'https://shop.test' });
    const at = (apiHost: string) => endpointOf({ settings: { writeKey: 'KEY' }, options: { apiHost } });
    expect(at('/t/v1')).toBe('https://shop.test/t/v1');
    expect(at('./t/v1')).toBe('https://shop.test/a/t/v1');
    expect(at('//hub.test/v1')).toBe('https://hub.test/v1');
  });

  it('is what the page’s own settings say', async () => {
    const own = { integrations: { 'Segment.io': { apiHost: 'own.test/v1', protocol: 'http' } } };
    expect((await track({ cdnSettings: own }, {})).asked).toEqual(['http://own.test/v1/b']);
    expect((await track({}, own)).asked).toEqual(['http://own.test/v1/b']);
    const bare = { cdnSettings: { integrations: {} }, cdnURL: 'https://cdn.test' };
    expect((await track(bare, {})).asked).toEqual(['https://cdn.test/v1/b']);
  });
});

describe('without an apiHost', () => {
  it('and without a cdnURL nothing is sent, it waits, and the console says which line to write', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { asked, told, report } = await track({}, {});
    expect(asked).toEqual([]);
    expect(report).toMatchObject({ delivered: 0, dropped: 0, pending: 1 });
    expect(told).toContain('no_endpoint');
    expect(error.mock.calls[0]![0]).toContain("{ apiHost: 'https://hub.example/v1' }");
  });

  it('events wait for the document that names the host, and go nowhere before', async () => {
    const { asked } = await track({ cdnURL: 'https://cdn.test' }, {}, (url) =>
      url.includes('/projects/')
        ? new Promise((ok) => setTimeout(() => ok(document('hub.test/v1')), 100))
        : new Response('{}'),
    );
    expect(asked).toEqual(['https://cdn.test/v1/projects/KEY/settings', 'https://hub.test/v1/b']);
  });

  it('and with a document that cannot be had they go to its own host', async () => {
    const { asked } = await track({ cdnURL: 'https://cdn.test/' }, {}, (url) =>
      url.includes('/projects/') ? new Response('', { status: 404 }) : new Response('{}'),
    );
    expect(asked).toEqual(['https://cdn.test/v1/projects/KEY/settings', 'https://cdn.test/v1/b']);
  });
});

describe('the address of the document', () => {
  const url = (settings: object, options: object = {}) =>
    configOf({ settings: { writeKey: 'KEY', ...settings }, options } as never, '').settings?.url;

  it('is under cdnURL as the incumbent has it, with a scheme or without', () => {
    expect(url({ cdnURL: 'https://cdn.test' })).toBe('https://cdn.test/v1/projects/KEY/settings');
    expect(url({ cdnURL: 'https://cdn.test/v1/' })).toBe('https://cdn.test/v1/projects/KEY/settings');
    expect(url({ cdnURL: 'proxy.test/cdn' })).toBe('https://proxy.test/cdn/v1/projects/KEY/settings');
    expect(url({ cdnURL: 'localhost:8765' })).toBe('http://localhost:8765/v1/projects/KEY/settings');
    expect(url({}, { settingsUrl: 'cdn.test/mine.json' })).toBe('https://cdn.test/mine.json');
    expect(url({})).toBe(undefined);
  });
});

describe('answers that say that the host is another', () => {
  it('a redirect is no delivery: it is told, and tried again', async () => {
    const moved = Object.defineProperty(new Response(''), 'status', { value: 0 });
    const { told, report } = await track({}, { apiHost: 'hub.test' }, () => moved);
    expect(report).toMatchObject({ delivered: 0, dropped: 0, pending: 1 });
    expect(told).toContain('redirected');
  });

  it('a 404 names the address', async () => {
    const { told } = await track({}, { apiHost: 'proxy.test/wrong' }, () => new Response('', { status: 404 }));
    expect(told).toContain('not_found https://proxy.test/wrong/b');
  });
});
