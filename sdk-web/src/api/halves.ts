// A call in two steps: stamped, seen by plugins or remembered for destinations to come, and only then queued. Pages without
// plugins and settings documents have no use for it.

import { DISCARD, STAMP, SUBMIT } from '../engine/inputs.js';
import type { Captured } from '../engine/port.js';
import type { Context } from './context.js';
import type { Lent } from './lent.js';
import type { SegmentEvent } from './types.js';

/** The engine's answer goes on to its caller, with the context that plugins saw. */
export type Finish = (answer: string, ctx?: Context) => void;

/** `run`: what plugins make of the event, the context, or the name of the plugin that dropped it. */
export function inHalves(
  { host, Context, documents }: Lent,
  json: string,
  call: Captured,
  finish: Finish,
  run?: (ctx: Context) => Promise<Context | string>,
): Promise<void> | undefined {
  const stamped = host.ask(STAMP, json, call);
  if (stamped[0] === '!') {
    finish(stamped);
    return undefined;
  }
  const ctx = new Context(JSON.parse(stamped.slice(1)) as SegmentEvent);
  const submit = (seen: Context | string): undefined => {
    if (seen instanceof Context) {
      documents()?.early()?.push(seen.event);
      finish(host.ask(SUBMIT, JSON.stringify(seen.event)), seen);
    } else {
      // It is reported.
      host.input(DISCARD, 0, 0, `${seen}\0${JSON.stringify(ctx.event)}`);
      finish(`d${ctx.id}`, ctx);
    }
  };
  return run ? run(ctx).then(submit) : submit(ctx);
}
