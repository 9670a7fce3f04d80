// Checked by the compiler (see compiles.test.ts): a line under `@ts-expect-error` must not compile, every other must.

import { type Analytics, AnalyticsBrowser, type Context, type Plugin } from '../../src/index.js';

interface Order {
  total: number;
  coupon?: string;
}
interface Events {
  'Order Completed': Order;
  'Logged Out': Record<string, never>;
  Searched: { query?: string };
}

const typed = AnalyticsBrowser.load<Events>({ writeKey: 'wk' });
typed.track('Order Completed', { total: 1 });
typed.track('Order Completed', { total: 1, coupon: 'x' }, { integrations: { GA: false } }, (ctx) => ctx.event.event);
typed.track('Searched');
typed.track('Searched', { query: 'x' });
typed.track('Searched', () => {});
typed.track({ event: 'Order Completed', properties: { total: 1 } });
// @ts-expect-error a property that the event needs
typed.track('Order Completed');
// @ts-expect-error a property of another type
typed.track('Order Completed', { total: '1' });
// @ts-expect-error an event that does not exist
typed.track('Order Canceled', {});
// @ts-expect-error a property of another type, in the object form
typed.track({ event: 'Order Completed', properties: { total: '1' } });
typed.then(([analytics]) => {
  analytics.track('Order Completed', { total: 1 });
  // @ts-expect-error the instance knows the events, too
  analytics.track('Order Completed', { total: '1' });
});

const free = AnalyticsBrowser.load({ writeKey: 'wk' }, { consent: { model: 'opt-in' }, initialPageview: true });
interface Props {
  plan: string;
}
const props: Props = { plan: 'pro' };
free.track('Anything', { x: 1 });
free.track('Anything', props);
free.identify('u1', props);
free.group('g1', props);
free.track('Anything', null, { timestamp: new Date(), foo: 1 });
free.track({ event: 'Anything', properties: { x: 1 } }, { messageId: 'm' }, () => {});
free.page('Category', 'Name', props, {}, () => {});
free.page(props);
free.screen('Name');
free.identify('u1', { plan: 'pro' }, {}, () => {});
free.identify({ plan: 'pro' });
free.identify(null, { plan: 'pro' });
free.group('g1', { size: 3 });
free.alias('new', 'old', {}, () => {});
free
  .on('track', (event: string) => event)
  .once('page', () => {})
  .debug(true)
  .off('track', () => {});
free.setConsent({ ads: 'denied', analytics: true });
free.setConsent('grant', ['ads']);
free.setConsent('update', { ads: false });
// @ts-expect-error neither a decision nor a mode
free.setConsent('maybe');
free.load({ writeKey: 'again' });

const plugin: Plugin = {
  name: 'P',
  type: 'enrichment',
  isLoaded: () => true,
  load: async () => {},
  track: (ctx) => ctx,
};
// @ts-expect-error no such type of plugin
const wrong: Plugin = { ...plugin, type: 'sink' };
free.register(plugin, wrong);
free.addSourceMiddleware(({ payload, next }) => {
  payload.obj.properties = {};
  next(payload);
});

export async function use(): Promise<void> {
  const [analytics, context]: [Analytics, Context] = await free;
  const id: string | null | undefined = analytics.user().id();
  const same: string | null | undefined = (await free.user()).anonymousId(id);
  const ctx: Context = await analytics.track('A');
  ctx.updateEvent('properties.x', same);
  analytics.group().traits({ size: 1 });
  (await free.group()).id();
  analytics.trackLink(document.querySelectorAll('a'), 'Clicked', (el) => ({ href: el.getAttribute('href') }));
  const { delivered } = await analytics.flush();
  context.log('info', `${delivered}`);
}
