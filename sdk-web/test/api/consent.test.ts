import { afterEach, describe, expect, it, vi } from 'vitest';
import { decisionOf } from '../../src/api/consent.js';
import { connectConsent, withConsent } from '../../src/api/consent-source.js';
import type { Context } from '../../src/api/context.js';
import { oneTrust, withOneTrust } from '../../src/api/onetrust.js';
import type { ConsentOptions } from '../../src/api/types.js';
import { client, prepare, tick } from './client.js';

afterEach(() => vi.unstubAllGlobals());

const consent: ConsentOptions = { model: 'opt-in', categories: ['analytics', 'ads'] };
const destination = (name: string, got: string[], categories?: string[]) => ({
  name,
  type: 'destination',
  isLoaded: () => true,
  load: async () => {},
  track: (ctx: Context) => void got.push(`${name}:${ctx.event.event}`),
  ...(categories && { categories }),
});

describe('a decision', () => {
  const modes = { analytics_storage: 'analytics', ad_storage: ['ads', 'retargeting'] };
  it.each<
    [string, unknown[], ConsentOptions, Record<string, boolean> | undefined, Record<string, boolean> | undefined]
  >([
    ['is what is given', [{ analytics: true, ads: false }], consent, undefined, { analytics: true, ads: false }],
    [
      'reads Consent Mode’s words',
      [{ analytics: 'granted', ads: 'denied' }],
      consent,
      undefined,
      { analytics: true, ads: false },
    ],
    [
      'reads Consent Mode’s names',
      [{ analytics_storage: 'granted', ad_storage: 'denied' }],
      { modes },
      undefined,
      { analytics: true, ads: false, retargeting: false },
    ],
    ['grants all', ['grant'], consent, undefined, { analytics: true, ads: true }],
    ['denies all', ['deny'], consent, { analytics: true, ads: true }, { analytics: false, ads: false }],
    [
      'grants one, the rest as it was',
      ['grant', 'ads'],
      consent,
      { analytics: true, ads: false },
      { analytics: true, ads: true },
    ],
    [
      'denies some before any decision under opt-out',
      ['deny', ['ads']],
      { ...consent, model: 'opt-out' },
      undefined,
      { analytics: true, ads: false },
    ],
    [
      'updates what it names',
      ['update', { ads: 'granted' }],
      consent,
      { analytics: true, ads: false },
      { analytics: true, ads: true },
    ],
    [
      'defaults before a decision',
      ['default', { ads: 'granted' }],
      consent,
      undefined,
      { analytics: false, ads: true },
    ],
    ['defaults to asking under opt-in', ['default', { ads: 'denied' }], consent, undefined, undefined],
    [
      'defaults to a denial under opt-out',
      ['default', { ads: 'denied' }],
      { ...consent, model: 'opt-out' },
      undefined,
      { analytics: true, ads: false },
    ],
    ['defaults nothing after one', ['default', { ads: 'granted' }], consent, { ads: false }, undefined],
    ['is none in other words', ['maybe'], consent, undefined, undefined],
    [
      'counts what is no yes as a no',
      [{ analytics: 1, ads: 'yes' }],
      consent,
      undefined,
      { analytics: false, ads: false },
    ],
  ])('%s', (_, args, options, current, expected) => expect(decisionOf(args, options, current)).toEqual(expected));
});

describe('consent', () => {
  it('holds events until the user agrees, and they carry the decision', async () => {
    const c = await client({ options: { consent } });
    const got: string[] = [];
    await c.call('register', destination('D', got, ['ads']), destination('E', got));
    await c.call('track', 'A');
    expect([await c.all(), got]).toEqual([[], []]);
    await c.call('setConsent', { analytics: true, ads: false });
    await c.call('track', 'B');
    await tick(5);
    const sent = await c.all();
    expect(sent.map(({ event }) => event)).toContain('A');
    expect(sent.find(({ event }) => event === 'B')?.context?.consent).toEqual({
      categoryPreferences: { analytics: true, ads: false },
    });
    expect(got.filter((line) => line.startsWith('D'))).toEqual([]);
    expect(got).toContain('E:A');
  });

  it('needs every category that a destination is mapped to', async () => {
    const c = await client({
      options: {
        consent: { ...consent, integrationCategoryMappings: { D: ['analytics', 'ads'], 'E (Actions)': ['analytics'] } },
      },
    });
    const got: string[] = [];
    await c.call('register', destination('D', got), { ...destination('E', got), alternativeNames: ['E (Actions)'] });
    await c.call('setConsent', 'grant', 'analytics');
    await c.call('track', 'A');
    await c.call('setConsent', 'grant');
    await c.call('track', 'B');
    await tick(5);
    expect(got.filter((line) => /:[AB]$/.test(line))).toEqual(['E:A', 'D:B', 'E:B']);
  });

  it('withdrawn purges what waits, which is reported', async () => {
    let status = 0;
    const c = await client({ options: { consent: { ...consent, model: 'opt-out' } }, status: () => status });
    const reports: any[] = [];
    c.analytics.on('report', (report) => reports.push(report));
    await c.call('track', 'A');
    await c.call('setConsent', 'deny');
    status = 200;
    expect((await c.all()).filter(({ event }) => event === 'A')).toEqual([]);
    expect(reports).toMatchObject([{ reason: 'consent_withdrawn' }]);
  });

  it('in Consent Mode’s order: denied by default, granted later, and nothing is lost in between', async () => {
    const modes = { analytics_storage: 'analytics' };
    const c = await client({ options: { consent: { ...consent, modes } } });
    await c.call('setConsent', 'default', { analytics_storage: 'denied' });
    await c.call('track', 'A');
    expect(await c.all()).toEqual([]);
    await c.call('setConsent', 'update', { analytics_storage: 'granted' });
    expect((await c.all()).map(({ event }) => event)).toContain('A');
  });

  it('takes its place among the calls that were made before load', async () => {
    const c = await prepare({ options: { consent } });
    c.call('setConsent', { analytics: true });
    c.call('track', 'A');
    await c.begin();
    expect((await c.all()).find(({ event }) => event === 'A')?.context?.consent.categoryPreferences).toEqual({
      analytics: true,
      ads: false,
    });
  });
});

describe('Global Privacy Control', () => {
  const gpc: ConsentOptions = { ...consent, model: 'opt-out', gpc: ['ads'] };

  it('denies its categories from the start under opt-out', async () => {
    vi.stubGlobal('navigator', { globalPrivacyControl: true });
    const c = await client({ options: { consent: gpc } });
    await c.call('track', 'A');
    expect((await c.all()).find(({ event }) => event === 'A')?.context?.consent.categoryPreferences).toEqual({
      analytics: true,
      ads: false,
    });
  });

  it('denies them whatever is decided', async () => {
    vi.stubGlobal('navigator', { globalPrivacyControl: true });
    const c = await client({ options: { consent: { ...gpc, model: 'opt-in' } } });
    await c.call('track', 'A');
    expect(await c.all()).toEqual([]);
    await c.call('setConsent', 'grant');
    await c.call('track', 'B');
    expect((await c.all()).find(({ event }) => event === 'B')?.context?.consent.categoryPreferences).toEqual({
      analytics: true,
      ads: false,
    });
  });

  it('says nothing where it is not set', async () => {
    vi.stubGlobal('navigator', { globalPrivacyControl: false });
    const c = await client({ options: { consent: gpc } });
    await c.call('track', 'A');
    expect((await c.all())[0]?.context?.consent.categoryPreferences).toEqual({ analytics: true, ads: true });
  });
});

/** OneTrust as pages have it, as far as it matters. */
const fakeOneTrust = (model: string, active: string, closed = false) => {
  const listeners: ((event: { detail: string[] }) => void)[] = [];
  const page = {
    OnetrustActiveGroups: active,
    OneTrust: {
      GetDomainData: () => ({
        ShowAlertNotice: true,
        ConsentModel: { Name: model },
        Groups: [{ CustomGroupId: 'C0001' }, { CustomGroupId: 'C0002' }, { CustomGroupId: ' C0004' }],
      }),
      IsAlertBoxClosed: () => closed,
      OnConsentChanged: (listener: (event: { detail: string[] }) => void) => void listeners.push(listener),
    },
  };
  return { page, decide: (...groups: string[]) => listeners.forEach((listener) => listener({ detail: groups })) };
};

describe('OneTrust', () => {
  it('decides nothing before its banner is closed under opt-in, then what the user chose', async () => {
    const { page, decide } = fakeOneTrust('opt-in', ',C0001,');
    const setConsent = vi.fn();
    connectConsent({ setConsent }, oneTrust({ page }));
    await tick(5);
    expect(setConsent).not.toHaveBeenCalled();
    decide('C0001', 'C0002');
    expect(setConsent.mock.calls).toEqual([[{ C0001: true, C0002: true, C0004: false }]]);
  });

  it.each([
    ['opt-in', true],
    ['opt-out', false],
  ])('counts what is active: %s, banner closed: %j', async (model, closed) => {
    const setConsent = vi.fn();
    connectConsent({ setConsent }, oneTrust({ page: fakeOneTrust(model, ',C0001,C0004,', closed).page }));
    await tick(5);
    expect(setConsent.mock.calls).toEqual([[{ C0001: true, C0002: false, C0004: true }]]);
  });

  it('may come late', async () => {
    const page: Record<string, unknown> = {};
    const setConsent = vi.fn();
    connectConsent({ setConsent }, oneTrust({ page, poll: 1 }));
    await tick(10);
    Object.assign(page, fakeOneTrust('opt-out', 'C0001').page);
    await vi.waitUntil(() => setConsent.mock.calls.length, 20_000);
  });

  it('drives a whole client: held, agreed, sent; no reload', async () => {
    const { page, decide } = fakeOneTrust('opt-in', ',C0001,');
    vi.stubGlobal('OneTrust', page.OneTrust);
    vi.stubGlobal('OnetrustActiveGroups', page.OnetrustActiveGroups);
    let c: Awaited<ReturnType<typeof client>> | undefined;
    const facade = {
      setConsent: (decision: object) => c?.call('setConsent', decision),
      load: async (settings: Record<string, unknown>, options: Record<string, unknown>) =>
        (c = await client({ settings, options })),
    };
    await withOneTrust(facade).load({ writeKey: 'wk' }, {});
    const got: string[] = [];
    await c?.call('register', destination('Ads', got, ['C0004']));
    await c?.call('track', 'A');
    expect(await c?.all()).toEqual([]);
    decide('C0001', 'C0004');
    await vi.waitUntil(async () => (await c?.all())?.some(({ event }) => event === 'A'), 20_000);
    await vi.waitUntil(() => got.includes('Ads:A'), 20_000);
  });
});

describe('a consent source', () => {
  it('that fails decides nothing and throws nothing', async () => {
    vi.stubGlobal('console', { ...console, error: vi.fn() });
    const setConsent = vi.fn();
    const fail = () => {
      throw new Error('no');
    };
    connectConsent({ setConsent }, { getCategories: fail, registerOnConsentChanged: fail });
    connectConsent({ setConsent }, { getCategories: () => Promise.reject(new Error('no')) });
    await tick(5);
    expect(setConsent).not.toHaveBeenCalled();
  });

  it('can be stopped, and its news beat its first answer', async () => {
    const setConsent = vi.fn();
    const unregister = vi.fn();
    let changed = (_: Record<string, boolean>) => {};
    const stop = connectConsent(
      { setConsent },
      {
        getCategories: async () => ({ old: true }),
        registerOnConsentChanged: (callback) => {
          changed = callback;
          return unregister;
        },
      },
    );
    changed({ news: true });
    await tick(5);
    stop();
    changed({ late: true });
    expect(setConsent.mock.calls).toEqual([[{ news: true }]]);
    expect(unregister).toHaveBeenCalledTimes(1);
  });

  it('gives load the opt-in model, unless the page names another', () => {
    const load = vi.fn();
    const facade = withConsent(
      { setConsent: vi.fn(), load },
      { getCategories: () => undefined },
      { categories: ['a'] },
    );
    facade.load({ writeKey: 'wk' }, { consent: { model: 'opt-out' }, initialPageview: true });
    facade.load({ writeKey: 'wk' });
    expect(load.mock.calls[0]?.[1]).toEqual({
      initialPageview: true,
      consent: { model: 'opt-out', categories: ['a'] },
    });
    expect(load.mock.calls[1]?.[1]).toEqual({ consent: { model: 'opt-in', categories: ['a'] } });
  });
});
