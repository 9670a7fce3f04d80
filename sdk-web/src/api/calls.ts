// A captured call becomes what the engine takes: overloads resolved, options sorted, identity rules of the web applied.

import type { Captured, Identity } from '../engine/port.js';
import { resolveAliasArguments, resolveArguments, resolvePageArguments, resolveUserArguments } from './arguments.js';
import type { Callback, Options, SegmentEvent } from './types.js';

/** One call, resolved. */
export interface Resolved {
  /** The fields of the event that the call itself decides. */
  fields: Partial<SegmentEvent>;
  options: Options;
  callback: Callback | undefined;
  /** What the SDK's own event of this name carries (`analytics.on('track', …)`). */
  told: unknown[];
}

/** Throws what the caller did wrong. */
export function resolveCall({ m: type, a: args, p: page }: Captured, identity: Identity): Resolved {
  if (type === 'track') {
    const [event, properties, options, callback] = resolveArguments(...(args as Parameters<typeof resolveArguments>));
    return { fields: { event, properties }, options, callback, told: [event, properties, options] };
  }
  if (type === 'page' || type === 'screen') {
    const [category, name, given, options, callback] = resolvePageArguments(...args);
    const named = { ...(category !== null && { category }), ...(name !== null && { name }) };
    const properties = { ...(type === 'page' && page), ...given, ...named };
    return { fields: { ...named, properties }, options, callback, told: [category, name, properties, options] };
  }
  if (type === 'alias') {
    const [userId, previousId, options, callback] = resolveAliasArguments(...args);
    return { fields: { userId, previousId }, options, callback, told: [userId, previousId, options] };
  }
  const group = type === 'group';
  const stored = group ? identity.groupId : identity.userId;
  const [id, given, options, callback] = resolveUserArguments({ id: () => stored })(...args);
  // The event carries all that is known of this user, not the news alone; of another user, nothing.
  const known = (!stored || stored === id) && (group ? identity.groupTraits : identity.traits);
  const traits = { ...known, ...given };
  return { fields: { [group ? 'groupId' : 'userId']: id, traits }, options, callback, told: [id, traits, options] };
}
