import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { digest } from '../../src/api/filters/digest.js';
import { applyFilters } from '../../src/api/filters/index.js';
import { globMatches, matches } from '../../src/api/filters/match.js';
import type { Rule, SegmentEvent } from '../../src/api/types.js';

const event: SegmentEvent = {
  type: 'track',
  event: 'Order Completed',
  userId: 'u1',
  properties: {
    total: 12.5,
    email: 'A@B.test',
    tags: ['new', 'vip'],
    empty: null,
    paid: true,
    nested: { a: 1, b: 2 },
    items: [
      { sku: 1, card: 2 },
      { sku: 3, card: 4 },
    ],
    'a.b': 7,
  },
  context: { ip: '1.2.3.4' },
};
const is = (ir: unknown) => matches(event, { type: 'fql', ir });
const v = (value: unknown) => ({ value });

describe('a matcher', () => {
  it.each([
    ['equal texts', ['=', 'event', v('Order Completed')], true],
    ['different texts', ['!=', 'event', v('x')], true],
    ['strict types', ['=', 'properties.total', v('12.5')], false],
    ['numbers', ['=', 'properties.total', v(12.5)], true],
    ['a missing path is null', ['=', 'properties.nowhere', v(null)], true],
    ['a missing path is not different from null', ['!=', 'properties.nowhere', v(null)], false],
    ['an explicit null is null', ['=', 'properties.empty', v(null)], true],
    ['order of numbers', ['>', 'properties.total', v(12)], true],
    ['at least', ['>=', 'properties.total', v(12.5)], true],
    ['no order of texts', ['>', v('b'), v('a')], false],
    ['a bare path that is true', '"properties.paid"', true],
    ['a bare path that is something else', '"properties.total"', false],
    ['and', ['and', 'properties.paid', ['=', 'userId', v('u1')]], true],
    ['and with one that is not', ['and', 'properties.paid', ['=', 'userId', v('u2')]], false],
    ['or', ['or', ['=', 'userId', v('u2')], 'properties.paid'], true],
    ['not', ['!', 'properties.paid'], false],
    ['in a written list', ['in', 'event', [v('x'), v('Order Completed')]], true],
    ['in a literal list', ['in', 'event', v(['Order Completed'])], true],
    ['in a list of the event', ['in', v('vip'), 'properties.tags'], true],
    ['not in a list', ['in', v('old'), 'properties.tags'], false],
    ['contains', ['contains', 'event', v('Order')], true],
    ['contains of what is no text', ['contains', 'properties.nowhere', v('x')], false],
    ['match', ['match', 'event', v('Order *')], true],
    ['lowercase', ['=', ['lowercase', 'properties.email'], v('a@b.test')], true],
    ['lowercase of nothing is null', ['=', ['lowercase', 'properties.nowhere'], v(null)], true],
    ['length in bytes', ['=', ['length', v('é')], v(2)], true],
    ['length of a list', ['=', ['length', 'properties.tags'], v(2)], true],
    ['length of nothing', ['=', ['length', 'properties.nowhere'], v(0)], true],
    ['typeof list', ['=', ['typeof', 'properties.tags'], v('list')], true],
    ['typeof bool', ['=', ['typeof', 'properties.paid'], v('bool')], true],
    ['typeof null', ['=', ['typeof', 'properties.nowhere'], v('null')], true],
    ['an escaped path', ['=', 'properties.a\\.b', v(7)], true],
    ['the same object', ['=', 'properties.nested', v({ a: 1, b: 2 })], true],
  ])('knows %s', (_, ir, expected) => expect(is(ir)).toBe(expected));

  it('reads its form as text, too', () => expect(is('["=","type",{"value":"track"}]')).toBe(true));
  it('of type all is always true', () => expect(matches(event, { type: 'all' })).toBe(true));
  it.each([['["="'], [['nonsense', 1]], [null], [[{ value: 1 }]], [{ other: 1 }]])(
    'that cannot be read throws: %j',
    (ir) => {
      expect(() => is(ir)).toThrow();
    },
  );
});

describe('a glob', () => {
  it.each([
    ['*', 'anything/at all', true],
    ['a*', 'ab/c', true],
    ['*foo*', 'a foo b', true],
    ['*foo', 'foo b', false],
    ['?', 'é', true],
    ['?', '', false],
    ['[abc]x', 'bx', true],
    ['[a-c]x', 'dx', false],
    ['[^a-c]x', 'dx', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['[a', 'a', false],
    ['a*b*c', 'a-b-b-c', true],
    ['A', 'a', false],
    ['', '', true],
    ['*a*a*a*a*a*a*b', 'a'.repeat(5_000), false],
  ])('%j and %j', (glob, text, expected) => expect(globMatches(glob, text)).toBe(expected));
});

const rule = (transformers: Rule['transformers'][number], ir: unknown = ['=', 'type', v('track')]): Rule => ({
  matchers: [{ type: 'fql', ir }],
  transformers: [transformers],
});
const apply = (...rules: Rule[]) => applyFilters(event, rules);

describe('filters', () => {
  it('drop', () => expect(apply(rule([{ type: 'drop' }]))).toBeNull());
  it('leave alone what they do not match', () =>
    expect(apply(rule([{ type: 'drop' }], ['=', 'type', v('page')]))).toEqual(event));
  it('keep back what they cannot judge', () => {
    for (const broken of [
      rule([{ type: 'unknown' }]),
      rule([], ['nonsense']),
      rule([{ type: 'drop_properties', config: 'no json' }]),
      {} as Rule,
    ]) {
      expect(apply(broken)).toBeNull();
    }
  });
  it('drop properties, of every object of a list, too', () => {
    const left = apply(
      rule([
        {
          type: 'drop_properties',
          config: { drop: { properties: ['email'], 'properties.items': ['card'], context: ['ip'], nowhere: ['x'] } },
        },
      ]),
    );
    expect(left?.properties).not.toHaveProperty('email');
    expect(left?.properties?.items).toEqual([{ sku: 1 }, { sku: 3 }]);
    expect(left?.context).toEqual({});
    expect(event.properties).toHaveProperty('email');
  });
  it('allow properties of the named object alone', () => {
    const left = apply(
      rule([{ type: 'allow_properties', config: '{"allow":{"properties":["total"],"properties.nested":["a"]}}' }]),
    );
    expect(left?.properties).toEqual({ total: 12.5 });
    expect(left?.userId).toBe('u1');
  });
  it('map properties by what was there before', () => {
    const map = {
      'properties.userId': { copy: 'userId' },
      userId: { set: 'x' },
      'properties.sum': { move: 'properties.total', to_string: true },
      'context.deep.er': { set: 1 },
      'properties.none': { copy: 'nowhere' },
    };
    const left = apply(rule([{ type: 'map_properties', config: { map } }]));
    expect(left).toMatchObject({
      userId: 'x',
      properties: { userId: 'u1', sum: '12.5' },
      context: { deep: { er: 1 } },
    });
    expect(left?.properties).not.toHaveProperty('total');
    expect(left?.properties).not.toHaveProperty('none');
  });
  it('hash properties', () => {
    const left = apply(
      rule([{ type: 'hash_properties', config: { hash: { properties: ['email', 'total', 'nowhere'] } } }]),
    );
    const sha = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(left?.properties).toMatchObject({ email: sha('A@B.test'), total: sha('12.5') });
    expect(left?.properties).not.toHaveProperty('nowhere');
  });
  it('sample by a value: the same users at every event, fewer of them a subset', () => {
    const kept = (percent: number, userId: string) =>
      applyFilters({ ...event, userId }, [
        rule([{ type: 'sample_event', config: { sample: { percent, path: 'userId' } } }]),
      ]) !== null;
    const users = Array.from({ length: 2_000 }, (_, n) => `user-${n}`);
    const [few, many] = [users.filter((id) => kept(0.2, id)), users.filter((id) => kept(0.5, id))];
    expect(few.every((id) => many.includes(id))).toBe(true);
    expect(Math.abs(few.length - 400)).toBeLessThan(80);
    expect(kept(0, 'a')).toBe(false);
    expect(kept(1, 'a')).toBe(true);
  });
  it('sample by chance without a value', () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.3);
    const sample = (percent: number) =>
      apply(rule([{ type: 'sample_event', config: { sample: { percent, path: '' } } }]));
    expect(sample(0.2)).toBeNull();
    expect(sample(0.5)).not.toBeNull();
    random.mockRestore();
  });
  it('run one after the other', () => {
    const rename = rule([{ type: 'map_properties', config: { map: { event: { set: 'B' } } } }]);
    expect(apply(rename, rule([{ type: 'drop' }], ['=', 'event', v('B')]))).toBeNull();
  });
  it('do not reach into prototypes', () => {
    apply(rule([{ type: 'map_properties', config: { map: { '__proto__.polluted': { set: 1 } } } }]));
    expect(({} as any).polluted).toBeUndefined();
  });
});

describe('digests', () => {
  it.each(['', 'abc', 'é', 'a'.repeat(55), 'a'.repeat(56), 'a'.repeat(64), 'a'.repeat(1_000)])(
    'agree with the platform’s for %j',
    (text) => {
      for (const algorithm of ['md5', 'sha256'] as const) {
        expect(digest(algorithm, text)).toBe(createHash(algorithm).update(text).digest('hex'));
      }
    },
  );
});
