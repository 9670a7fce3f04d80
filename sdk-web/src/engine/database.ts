/** A database that another page keeps from opening counts as refused. */
const PATIENCE = 3000;

/**
 * Opens a source's database, whose stores are `e` (events) and `s` (state). Apart from what reads and writes it
 * (`store-idb.ts`), so that a page opens it while the engine is still on its way.
 */
export const openDatabase = (name: string): Promise<IDBDatabase> =>
  new Promise((ok, no) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('e', { autoIncrement: true });
      request.result.createObjectStore('s');
    };
    request.onsuccess = () => ok(request.result);
    request.onerror = () => no(request.error);
    setTimeout(() => no(new Error('timeout')), PATIENCE);
  });
