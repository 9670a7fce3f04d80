// A call in two steps: stamped, seen by plugins or remembered for destinations to come, and only then queued. Pages without
// plugins and settings documents have no use for it.

import { DISCARD, HOLD, STAMP, SUBMIT } from '../engine/inputs.js';
import type { Captured } from '../engine/port.js';
import type { Context } from './context.js';
import type { Lent } from './lent.js';
import type { SegmentEvent } from './types.js';

/** The engine's answer goes on to its caller, with the context that plugins saw. */
export type Finish = (answer: string, ctx?: Context) => void;

/** A plugin failed that no event may go without. */
export interface Failure {
  plugin: string;
  detail: string;
  /** Every plugin that the event must pass. */
  guards: string[];
}

/** What plugins make of an event: the context, the name of the plugin that dropped it, or who failed. */
export type Passed = Context | string | Failure;

/** `run`: the plugins. */
export function inHalves(
  { host, Context, documents }: Lent,
  json: string,
  call: Captured,
  finish: Finish,
  run?: (ctx: Context) => Promise<Passed>,
): Promise<void> | undefined {
  const stamped = host.ask(STAMP, json, call);
  if (stamped[0] === '!') {
    finish(stamped);
    return undefined;
  }
  const text = stamped.slice(1);
  const ctx = new Context(JSON.parse(text) as SegmentEvent);
  const submit = (seen: Passed): undefined => {
    if (seen instanceof Context) {
      documents()?.early()?.push(seen.event);
      finish(host.ask(SUBMIT, JSON.stringify(seen.event)), seen);
    } else if (typeof seen === 'string') {
      // It is reported.
      host.input(DISCARD, 0, 0, `${seen}\0${text}`);
      finish(`d${ctx.id}`, ctx);
    } else {
      // As it was stamped, whatever a plugin has done to it: it comes again.
      const { plugin, detail, guards } = seen;
      ctx.event = JSON.parse(text);
      ctx.setFailedDelivery({ reason: new Error(`${plugin}: ${detail}`) });
      finish(host.ask(HOLD, [plugin, detail, guards.join('\x01'), text].join('\0')), ctx);
    }
  };
  return run ? run(ctx).then(submit) : submit(ctx);
}
