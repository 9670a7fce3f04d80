import { describe, expect, it } from 'vitest';
import {
  popPageContext,
  resolveAliasArguments,
  resolveArguments,
  resolvePageArguments,
  resolveUserArguments,
} from '../../src/api/arguments.js';

const cb = () => {};
const props = { plan: 'pro' };
const opts = { integrations: { All: false } };
class Point {
  x = 1;
}

type Case = [says: string, args: unknown[], expected: unknown[]];

const table = (cases: Case[], resolve: (...args: any[]) => unknown): void => {
  it.each(cases)('%s', (_, args, expected) => expect(resolve(...args)).toEqual(expected));
};

describe('track', () => {
  table(
    [
      ['takes a name alone', ['A'], ['A', {}, {}, undefined]],
      ['takes name and properties', ['A', props], ['A', props, {}, undefined]],
      ['takes name, properties, options', ['A', props, opts], ['A', props, opts, undefined]],
      ['takes all four', ['A', props, opts, cb], ['A', props, opts, cb]],
      ['takes a callback instead of properties', ['A', cb], ['A', {}, {}, cb]],
      ['takes a callback instead of options', ['A', props, cb], ['A', props, {}, cb]],
      ['keeps options behind undefined properties', ['A', undefined, opts], ['A', {}, opts, undefined]],
      ['keeps options behind null properties', ['A', null, opts, cb], ['A', {}, opts, cb]],
      ['takes undefined options', ['A', props, undefined, cb], ['A', props, {}, cb]],
      ['ignores an array as properties', ['A', [1]], ['A', {}, {}, undefined]],
      ['takes an instance of a class as properties', ['A', new Point()], ['A', { x: 1 }, {}, undefined]],
      ['takes an event object', [{ event: 'A', properties: props }], ['A', props, {}, undefined]],
      ['takes an event object without properties', [{ event: 'A' }], ['A', {}, {}, undefined]],
      ['takes an event object and options', [{ event: 'A', properties: props }, opts], ['A', props, opts, undefined]],
      ['takes an event object, options, callback', [{ event: 'A' }, opts, cb], ['A', {}, opts, cb]],
      ['takes an event object and a callback', [{ event: 'A' }, cb], ['A', {}, {}, cb]],
    ],
    resolveArguments,
  );
  it.each([[], [null], [''], [{}], [{ type: 'track' }], [5], [{ event: 5 }]])(
    'throws "Event missing" for %j',
    (...args) => {
      expect(() => resolveArguments(...(args as [string]))).toThrow('Event missing');
    },
  );
});

describe('page and screen', () => {
  table(
    [
      ['take nothing', [], [null, null, {}, {}, undefined]],
      ['take a name', ['N'], [null, 'N', {}, {}, undefined]],
      ['take category and name', ['C', 'N'], ['C', 'N', {}, {}, undefined]],
      ['take all five', ['C', 'N', props, opts, cb], ['C', 'N', props, opts, cb]],
      ['take category, name, properties, callback', ['C', 'N', props, cb], ['C', 'N', props, {}, cb]],
      ['take category, name, callback', ['C', 'N', cb], ['C', 'N', {}, {}, cb]],
      ['take name, properties, options, callback', ['N', props, opts, cb], [null, 'N', props, opts, cb]],
      ['take name, properties', ['N', props], [null, 'N', props, {}, undefined]],
      ['take name, callback', ['N', cb], [null, 'N', {}, {}, cb]],
      ['take properties, options, callback', [props, opts, cb], [null, null, props, opts, cb]],
      ['take properties', [props], [null, null, props, {}, undefined]],
      ['take a callback alone', [cb], [null, null, {}, {}, cb]],
      ['take one object in third place as properties', ['C', 'N', props], ['C', 'N', props, {}, undefined]],
      ['take one object in fourth place as options', ['C', 'N', null, opts], ['C', 'N', {}, opts, undefined]],
      ['count empty strings as strings', ['', '', null, opts], ['', '', {}, opts, undefined]],
      ['take a null category and a name', [null, 'N', props], [null, 'N', props, {}, undefined]],
      ['take undefined category and name', [undefined, undefined, props, opts], [null, null, props, opts, undefined]],
      ['give up on three objects', [props, opts, props], [null, null, {}, {}, undefined]],
    ],
    resolvePageArguments,
  );
});

describe('identify and group', () => {
  const stored = resolveUserArguments({ id: () => 'stored' });
  table(
    [
      ['take nothing', [], ['stored', {}, {}, undefined]],
      ['take an id', ['u'], ['u', {}, {}, undefined]],
      ['take a number as id', [5], ['5', {}, {}, undefined]],
      ['take zero as id', [0, props], ['0', props, {}, undefined]],
      ['take all four', ['u', props, opts, cb], ['u', props, opts, cb]],
      ['take id, traits, callback', ['u', props, cb], ['u', props, {}, cb]],
      ['take id, callback', ['u', cb], ['u', {}, {}, cb]],
      ['take traits alone for the stored id', [props], ['stored', props, {}, undefined]],
      ['take traits and options', [props, opts], ['stored', props, opts, undefined]],
      ['take traits, options, callback', [props, opts, cb], ['stored', props, opts, cb]],
      ['take traits, callback', [props, cb], ['stored', props, {}, cb]],
      ['take a callback alone', [cb], ['stored', {}, {}, cb]],
      ['take null as "the stored id"', [null, props], ['stored', props, {}, undefined]],
      ['take undefined as "the stored id"', [undefined, props, opts], ['stored', props, opts, undefined]],
      ['take null traits before options', ['u', null, opts], ['u', {}, opts, undefined]],
      ['take undefined traits before options', ['u', undefined, opts, cb], ['u', {}, opts, cb]],
      ['ignore what comes after the callback', ['u', cb, opts], ['u', {}, {}, cb]],
    ],
    stored,
  );
  it('answer null where no id is known', () => {
    expect(resolveUserArguments({ id: () => null })(props)).toEqual([null, props, {}, undefined]);
  });
});

describe('alias', () => {
  table(
    [
      ['takes to', ['new'], ['new', null, {}, undefined]],
      ['takes to and from', ['new', 'old'], ['new', 'old', {}, undefined]],
      ['takes all four', ['new', 'old', opts, cb], ['new', 'old', opts, cb]],
      ['takes to, from, callback', ['new', 'old', cb], ['new', 'old', {}, cb]],
      ['takes to, options, callback', ['new', opts, cb], ['new', null, opts, cb]],
      ['takes to, callback', ['new', cb], ['new', null, {}, cb]],
      ['takes numbers', [1, 2], ['1', '2', {}, undefined]],
    ],
    resolveAliasArguments,
  );
});

describe('a page context at the end of the arguments', () => {
  it('is taken off', () => {
    const page = { __t: 'bpc', p: '/', u: 'https://a.test/', s: '', t: '', r: '' };
    const args: unknown[] = ['A', page];
    expect(popPageContext(args)).toBe(page);
    expect(args).toEqual(['A']);
  });
  it('is nothing else than what the snippet appends', () => {
    const args: unknown[] = ['A', { p: '/' }];
    expect(popPageContext(args)).toBeUndefined();
    expect(args).toHaveLength(2);
  });
});
