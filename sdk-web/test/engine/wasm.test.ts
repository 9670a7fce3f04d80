import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import type { WasmSource } from '../../src/core.js';

const file = new URL('../../wasm/headwater_bg.wasm', import.meta.url);
const bytes = readFileSync(file);
const address = 'https://site.test/engine.wasm';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.doUnmock('../../src/engine/lite.js');
});

/** Tracks once, with an engine that no earlier test compiled, and says how many events the hub took. */
const delivered = async (wasm?: WasmSource): Promise<number> => {
  vi.resetModules();
  const { createAnalytics } = await import('../../src/core.js');
  const hub = async () => new Response('{}');
  const options = { apiHost: 'https://hub.test/v1', fetch: hub, ...(wasm && { wasm }) };
  const analytics = createAnalytics({ writeKey: 'wk' }, options);
  analytics.track('A');
  const report = await analytics.flush();
  await analytics.close();
  return report.delivered;
};

it('the engine may be bytes, a module, or a file', async () => {
  expect(await delivered(bytes)).toBe(1);
  expect(await delivered(await WebAssembly.compile(bytes))).toBe(1);
  expect(await delivered(file)).toBe(1);
});

it('the engine may be an address; an answer that is none is told', async () => {
  const get = vi.fn(async () => new Response(bytes));
  vi.stubGlobal('fetch', get);
  expect(await delivered(address)).toBe(1);
  expect(get).toHaveBeenCalledWith(address);
  get.mockResolvedValue(new Response('', { status: 404 }));
  await expect(delivered(address)).rejects.toThrow('404');
});

it('none given, it is the packed one, and the file where a script may not import', async () => {
  const get = vi.fn(async () => new Response(bytes));
  vi.stubGlobal('fetch', get);
  expect(await delivered()).toBe(1);
  expect(get).not.toHaveBeenCalled();
  vi.doMock('../../src/engine/lite.js', () => {
    throw new TypeError('import() is disallowed on ServiceWorkerGlobalScope');
  });
  expect(await delivered()).toBe(1);
  expect(get).toHaveBeenCalledOnce();
});
