// The network, the server and the settings in bad days.

export const network = [
  {
    name: 'offline',
    chromium: true,
    sentence: 'a minute offline, calls all along it',
    async play(world) {
      world.context = await world.newContext();
      await world.context.clock.install();
      const page = await world.open();
      await world.context.setOffline(true);
      for (let i = 0; i < 4; i++) {
        await world.call(page, 5);
        await page.clock.fastForward(15_000);
      }
      await world.context.setOffline(false);
      await world.nudge(page);
    },
  },
  {
    name: 'server down',
    sentence: 'the server is down for calls, then up',
    async play(world) {
      const page = await world.open();
      await world.link.set({ down: true });
      await world.call(page, 20);
      await world.pause(1_500);
      await world.link.set({ up: true });
      await world.nudge(page);
    },
  },
  {
    name: 'server busy',
    sentence: 'the server answers 503 and Retry-After, then takes them',
    async play(world) {
      const page = await world.open();
      await world.link.set({ status: 503, retryAfter: 1 });
      await world.call(page, 20);
      await world.pause(1_500);
      await world.link.set({ up: true });
      await world.nudge(page);
    },
  },
  {
    name: 'answers lost',
    sentence: 'the server acts and its answers are lost, twice over a visit',
    async play(world) {
      const page = await world.open();
      await world.link.set({ lost: true });
      await world.call(page, 20);
      await world.heard();
      await world.pause(500);
      await world.closeTab(page);
      const heard = world.link.bodies.length;
      const next = await world.visit();
      await world.heard(heard + 1);
      await world.pause(200);
      await world.link.set({ up: true });
      await world.arrival();
      await world.closeTab(next);
      await world.visit();
    },
  },
  ...['blocked', 'failing', 'hanging'].map((mode) => ({
    name: `settings ${mode}`,
    sentence: `the settings endpoint is ${mode}`,
    async play(world) {
      const page = await world.open({ ready: false, settings: mode, withSettings: true });
      await page.waitForFunction(() => globalThis.started);
      await world.call(page, 20);
      await world.pause(1_000);
      await world.closeTab(page);
      await world.visit({ settings: mode, withSettings: true });
    },
  })),
];
