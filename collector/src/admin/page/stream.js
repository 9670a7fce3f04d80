// Server-sent events over fetch: unlike EventSource it can carry a token, tells why it failed, and hands over all
// events of a network chunk in one task, which is what keeps a thousand a second cheap.

const MAX_LINE = 8 << 20; // characters without an end of message: no event is that large, so the stream is broken
const SILENCE_MS = 10_000; // the collector sends its totals every second
const LONGEST_WAIT_MS = 10_000;
const REASONS = { 429: 'Too many wrong tokens', 503: 'Too many readers' };

/** Follows `url` for good. `onState` gets 'connecting', 'live', 'locked', or 'waiting' with the milliseconds to go and why. */
export function follow({ url, headers, onMessage, onState }) {
  let failures = 0;
  let timer = 0;
  let abort = null;

  async function connect() {
    clearTimeout(timer);
    abort?.abort();
    const mine = (abort = new AbortController());
    onState('connecting');
    const started = performance.now();
    let reason = 'Not reached';
    let least = 0;
    try {
      const response = await fetch(url, {
        headers: { accept: 'text/event-stream', ...headers() },
        cache: 'no-store',
        signal: mine.signal,
      });
      if (response.status === 401 || response.status === 403) return onState('locked');
      if (!response.ok) {
        reason = REASONS[response.status] ?? reason;
        least = (Number(response.headers.get('retry-after')) || 0) * 1_000;
        throw new Error(`HTTP ${response.status}`);
      }
      onState('live');
      await read(response.body, mine);
    } catch {
      // Whatever the reason, the remedy is the same: try again.
    }
    if (abort !== mine) return;
    if (performance.now() - started > 5_000) failures = 0;
    const wait = Math.max(least, Math.min(LONGEST_WAIT_MS, 400 * 2 ** failures++) * (0.8 + Math.random() * 0.4));
    onState('waiting', wait, reason);
    timer = setTimeout(connect, wait);
  }

  async function read(body, mine) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    let name = '';
    let data = '';
    let watchdog = 0;
    for (;;) {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => mine.abort(), SILENCE_MS);
      let chunk;
      try {
        chunk = await reader.read();
      } finally {
        clearTimeout(watchdog);
      }
      if (chunk.done) return;
      const lines = (rest + chunk.value).split('\n');
      rest = lines.pop();
      if (rest.length > MAX_LINE || data.length > MAX_LINE) throw new Error('endless message');
      for (let line of lines) {
        if (line.endsWith('\r')) line = line.slice(0, -1);
        if (line === '') {
          if (data) onMessage(name || 'message', data);
          name = data = '';
        } else if (line.startsWith('data:')) data += (data && '\n') + line.slice(line[5] === ' ' ? 6 : 5);
        else if (line.startsWith('event:')) name = line.slice(6).trim();
      }
    }
  }

  connect();
  const now = () => (failures = 0, connect());
  // A laptop that wakes should not wait for the back-off to run out.
  addEventListener('online', now);
  return { now };
}
