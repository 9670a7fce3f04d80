// The network between a page and the collector: an HTTP proxy that can be down, slow, refuse, or lose answers.
import { createServer, request } from 'node:http';
import { gunzipSync } from 'node:zlib';

/**
 * Starts a link to `upstream`: `{ url, bodies, heard, requests, set(mode), stop() }`. Modes, each as an object:
 * `up`; `down` (nothing listens); `lost` (the collector acts, then the connection ends without an answer);
 * `cut` (the connection ends before the collector hears); `status` (answers it, with `retryAfter`).
 * `delay` milliseconds pass before each answer, half of them before the collector hears.
 */
export async function startLink(upstream, mode = { up: true }) {
  const bodies = [];
  const heard = [];
  const requests = [];
  let now = mode;
  let port = 0;
  let server;

  async function serve(incoming, answer) {
    answer.on('error', () => {});
    let body;
    try {
      body = await whole(incoming);
    } catch {
      return;
    }
    const { delay = 0 } = now;
    requests.push({ method: incoming.method, url: incoming.url, at: Date.now(), bytes: body.length });
    await pause(delay / 2);
    if (now.cut) return incoming.socket.destroy();
    if (now.status && incoming.method === 'POST') {
      const headers = { 'access-control-allow-origin': incoming.headers.origin ?? '*' };
      if (now.retryAfter) headers['retry-after'] = String(now.retryAfter);
      return answer.writeHead(now.status, headers).end();
    }
    if (incoming.method === 'POST') {
      bodies.push(readable(body));
      heard.push(Date.now());
    }
    let got;
    try {
      got = await forward(upstream, incoming, body);
    } catch {
      return incoming.socket.destroy();
    }
    if (now.lost && incoming.method === 'POST') return incoming.socket.destroy();
    await pause(delay / 2);
    answer.writeHead(got.status, got.headers).end(got.body);
  }

  async function listen() {
    server = createServer(serve);
    await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
    port = server.address().port;
  }
  async function close() {
    if (!server) return;
    const closing = server;
    server = undefined;
    const closed = new Promise((resolve) => closing.close(resolve));
    closing.closeAllConnections();
    await closed;
  }

  await listen();
  if (mode.down) await close();
  return {
    url: `http://127.0.0.1:${port}`,
    /** The bodies that the collector was given, parsed, in order. */
    bodies,
    /** When, unix milliseconds. */
    heard,
    /** Everything that was asked. */
    requests,
    async set(next) {
      now = next;
      if (next.down) await close();
      else if (!server) await listen();
    },
    stop: close,
  };
}

const pause = (ms) => ms > 0 && new Promise((resolve) => setTimeout(resolve, ms));

async function whole(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function readable(body) {
  try {
    const text = String(body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body);
    if (!text.startsWith('data=')) return JSON.parse(text);
    // PostHog's form, whose beacons are base64.
    const data = new URLSearchParams(text).get('data');
    return JSON.parse(/^[[{]/.test(data) ? data : Buffer.from(data, 'base64').toString());
  } catch {
    return null;
  }
}

function forward(upstream, incoming, body) {
  return new Promise((resolve, reject) => {
    const { method, headers } = incoming;
    const onward = request(new URL(incoming.url, upstream), { method, headers, agent: false }, async (got) => {
      try {
        resolve({ status: got.statusCode, headers: got.headers, body: await whole(got) });
      } catch (error) {
        reject(error);
      }
    });
    onward.on('error', reject);
    onward.end(body);
  });
}
