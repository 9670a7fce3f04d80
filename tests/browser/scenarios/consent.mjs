// Consent decides what leaves, without a reload. Only ours: peers have other words for it.

const options = (model) => ({ consent: { model, categories: ['analytics', 'ads'] } });
const decide = (page, decision) => page.evaluate((each) => globalThis.analytics.setConsent(each), decision);

/** Fails when one of the run's events arrived. */
async function nothing(world, when) {
  await world.pause(1_500);
  const there = await world.labels();
  if (there.length > 0) throw new Error(`${there.length} events left ${when}`);
  if (world.link.requests.some((each) => each.method === 'POST')) throw new Error(`a request left ${when}`);
}

export const consent = [
  {
    name: 'consent granted',
    sentence: 'opt-in: nothing leaves before the decision, all of it after the grant, without a reload',
    sdks: ['headwater'],
    async play(world) {
      const page = await world.open({ options: options('opt-in') });
      await world.call(page, 10);
      await nothing(world, 'before the decision');
      await decide(page, { analytics: true, ads: false });
      await world.call(page, 10);
    },
  },
  {
    name: 'consent later',
    sentence: 'opt-in: what was called on earlier pages leaves with the grant on a later one',
    sdks: ['headwater'],
    async play(world) {
      world.expect(10);
      const page = await world.open({ ready: false, options: options('opt-in'), calls: 10, leave: '/elsewhere' });
      await page.waitForURL('**/elsewhere');
      const next = await world.open({ options: options('opt-in'), from: 10 });
      await nothing(world, 'before the decision');
      await decide(next, { analytics: true, ads: true });
      await world.call(next, 10);
    },
  },
  {
    name: 'consent denied',
    sentence: 'opt-in: nothing leaves after a denial, also not with the next visit',
    sdks: ['headwater'],
    async play(world) {
      const page = await world.open({ options: options('opt-in') });
      await page.evaluate(() => globalThis.calls(10));
      await decide(page, { analytics: false, ads: false });
      await page.evaluate(() => globalThis.calls(10));
      await nothing(world, 'after the denial');
      await world.closeTab(page);
      await world.visit({ options: options('opt-in'), calls: 1 });
      await nothing(world, 'after the denial, with the next visit');
    },
  },
  {
    name: 'consent withdrawn',
    sentence: 'opt-out: a withdrawal stops it and a new grant goes on, without a reload',
    sdks: ['headwater'],
    async play(world) {
      const page = await world.open({ options: options('opt-out') });
      await world.call(page, 10);
      await world.arrival();
      await decide(page, { analytics: false, ads: false });
      await page.evaluate(() => {
        for (let i = 0; i < 5; i++) globalThis.sdk.track('never', { tab: 'never', n: 1 });
      });
      await world.pause(1_000);
      if ((await world.collector.events()).some((each) => each.event === 'never')) throw new Error('events left after the withdrawal');
      await decide(page, { analytics: true, ads: true });
      await world.call(page, 10);
    },
  },
];
