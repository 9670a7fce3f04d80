import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { client, leave, prepare, tick, visit } from './client.js';

class Link extends EventTarget {
  submitted = 0;
  constructor(
    readonly attributes: Record<string, string> = {},
    readonly children: Link[] = [],
  ) {
    super();
  }
  getAttribute(name: string) {
    return this.attributes[name] ?? null;
  }
  getElementsByTagName() {
    return this.children;
  }
  submit() {
    this.submitted++;
  }
}

const fire = (target: EventTarget, type: string, keys = {}): Event => {
  const event = Object.assign(new Event(type, { cancelable: true }), keys);
  target.dispatchEvent(event);
  return event;
};

beforeEach(() => visit('https://shop.test/'));
afterEach(() => {
  leave();
  vi.unstubAllGlobals();
});

/** `leave.js` is there. */
const ready = async () => {
  await import('../../src/api/leave.js');
  await tick(5);
};

describe('trackLink', () => {
  it('tracks a click and then goes where the link goes', async () => {
    const c = await client();
    const link = new Link({ href: '/next' });
    expect(await c.call('trackLink', link, 'Clicked', { where: 'top' })).toBe(c.analytics);
    await ready();
    expect(fire(link, 'click').defaultPrevented).toBe(true);
    await vi.waitUntil(() => location.href === '/next', 20_000);
    expect(await c.all()).toMatchObject([{ event: 'Clicked', properties: { where: 'top' } }]);
  });

  it('loses no click while its chunk is on the way; the link is followed at once then', async () => {
    const c = await client();
    const link = new Link({ href: '/next' });
    c.analytics.trackLink(link as never, 'Clicked');
    fire(link, 'click');
    expect((await c.all()).map(({ event }) => event)).toEqual(['Clicked']);
  });

  it('listens before the engine is there', async () => {
    const c = await prepare();
    const link = new Link({ href: '/next' });
    c.call('trackLink', link, 'Early');
    fire(link, 'click');
    await c.begin();
    expect((await c.all()).map(({ event }) => event)).toEqual(['Early']);
  });

  it('asks functions of the element', async () => {
    const c = await client();
    const links = [new Link({ href: '/a' }), new Link({ href: '/b' })];
    await c.call(
      'trackClick',
      links,
      (el: any) => `Clicked ${el.attributes.href}`,
      (el: any) => ({ href: el.attributes.href }),
      { foo: 1 },
    );
    await ready();
    fire(links[1] as Link, 'click', { ctrlKey: true });
    expect(await c.all()).toMatchObject([{ event: 'Clicked /b', properties: { href: '/b' }, context: { foo: 1 } }]);
  });

  it.each([
    ['with a modifier', {}, { metaKey: true }],
    ['with the middle button', {}, { button: 1 }],
    ['of a link to a new tab', { target: '_blank' }, {}],
  ])('leaves a click %s to the browser', async (_, attributes, keys) => {
    const c = await client();
    const link = new Link({ href: '/next', ...attributes });
    await c.call('trackLink', link, 'Clicked');
    await ready();
    expect(fire(link, 'click', keys).defaultPrevented).toBe(false);
    await tick(5);
    expect(location.href).toBe('https://shop.test/');
    expect(await c.all()).toHaveLength(1);
  });

  it('leaves a click alone that somebody else prevented', async () => {
    const c = await client();
    const link = new Link({ href: '/next' });
    link.addEventListener('click', (event) => event.preventDefault());
    await c.call('trackLink', link, 'Clicked');
    await ready();
    fire(link, 'click');
    await tick(5);
    expect(location.href).toBe('https://shop.test/');
    expect(await c.all()).toHaveLength(1);
  });

  it('finds the address of a link inside', async () => {
    const c = await client();
    const box = new Link({}, [new Link({ href: '/inside' })]);
    await c.call('trackLink', box, 'Clicked');
    await ready();
    fire(box, 'click');
    await vi.waitUntil(() => location.href === '/inside', 20_000);
  });

  it('goes on after the timeout when a destination is slow', async () => {
    const c = await client();
    c.analytics.timeout(10);
    await c.call('register', {
      name: 'Slow',
      type: 'destination',
      isLoaded: () => true,
      load: async () => {},
      track: () => new Promise(() => {}),
    });
    const link = new Link({ href: '/next' });
    await c.call('trackLink', link, 'Clicked');
    await ready();
    fire(link, 'click');
    await vi.waitUntil(() => location.href === '/next', 20_000);
  });

  it('does nothing for nothing, and refuses what is no element', async () => {
    const c = await client();
    await c.call('trackLink', null, 'Clicked');
    await expect(c.call('trackLink', [{}], 'Clicked')).rejects.toThrow();
  });
});

describe('trackForm', () => {
  it('tracks, then submits', async () => {
    const c = await client();
    const form = new Link();
    await c.call('trackForm', form, 'Signed Up', { plan: 'pro' });
    await ready();
    expect(fire(form, 'submit').defaultPrevented).toBe(true);
    await vi.waitUntil(() => form.submitted, 20_000);
    expect(await c.all()).toMatchObject([{ event: 'Signed Up', properties: { plan: 'pro' } }]);
  });

  it('listens by jQuery where there is one', async () => {
    const handlers: ((e: Event) => void)[] = [];
    vi.stubGlobal('jQuery', () => ({ submit: (handler: (e: Event) => void) => handlers.push(handler) }));
    const c = await client();
    const form = new Link();
    await c.call('trackSubmit', form, 'Signed Up');
    await ready();
    handlers[0]?.(new Event('submit', { cancelable: true }));
    await vi.waitUntil(() => form.submitted, 20_000);
    expect(await c.all()).toHaveLength(1);
  });
});
