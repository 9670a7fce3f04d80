// Where a page's events go: nowhere that it did not name. That no request of any scenario goes elsewhere, the world checks.

const posts = (world) => world.asked.filter(({ method }) => method === 'POST');

export const hosts = [
  {
    name: 'no host named',
    sdks: ['headwater'],
    chromium: true,
    sentence: 'the page names no host: nothing is sent, the console says which line to write, and all arrives once one is named',
    async play(world) {
      const said = [];
      world.context = await world.newContext();
      world.context.on('console', (message) => said.push(message.text()));
      const page = await world.open({ options: { apiHost: '' } });
      await world.call(page, 20);
      await world.pause(1_500);
      if (posts(world).length) throw new Error(`sent to ${posts(world)[0].url}`);
      if (!said.some((text) => text.includes("{ apiHost: 'https://hub.example/v1' }"))) throw new Error(`the console said ${said}`);
      await world.closeTab(page);
      await world.visit();
    },
  },
  {
    name: 'cdnURL alone',
    sdks: ['headwater'],
    chromium: true,
    sentence: 'the settings document names the host a second after the calls: nothing is sent before',
    async play(world) {
      world.context = await world.newContext();
      let answered = 0;
      await world.context.route('**/settings/**', async (route) => {
        await world.pause(1_000);
        answered = Date.now();
        await route.continue();
      });
      const page = await world.open({ withSettings: true, options: { apiHost: '' } });
      await world.call(page, 20);
      await world.arrival();
      const early = posts(world).find(({ at }) => !answered || at < answered);
      if (early) throw new Error(`sent to ${early.url} before the document came`);
    },
  },
  {
    name: 'cdnURL fails',
    sdks: ['headwater'],
    chromium: true,
    sentence: 'the settings document cannot be had: its own host is asked, and what that refuses is kept',
    async play(world) {
      world.context = await world.newContext();
      const page = await world.open({ withSettings: true, settings: 'failing', options: { apiHost: '' } });
      await world.call(page, 20);
      for (const end = Date.now() + 30_000; !posts(world).length && Date.now() < end; ) await world.pause(20);
      const elsewhere = posts(world).find(({ url }) => url !== `${world.site}/v1/b`);
      if (elsewhere || !posts(world).length) throw new Error(`sent to ${elsewhere?.url ?? 'nobody'}`);
      await world.pause(500);
      await world.closeTab(page);
      await world.visit();
    },
  },
];
