// `user.disable` and `group.disable`: no call says who that is, and nobody is remembered. Loaded by pages that have one.

import type { Captured, Identity } from '../engine/port.js';
import type { Resolved } from './calls.js';
import type { InitOptions } from './types.js';

type Resolve = (call: Captured, identity: Identity) => Resolved;

/** As `resolve`, but for whom the page disabled. `uuid` is lent. */
export const nobody =
  ({ user, group }: InitOptions, resolve: Resolve, uuid: (numbers: readonly number[]) => string): Resolve =>
  (call, identity) => {
    const resolved = resolve(call, identity);
    // An event without a group says nothing.
    if (group?.disable && call.m === 'group') throw new Error('group: the page disabled it (group.disable)');
    if (!user?.disable) return resolved;
    // An event has an id, so that the hub takes it: one that no other event has.
    const options = { anonymousId: uuid(call.e.slice(4)), ...resolved.options };
    if (call.m !== 'identify') return { ...resolved, options };
    const told = [null, {}, ...resolved.told.slice(2)];
    return { ...resolved, options, fields: { traits: {} }, told };
  };
