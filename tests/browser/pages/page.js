// What a site's own script does: starts the SDK that the page brought, and calls it.
const asked = new URLSearchParams(location.search);
const run = asked.get('run');
const tab = asked.get('tab') ?? 'a';
let n = Number(asked.get('from') ?? 0);

/** `count` calls of track, in this tick. */
globalThis.calls = (count) => {
  for (let i = 0; i < count; i++) globalThis.sdk.track(run, { tab, n: ++n });
};

/** The same, and the page is left in the same tick. */
globalThis.callsAndLeave = (count, to) => {
  globalThis.calls(count);
  location.href = to;
};

// How often a page came back from the back/forward cache, and why it did not.
globalThis.restored = 0;
addEventListener('pageshow', (event) => {
  if (event.persisted) globalThis.restored++;
});

globalThis.sdk.start({
  writeKey: asked.get('key') ?? run,
  endpoint: asked.get('to'),
  settings: asked.get('settings'),
  options: JSON.parse(asked.get('options') ?? '{}'),
  bare: asked.has('bare'),
});
if (asked.has('calls')) globalThis.calls(Number(asked.get('calls')));
if (asked.has('leave')) location.href = asked.get('leave');
globalThis.started = true;
