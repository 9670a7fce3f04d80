import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Upload } from '../../src/engine/env.js';
import { createSend } from '../../src/engine/transport.js';

const upload = (more: Partial<Upload> = {}): Upload => ({
  url: 'https://hub.test/v1/b',
  headers: [
    ['Content-Type', 'text/plain'],
    ['X-Retry-Count', '1'],
  ],
  events: [],
  around: ['{"batch":[', ']}'],
  gzip: false,
  timeout: 1000,
  leaving: false,
  abort: new AbortController(),
  ...more,
});
type Post = [url: string, init: RequestInit & { headers: [string, string][] }];
const network = (...answers: (Response | Error)[]) =>
  vi.fn(async (..._: Post) => {
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer instanceof Error) throw answer;
    return answer;
  });
const sender = (get: ReturnType<typeof network>, more = {}) =>
  createSend({ fetch: get as unknown as typeof fetch, headers: false, page: true, small: 1024, ...more });
afterEach(() => vi.unstubAllGlobals());

describe('sending a batch', () => {
  it('is a simple request to another origin: no header that asks for a preflight', async () => {
    const get = network(new Response('{}'));
    expect(await sender(get)(upload())).toEqual([200, undefined]);
    const [url, init] = get.mock.calls[0]!;
    expect(url).toBe('https://hub.test/v1/b');
    expect(init).toMatchObject({ method: 'POST', keepalive: true, headers: [['Content-Type', 'text/plain']] });
  });

  it('answers the status and Retry-After', async () => {
    const get = network(new Response('', { status: 429, headers: { 'Retry-After': '7' } }));
    expect(await sender(get)(upload())).toEqual([429, '7']);
  });

  it('counts tries in a header where that costs nothing', async () => {
    const get = network(new Response('{}'));
    await sender(get, { headers: true })(upload());
    expect(get.mock.calls[0]![1].headers).toContainEqual(['X-Retry-Count', '1']);
  });

  it('compresses where it may and it pays, but not when the page is going away', async () => {
    const get = network(new Response('{}'));
    const body = 'x'.repeat(5000);
    await sender(get)(upload({ gzip: true, events: [body] }));
    const [, init] = get.mock.calls[0]!;
    expect(init.headers).toContainEqual(['Content-Encoding', 'gzip']);
    expect((init.body as Blob).size).toBeLessThan(200);
    await sender(get)(upload({ gzip: true, events: [body], around: ['', ''], leaving: true }));
    expect(get.mock.calls[1]![1].body).toBe(body);
  });

  it('goes as a usual request when the budget of what outlives the page is spent', async () => {
    vi.stubGlobal('document', { visibilityState: 'visible' });
    const get = network(new TypeError('Failed to fetch'), new Response('{}'));
    expect(await sender(get)(upload())).toEqual([200, undefined]);
    expect(get.mock.calls.map(([, init]) => init.keepalive)).toEqual([true, false]);
  });

  it('is usual from the start when it is over the budget by itself', async () => {
    const get = network(new Response('{}'));
    await sender(get)(upload({ events: ['x'.repeat(70_000)] }));
    expect(get.mock.calls[0]![1].keepalive).toBe(false);
  });

  it('goes as beacons in halves when the page is hidden, and has no answer', async () => {
    const sent: string[] = [];
    vi.stubGlobal('document', { visibilityState: 'hidden' });
    vi.stubGlobal('navigator', {
      sendBeacon: (_: string, body: string) => body.length < 30 && !!sent.push(body),
    });
    const get = network(new TypeError('Failed to fetch'));
    const events = ['{"a":1}', '{"b":2}', '{"c":3}', '{"d":4}'];
    await expect(sender(get)(upload({ events, leaving: true }))).rejects.toThrow();
    expect(sent.map((half) => JSON.parse(half).batch)).toEqual([
      [{ a: 1 }, { b: 2 }],
      [{ c: 3 }, { d: 4 }],
    ]);
  });

  it('gives up after its time, and when it is told to', async () => {
    const never = vi.fn(
      (_: string, { signal }: RequestInit) =>
        new Promise((_, no) => signal!.addEventListener('abort', () => no(signal!.reason))),
    );
    const send = sender(never as never);
    await expect(send(upload({ timeout: 10 }))).rejects.toThrow();
    const stop = new AbortController();
    const sending = send(upload({ abort: stop }));
    stop.abort();
    await expect(sending).rejects.toThrow();
  });

  it('counts a redirect as an answer: its body would be lost on the way', async () => {
    const get = network(Object.defineProperty(new Response(''), 'status', { value: 0 }));
    expect((await sender(get)(upload()))[0]).toBe(302);
  });
});
