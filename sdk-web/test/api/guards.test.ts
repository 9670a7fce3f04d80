// Plugins and middleware that must not be left out, and fail: what they guard never leaves as it was.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Context } from '../../src/api/context.js';
import { PLUGIN_TIMEOUT } from '../../src/api/plugins.js';
import type { Plugin } from '../../src/api/types.js';
import { memoryStore } from '../../src/engine/store.js';
import { type Client, client } from './client.js';

const vectors = JSON.parse(readFileSync(new URL('../../../tests/vectors/engine/guards.json', import.meta.url), 'utf8'));

beforeEach(() => {
  vi.stubGlobal('console', { ...console, error: vi.fn() });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

type Hook = (ctx: Context) => Context | void | Promise<Context | void>;
const plugin = (type: Plugin['type'], name: string, track: Hook, rest: Partial<Plugin> = {}): Plugin => ({
  ...{ name, type, isLoaded: () => true, load: async () => {}, track, ...rest },
});

/** Takes `email` out and then does what the script says; nothing when that is over. */
const scrub = (...script: string[]): Hook => {
  const left = [...script];
  return (ctx) => {
    delete ctx.event.properties!.email;
    const what = left.shift();
    if (what === 'fails') throw new Error('no list');
    if (what === 'drops') ctx.cancel();
    return ctx;
  };
};

const heard = (c: Client) => {
  const reports: any[] = [];
  c.analytics.on('report', (report) => reports.push(report));
  return reports;
};
const secret = (c: Client) => c.call('track', 'secret', { email: 'ada@example.com', plan: 'pro' });
const leaks = (c: Client) => JSON.stringify(c.sent).includes('ada@');

/** From here on the test moves the clock. The engine's own looks at `performance`. */
const clock = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });

describe('what a failure means', () => {
  it.each<any>(vectors.plugins)(
    'of the type $type, required $required: $failure',
    async ({ type, required, failure }) => {
      const c = await client();
      const rest = required === null ? {} : { required };
      await c.call('register', plugin(type, 'p', scrub('fails'), rest));
      await secret(c);
      expect(await c.all()).toHaveLength(failure === 'kept' ? 0 : 1);
    },
  );

  it.each<any>(vectors.lives)('of tries: $tries', async ({ tries, ends, after }) => {
    const c = await client();
    const reports = heard(c);
    await c.call('register', plugin('before', 'scrub', scrub(...tries)));
    clock();
    await secret(c);
    if (after) {
      await vi.advanceTimersByTimeAsync(after - 100);
      expect(reports).toEqual([]);
    }
    await vi.advanceTimersByTimeAsync(200);
    vi.useRealTimers();
    await c.all();
    expect(reports.map(({ reason }) => reason)).toEqual(ends === 'queued' ? [] : [ends]);
    expect(c.sent).toHaveLength(ends === 'queued' ? 1 : 0);
    expect(leaks(c)).toBe(false);
  });
});

describe('a guard', () => {
  it.each([
    ['rejects', () => Promise.reject(new Error('no'))],
    ['rejects with nothing', () => Promise.reject()],
    ['throws what has no words', () => Promise.reject(Object.create(null))],
    [
      'leaves what JSON cannot say',
      (ctx: Context) => {
        ctx.event.properties!.self = ctx.event.properties;
        return ctx;
      },
    ],
  ])('that %s keeps its event back, and the next one goes on', async (_, hook) => {
    const c = await client();
    let first = true;
    const once: Hook = (ctx) => {
      if (!first) return scrub()(ctx);
      first = false;
      return hook(ctx) as never;
    };
    await c.call('register', plugin('before', 'scrub', once));
    const ctx = await secret(c);
    expect(ctx.failedDelivery()).toBeDefined();
    expect(ctx.event.properties).toEqual({ email: 'ada@example.com', plan: 'pro' });
    await c.call('track', 'later');
    await c.all();
    expect(c.sent.map(({ event }) => event)).toEqual(['later']);
    expect(leaks(c)).toBe(false);
  });

  it('that never settles keeps its event back after 5 seconds', async () => {
    const c = await client();
    let calls = 0;
    const never: Hook = (ctx) => (calls++ ? scrub()(ctx) : new Promise(() => {}));
    await c.call('register', plugin('before', 'scrub', never));
    clock();
    const done = secret(c);
    await vi.advanceTimersByTimeAsync(PLUGIN_TIMEOUT + 10);
    await done;
    expect(c.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_100);
    vi.useRealTimers();
    expect((await c.all()).map(({ event }) => event)).toEqual(['secret']);
    expect(leaks(c)).toBe(false);
  });

  it('that is a source middleware keeps its event back; the plugins after it see it when it passes', async () => {
    const c = await client();
    const after: unknown[] = [];
    let calls = 0;
    await c.call('addSourceMiddleware', ({ payload, next }: any) => {
      delete payload.obj.properties.email;
      if (!calls++) throw new Error('a bug');
      next(payload);
    });
    await c.call(
      'register',
      plugin('after', 'after', (ctx) => void after.push(ctx.event.properties)),
    );
    await secret(c);
    expect(after).toEqual([]);
    await vi.waitUntil(async () => (await c.all()).length, 20_000);
    expect(c.sent[0]!.properties).toEqual({ plan: 'pro' });
    await vi.waitUntil(() => after.length, 20_000);
    expect(after).toEqual([{ plan: 'pro' }]);
  });

  it('that does not load keeps its events back, and is loaded again at each try', async () => {
    const c = await client();
    let loads = 0;
    const load = async () => {
      if (++loads < 4) throw new Error('no list');
    };
    await c.call('register', plugin('before', 'scrub', scrub(), { load }));
    expect(c.analytics.failedInitializations).toEqual(['scrub']);
    clock();
    const ctx = await secret(c);
    expect(ctx.failedDelivery()).toBeDefined();
    await vi.advanceTimersByTimeAsync(10_900);
    expect([loads, c.sent]).toEqual([3, []]);
    await vi.advanceTimersByTimeAsync(500);
    vi.useRealTimers();
    await vi.waitUntil(async () => (await c.all()).length, 20_000);
    expect(c.sent.map(({ properties }) => properties)).toEqual([{ plan: 'pro' }]);
    expect(loads).toBe(4);
  });

  it('that never loads has its events reported', async () => {
    const c = await client();
    const reports = heard(c);
    await c.call('register', plugin('before', 'scrub', scrub(), { load: () => Promise.reject(new Error('no list')) }));
    clock();
    await secret(c);
    await vi.advanceTimersByTimeAsync(11_500);
    vi.useRealTimers();
    expect(reports).toMatchObject([{ reason: 'plugin_failed', count: 1 }]);
    expect(await c.all()).toEqual([]);
  });

  it('keeps its event for the user that made it', async () => {
    const c = await client();
    await c.call('identify', 'u1');
    await c.call('register', plugin('before', 'scrub', scrub('fails')));
    await secret(c);
    await c.call('identify', 'u2');
    await vi.waitUntil(async () => (await c.all()).length === 3, 20_000);
    expect(c.sent.find(({ event }) => event === 'secret')).toMatchObject({ userId: 'u1' });
  });

  it('that fails when its page goes away has its event tried by a later page', async () => {
    const store = memoryStore();
    const first = await client({ store });
    await first.call('register', plugin('before', 'scrub', scrub('fails', 'fails', 'fails')));
    await secret(first);
    await vi.waitUntil(async () => (await store.after(0)).length, 20_000);
    const second = await client({ store, settings: { plugins: [plugin('before', 'scrub', scrub())] } });
    await vi.waitUntil(async () => (await second.all()).length, 20_000);
    expect(second.sent.map(({ event, properties }) => [event, properties])).toEqual([['secret', { plan: 'pro' }]]);
  });

  it('that a later page does not have keeps its event there, too, and it is reported', async () => {
    const store = memoryStore();
    const first = await client({ store });
    await first.call('register', plugin('before', 'scrub', scrub('fails', 'fails', 'fails')));
    await secret(first);
    await vi.waitUntil(async () => (await store.after(0)).length, 20_000);
    // A page without plugins leaves it for one that has some.
    const plain = await client({ store });
    await plain.call('track', 'plain');
    expect((await plain.all()).map(({ event }) => event)).toEqual(['plain']);
    expect(await store.after(0)).toHaveLength(1);
    const other = await client({ store, settings: { plugins: [plugin('before', 'another', scrub())] } });
    const reports = heard(other);
    await vi.waitUntil(() => reports.length, { timeout: 30_000 });
    expect(reports).toMatchObject([{ reason: 'plugin_failed', count: 1 }]);
    expect(await other.all()).toEqual([]);
    await vi.waitUntil(async () => !(await store.after(0)).length, 20_000);
  });
});

describe('a guard whose code does not come', () => {
  /** Loading the full engine, which a page's first plugin needs, fails so many times. */
  const without = async (failures: number) => {
    let left = failures;
    const loading = (full: boolean) => {
      if (full && left-- > 0) throw new Error('404');
    };
    const c = await client({ loading });
    clock();
    return c;
  };
  const middleware = ({ payload, next }: any) => {
    delete payload.obj.properties.email;
    next(payload);
  };
  const failed = (c: Client) => c.diagnostics.filter(({ kind }) => kind === 'plugin_failed');

  it.each<[string, (c: Client) => Promise<unknown>]>([
    ['a source middleware', (c) => c.call('addSourceMiddleware', middleware)],
    ['a plugin of the type before', (c) => c.call('register', plugin('before', 'scrub', scrub()))],
    ['a required enrichment', (c) => c.call('register', plugin('enrichment', 'scrub', scrub(), { required: true }))],
  ])('holds back every call behind it, %s, and is asked for after 1 and after 10 seconds', async (_, add) => {
    const c = await without(2);
    add(c);
    secret(c);
    await vi.advanceTimersByTimeAsync(10_900);
    expect(c.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(500);
    vi.useRealTimers();
    await vi.waitUntil(async () => (await c.all()).length, 20_000);
    expect(c.sent.map(({ properties }) => properties)).toEqual([{ plan: 'pro' }]);
    expect(failed(c)).toEqual([]);
  });

  it('three times has each event behind it reported, and given up', async () => {
    const c = await without(Number.POSITIVE_INFINITY);
    const reports = heard(c);
    const added = c.call('addSourceMiddleware', middleware);
    const first = secret(c);
    await vi.advanceTimersByTimeAsync(10_900);
    expect(reports).toEqual([]);
    await vi.advanceTimersByTimeAsync(500);
    await expect(added).rejects.toThrow('404');
    await expect(first).rejects.toThrow('404');
    secret(c);
    const all = c.all();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await all).toEqual([]);
    expect(reports).toMatchObject([
      { reason: 'plugin_failed', count: 1, detail: 'Error: 404' },
      { reason: 'plugin_failed', count: 1 },
    ]);
    expect(failed(c)).toHaveLength(1);
  });

  it('is waited for as long as there is no connection', async () => {
    const c = await without(100);
    vi.stubGlobal('navigator', { onLine: false });
    const reports = heard(c);
    c.call('addSourceMiddleware', middleware);
    secret(c);
    await vi.advanceTimersByTimeAsync(99_900);
    expect([c.sent, reports]).toEqual([[], []]);
    await vi.advanceTimersByTimeAsync(500);
    vi.useRealTimers();
    await vi.waitUntil(async () => (await c.all()).length, 20_000);
    expect(c.sent.map(({ properties }) => properties)).toEqual([{ plan: 'pro' }]);
  });

  it('is one of load’s: no event goes before it, or without', async () => {
    clock();
    const settings = { plugins: [plugin('before', 'scrub', scrub())] };
    vi.doMock('../../src/api/start.js', () => ({ start: () => Promise.reject(new Error('404')) }));
    const c = await client({ settings });
    const reports = heard(c);
    const first = secret(c);
    await vi.advanceTimersByTimeAsync(12_000);
    vi.doUnmock('../../src/api/start.js');
    await expect(first).rejects.toThrow('404');
    expect(reports).toMatchObject([{ reason: 'plugin_failed', count: 1 }]);
    expect(c.sent).toEqual([]);
  });

  it('is no guard where it may fail: the call rejects, the events go on', async () => {
    const c = await without(1);
    const added = c.call(
      'register',
      plugin('enrichment', 'more', () => {}),
    );
    const made = secret(c);
    await vi.advanceTimersByTimeAsync(100);
    await expect(added).rejects.toThrow('404');
    await made;
    vi.useRealTimers();
    await vi.waitUntil(async () => (await c.all()).length, 20_000);
  });
});

describe('a destination’s middleware that fails', () => {
  it('keeps the event from that destination, which gets it when a later try passes', async () => {
    const c = await client();
    const [got, others]: unknown[][] = [[], []];
    await c.call(
      'register',
      plugin('destination', 'D', (ctx) => void got!.push(ctx.event.properties)),
    );
    await c.call(
      'register',
      plugin('destination', 'E', (ctx) => void others!.push(ctx.event.properties)),
    );
    let calls = 0;
    await c.call('addDestinationMiddleware', 'D', ({ payload, next }: any) => {
      delete payload.obj.properties.email;
      if (!calls++) throw new Error('a bug');
      next(payload);
    });
    const ctx = await secret(c);
    expect(got).toEqual([]);
    expect(others).toHaveLength(1);
    expect(ctx.failedDelivery()).toBeDefined();
    expect(await c.all()).toHaveLength(1);
    await vi.waitUntil(() => got!.length, 20_000);
    expect(got).toEqual([{ plan: 'pro' }]);
  });

  it('each time is reported, and its destination never has the event', async () => {
    const c = await client();
    const got: unknown[] = [];
    const reports = heard(c);
    await c.call(
      'register',
      plugin('destination', 'D', (ctx) => void got.push(ctx.event)),
    );
    await c.call('addDestinationMiddleware', 'D', () => {
      throw new Error('a bug');
    });
    await secret(c);
    await vi.waitUntil(() => reports.length, { timeout: 30_000 });
    expect(reports).toMatchObject([{ reason: 'plugin_failed', destination: 'D' }]);
    expect(got).toEqual([]);
  });
});
