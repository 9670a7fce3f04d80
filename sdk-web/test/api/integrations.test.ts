import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/api/context.js';
import type { Integrations, Plugin } from '../../src/api/types.js';
import { type Client, client, prepare } from './client.js';

const destination = (name: string, got: unknown[]): Plugin => ({
  ...{ name, type: 'destination', isLoaded: () => true, load: () => {} },
  track: (ctx) => void got.push([ctx.event.event, ctx.event.integrations]),
});

/** As Segment's own Amplitude session plugin does it. */
const session = (path: string): Plugin => ({
  ...{ name: 'session', type: 'enrichment', isLoaded: () => true, load: () => {} },
  track(ctx) {
    ctx.updateEvent(path, 42);
    return ctx;
  },
});

const wire = async (c: Client): Promise<(Integrations | undefined)[]> =>
  (await c.all()).map(({ integrations }) => integrations);

describe('an integration that is false stays off whatever a plugin sets below it', () => {
  const run = async (path: string, ofLoad: Integrations, ofEvent: Integrations) => {
    const got: unknown[] = [];
    const plugins = [session(path), destination('Amplitude', got)];
    const c = await client({ settings: { plugins }, options: { integrations: ofLoad } });
    await c.call('track', 'x', {}, { integrations: ofEvent });
    return [await wire(c), got.length];
  };
  const path = 'integrations.Amplitude.session_id';

  it('of the event’s integrations and of load’s', async () => {
    expect(await run(path, {}, { Amplitude: false })).toEqual([[{ Amplitude: false }], 0]);
    expect(await run(path, { Amplitude: false }, {})).toEqual([[{ Amplitude: false }], 0]);
    expect(await run(`${path}.deeper`, { Amplitude: false }, {})).toEqual([[{ Amplitude: false }], 0]);
    expect(await run('integrations.Amplitude', { Amplitude: false }, {})).toEqual([[{ Amplitude: false }], 0]);
  });

  it('also where All switches it off, or a plugin writes past updateEvent', async () => {
    expect(await run(path, {}, { All: false })).toEqual([[{ All: false }], 0]);
    const got: unknown[] = [];
    const past: Plugin = {
      ...session(path),
      track: (ctx: Context) => void Object.assign(ctx.event.integrations!, { Amplitude: { session_id: 42 } }),
    };
    const c = await client({ settings: { plugins: [past, destination('Amplitude', got)] } });
    await c.call('track', 'x', {}, { integrations: { Amplitude: false } });
    expect([await wire(c), got]).toEqual([[{ Amplitude: false }], []]);
  });

  it('also where its name has dots', async () => {
    const plugins = [session('integrations.Segment.io.session_id'), destination('Amplitude', [])];
    const c = await client({ settings: { plugins } });
    const ctx = await c.call('track', 'x', {}, { integrations: { 'Segment.io': false } });
    expect(ctx.event.integrations).toEqual({ 'Segment.io': false });
    expect(await c.all()).toEqual([]);
  });

  it('and one that is on takes the options', async () => {
    expect(await run(path, {}, {})).toEqual([[{ Amplitude: { session_id: 42 } }], 1]);
    expect(await run(path, {}, { Amplitude: true })).toEqual([[{ Amplitude: { session_id: 42 } }], 1]);
    expect(await run('integrations.Amp', {}, { Amplitude: false })).toEqual([[{ Amplitude: false, Amp: 42 }], 0]);
  });
});

describe('load with integrations', () => {
  // Whether analytics-next loads its Segment.io plugin (1.84.3, in Chromium: tests/browser/scenarios/privacy.mjs).
  const permutations: [integrations: Integrations | undefined, hub: boolean][] = [
    [undefined, true],
    [{}, true],
    [{ All: true }, true],
    [{ All: false }, false],
    [{ 'Segment.io': true }, true],
    [{ 'Segment.io': false }, false],
    [{ All: true, 'Segment.io': true }, true],
    [{ All: true, 'Segment.io': false }, false],
    [{ All: false, 'Segment.io': true }, true],
    [{ All: false, 'Segment.io': false }, false],
    [{ All: false, 'Segment.io': {} }, true],
    [{ All: false, Amplitude: true }, false],
  ];
  it.each(permutations)('%j: the hub gets events: %s', async (integrations, hub) => {
    const got: unknown[] = [];
    const plugins = [destination('Amplitude', got)];
    const c = await prepare({ settings: { plugins }, options: integrations ? { integrations } : {} });
    await c.begin();
    await c.call('track', 'x', {}, { integrations: { Amplitude: true } });
    await c.call('track', 'x', {}, { integrations: { Amplitude: true, 'Segment.io': true } });
    expect((await c.all()).length).toBe(hub ? 2 : 0);
    expect(got.length).toBe(2);
    const told = c.diagnostics.filter(({ kind }) => kind === 'hub_left_out');
    expect(told.length).toBe(hub ? 0 : 1);
  });

  it('that leave the hub out keep it out whatever a plugin does', async () => {
    const opens: Plugin = {
      ...session(''),
      track: (ctx) => void Object.assign(ctx.event.integrations!, { 'Segment.io': true }),
    };
    const c = await client({ settings: { plugins: [opens] }, options: { integrations: { All: false } } });
    await c.call('track', 'x');
    await c.call('identify', 'u1');
    expect(await c.all()).toEqual([]);
    expect(c.analytics.user().id()).toBe('u1');
  });
});

describe('what the tracking plan blocks is on the wire', () => {
  const plan = {
    track: { X: { enabled: true, integrations: { amplitude: false } }, Off: { enabled: false } },
  };
  const blocked = [{ amplitude: false }, { All: false, 'Segment.io': true }, undefined];
  const calls = async (c: Client) => {
    for (const event of ['X', 'Off', 'Free']) await c.call('track', event);
    return wire(c);
  };

  it('by the settings document', async () => {
    expect(await calls(await client({ settings: { cdnSettings: { integrations: {}, plan } } }))).toEqual(blocked);
  });

  it('by load, without any settings document', async () => {
    const got: unknown[] = [];
    const c = await client({ settings: { plugins: [destination('amplitude', got)] }, options: { plan } });
    expect(await calls(c)).toEqual(blocked);
    expect(got).toEqual([['Free', undefined]]);
  });

  it('by load, before the settings document comes', async () => {
    const document = new Promise<object>(() => {});
    const c = await client({ settings: { cdnURL: 'https://cdn.test' }, options: { plan }, document });
    expect(await calls(c)).toEqual(blocked);
  });
});
