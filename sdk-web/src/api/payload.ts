// What a middleware is given of an event.

import type { Payload, SegmentEvent } from './types.js';

/** Reading shortcuts over an event; `obj` may be changed. */
export function payloadOf(event: SegmentEvent): Payload {
  const payload: Payload = {
    obj: event,
    rawEvent: () => payload.obj,
    json: () => JSON.parse(JSON.stringify(payload.obj)) as SegmentEvent,
    proxy: (path) =>
      path
        .split('.')
        .reduce<unknown>((at, step) => (at == null ? undefined : (at as Record<string, unknown>)[step]), payload.obj),
    type: () => payload.obj.type,
    event: () => payload.obj.event,
    userId: () => payload.obj.userId,
    anonymousId: () => payload.obj.anonymousId,
    messageId: () => payload.obj.messageId,
    timestamp: () => (payload.obj.timestamp ? new Date(payload.obj.timestamp) : undefined),
    properties: () => payload.obj.properties ?? {},
    traits: () => payload.obj.traits ?? (payload.obj.context?.traits as Record<string, unknown> | undefined) ?? {},
    context: () => payload.obj.context ?? {},
    integrations: () => payload.obj.integrations ?? {},
  };
  return payload;
}
