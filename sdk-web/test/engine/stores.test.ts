import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../../src/engine/database.js';
import { type Change, memoryStore, type Store } from '../../src/engine/store.js';
import { idbStore } from '../../src/engine/store-idb.js';
import { localStore } from '../../src/engine/store-local.js';
import { fakeStorage } from './storage.js';

const change = (more: Partial<Change> = {}): Change => ({ add: [], state: new Map(), forget: [], ...more });
const event = (name: string, unstamped = false) => ({
  at: 1000,
  unstamped,
  body: JSON.stringify({ event: name, text: 'é🦊' }),
});
const bodies = async (store: Store, key = 0) => (await store.after(key)).map(({ body }) => JSON.parse(body).event);

let storage = fakeStorage();
beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory());
  vi.stubGlobal('IDBKeyRange', IDBKeyRange);
  storage = fakeStorage();
});

const kinds: [name: string, open: () => Promise<Store>, lasts: boolean][] = [
  ['IndexedDB', () => idbStore(() => openDatabase('hw:wk')), true],
  ['localStorage', async () => localStore(storage, 'hw:wk:q:'), true],
  ['memory', async () => memoryStore(), false],
];

describe.each(kinds)('the store in %s', (_, open, lasts) => {
  it('answers events in the order in which they were added, whole', async () => {
    const store = await open();
    await store.commit(change({ add: [event('a'), event('b', true)] }));
    await store.commit(change({ add: [event('c')] }));
    expect(await bodies(store)).toEqual(['a', 'b', 'c']);
    expect((await store.after(0)).map(({ unstamped, at }) => [unstamped, at])).toEqual([
      [false, 1000],
      [true, 1000],
      [false, 1000],
    ]);
    expect((await store.after(0))[0]!.body).toBe(event('a').body);
  });

  it('names the first place of a commit, and the others follow it by one', async () => {
    const store = await open();
    const first = await store.commit(change({ add: [event('a'), event('b'), event('c')] }));
    expect((await store.after(0)).map(({ key }) => key)).toEqual([first, first + 1, first + 2]);
    expect(await store.commit(change({ add: [event('d')] }))).toBeGreaterThan(first + 2);
  });

  it('answers what came after a place, and bodies by place', async () => {
    const store = await open();
    const first = await store.commit(change({ add: [event('a'), event('b'), event('c')] }));
    expect(await bodies(store, first)).toEqual(['b', 'c']);
    expect(await store.read([first + 2, first + 9, first])).toEqual([event('c').body, undefined, event('a').body]);
  });

  it('forgets what it is told to, in runs and one by one', async () => {
    const store = await open();
    const first = await store.commit(change({ add: 'abcdefg'.split('').map((name) => event(name)) }));
    await store.commit(change({ forget: [first + 5, first, first + 1, first + 2, first + 99] }));
    expect(await bodies(store)).toEqual(['d', 'e', 'g']);
  });

  it('gives no place twice, even when everything was forgotten', async () => {
    const store = await open();
    const first = await store.commit(change({ add: [event('a')] }));
    await store.commit(change({ forget: [first] }));
    expect(await store.commit(change({ add: [event('b')] }))).toBeGreaterThan(first);
  });

  it('keeps small state, and an empty value removes it', async () => {
    const store = await open();
    await store.commit(
      change({
        state: new Map([
          ['identity', '{"a":1}'],
          ['j:t1', '7'],
        ]),
      }),
    );
    await store.commit(
      change({
        state: new Map([
          ['j:t1', ''],
          ['consent', '{}'],
        ]),
      }),
    );
    expect(await store.state()).toEqual({ identity: '{"a":1}', consent: '{}' });
  });

  if (lasts)
    it('is there again for the next page, and for a tab beside', async () => {
      const [one, two] = [await open(), await open()];
      const first = await one.commit(change({ add: [event('a')], state: new Map([['consent', '{}']]) }));
      const second = await two.commit(change({ add: [event('b')] }));
      expect(second).not.toBe(first);
      one.close();
      two.close();
      const next = await open();
      expect((await bodies(next)).sort()).toEqual(['a', 'b']);
      expect(await next.state()).toEqual({ consent: '{}' });
    });
});

describe('IndexedDB', () => {
  it('is opened again when the browser closed it', async () => {
    const store = await idbStore(() => openDatabase('hw:wk'));
    await store.commit(change({ add: [event('a')] }));
    store.close();
    await store.commit(change({ add: [event('b')] }));
    expect(await bodies(store)).toEqual(['a', 'b']);
  });

  it('that cannot be opened rejects', async () => {
    vi.stubGlobal('indexedDB', {
      open: () => {
        throw new DOMException('no', 'SecurityError');
      },
    });
    await expect(idbStore(() => openDatabase('hw:wk'))).rejects.toThrow('no');
  });
});

describe('localStorage', () => {
  it('takes a commit whole or not at all when it is full', async () => {
    const small = fakeStorage(700);
    const store = localStore(small, 'hw:wk:q:');
    await store.commit(change({ add: [event('a')] }));
    await expect(store.commit(change({ add: Array.from({ length: 20 }, () => event('b')) }))).rejects.toThrow('full');
    expect(await bodies(store)).toEqual(['a']);
  });

  it('skips a row that is broken, and leaves the rest of the site alone', async () => {
    storage.setItem('mine', 'x');
    const store = localStore(storage, 'hw:wk:q:');
    const first = await store.commit(change({ add: [event('a'), event('b')] }));
    storage.setItem(`hw:wk:q:e${first}`, '[1,');
    expect(await bodies(store)).toEqual(['b']);
    expect(storage.getItem('mine')).toBe('x');
  });
});
