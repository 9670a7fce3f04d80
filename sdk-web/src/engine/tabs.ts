import type { Message, Tabs } from './env.js';

/**
 * Web Locks say who leads and who lives, a BroadcastChannel tells of news. Both are given back when the page is about to
 * be frozen. Without locks every tab leads and takes what it finds: the hub knows the copies. A tab that leaves the hub out
 * never leads (`leads`).
 */
export const webTabs = (writeKey: string, leads = true): Tabs => {
  const name = `hw:${writeKey}`;
  const locks: LockManager | undefined = navigator.locks;
  let parted = new AbortController();
  let channel: BroadcastChannel | undefined;

  /** Holds a lock until the answer is called, or we part. `undefined` when another tab has it. */
  const hold = (lock: string, wait: boolean): Promise<(() => void) | undefined> =>
    new Promise((ok, no) => {
      const { signal } = parted;
      locks!
        .request(lock, wait ? { signal } : { ifAvailable: true }, (granted) => {
          if (!granted || signal.aborted) return ok(undefined);
          return new Promise<void>((release) => {
            signal.addEventListener('abort', () => release());
            ok(release);
          });
        })
        .catch((error) => (signal.aborted ? ok(undefined) : no(error)));
    });

  return {
    async join(tab, led, heard) {
      parted = new AbortController();
      if (typeof BroadcastChannel !== 'undefined') {
        channel = new BroadcastChannel(name);
        channel.onmessage = ({ data }) => heard(data);
      }
      if (!locks) return leads;
      // Where site data is blocked, locks are refused; the next one says so.
      hold(`${name}:tab:${tab}`, true).catch(() => {});
      if (!leads) return false;
      if (await hold(`${name}:lead`, false)) return true;
      hold(`${name}:lead`, true).then((has) => has && led());
      return false;
    },
    part() {
      parted.abort();
      channel?.close();
      channel = undefined;
    },
    tell: (message: Message) => channel?.postMessage(message),
    take: async (tab, wait) => (locks ? hold(`${name}:tab:${tab}`, wait).catch(() => undefined) : () => {}),
  };
};
