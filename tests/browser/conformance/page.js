// In the page: the browser package, driven by what every web CLI shares.
import { AnalyticsBrowser } from '/dist/index.js';
import { run } from '/e2e/run.mjs';

const host = {
  create(settings, options, { headwater: { durability } = {} }) {
    const analytics = AnalyticsBrowser.load(settings, { ...options, disableClientPersistence: durability === 'memory' });
    return {
      analytics,
      instance: analytics.then(([instance]) => instance),
      // What was answered is to be forgotten in the store, too.
      close: () => new Promise((done) => setTimeout(done, 50)),
    };
  },
  die() {
    globalThis.die();
    // The page does nothing more, not even what it would do when it is left.
    for (;;);
  },
  say: (...what) => console.log(...what),
};

globalThis.play = (input) => run(input, host);
