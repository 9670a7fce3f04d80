import { expect, it } from 'vitest';
import { client } from './client.js';

it('under user.disable no call says who, and no two events have an id in common', async () => {
  const c = await client({ options: { user: { disable: true } } });
  const told: unknown[] = [];
  c.analytics.on('identify', (...args: unknown[]) => told.push(args.slice(0, 2)));
  await c.call('identify', 'u1', { email: 'e@x.y' });
  await c.call('track', 'A');
  await c.call('setAnonymousId', 'anon');
  await c.call('track', 'B');
  await c.call('track', 'C', {}, { userId: 'said', anonymousId: 'so' });
  await c.call('group', 'g1', { size: 3 });
  const sent = await c.all();
  expect(sent.map(({ type, userId, groupId }) => [type, userId, groupId])).toEqual([
    ['identify', undefined, undefined],
    ['track', undefined, undefined],
    ['track', undefined, undefined],
    // What a call itself says, it says.
    ['track', 'said', undefined],
    ['group', undefined, 'g1'],
  ]);
  expect(JSON.stringify(sent)).not.toMatch(/u1|e@x\.y|"anon"/);
  expect(new Set(sent.map(({ anonymousId }) => anonymousId)).size).toBe(5);
  expect(told).toEqual([[null, {}]]);
  const user = c.analytics.user();
  user.id('u2');
  user.identify('u2', { a: 1 });
  expect([user.id(), user.anonymousId(), user.traits(), c.analytics.setAnonymousId('x')]).toEqual([
    null,
    null,
    {},
    null,
  ]);
  expect(c.analytics.group().id()).toBe('g1');
});

it('under group.disable a group call is refused with the reason, and the user is as usual', async () => {
  const c = await client({ options: { group: { disable: true } } });
  await expect(c.call('group', 'g1', { size: 3 })).rejects.toThrow('group.disable');
  await c.call('identify', 'u1');
  expect((await c.all()).map(({ type, userId }) => [type, userId])).toEqual([['identify', 'u1']]);
  expect(c.diagnostics[0]).toMatchObject({ kind: 'invalid' });
  expect([c.analytics.group().id(), c.analytics.group().traits(), c.analytics.user().id()]).toEqual([null, {}, 'u1']);
});
