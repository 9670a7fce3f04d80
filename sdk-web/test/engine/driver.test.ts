import { describe, expect, it, vi } from 'vitest';
import { createCapture } from '../../src/capture.js';
import { configOf } from '../../src/engine/config.js';
import type { Identity } from '../../src/engine/port.js';
import { memoryStore } from '../../src/engine/store.js';
import { bodyOf, createWorld, engine, journal, type Tab, trapping } from './world.js';

const asking = {
  writeKey: 'wk',
  endpoint: 'https://hub.test/v1',
  flushAt: 1,
  consent: { model: 'opt-in', categories: ['ads'], hold: 'persist' },
};

const names = (n: number, prefix = 'e') => Array.from({ length: n }, (_, i) => `${prefix}${i}`);

describe('a page', () => {
  it('delivers calls in their order, then forgets them everywhere', async () => {
    const world = createWorld();
    const tab = await world.open();
    names(20).forEach(tab.track);
    await world.until(() => world.arrived().length === 20);
    expect(world.arrived()).toEqual(names(20));
    await world.until(() => journal(world).length === 0);
    await world.until(() => tab.diagnostics.some((line) => line.startsWith('batch_delivered')));
    await tab.driver.flush();
    expect(await world.store.after(0)).toEqual([]);
  });

  it('delivers what was captured before the engine was there', async () => {
    const world = createWorld();
    const tab = await world.open({
      load: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return trapping(() => false)();
      },
    });
    names(3).forEach(tab.track);
    await world.until(() => world.arrived().length === 3);
  });

  it('answers the caller with the messageId under which the event goes out', async () => {
    const world = createWorld();
    const tab = await world.open();
    const id = await tab.track('a');
    await world.until(() => world.uploads.length === 1);
    expect(JSON.parse(bodyOf(world.uploads[0]!)).batch[0].messageId).toBe(id);
  });

  it('keeps the order when a call waits for a plugin', async () => {
    const world = createWorld();
    const tab = await world.open({}, async (call, _, usual) => {
      if (call.a[0] === 'slow') await new Promise((resolve) => setTimeout(resolve, 30));
      usual();
    });
    ['a', 'slow', 'b'].forEach(tab.track);
    await world.until(() => world.arrived().length === 3);
    expect(world.arrived()).toEqual(['a', 'slow', 'b']);
  });

  it('goes on when a handler throws', async () => {
    const world = createWorld();
    const tab = await world.open({}, (call, _, usual) => {
      if (call.a[0] === 'bad') throw new Error('mine');
      usual();
    });
    const bad = tab.track('bad');
    tab.track('good');
    await expect(bad).rejects.toThrow('mine');
    await world.until(() => world.arrived().includes('good'));
  });

  it('forgets nothing before the answer, and sends again with the same id', async () => {
    const world = createWorld();
    world.hub.status = 'none';
    const tab = await world.open();
    tab.track('a');
    await world.until(() => world.uploads.length > 1);
    expect(await world.store.after(0)).toHaveLength(1);
    world.hub.status = 200;
    await world.until(() => world.arrived().length === 1);
    const ids = world.uploads.map((upload) => JSON.parse(bodyOf(upload)).batch[0].messageId);
    expect(new Set(ids).size).toBe(1);
  });

  it('sends in the same turn when it is going away, without waiting for the store', async () => {
    const world = createWorld();
    const tab = await world.open({ open: async () => ({ ...memoryStore(), commit: () => new Promise(() => {}) }) });
    names(3).forEach(tab.track);
    tab.driver.lifecycle(2);
    expect(world.uploads.map((upload) => [upload.leaving, JSON.parse(bodyOf(upload)).batch.length])).toEqual([
      [true, 3],
    ]);
    expect(journal(world)).toHaveLength(3);
  });

  // Chromium ends a page's requests before it tells the page that it is left.
  it('does not wait for its next try, after a request without an answer, when it is going away', async () => {
    const world = createWorld();
    world.hub.status = 'none';
    const tab = await world.open();
    names(3).forEach(tab.track);
    await world.until(() => tab.diagnostics.some((line) => line.startsWith('upload_failed')));
    names(3, 'f').forEach(tab.track);
    const before = world.uploads.length;
    tab.driver.lifecycle(2);
    const batches = world.uploads.slice(before).map((upload) => JSON.parse(bodyOf(upload)).batch);
    expect(batches.map((batch) => batch.map(({ event }: { event: string }) => event))).toEqual([
      [...names(3), ...names(3, 'f')],
    ]);
    expect(world.uploads.at(-1)!.leaving).toBe(true);
  });

  it('waits as long as the hub asked, also when it is going away', async () => {
    const world = createWorld();
    Object.assign(world.hub, { status: 429, after: '60' });
    const tab = await world.open();
    names(3).forEach(tab.track);
    await world.until(() => tab.diagnostics.some((line) => line.startsWith('upload_failed')));
    names(3, 'f').forEach(tab.track);
    tab.driver.lifecycle(2);
    expect(world.uploads).toHaveLength(1);
  });

  it('sends its first batch from the journal, without waiting for the store, and no other', async () => {
    const world = createWorld();
    const tab = await world.open({
      eager: true,
      open: async () => ({ ...memoryStore(), commit: () => new Promise(() => {}) }),
    });
    tab.track('a');
    await world.until(() => world.arrived().length === 1);
    expect(journal(world)).toHaveLength(1);
    tab.track('b');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(world.arrived()).toEqual(['a']);
    expect(journal(world)).toHaveLength(2);
  });

  it('reports an entry of the journal that cannot be read, and takes the others', async () => {
    const world = createWorld();
    world.storage.setItem('hw:wk:j:dead:1', '{"n":1,"m":');
    world.storage.setItem('hw:wk:j:dead:3', '{"somebody":"else"}');
    world.storage.setItem(
      'hw:wk:j:dead:2',
      JSON.stringify({ n: 2, m: 'track', a: ['a'], t: 1, e: [1, 2, 3, 4, 5, 6, 7, 8] }),
    );
    const tab = await world.open();
    await world.until(() => world.arrived().length === 1);
    await world.until(() => journal(world).length === 0);
    const corrupt = { reason: 'corrupt', count: 1 };
    expect(tab.reports).toMatchObject([corrupt, corrupt]);
  });

  it('begins a new life with the full engine when a plugin needs it: nothing lost, nothing doubled', async () => {
    const world = createWorld();
    world.hub.status = 'none';
    const loaded: boolean[] = [];
    const load = async (full: boolean) => {
      loaded.push(full);
      return engine(full);
    };
    const tab = await world.open({ load }, (call, host, usual) => {
      if (call.a[0] !== 'register') return usual();
      return host.complete();
    });
    names(3).forEach(tab.track);
    await world.until(() => world.uploads.length === 1);
    // As a plugin's registration is: captured, not in the journal.
    tab.capture.q.push({ n: 0, m: 'track', a: ['register'], ok() {}, no() {} } as never);
    names(3, 'later').forEach(tab.track);
    await world.until(() => loaded.length === 2);
    world.hub.status = 200;
    await world.until(() => world.arrived().length === 6);
    expect(world.arrived()).toEqual([...names(3), ...names(3, 'later')]);
    expect(loaded).toEqual([false, true]);
    await tab.host.complete();
    expect(loaded).toHaveLength(2);
  });

  it('reads a Retry-After that is a date, and takes no other word for one', async () => {
    for (const [after, least, most] of [
      [new Date(Date.now() + 120_000).toUTCString(), 110_000, 121_000],
      ['120', 120_000, 120_000],
      ['soon', 1, 1_000],
    ] as const) {
      const world = createWorld();
      Object.assign(world.hub, { status: 429, after });
      const tab = await world.open();
      tab.track('a');
      await world.until(() => tab.diagnostics.some((line) => line.startsWith('upload_failed 429')));
      const wait = Number(tab.diagnostics.at(-1)!.split(' ')[2]);
      expect(wait).toBeGreaterThanOrEqual(least);
      expect(wait).toBeLessThanOrEqual(most);
    }
  });

  it('loads the full engine where a saved settings document says how to try again', async () => {
    const world = createWorld();
    const settings = JSON.stringify({ integrations: { 'Segment.io': {} } });
    await world.store.commit({ add: [], forget: [], state: new Map([['settings', settings]]) });
    const loaded: boolean[] = [];
    await world.open({
      load: async (full) => {
        loaded.push(full);
        return engine(full);
      },
    });
    expect(loaded).toEqual([false, true]);
  });

  it('comes back from the cache as a new life: nothing lost, nothing doubled', async () => {
    const world = createWorld();
    const tab = await world.open();
    names(5).forEach(tab.track);
    tab.driver.lifecycle(2);
    await tab.driver.restart();
    names(5, 'f').forEach(tab.track);
    await world.until(() => world.arrived().length === 10);
    expect(world.arrived()).toEqual([...names(5), ...names(5, 'f')]);
  });
});

describe('without a store', () => {
  it('delivers from memory, and keeps the journal until then', async () => {
    const world = createWorld();
    world.hub.status = 'none';
    const tab = await world.open({ open: () => Promise.reject(new DOMException('no', 'SecurityError')) });
    names(5).forEach(tab.track);
    await world.until(() => world.uploads.length > 0);
    expect(journal(world)).toHaveLength(5);
    world.hub.status = 200;
    await world.until(() => world.arrived().length === 5);
    await world.until(() => journal(world).length === 0);
    expect(tab.diagnostics.some((line) => line.startsWith('store_failed'))).toBe(true);
  });

  it('the next page finds in the journal what a dead one could not send', async () => {
    const world = createWorld();
    world.hub.status = 'none';
    const refused = { open: () => Promise.reject(new DOMException('no', 'SecurityError')) };
    const tab = await world.open(refused);
    names(5).forEach(tab.track);
    await world.until(() => world.uploads.length > 0);
    tab.kill();
    world.hub.status = 200;
    await world.open(refused);
    await world.until(() => world.arrived().length === 5);
    expect(world.arrived()).toEqual(names(5));
  });

  it('a store that is full for a while costs nothing', async () => {
    const world = createWorld();
    let full = true;
    const { store } = world;
    const commit: typeof store.commit = (change) =>
      full && change.add.length ? Promise.reject(new DOMException('full', 'QuotaExceededError')) : store.commit(change);
    const tab = await world.open({ open: async () => ({ ...store, commit }) });
    names(3).forEach(tab.track);
    await world.until(() => world.arrived().length === 3);
    full = false;
    names(3, 'f').forEach(tab.track);
    await world.until(() => world.arrived().length === 6);
    await world.until(() => journal(world).length === 0);
  });
});

describe('what pages that are gone left', () => {
  const call = (n: number, event: string) =>
    JSON.stringify({ n, m: 'track', a: [event], t: 1, e: [n, 2, 3, 4, 5, 6, 7, 8] });

  it('is nothing where all was delivered, not even a mark in the store', async () => {
    const world = createWorld();
    const tab = await world.open();
    names(3).forEach(tab.track);
    await world.until(() => world.arrived().length === 3 && journal(world).length === 0);
    await tab.driver.flush();
    await world.until(() => tab.diagnostics.some((line) => line.startsWith('batch_delivered')));
    await vi.waitFor(async () =>
      expect(Object.keys(await world.store.state()).filter((key) => key.startsWith('j:'))).toEqual([]),
    );
  });

  it('comes before this page’s own calls, although the code for it has to be loaded', async () => {
    const world = createWorld();
    world.storage.setItem('hw:wk:j:dead:1', call(1, 'old1'));
    world.storage.setItem('hw:wk:j:dead:2', call(2, 'old2'));
    const tab = await world.open();
    tab.track('new');
    await world.until(() => world.arrived().length === 3);
    expect(world.arrived()).toEqual(['old1', 'old2', 'new']);
    await world.until(() => journal(world).length === 0);
  });

  it('is handled after the middleware that this page registered before its engine was there', async () => {
    const world = createWorld();
    world.storage.setItem('hw:wk:j:dead:1', call(1, 'old'));
    const capture = createCapture();
    capture.store = world.storage;
    capture.capture('track', ['new']);
    capture.capture('addSourceMiddleware', [() => {}]);
    const handled: string[] = [];
    const tab = await world.open({ capture }, ({ m, a }, _, usual) => {
      handled.push(m === 'track' ? `${a[0]}` : m);
      if (m === 'track') usual();
    });
    await world.until(() => world.arrived().length === 2);
    expect(handled).toEqual(['addSourceMiddleware', 'old', 'new']);
    await tab.driver.close();
  });

  it.each([
    ['once there is a connection', (tab: Tab) => tab.driver.online(true)],
    ['in the next life', (tab: Tab) => tab.driver.restart()],
  ])('waits when that code cannot be loaded now, and goes out %s', async (_, occasion) => {
    const world = createWorld();
    world.storage.setItem('hw:wk:j:dead:1', call(1, 'old'));
    vi.resetModules();
    vi.doMock('../../src/engine/heirs.js', () => {
      throw new Error('offline');
    });
    const tab = await world.open();
    tab.track('new');
    await world.until(() => world.arrived().length === 1);
    expect(world.arrived()).toEqual(['new']);
    expect(tab.diagnostics.some((line) => line.startsWith('heirs_failed'))).toBe(true);
    expect(journal(world)).toContain('hw:wk:j:dead:1');
    vi.doUnmock('../../src/engine/heirs.js');
    occasion(tab);
    await world.until(() => world.arrived().length === 2);
    await world.until(() => journal(world).length === 0);
  });
});

describe('several tabs', () => {
  it('one of them sends for all', async () => {
    const world = createWorld();
    const tabs = [await world.open(), await world.open(), await world.open()];
    tabs.forEach((tab, i) => names(5, `t${i}-`).forEach(tab.track));
    await world.until(() => world.arrived().length === 15);
    expect(world.uploads.flatMap((upload) => JSON.parse(bodyOf(upload)).batch)).toHaveLength(15);
    for (const i of [0, 1, 2]) {
      expect(world.arrived().filter((name) => name.startsWith(`t${i}`))).toEqual(names(5, `t${i}-`));
    }
  });

  it('what a dead tab left in its journal goes out by another, at once', async () => {
    const world = createWorld();
    await world.open();
    const tab = await world.open();
    names(5).forEach(tab.track);
    tab.kill();
    await world.until(() => world.arrived().length === 5);
    expect(world.arrived()).toEqual(names(5));
  });

  it('a decision that a tab stored and could not tell of counts when that tab is found dead', async () => {
    const world = createWorld();
    const asks = { config: asking };
    const leader = await world.open(asks);
    const other = await world.open(asks);
    leader.track('held');
    await world.until(() => journal(world).length === 0);
    await world.store.commit({
      add: [],
      state: new Map([['consent', '{"preferences":{"ads":true}}']]),
      forget: [],
    });
    other.kill();
    await world.until(() => world.arrived().includes('held'));
  });

  it('when the one that sends dies, another one does', async () => {
    const world = createWorld();
    world.hub.status = 'none';
    const leader = await world.open();
    const other = await world.open();
    names(3, 'a').forEach(leader.track);
    await world.until(() => world.uploads.length > 0);
    leader.kill();
    world.hub.status = 200;
    names(3, 'b').forEach(other.track);
    await world.until(() => world.arrived().length === 6);
  });

  it('the one that takes over sends what it had given away before what it says now', async () => {
    const world = createWorld();
    world.hub.status = 'none';
    const leader = await world.open();
    const other = await world.open();
    names(5, 'a').forEach(other.track);
    await world.until(() => world.uploads.length > 0);
    leader.kill();
    names(5, 'b').forEach(other.track);
    world.hub.status = 200;
    await world.until(() => world.arrived().length === 10);
    expect(world.arrived()).toEqual([...names(5, 'a'), ...names(5, 'b')]);
  });

  it('know the user whom one of them identified', async () => {
    const world = createWorld();
    const [one, two] = [await world.open(), await world.open()];
    one.capture.capture('identify', ['u1']);
    await world.until(() => two.host.identity().userId === 'u1');
  });
});

describe('who the user is', () => {
  it('is read again when others changed the ids', async () => {
    const world = createWorld();
    let stored: Identity = { anonymousId: 'a', traits: {} };
    const tab = await world.open({ recall: async () => stored });
    stored = { anonymousId: 'b', userId: 'u', traits: {} };
    await tab.driver.recalled();
    await tab.track('a');
    await world.until(() => world.arrived().length === 1);
    const [event] = world.uploads.flatMap((upload) => JSON.parse(bodyOf(upload)).batch);
    expect(event).toMatchObject({ anonymousId: 'b', userId: 'u' });
  });
});

describe('a session', () => {
  it('is one for all tabs', async () => {
    const world = createWorld();
    const config = configOf(
      { settings: { writeKey: 'wk' }, options: { sessionTimeout: 60_000 } },
      'https://hub.test/v1',
    );
    const first = await world.open({ config });
    await first.track('a');
    await world.until(() => world.arrived().length === 1);
    const second = await world.open({ config });
    await second.track('b');
    await first.track('c');
    await world.until(() => world.arrived().length === 3);
    const events = world.uploads.flatMap((upload) => {
      const { batch, context } = JSON.parse(bodyOf(upload));
      return batch.map((event: { context?: object }) => ({ ...context, ...event.context }).sessionId);
    });
    expect(events[0]).toBeTypeOf('number');
    expect(new Set(events).size).toBe(1);
  });
});

describe('an engine that traps', () => {
  it('is replaced, and the call that it died of is made again: nothing lost', async () => {
    const world = createWorld();
    let traps = 0;
    const load = trapping((json) => json.includes('"e3"') && !traps++);
    const tab = await world.open({ load });
    const answers = Promise.all(names(8).map(tab.track));
    await world.until(() => world.arrived().length === 8);
    expect(world.arrived()).toEqual(names(8));
    expect(await answers).toHaveLength(8);
    expect(tab.diagnostics.filter((line) => line.startsWith('engine_trapped'))).toHaveLength(1);
  });

  it('twice at the same call gives that call up, with a rejection, and takes the others', async () => {
    const world = createWorld();
    const load = trapping((json) => json.includes('"e3"'));
    const tab = await world.open({ load });
    const answers = names(8).map(tab.track);
    await world.until(() => world.arrived().length === 7);
    await expect(answers[3]).rejects.toThrow('the engine stopped');
    await world.until(() => journal(world).length === 0);
  });
});
