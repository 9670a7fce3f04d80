// Several tabs of one site share one store.
import { crash } from '../harness/browser.mjs';

const open = async (world, count) => {
  const tabs = [];
  for (let i = 0; i < count; i++) tabs.push({ name: String.fromCharCode(97 + i), page: await world.open({ tab: String.fromCharCode(97 + i) }) });
  return tabs;
};

export const tabs = [
  {
    name: 'two tabs',
    sentence: 'two tabs call at the same time',
    async play(world) {
      const both = await open(world, 2);
      for (let i = 0; i < 5; i++) await Promise.all(both.map(({ page, name }) => world.call(page, 10, name)));
    },
  },
  {
    name: 'leader killed',
    chromium: true,
    sentence: 'five tabs call with the server down, the first one crashes, the others live on',
    async play(world) {
      const five = await open(world, 5);
      await world.link.set({ down: true });
      await Promise.all(five.map(({ page, name }) => world.call(page, 20, name)));
      // The first tab to open has the lock.
      const leads = await five[0].page.evaluate(async () => (await navigator.locks.query()).held.some(({ name }) => name.endsWith(':lead')));
      if (world.sdk.ours && !leads) throw new Error('nobody leads');
      await crash(five[0].page);
      await world.link.set({ up: true });
      await world.nudge(five[4].page);
    },
  },
  {
    name: 'five tabs closed',
    sentence: 'five tabs call with the server down, and all but the last are closed',
    async play(world) {
      const five = await open(world, 5);
      await world.link.set({ down: true });
      await Promise.all(five.map(({ page, name }) => world.call(page, 20, name)));
      for (const { page } of five.slice(0, 4)) await world.closeTab(page);
      await world.link.set({ up: true });
      await world.nudge(five[4].page);
    },
  },
];
