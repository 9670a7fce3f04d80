// An identity that is a page's own: in its memory, in no store, no other tab's and no later page's.

import { expect, it } from 'vitest';
import { configOf } from '../../src/engine/config.js';
import { SESSION_START } from '../../src/engine/port.js';
import { createWorld, journal, type Tab, type World } from './world.js';

const both = { apart: { user: true, group: true } };
const identify = (tab: Tab, id: string) => tab.capture.capture('identify', [id]);
const stored = async (world: World): Promise<string> =>
  JSON.stringify([await world.store.state(), await world.store.after(0), [...world.storage.map]]);
const sent = (world: World): { [key: string]: any }[] =>
  world.uploads.flatMap(({ events }) => events.map((event) => JSON.parse(event)));

it('an identity that is the page’s own is in no store, and the next page begins with nobody', async () => {
  const world = createWorld();
  const one = await world.open(both);
  await identify(one, 'u1');
  await one.track('a');
  await world.until(() => world.arrived().length === 2);
  await one.driver.close();
  expect(await stored(world)).not.toMatch(/u1|anonymousId/);
  const two = await world.open(both);
  expect(two.host.identity().userId).toBeUndefined();
  await two.track('b');
  await world.until(() => world.arrived().length === 3);
  const [, a, b] = sent(world);
  expect([a!.userId, b!.userId]).toEqual(['u1', undefined]);
  expect(b!.anonymousId).not.toBe(a!.anonymousId);
});

it('what an earlier page left in the store counts no more, and is taken out', async () => {
  const world = createWorld();
  const one = await world.open();
  await identify(one, 'u1');
  await world.until(() => world.arrived().length === 1);
  await one.driver.close();
  expect(await stored(world)).toMatch('u1');
  const two = await world.open(both);
  expect(two.host.identity().userId).toBeUndefined();
  await two.driver.close();
  expect(await stored(world)).not.toMatch(/u1|anonymousId/);
});

it('it stays the page’s through all its lives', async () => {
  const world = createWorld();
  const tab = await world.open(both);
  await identify(tab, 'u1');
  const { anonymousId } = tab.host.identity();
  await tab.host.complete();
  await tab.driver.restart();
  expect(tab.host.identity()).toMatchObject({ anonymousId, userId: 'u1' });
});

it('no other tab hears of it, nor of the visit of a user who is forgotten', async () => {
  const world = createWorld();
  const given = { settings: { writeKey: 'wk' }, options: { sessionTimeout: 60_000 } };
  const config = configOf(given, 'https://hub.test/v1');
  const one = await world.open({ ...both, config });
  const two = await world.open({ ...both, config });
  const nobody = two.host.identity();
  await identify(one, 'u1');
  one.host.input(SESSION_START, 4711);
  await one.track('a');
  await world.until(() => world.arrived().includes('a'));
  expect(JSON.stringify(sent(world))).toMatch('4711');
  expect(two.host.identity()).toEqual(nobody);
  await one.driver.close();
  expect(await stored(world)).not.toMatch(/4711|u1/);
});

it('calls that a page left make nobody the user of the next one, and the next one’s is not theirs', async () => {
  const world = createWorld();
  const entry = (n: number, m: string, ...a: unknown[]) =>
    world.storage.setItem(
      `hw:wk:j:dead:${n}`,
      JSON.stringify({ n, m, a, t: 1, e: [n, 2, 3, 4, 5, 6, 7, 8].map((x) => x * 1_000_003) }),
    );
  const two = await world.open(both);
  await identify(two, 'mine');
  const mine = two.host.identity();
  await two.track('before');
  entry(1, 'identify', 'theirs');
  entry(2, 'track', 'left');
  two.driver.online(true);
  await world.until(() => world.arrived().includes('left'));
  await two.track('after');
  await world.until(() => world.arrived().includes('after') && !journal(world).length);
  const by = Object.fromEntries(sent(world).map((event) => [event.event ?? event.userId, event]));
  expect(by.theirs!.userId).toBe('theirs');
  expect(by.left).toMatchObject({ userId: 'theirs', anonymousId: by.theirs!.anonymousId });
  expect(by.left!.anonymousId).not.toBe(mine.anonymousId);
  expect(by.after).toMatchObject({ userId: 'mine', anonymousId: mine.anonymousId });
  expect(two.host.identity()).toEqual(mine);
});

it('calls that a page could not handle any more go out as its user, although nobody else knows who that was', async () => {
  const world = createWorld();
  const one = await world.open(both);
  await identify(one, 'u1');
  const { anonymousId } = one.host.identity();
  await world.until(() => !journal(world).length);
  // Its engine never gets to them.
  one.kill();
  one.track('left 1');
  one.track('left 2');
  const two = await world.open(both);
  await two.track('own');
  await world.until(() => world.arrived().includes('own') && !journal(world).length);
  const by = Object.fromEntries(sent(world).map((event) => [event.event, event]));
  expect(by['left 1']).toMatchObject({ userId: 'u1', anonymousId });
  expect(by['left 2']).toMatchObject({ userId: 'u1', anonymousId });
  expect(by.own!.userId).toBeUndefined();
  expect(by.own!.anonymousId).not.toBe(anonymousId);
  await two.driver.close();
  expect(await stored(world)).not.toMatch(/u1|anonymousId/);
});

it('an identity that cookies alone keep is in no store, and other tabs hear of it', async () => {
  const world = createWorld();
  const cookies = { apart: { user: false, group: false } };
  const one = await world.open(cookies);
  const two = await world.open(cookies);
  await identify(one, 'u1');
  await world.until(() => two.host.identity().userId === 'u1');
  await world.until(() => world.arrived().length === 1);
  await one.driver.close();
  await two.driver.close();
  expect(await stored(world)).not.toMatch(/u1|anonymousId/);
});
