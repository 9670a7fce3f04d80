// Our script build behind the snippet, which the site wrote into the page's head with the write key and the address.
globalThis.sdk = {
  start() {},
  track: (event, properties) => void globalThis.analytics.track(event, properties),
  ready: () => new Promise((done) => globalThis.analytics.ready(() => done(true))),
};
