import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Context } from '../../src/api/context.js';
import { PLUGIN_TIMEOUT } from '../../src/api/plugins.js';
import type { Plugin } from '../../src/api/types.js';
import { client, prepare, tick } from './client.js';

beforeEach(() => {
  vi.stubGlobal('console', { ...console, error: vi.fn() });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const plugin = (type: Plugin['type'], name: string, rest: Partial<Plugin> = {}): Plugin => ({
  name,
  type,
  isLoaded: () => true,
  load: async () => {},
  ...rest,
});

/** A destination that remembers what it got. */
const recorder = (name: string, rest: Partial<Plugin> = {}) => {
  const got: Context[] = [];
  const track = (ctx: Context) => {
    got.push(ctx);
    return ctx;
  };
  return {
    got,
    plugin: plugin('destination', name, { track, identify: track, page: track, ...rest }),
    names: () => got.map((ctx) => ctx.event.event),
  };
};

const rename = (suffix: string) => (ctx: Context) => {
  ctx.updateEvent('event', ctx.event.event + suffix);
  return ctx;
};

describe('the five types', () => {
  it('run as before, enrichment, destination, after; a utility sees nothing', async () => {
    const c = await client();
    const order: string[] = [];
    const see = (name: string) => (ctx: Context) => {
      order.push(`${name}:${ctx.event.event}`);
      return ctx;
    };
    await c.call(
      'register',
      plugin('after', 'after', { track: see('after') }),
      plugin('destination', 'destination', { track: see('destination') }),
      plugin('enrichment', 'enrichment', { track: see('enrichment') }),
      plugin('before', 'before', { track: see('before') }),
      plugin('utility', 'utility', { track: see('utility') }),
    );
    await c.call('track', 'A');
    expect(order).toEqual(['before:A', 'enrichment:A', 'destination:A', 'after:A']);
  });

  it('before and enrichment change what the hub and the destinations get', async () => {
    const c = await client();
    const d = recorder('D');
    await c.call(
      'register',
      plugin('before', 'b', { track: rename('1') }),
      plugin('enrichment', 'e', { track: rename('2') }),
      d.plugin,
    );
    const ctx = await c.call('track', 'A');
    expect((await c.all()).map(({ event }) => event)).toEqual(['A12']);
    expect(d.names()).toEqual(['A12']);
    expect(ctx.event.event).toBe('A12');
  });

  it('see the identity, the time and the page of the call', async () => {
    const c = await client();
    let seen: any;
    await c.call('register', plugin('before', 'b', { track: (ctx) => void (seen = ctx.event) }));
    await c.call('identify', 'u1');
    await c.call('track', 'A');
    expect(seen).toMatchObject({ userId: 'u1', type: 'track', event: 'A' });
    expect(seen.messageId).toBe((await c.all())[1]?.messageId);
  });

  it('given to load see the first event; registered before load, too', async () => {
    const c = await prepare({ settings: { plugins: [plugin('before', 'a', { track: rename('1') })] } });
    c.call('track', 'A');
    c.call('register', plugin('before', 'b', { track: rename('2') }));
    c.call('addSourceMiddleware', ({ payload, next }: any) => {
      payload.obj.event += '3';
      next(payload);
    });
    await c.begin();
    await vi.waitUntil(async () => (await c.all()).length, 20_000);
    expect(c.sent.map(({ event }) => event)).toEqual(['A123']);
  });

  it('a dropped event resolves, is told of, and reaches nobody', async () => {
    const c = await client();
    const d = recorder('D');
    const reports: any[] = [];
    c.analytics.on('report', (report) => reports.push(report));
    await c.call('register', plugin('before', 'scrub', { track: (ctx) => ctx.cancel() }), d.plugin);
    const ctx = await c.call('track', 'A');
    expect(ctx.event.event).toBe('A');
    expect(await c.all()).toEqual([]);
    expect(d.got).toEqual([]);
    expect(reports).toMatchObject([{ reason: 'plugin', messageId: ctx.id, detail: expect.stringContaining('scrub') }]);
  });
});

describe('isolation', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['rejects with nothing', () => Promise.reject()],
    [
      'spoils the event and throws',
      (ctx: Context) => {
        ctx.updateEvent('event', 'spoiled');
        throw new Error('no');
      },
    ],
  ])('an enrichment or destination that %s costs nothing: the event goes on as it was', async (_, hook) => {
    const c = await client();
    const [bad, good] = [recorder('Bad', { track: hook as never }), recorder('Good')];
    await c.call(
      'register',
      plugin('before', 'b', { track: hook as never, required: false }),
      plugin('enrichment', 'e', { track: hook as never }),
      bad.plugin,
      good.plugin,
    );
    const ctx = await c.call('track', 'A');
    expect((await c.all()).map(({ event }) => event)).toEqual(['A']);
    expect(good.names()).toEqual(['A']);
    expect(ctx.failedDelivery()).toBeDefined();
    expect(c.diagnostics.filter(({ kind }) => kind === 'plugin_failed')).toHaveLength(2);
  });

  it('an enrichment or destination that never settles is left behind after its time', async () => {
    const c = await client();
    const good = recorder('Good');
    const never = () => new Promise<void>(() => {});
    await c.call(
      'register',
      plugin('enrichment', 'b', { track: never }),
      recorder('Stuck', { track: never as never }).plugin,
      good.plugin,
    );
    vi.useFakeTimers();
    const done = c.call('track', 'A');
    await vi.advanceTimersByTimeAsync(3 * PLUGIN_TIMEOUT + 100);
    await done;
    vi.useRealTimers();
    expect(good.names()).toEqual(['A']);
    expect((await c.all()).map(({ event }) => event)).toEqual(['A']);
  });

  it('a destination cannot change the event of another, nor the hub’s', async () => {
    const c = await client();
    const second = recorder('Second');
    await c.call('register', plugin('destination', 'First', { track: rename(' spoiled') }), second.plugin);
    await c.call('track', 'A', { list: [1] });
    expect(second.names()).toEqual(['A']);
    expect((await c.all())[0]?.event).toBe('A');
  });

  it('a failing destination is reported, the hub still has the event', async () => {
    const c = await client();
    const reports: any[] = [];
    c.analytics.on('report', (report) => reports.push(report));
    await c.call(
      'register',
      plugin('destination', 'Bad', {
        track: () => {
          throw new Error('broken');
        },
      }),
    );
    await c.call('track', 'A');
    expect(await c.all()).toHaveLength(1);
    expect(reports).toMatchObject([{ reason: 'destination_failed', destination: 'Bad', detail: 'broken' }]);
  });

  it('a plugin that does not load is gone, and named', async () => {
    const c = await client();
    const heard = vi.fn();
    c.analytics.queue.on('initialization_failure', heard);
    const bad = recorder('Bad', { load: () => Promise.reject(new Error('no')) });
    await c.call(
      'register',
      bad.plugin,
      plugin('before', 'Worse', {
        required: false,
        load: () => {
          throw new Error('no');
        },
        track: rename('!'),
      }),
    );
    await c.call('track', 'A');
    expect(bad.got).toEqual([]);
    expect((await c.all())[0]?.event).toBe('A');
    expect([...c.analytics.failedInitializations].sort()).toEqual(['Bad', 'Worse']);
    expect(heard).toHaveBeenCalledTimes(2);
  });
});

describe('destinations', () => {
  it('get events in order, each only when it is loaded, one never waiting for the other', async () => {
    const c = await client();
    let loaded = () => {};
    const late = recorder('Late', { load: () => new Promise<void>((resolve) => (loaded = resolve)) });
    const quick = recorder('Quick');
    await c.call('register', late.plugin, quick.plugin);
    c.call('track', 'A');
    c.call('track', 'B');
    await vi.waitUntil(() => quick.names().length === 2, 20_000);
    expect([late.names(), quick.names()]).toEqual([[], ['A', 'B']]);
    loaded();
    await vi.waitUntil(() => late.names().length === 2, 20_000);
    expect(late.names()).toEqual(['A', 'B']);
  });

  it('get the second event when they are done with the first', async () => {
    const c = await client();
    const running: string[] = [];
    const track = async (ctx: Context) => {
      running.push(`+${ctx.event.event}`);
      await tick(ctx.event.event === 'A' ? 20 : 0);
      running.push(`-${ctx.event.event}`);
    };
    await c.call('register', plugin('destination', 'D', { track }));
    await Promise.all([c.call('track', 'A'), c.call('track', 'B')]);
    expect(running).toEqual(['+A', '-A', '+B', '-B']);
  });

  it('are waited for by the promise', async () => {
    const c = await client();
    const done: string[] = [];
    await c.call(
      'register',
      plugin('destination', 'D', {
        track: async (ctx) => {
          await tick(30);
          done.push(ctx.event.event as string);
        },
      }),
    );
    await c.call('track', 'A');
    expect(done).toEqual(['A']);
  });

  it.each([
    ['nothing', undefined, ['D', 'E'], true],
    ['All: false', { All: false }, [], true],
    ['All: false and a name', { All: false, D: true }, ['D'], true],
    ['All: false and options', { All: false, D: { id: 1 } }, ['D'], true],
    ['a name: false', { D: false }, ['E'], true],
    ['an alternative name: false', { 'D (Actions)': false }, ['E'], true],
    ['All: false and an alternative name', { All: false, 'D (Actions)': true }, ['D'], true],
    ['the hub: false', { 'Segment.io': false }, ['D', 'E'], false],
  ])('with integrations saying %s', async (_, integrations, expected, hub) => {
    const c = await client();
    const [d, e] = [recorder('D', { alternativeNames: ['D (Actions)'] }), recorder('E')];
    await c.call('register', d.plugin, e.plugin);
    await c.call('track', 'A', {}, { integrations });
    expect([...d.got.map(() => 'D'), ...e.got.map(() => 'E')]).toEqual(expected);
    expect(await c.all()).toHaveLength(hub ? 1 : 0);
  });

  it('follow the integrations of load', async () => {
    const c = await client({ options: { integrations: { All: false, E: true } } });
    const [d, e] = [recorder('D'), recorder('E')];
    await c.call('register', d.plugin, e.plugin);
    await c.call('track', 'A');
    expect([d.names(), e.names()]).toEqual([[], ['A']]);
  });

  it('follow integrations that a plugin changed, and a refusal stays one', async () => {
    const c = await client();
    const [d, e] = [recorder('D'), recorder('E')];
    const track = (ctx: Context) => {
      ctx.updateEvent('integrations.D', false);
      ctx.updateEvent('integrations.E', true);
      return ctx;
    };
    await c.call('register', plugin('enrichment', 'p', { track }), d.plugin, e.plugin);
    await c.call('track', 'A', {}, { integrations: { E: false } });
    expect([d.names(), e.names()]).toEqual([[], []]);
  });

  it('get nothing after deregister, which unloads them', async () => {
    const c = await client();
    const unload = vi.fn();
    const d = recorder('D', { unload });
    await c.call('register', d.plugin);
    await c.call('track', 'A');
    await c.call('deregister', 'D');
    await c.call('track', 'B');
    expect(d.names()).toEqual(['A']);
    expect(unload).toHaveBeenCalledTimes(1);
    expect(c.analytics.plugins).toEqual([]);
  });

  it('registered twice get each event once', async () => {
    const c = await client();
    const d = recorder('D');
    await c.call('register', d.plugin);
    await c.call('register', d.plugin);
    await c.call('track', 'A');
    expect(d.names()).toEqual(['A']);
  });
});

describe('source middleware', () => {
  it('sees every event before it is queued, in the order of adding', async () => {
    const c = await client({ options: { integrations: { GA: true } } });
    const seen: unknown[] = [];
    await c.call('addSourceMiddleware', ({ payload, integrations, next }: any) => {
      seen.push([payload.type(), payload.event(), payload.userId(), payload.proxy('properties.card'), integrations]);
      delete payload.obj.properties.card;
      next(payload);
    });
    await c.call('addSourceMiddleware', async ({ payload, next }: any) => {
      await tick(1);
      payload.obj.properties.scrubbed = !('card' in payload.obj.properties);
      next(payload);
    });
    await c.call('track', 'A', { card: '4111' });
    expect(seen).toEqual([['track', 'A', undefined, '4111', { GA: true }]]);
    expect((await c.all())[0]?.properties).toEqual({ scrubbed: true });
  });

  it('drops an event by not calling next; next(null) keeps it', async () => {
    const c = await client();
    await c.call('addSourceMiddleware', ({ payload, next }: any) => {
      if (payload.event() !== 'Drop') next(null);
    });
    await c.call('track', 'Drop');
    await c.call('track', 'Keep');
    expect((await c.all()).map(({ event }) => event)).toEqual(['Keep']);
  });

  it('keeps the order of calls, however long it takes over one', async () => {
    const c = await client();
    await c.call('addSourceMiddleware', async ({ payload, next }: any) => {
      await tick(payload.event() === 'A' ? 30 : 0);
      next(payload);
    });
    await Promise.all(['A', 'B', 'C'].map((name) => c.call('track', name)));
    expect((await c.all()).map(({ event }) => event)).toEqual(['A', 'B', 'C']);
  });
});

describe('destination middleware', () => {
  it('changes, or keeps back, the events of its destination alone', async () => {
    const c = await client();
    const [d, e] = [recorder('D'), recorder('E')];
    await c.call('addDestinationMiddleware', 'd', ({ payload, integration, next }: any) => {
      payload.obj.event = `${integration}:${payload.event()}`;
      next(payload);
    });
    await c.call('register', d.plugin, e.plugin);
    await c.call('addDestinationMiddleware', 'D', ({ payload, next }: any) =>
      next(payload.event() === 'D:B' ? null : payload),
    );
    await c.call('addDestinationMiddleware', '*', ({ payload, next }: any) => {
      if (payload.event() !== 'C') next(payload);
    });
    for (const name of ['A', 'B', 'C']) await c.call('track', name);
    expect([d.names(), e.names()]).toEqual([
      ['D:A', 'D:C'],
      ['A', 'B'],
    ]);
    expect((await c.all()).map(({ event }) => event)).toEqual(['A', 'B', 'C']);
  });
});

describe('a context', () => {
  it('updates deep paths, and not what it must not', async () => {
    const { Context } = await import('../../src/api/context.js');
    const ctx = new Context({ type: 'track', event: 'A', integrations: { D: false } });
    ctx.updateEvent('context.device.id', 1);
    ctx.updateEvent('integrations.D', true);
    ctx.updateEvent('__proto__.polluted', true);
    expect(ctx.event).toEqual({
      type: 'track',
      event: 'A',
      context: { device: { id: 1 } },
      integrations: { D: false },
    });
    expect(({} as any).polluted).toBeUndefined();
    ctx.log('info', 'said', { x: 1 });
    ctx.stats.increment('counted', 2, ['t']);
    expect(ctx.toJSON()).toMatchObject({
      logs: [{ level: 'info', message: 'said', extras: { x: 1 } }],
      metrics: [{ metric: 'counted', value: 2 }],
    });
    expect(ctx.isSame(ctx)).toBe(true);
    expect(() => ctx.cancel()).toThrow();
  });
});
