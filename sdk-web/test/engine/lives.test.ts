import { expect, it } from 'vitest';
import { createCapture } from '../../src/capture.js';
import { SET_CONSENT } from '../../src/engine/port.js';
import { hex, random } from '../../src/engine/random.js';
import type { Store } from '../../src/engine/store.js';
import { bodyOf, createWorld, engine, journal } from './world.js';

type World = ReturnType<typeof createWorld>;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const names = (count: number, name: string): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`);
const sent = (world: World): { event?: string; type: string; context: Record<string, unknown> }[] =>
  world.uploads.flatMap((upload) => JSON.parse(bodyOf(upload)).batch);
const stored = async (world: World): Promise<string[]> =>
  (await world.store.after(0)).map(({ body }) => JSON.parse(body).event);
/** Something that is waited for, and when it comes. */
const gate = () => {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
};
/** A store whose first commit of events says only later that it arrived. */
const slowly = (world: World, answer: Promise<void>, begun: () => void): Store => {
  let held = false;
  return {
    ...world.store,
    async commit(change) {
      const first = await world.store.commit(change);
      if (change.add.length && !held) {
        held = true;
        begun();
        await answer;
      }
      return first;
    },
  };
};

it('a life that ends while a commit is on its way does not make its calls again', async () => {
  const world = createWorld();
  world.hub.status = 'none';
  const [begun, answer] = [gate(), gate()];
  const tab = await world.open({ open: async () => slowly(world, answer.opened, begun.open) });
  tab.track('a');
  tab.track('b');
  await begun.opened;
  const again = tab.driver.restart();
  answer.open();
  await again;
  await pause(50);
  expect(await stored(world)).toEqual(['a', 'b']);
  expect(journal(world)).toEqual([]);
});

it('a tab that comes to lead while its engine is on its way sends what the one before it stored', async () => {
  const world = createWorld();
  world.hub.status = 'none';
  const first = await world.open();
  names(5, 'a').forEach(first.track);
  while ((await stored(world)).length < 5) await pause(5);
  const loaded = gate();
  const load = async (full: boolean) => {
    await loaded.opened;
    return engine(full);
  };
  const opening = world.open({ load });
  await pause(50);
  first.track('in the journal alone');
  first.kill();
  await pause(200);
  loaded.open();
  const second = await opening;
  world.hub.status = 200;
  names(3, 'b').forEach(second.track);
  await world.until(() => world.arrived().length === 9);
  expect(world.arrived().filter((name) => name !== 'in the journal alone')).toEqual([
    ...names(5, 'a'),
    ...names(3, 'b'),
  ]);
  expect(await stored(world)).toEqual([]);
});

it('what another tab said while the engine was on its way counts for the first call', async () => {
  const config = {
    ...{ writeKey: 'wk', endpoint: 'https://hub.test/v1', flushAt: 1 },
    consent: { model: 'opt-in', categories: ['ads'], hold: 'persist' },
  };
  const decide = (tab: { host: { input(kind: number, a: number, b: number, text: string): void } }, ads: boolean) =>
    tab.host.input(SET_CONSENT, 0, 0, hex(random().slice(0, 4)) + JSON.stringify({ ads }));
  const world = createWorld();
  const earlier = await world.open({ config });
  decide(earlier, true);
  while (!('consent' in (await world.store.state()))) await pause(5);
  earlier.kill();
  const loaded = gate();
  const mine = createCapture();
  mine.store = world.storage;
  const opening = world.open({
    ...{ config, capture: mine, eager: true },
    load: async (full: boolean) => {
      await loaded.opened;
      return engine(full);
    },
    name() {
      mine.key = 'hw:wk:j:mine:';
      return 'mine';
    },
  } as never);
  await pause(50);
  const other = await world.open({ config });
  decide(other, false);
  await pause(100);
  mine.capture('track', ['after the withdrawal']);
  loaded.open();
  await opening;
  await pause(300);
  expect(sent(world).map(({ event }) => event)).not.toContain('after the withdrawal');
});

it('a tab without an engine does not keep the others from sending', async () => {
  const world = createWorld();
  const failing = world.open({ load: () => Promise.reject(new Error('no such file')) });
  await expect(failing).rejects.toThrow('no such file');
  const tab = await world.open();
  tab.track('a');
  await world.until(() => world.arrived().length === 1);
});

it('the small engine goes on where the full one cannot be had', async () => {
  const world = createWorld();
  const load = (full: boolean) => (full ? Promise.reject(new Error('no such file')) : engine(false));
  const tab = await world.open({ load });
  tab.track('a');
  await expect(tab.host.complete()).rejects.toThrow('no such file');
  tab.track('b');
  await world.until(() => world.arrived().length === 2);
});

it('a life without a store leaves the journal as it is until its calls are delivered', async () => {
  const world = createWorld();
  world.hub.status = 'none';
  const tab = await world.open({ open: () => Promise.reject(new Error('refused')) });
  tab.track('a');
  tab.track('b');
  await pause(50);
  await tab.driver.restart();
  await pause(50);
  expect(journal(world)).toHaveLength(2);
  tab.kill();
  world.hub.status = 200;
  await world.open();
  await world.until(() => world.arrived().length === 2);
});

it('an end waits for what was called while a commit was on its way', async () => {
  const world = createWorld();
  world.hub.status = 'none';
  const [begun, answer] = [gate(), gate()];
  const tab = await world.open({ open: async () => slowly(world, answer.opened, begun.open) });
  tab.track('a');
  await begun.opened;
  tab.track('b');
  const closed = tab.driver.close();
  answer.open();
  await closed;
  expect(await stored(world)).toEqual(['a', 'b']);
});
