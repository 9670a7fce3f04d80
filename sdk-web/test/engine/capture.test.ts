import { afterEach, describe, expect, it, vi } from 'vitest';
import { createCapture } from '../../src/capture.js';
import { fakeStorage } from './storage.js';

const open = (room?: number) => {
  const capture = createCapture(() => 1234);
  const storage = fakeStorage(room);
  Object.assign(capture, { store: storage, key: 'hw:wk:j:t1:' });
  // The first number is kept for the call that the address makes.
  return { capture, storage, entry: (n: number) => JSON.parse(storage.getItem(`hw:wk:j:t1:${n + 1}`)!) };
};
afterEach(() => vi.unstubAllGlobals());

describe('capturing a call', () => {
  it('has it in the journal when the call returns: arguments, time, order, randomness', () => {
    const { capture, entry } = open();
    capture.capture('track', ['a', { x: 1 }]);
    capture.capture('identify', ['u1']);
    expect(entry(1)).toMatchObject({ n: 2, m: 'track', a: ['a', { x: 1 }], t: 1234 });
    expect(entry(2)).toMatchObject({ n: 3, m: 'identify', a: ['u1'] });
    expect(entry(1).e).toHaveLength(8);
    expect(entry(1).e).not.toEqual(entry(2).e);
  });

  it('does not see what the page changes afterwards', () => {
    const { capture, entry } = open();
    const properties = { x: 1 };
    capture.capture('track', ['a', properties]);
    properties.x = 2;
    expect(entry(1).a[1]).toEqual({ x: 1 });
    expect(JSON.parse(capture.q[0]!.j).a[1]).toEqual({ x: 1 });
  });

  it('keeps functions beside, and the places they had', () => {
    const { capture, entry } = open();
    const callback = () => {};
    capture.capture('track', ['a', callback]);
    expect(entry(1).a).toEqual(['a', null]);
    expect(capture.q[0]!.a[1]).toBe(callback);
  });

  it('takes what JSON cannot: cycles are cut, big integers become text', () => {
    const { capture, entry } = open();
    const twice = { y: 1 };
    const round: Record<string, unknown> = { x: 1, big: 10n, first: twice, second: twice };
    round.self = round;
    capture.capture('track', ['a', round]);
    expect(entry(1).a[1]).toEqual({ x: 1, big: '10', first: { y: 1 }, second: { y: 1 } });
  });

  it('rejects the call of a page whose own toJSON throws, and goes on', async () => {
    const { capture } = open();
    const bad = {
      toJSON() {
        throw new Error('mine');
      },
    };
    await expect(capture.capture('track', ['a', bad])).rejects.toThrow('mine');
    capture.capture('track', ['b']);
    expect(capture.q.map(({ a }) => a[0])).toEqual(['b']);
  });

  it('keeps listeners and accessors in the order, but not in the journal', () => {
    const { capture, storage } = open();
    capture.capture('on', ['track', () => {}]);
    capture.capture('group', []);
    capture.capture('group', ['g1']);
    expect(capture.q.map(({ n }) => n)).toEqual([0, 0, 2]);
    expect(storage.map.size).toBe(1);
  });

  it('writes calls made before load when the source is known', () => {
    const capture = createCapture();
    capture.capture('track', ['early']);
    const storage = fakeStorage();
    Object.assign(capture, { store: storage, key: 'hw:wk:j:t1:' });
    capture.keep();
    expect(JSON.parse(storage.getItem('hw:wk:j:t1:2')!).a).toEqual(['early']);
  });

  it('goes on in memory when the journal is full, and counts that', () => {
    const { capture } = open(900);
    for (let i = 0; i < 10; i++) capture.capture('track', ['a', { text: 'x'.repeat(100) }]);
    expect(capture.q).toHaveLength(10);
    expect(capture.size + capture.over).toBe(10);
    expect(capture.over).toBeGreaterThan(0);
  });

  it('bounds the journal to 1,000 calls', () => {
    const { capture, storage } = open();
    for (let i = 0; i < 1100; i++) capture.capture('track', ['a']);
    expect(storage.map.size).toBe(1000);
    expect(capture.over).toBe(100);
  });

  it('knows the page by its canonical address, once for each address and title', () => {
    const querySelector = vi.fn(() => ({ getAttribute: () => 'https://shop.example/p/1' }));
    vi.stubGlobal('document', { title: 'Shop', referrer: 'https://ref.example/', querySelector });
    vi.stubGlobal('location', {
      href: 'https://shop.example/p?id=1&utm_source=x#top',
      pathname: '/p',
      search: '?id=1&utm_source=x',
    });
    const { capture, entry } = open();
    capture.capture('page', []);
    capture.capture('track', ['a']);
    expect(entry(1).p).toEqual({
      path: '/p/1',
      referrer: 'https://ref.example/',
      search: '?id=1&utm_source=x',
      title: 'Shop',
      url: 'https://shop.example/p/1?id=1&utm_source=x',
    });
    expect(entry(2).p).toEqual(entry(1).p);
    expect(querySelector).toHaveBeenCalledTimes(1);
  });
});
