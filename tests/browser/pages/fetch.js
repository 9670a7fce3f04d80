// The baseline: what a page can do without any SDK.
globalThis.sdk = {
  start({ writeKey, endpoint }) {
    this.writeKey = writeKey;
    this.url = `${endpoint}/v1/track`;
    const key = 'baseline-id';
    let id = crypto.randomUUID();
    try {
      id = localStorage[key] ??= id;
    } catch {
      // Storage refused: an id for this page.
    }
    this.anonymousId = id;
  },
  track(event, properties) {
    const { writeKey, anonymousId } = this;
    const body = JSON.stringify({ writeKey, event, properties, anonymousId, messageId: crypto.randomUUID(), timestamp: new Date() });
    fetch(this.url, { method: 'POST', keepalive: true, body, headers: { 'content-type': 'text/plain' } }).catch(() => {});
  },
};
