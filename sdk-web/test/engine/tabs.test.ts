import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message } from '../../src/engine/env.js';
import { webTabs } from '../../src/engine/tabs.js';

type Grant = (lock: object | null) => unknown;

/** Web Locks, exclusive ones: what `request` promises. */
const fakeLocks = () => {
  const held = new Set<string>();
  const waiting: [name: string, run: () => void][] = [];
  const request = (name: string, { ifAvailable, signal }: LockOptions, grant: Grant): Promise<unknown> => {
    const run = async () => {
      held.add(name);
      await grant({});
      held.delete(name);
      const next = waiting.findIndex(([other]) => other === name);
      if (next >= 0) waiting.splice(next, 1)[0]![1]();
    };
    if (!held.has(name)) return run();
    if (ifAvailable) return Promise.resolve(grant(null));
    return new Promise((ok, no) => {
      const entry: (typeof waiting)[0] = [name, () => run().then(ok)];
      waiting.push(entry);
      signal?.addEventListener('abort', () => {
        if (waiting.includes(entry)) waiting.splice(waiting.indexOf(entry), 1);
        no(signal.reason);
      });
    });
  };
  return { request };
};

const settled = () => new Promise((resolve) => setTimeout(resolve, 10));
beforeEach(() => void vi.stubGlobal('navigator', { locks: fakeLocks() }));
afterEach(() => vi.unstubAllGlobals());

describe('tabs', () => {
  it('one leads; when it parts, the next one does', async () => {
    const [one, two] = [webTabs('wk'), webTabs('wk')];
    const led = vi.fn();
    expect(
      await one.join(
        't1',
        () => {},
        () => {},
      ),
    ).toBe(true);
    expect(await two.join('t2', led, () => {})).toBe(false);
    await settled();
    expect(led).not.toHaveBeenCalled();
    one.part();
    await settled();
    expect(led).toHaveBeenCalledOnce();
    two.part();
  });

  it('another source has another leader', async () => {
    const [one, two] = [webTabs('wk1'), webTabs('wk2')];
    expect(
      await one.join(
        't1',
        () => {},
        () => {},
      ),
    ).toBe(true);
    expect(
      await two.join(
        't2',
        () => {},
        () => {},
      ),
    ).toBe(true);
    one.part();
    two.part();
  });

  it('know who lives, and hear when somebody dies', async () => {
    const [one, two] = [webTabs('wk'), webTabs('wk')];
    await one.join(
      't1',
      () => {},
      () => {},
    );
    await two.join(
      't2',
      () => {},
      () => {},
    );
    expect(await one.take('t2', false)).toBeUndefined();
    const died = vi.fn();
    one.take('t2', true).then(died);
    await settled();
    expect(died).not.toHaveBeenCalled();
    two.part();
    await settled();
    expect(died).toHaveBeenCalledWith(expect.any(Function));
    expect(await one.take('t9', false)).toEqual(expect.any(Function));
    one.part();
  });

  it('tell each other, not themselves', async () => {
    const [one, two] = [webTabs('wk'), webTabs('wk')];
    const heard: Message[] = [];
    await one.join(
      't1',
      () => {},
      () => heard.push(['p']),
    );
    await two.join(
      't2',
      () => {},
      (message) => heard.push(message),
    );
    one.tell(['s', 'identity', '{}']);
    await vi.waitFor(() => expect(heard).toEqual([['s', 'identity', '{}']]), 20_000);
    one.part();
    two.part();
  });

  it('without locks all lead, and what is found is taken', async () => {
    vi.stubGlobal('navigator', {});
    vi.stubGlobal('BroadcastChannel', undefined);
    const tabs = webTabs('wk');
    expect(
      await tabs.join(
        't1',
        () => {},
        () => {},
      ),
    ).toBe(true);
    expect(await tabs.take('t2', true)).toEqual(expect.any(Function));
    tabs.tell(['e']);
    tabs.part();
  });

  it('that may not lock say so, and the page lives on', async () => {
    vi.stubGlobal('navigator', { locks: { request: () => Promise.reject(new DOMException('no', 'SecurityError')) } });
    await expect(
      webTabs('wk').join(
        't1',
        () => {},
        () => {},
      ),
    ).rejects.toThrow('no');
    expect(await webTabs('wk').take('t2', true)).toBeUndefined();
  });
});
