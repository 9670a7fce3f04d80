import type { Answer, Upload } from './env.js';

/** Browsers share 64 KiB among all requests that may outlive the page. */
const KEEPALIVE = 60_000;

const zip = (body: string): Promise<Blob> =>
  new Response(new Blob([body]).stream().pipeThrough(new CompressionStream('gzip'))).blob();

/** A beacon that is refused may be taken in halves. */
const beacon = (url: string, events: string[], [start, end]: Upload['around']): void => {
  const half = events.length >> 1;
  if (navigator.sendBeacon?.(url, start + events.join() + end) || !half) return;
  beacon(url, events.slice(0, half), [start, end]);
  beacon(url, events.slice(half), [start, end]);
};

export interface TransportOptions {
  fetch: typeof fetch;
  /** Whether a header may be sent that costs a preflight in pages of another origin. */
  headers: boolean;
  /** Whether requests compete for the page's budget of what outlives it. */
  page: boolean;
  /** Bodies up to here are not worth compressing. */
  small: number;
}

/**
 * Sends a batch so that leaving the page does not stop it. A browser that refuses because the page's budget is spent
 * gets it again as a usual request or, when there is no time left, as a beacon: that has no answer, so the events stay
 * and go out once more later; the hub knows them.
 */
export const createSend =
  ({ fetch, headers: own, page, small }: TransportOptions) =>
  async ({ url, headers, events, around, gzip, timeout, leaving, abort }: Upload): Promise<Answer> => {
    const body = around[0] + events.join() + around[1];
    const sent = own ? headers : headers.filter(([name]) => name !== 'X-Retry-Count');
    let data: string | Blob = body;
    if (gzip && !leaving && body.length > small && typeof CompressionStream !== 'undefined') {
      data = await zip(body);
      sent.push(['Content-Encoding', 'gzip']);
    }
    const timer = setTimeout(() => abort.abort(), timeout);
    const post = (keepalive: boolean): Promise<Response> =>
      fetch(url, {
        method: 'POST',
        body: data,
        headers: sent,
        keepalive,
        redirect: 'manual',
        signal: abort.signal,
      });
    try {
      const keepalive = page && body.length < KEEPALIVE;
      const began = Date.now();
      const response = await post(keepalive).catch((error) => {
        if (!keepalive || Date.now() - began > 50 || abort.signal.aborted) throw error;
        if (document.visibilityState === 'hidden') {
          beacon(url, events, around);
          throw error;
        }
        return post(false);
      });
      // The hub has it, whatever becomes of the answer's body.
      response.body?.cancel().catch(() => {});
      return [response.status || 302, response.headers.get('retry-after') ?? undefined];
    } finally {
      clearTimeout(timer);
    }
  };
