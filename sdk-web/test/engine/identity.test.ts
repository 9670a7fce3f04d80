import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createIdentity, type IdentityOptions } from '../../src/engine/identity.js';
import { fakeStorage } from './storage.js';

/** A browser's cookies on one host: public suffixes are refused. */
const fakeDocument = (suffixes: string[]) => {
  const jar = new Map<string, string>();
  const written: string[] = [];
  return {
    jar,
    written,
    get cookie() {
      return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    },
    set cookie(text: string) {
      written.push(text);
      const [pair = '', ...attributes] = text.split(';');
      const [name = '', value = ''] = pair.split('=');
      const of = (key: string) => attributes.find((one) => one.startsWith(`${key}=`))?.slice(key.length + 1);
      if (suffixes.includes(of('domain') ?? '')) return;
      if (of('max-age') === '0') jar.delete(name);
      else jar.set(name, value);
    },
  };
};

let page = fakeDocument([]);
let local = fakeStorage();
const on = (hostname: string, suffixes: string[] = []) => {
  page = fakeDocument(suffixes);
  local = fakeStorage();
  vi.stubGlobal('document', page);
  vi.stubGlobal('location', { hostname });
  vi.stubGlobal('localStorage', local);
};
beforeEach(() => on('shop.example.co.uk', ['co.uk']));
afterEach(() => vi.unstubAllGlobals());

const someone = { anonymousId: 'a 1', userId: 'u1', traits: { plan: 'x' }, groupId: 'g1', groupTraits: { size: 3 } };

describe('ids', () => {
  it('lie where Segment keeps them', () => {
    createIdentity({}).remember!(someone);
    expect(Object.fromEntries(page.jar)).toEqual({ ajs_anonymous_id: 'a%201', ajs_user_id: 'u1', ajs_group_id: 'g1' });
    expect(Object.fromEntries(local.map)).toEqual({
      ajs_anonymous_id: '"a 1"',
      ajs_user_id: '"u1"',
      ajs_user_traits: '{"plan":"x"}',
      ajs_group_id: '"g1"',
      ajs_group_properties: '{"size":3}',
    });
  });

  it('go with a year, on the widest domain that the browser allows', () => {
    createIdentity({}).remember!(someone);
    const set = page.written.find((text) => text.startsWith('ajs_user_id'));
    expect(set).toBe('ajs_user_id=u1;max-age=31536000;path=/;samesite=Lax;domain=example.co.uk');
    expect(page.jar.has('__tld__')).toBe(false);
  });

  it('stay on the host where that is an address', () => {
    on('127.0.0.1');
    createIdentity({}).remember!(someone);
    expect(page.written.some((text) => text.includes('domain='))).toBe(false);
  });

  it('are removed when the user is nobody again', () => {
    const identity = createIdentity({});
    identity.remember!(someone);
    identity.remember!({ anonymousId: 'a2', traits: {} });
    expect(Object.fromEntries(page.jar)).toEqual({ ajs_anonymous_id: 'a2' });
    expect([...local.map.keys()]).toEqual(['ajs_anonymous_id']);
  });

  it('that Segment left are taken over', async () => {
    page.cookie = 'ajs_anonymous_id=old';
    local.setItem('ajs_user_id', '"u9"');
    local.setItem('ajs_user_traits', '{"plan":"y"}');
    expect(await createIdentity({}).recall!(undefined)).toEqual({
      anonymousId: 'old',
      userId: 'u9',
      traits: { plan: 'y' },
    });
  });

  it('in a cookie win over those of this subdomain alone', async () => {
    local.setItem('ajs_anonymous_id', '"mine"');
    page.cookie = 'ajs_anonymous_id=shared';
    expect((await createIdentity({}).recall!(undefined))?.anonymousId).toBe('shared');
    const known = { anonymousId: 'mine', userId: 'u1', traits: {} };
    expect(await createIdentity({}).recall!(known)).toEqual({ anonymousId: 'shared', traits: {} });
  });

  it('that AJS 1 or a server wrote as JSON are the same ids', async () => {
    page.cookie = 'ajs_anonymous_id=%22abc-def%22';
    page.cookie = 'ajs_user_id="u 9"';
    expect(await createIdentity({}).recall!(undefined)).toMatchObject({ anonymousId: 'abc-def', userId: 'u 9' });
    // A number is a text; a lone quote is a part of it.
    page.cookie = 'ajs_user_id=00123456789012345678901';
    page.cookie = 'ajs_anonymous_id=%22x';
    expect(await createIdentity({}).recall!(undefined)).toMatchObject({
      anonymousId: '"x',
      userId: '00123456789012345678901',
    });
  });

  it('of a user without an anonymousId are taken over, with a new one', async () => {
    page.cookie = 'ajs_user_id=dan';
    local.setItem('ajs_user_traits', '{"plan":"y"}');
    const found = await createIdentity({}).recall!(undefined);
    expect(found).toMatchObject({ userId: 'dan', traits: { plan: 'y' } });
    expect(found!.anonymousId).toMatch(/^[0-9a-f-]{36}$/);
    expect(found!.groupId).toBeUndefined();
  });

  it('that the store knows better stay', async () => {
    page.cookie = 'ajs_anonymous_id=a1';
    const known = { anonymousId: 'a1', userId: 'u1', traits: { deep: { a: 1 } } };
    expect(await createIdentity({}).recall!(known)).toBe(known);
  });

  it('that RudderStack left are taken over where there are none of Segment', async () => {
    const wrap = (value: unknown) => encodeURIComponent(`RS_ENC_v3_${btoa(JSON.stringify(value))}`);
    page.cookie = `rl_anonymous_id=${wrap('r1')}`;
    page.cookie = `rl_user_id=${wrap('u1')}`;
    page.cookie = `rl_trait=${wrap({ plan: 'z' })}`;
    page.cookie = 'rl_group_id=rubbish';
    expect(await createIdentity({}).recall!(undefined)).toEqual({
      anonymousId: 'r1',
      userId: 'u1',
      traits: { plan: 'z' },
    });
  });

  it('leave nothing under disableClientPersistence', () => {
    expect(createIdentity({ disableClientPersistence: true })).toEqual({});
  });

  it('keep to the stores and the keys that the page chose', () => {
    createIdentity({ storage: { stores: ['cookie'] }, user: { cookie: { key: 'uid' } }, group: { persist: false } })
      .remember!(someone);
    expect([...page.jar.keys()]).toEqual(['ajs_anonymous_id', 'uid']);
    expect(local.map.size).toBe(0);
  });

  const kept: [options: IdentityOptions, cookies: string, local: string, apart: object | undefined][] = [
    [{}, 'anonymous user group', 'anonymous user traits group properties', undefined],
    [{ user: { persist: false } }, 'group', 'group properties', { user: true, group: false }],
    [{ user: { disable: true } }, 'group', 'group properties', { user: true, group: false }],
    [{ user: { persist: undefined } as never }, 'group', 'group properties', { user: true, group: false }],
    [
      { user: { localStorageFallbackDisabled: true } },
      'anonymous user group',
      'group properties',
      { user: false, group: false },
    ],
    [{ user: { storage: { stores: ['memory'] } } }, 'group', 'group properties', { user: true, group: false }],
    [{ group: { persist: false } }, 'anonymous user', 'anonymous user traits', { user: false, group: true }],
    [{ group: { disable: true } }, 'anonymous user', 'anonymous user traits', { user: false, group: true }],
    [
      { group: { localStorageFallbackDisabled: true } },
      'anonymous user group',
      'anonymous user traits',
      { user: false, group: false },
    ],
    [{ storage: { stores: ['memory'] } }, '', '', { user: true, group: true }],
    [{ storage: { stores: ['cookie', 'memory'] } }, 'anonymous user group', '', { user: false, group: false }],
    [{ storage: { stores: ['localStorage'] } }, '', 'anonymous user traits group properties', undefined],
    [
      { storage: { stores: ['memory'] }, user: { storage: { stores: ['localStorage'] } } },
      '',
      'anonymous user traits',
      { user: false, group: true },
    ],
  ];
  it.each(kept)('under %j lie in cookies: %s; in localStorage: %s', async (options, cookies, inLocal, apart) => {
    const identity = createIdentity(options);
    identity.remember!(someone);
    const names = (keys: Iterable<string>) =>
      [...keys].map((key) =>
        key
          .replace('ajs_', '')
          .replace('user_traits', 'traits')
          .replace(/_id$|group_(?=prop)/, ''),
      );
    expect(names(page.jar.keys()).sort()).toEqual(cookies.split(' ').filter(Boolean).sort());
    expect(names(local.map.keys()).sort()).toEqual(inLocal.split(' ').filter(Boolean).sort());
    expect(identity.apart).toEqual(apart);
  });

  it('are not read from where they are not kept', async () => {
    createIdentity({}).remember!(someone);
    expect(await createIdentity({ storage: { stores: ['memory'] } }).recall!(undefined)).toBeUndefined();
    page.cookie = 'rl_anonymous_id=%22r1%22';
    const found = await createIdentity({ user: { persist: false } }).recall!(undefined);
    expect(found).toMatchObject({ traits: {}, groupId: 'g1', groupTraits: { size: 3 } });
    expect(found?.userId).toBeUndefined();
    expect(found?.anonymousId).not.toBe(someone.anonymousId);
    expect(await createIdentity({ user: { localStorageFallbackDisabled: true } }).recall!(undefined)).toMatchObject({
      anonymousId: 'a 1',
      userId: 'u1',
      traits: {},
      groupId: 'g1',
    });
  });

  it('that a browser refuses are no error of the page', async () => {
    const refuse = () => {
      throw new DOMException('no', 'SecurityError');
    };
    vi.stubGlobal('document', Object.defineProperty({}, 'cookie', { get: refuse, set: refuse }));
    vi.stubGlobal('localStorage', { getItem: refuse, setItem: refuse, removeItem: refuse });
    const identity = createIdentity({});
    identity.remember!(someone);
    expect(await identity.recall!(undefined)).toBeUndefined();
  });
});
