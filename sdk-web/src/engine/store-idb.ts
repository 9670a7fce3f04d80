import type { Change, Store, Stored } from './store.js';

// As `database.ts` names them.
const EVENTS = 'e';
const STATE = 's';

type Row = [at: number, unstamped: 0 | 1, body: string];

const answer = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((ok, no) => {
    request.onsuccess = () => ok(request.result);
    request.onerror = () => no(request.error);
  });

/**
 * IndexedDB. `first` is a connection that is on its way; one that the browser closed (or another version's page wanted
 * closed) is opened again.
 */
export const idbStore = async (open: () => Promise<IDBDatabase>, first = open()): Promise<Store> => {
  let db: IDBDatabase | undefined;
  const connect = async (opened: Promise<IDBDatabase>): Promise<IDBDatabase> => {
    db = await opened;
    db.onclose = () => (db = undefined);
    db.onversionchange = close;
    return db;
  };
  const close = (): void => {
    db?.close();
    db = undefined;
  };
  const begin = async (mode: IDBTransactionMode): Promise<IDBTransaction> => {
    const stores = [EVENTS, STATE];
    try {
      // In this turn where there is a connection: a page that is going away still gets its commit out.
      return db!.transaction(stores, mode);
    } catch {
      return (await connect(open())).transaction(stores, mode);
    }
  };
  const look = async (name: string): Promise<IDBObjectStore> => (await begin('readonly')).objectStore(name);
  const rows = async <K, V>(name: string, range?: IDBKeyRange): Promise<[K, V][]> => {
    const store = await look(name);
    const [keys, values] = await Promise.all([answer(store.getAllKeys(range)), answer<V[]>(store.getAll(range))]);
    return values.map((value, i) => [keys[i] as K, value]);
  };
  await connect(first);
  return {
    state: async () => Object.fromEntries(await rows<string, string>(STATE)),
    after: async (key) =>
      (await rows<number, Row>(EVENTS, IDBKeyRange.lowerBound(key, true))).map(
        ([key, [at, unstamped, body]]): Stored => ({ key, at, unstamped: !!unstamped, body }),
      ),
    async read(keys) {
      const store = await look(EVENTS);
      return (await Promise.all(keys.map((key) => answer<Row | undefined>(store.get(key))))).map((row) => row?.[2]);
    },
    async commit({ add, state, forget }: Change) {
      const transaction = await begin('readwrite');
      return new Promise<number>((ok, no) => {
        let last: IDBRequest<IDBValidKey> | undefined;
        transaction.oncomplete = () => ok(last ? (last.result as number) - add.length + 1 : 0);
        transaction.onabort = () => no(transaction.error ?? new Error('aborted'));
        const events = transaction.objectStore(EVENTS);
        const states = transaction.objectStore(STATE);
        for (const { at, unstamped, body } of add) last = events.add([at, unstamped ? 1 : 0, body] satisfies Row);
        state.forEach((value, key) => (value ? states.put(value, key) : states.delete(key)));
        forget.sort((a, b) => a - b);
        for (let from = 0, to = 0; from < forget.length; from = to) {
          while (forget[to + 1] === forget[to]! + 1) to++;
          events.delete(IDBKeyRange.bound(forget[from], forget[to++]));
        }
        transaction.commit?.();
      });
    },
    close,
  };
};
