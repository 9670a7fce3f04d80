// One event on its way through the plugins, as analytics-next shapes it.

import { isPlainObject } from './arguments.js';
import type { SegmentEvent } from './types.js';

/** One line of a context's log. */
export interface LogMessage {
  level: string;
  message: string;
  time: Date;
  extras?: Record<string, unknown>;
}
/** One number counted on the way. */
export interface Metric {
  metric: string;
  value: number;
  type: 'counter' | 'gauge';
  tags: string[];
  timestamp: number;
}

/** Thrown by `ctx.cancel()`: the event is not sent, and that is no failure. */
export class ContextCancelation extends Error {
  readonly retry: boolean;
  readonly type: string;
  readonly reason: string | undefined;
  constructor(options: { retry?: boolean; type?: string; reason?: string } = {}) {
    super(options.reason ?? 'the event was cancelled');
    this.retry = options.retry ?? false;
    this.type = options.type ?? 'plugin_error';
    this.reason = options.reason;
  }
}

let made = 0;

/** An event with its log. Plugins read `event` and change it with `updateEvent`. */
export class Context {
  readonly id: string;
  private held: SegmentEvent | (() => SegmentEvent);
  attempts = 0;
  private failure: { reason: unknown } | undefined;
  private lines: LogMessage[] | undefined;
  private metrics: Metric[] | undefined;

  /** A function makes the event when somebody looks at it. */
  constructor(event: SegmentEvent | (() => SegmentEvent), id?: string) {
    this.held = event;
    this.id = id ?? (event as SegmentEvent).messageId ?? `ctx-${++made}`;
  }

  get event(): SegmentEvent {
    return typeof this.held === 'function' ? (this.held = this.held()) : this.held;
  }

  set event(event: SegmentEvent) {
    this.held = event;
  }

  /** A context for an event that exists only on this device so far. */
  static system(): Context {
    return new Context({ type: 'track', event: 'system' });
  }

  isSame(other: Context): boolean {
    return other.id === this.id;
  }

  /** Throws; the event goes no further. */
  cancel(error?: unknown): never {
    throw error ?? new ContextCancelation({ reason: 'Context Cancel' });
  }

  log(level: string, message: string, extras?: Record<string, unknown>): void {
    (this.lines ??= []).push({ level, message, time: new Date(), ...(extras && { extras }) });
  }

  logs(): LogMessage[] {
    return this.lines ?? [];
  }

  /** The log as an object with the methods of analytics-next. */
  get logger() {
    return { log: this.log.bind(this), logs: this.lines ?? [], flush: () => this.flush() };
  }

  /** Counters and gauges of this event; kept here, sent nowhere. */
  get stats() {
    const metrics = (this.metrics ??= []);
    const add =
      (type: Metric['type']) =>
      (metric: string, value = 1, tags: string[] = []): void => {
        metrics.push({ metric, value, type, tags, timestamp: Date.now() });
      };
    return {
      metrics,
      increment: add('counter'),
      gauge: add('gauge'),
      serialize: () =>
        metrics.map(({ metric, value, type, tags, timestamp }) => ({
          m: metric,
          v: value,
          t: tags,
          k: type === 'gauge' ? 'g' : 'c',
          e: timestamp,
        })),
      flush: () => void (metrics.length = 0),
    };
  }

  /** Writes the log to the console and forgets it. */
  flush(): void {
    if (this.lines?.length) console.table(this.lines);
    if (this.metrics?.length) console.table(this.metrics);
    this.lines = this.metrics = undefined;
  }

  /** Sets the value at a dotted path. An integration that was switched off stays off. */
  updateEvent(path: string, value: unknown): SegmentEvent {
    const steps = path.split('.');
    if (steps[0] === 'integrations' && steps[1] && this.event.integrations?.[steps[1]] === false) return this.event;
    let at: Record<string, any> = this.event;
    for (const step of steps.slice(0, -1)) {
      if (step === '__proto__' || step === 'constructor' || step === 'prototype') return this.event;
      const next: unknown = at[step];
      at = isPlainObject(next) || Array.isArray(next) ? (next as Record<string, any>) : (at[step] = {});
    }
    const last = steps[steps.length - 1] as string;
    if (last !== '__proto__') at[last] = value;
    return this.event;
  }

  /** Why a destination or the queue did not take the event; `undefined` when all did. */
  failedDelivery(): { reason: unknown } | undefined {
    return this.failure;
  }

  setFailedDelivery(failure: { reason: unknown }): void {
    this.failure = failure;
  }

  toJSON(): { id: string; event: SegmentEvent; logs: LogMessage[]; metrics: Metric[] } {
    return { id: this.id, event: this.event, logs: this.logs(), metrics: this.metrics ?? [] };
  }
}
