// A captured call becomes what the engine takes: overloads resolved, options sorted, identity rules of the web applied.

import type { Captured, Identity, PageContext } from '../engine/port.js';
import { resolveAliasArguments, resolveArguments, resolvePageArguments, resolveUserArguments } from './arguments.js';
import type { Callback, EventType, Integrations, Options, SegmentEvent } from './types.js';

/** One call, resolved. */
export interface Resolved {
  type: EventType;
  /** The fields of the event that the call itself decides. */
  fields: Partial<SegmentEvent>;
  options: Options;
  callback: Callback | undefined;
  /** What the SDK's own event of this name carries (`analytics.on('track', …)`). */
  told: unknown[];
  page: PageContext | undefined;
}

/** Throws what the caller did wrong. */
export function resolveCall(call: Captured, identity: Identity): Resolved {
  const { a: args, p: page } = call;
  const type = call.m as EventType;
  if (type === 'track') {
    const [event, properties, options, callback] = resolveArguments(...(args as Parameters<typeof resolveArguments>));
    return { type, fields: { event, properties }, options, callback, told: [event, properties, options], page };
  }
  if (type === 'page' || type === 'screen') {
    const [category, name, given, options, callback] = resolvePageArguments(...args);
    const named = { ...(category !== null && { category }), ...(name !== null && { name }) };
    const properties = { ...(type === 'page' && page), ...given, ...named };
    return {
      type,
      fields: { ...named, properties },
      options,
      callback,
      told: [category, name, properties, options],
      page,
    };
  }
  if (type === 'alias') {
    const [userId, previousId, options, callback] = resolveAliasArguments(...args);
    return { type, fields: { userId, previousId }, options, callback, told: [userId, previousId, options], page };
  }
  const group = type === 'group';
  const stored = group ? identity.groupId : identity.userId;
  const [id, given, options, callback] = resolveUserArguments({ id: () => stored })(...args);
  // The event carries all that is known of this user, not the news alone; of another user, nothing.
  const known = (!stored || stored === id) && (group ? identity.groupTraits : identity.traits);
  const traits = known ? { ...known, ...given } : given;
  return {
    type,
    fields: { [group ? 'groupId' : 'userId']: id, traits },
    options,
    callback,
    told: [id, traits, options],
    page,
  };
}

/** `options` of a call as the engine takes them. */
export interface Sorted {
  anonymousId?: string;
  userId?: string;
  messageId?: string;
  timestamp?: number;
  integrations?: Integrations;
  context?: Record<string, unknown> | undefined;
}

/** Sorts `options`: overrides, integrations (renamed by `alias`, over those of `load`), and the rest as context. */
export function sortOptions(
  { integrations, context, timestamp, anonymousId, userId, messageId, ...rest }: Options,
  alias: (integrations: Integrations) => Integrations,
  all: Integrations,
): Sorted {
  const sorted: Sorted = {
    integrations: alias({ ...all, ...integrations }),
    context: { ...(context as object | undefined), ...rest },
  };
  const at = new Date(timestamp ?? Number.NaN).getTime();
  if (!Number.isNaN(at)) sorted.timestamp = at;
  if (anonymousId) sorted.anonymousId = `${anonymousId}`;
  if (userId) sorted.userId = `${userId}`;
  if (messageId) sorted.messageId = `${messageId}`;
  return sorted;
}

/** The `integrations` of `load`, as every event carries them: options count as `true`. */
export function loadIntegrations(given: unknown): Integrations {
  return Object.fromEntries(Object.entries((given as object | undefined) ?? {}).map(([key, value]) => [key, !!value]));
}
