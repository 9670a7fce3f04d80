// One event on its way through the plugins, as analytics-next shapes it.

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

let made = 0;

/** An event with its log. Plugins read `event` and change it with `updateEvent`. */
export class Context {
  readonly id: string;
  attempts = 0;
  private held: SegmentEvent | (() => SegmentEvent);
  private failure: { reason: unknown } | undefined;
  private lines: LogMessage[] = [];
  private counts: Metric[] = [];

  /** A function makes the event when somebody looks at it. */
  constructor(event: SegmentEvent | (() => SegmentEvent), id?: string) {
    this.held = event;
    this.id = id ?? (event as SegmentEvent).messageId ?? `ctx-${++made}`;
  }

  /** A context for an event that exists only on this device so far. */
  static system(): Context {
    return new Context({ type: 'track', event: 'system' });
  }

  get event(): SegmentEvent {
    return typeof this.held === 'function' ? (this.held = this.held()) : this.held;
  }

  set event(event: SegmentEvent) {
    this.held = event;
  }

  isSame(other: Context): boolean {
    return other.id === this.id;
  }

  /** Throws; the event goes no further, and that is no failure. */
  cancel(error?: unknown): never {
    const reason = 'Context Cancel';
    throw error ?? Object.assign(new Error(reason), { retry: false, type: 'plugin_error', reason });
  }

  log(level: string, message: string, extras?: Record<string, unknown>): void {
    this.lines.push({ level, message, time: new Date(), ...(extras && { extras }) });
  }

  logs(): LogMessage[] {
    return this.lines;
  }

  /** The log, as analytics-next shapes it. */
  get logger(): Pick<Context, 'log' | 'logs' | 'flush'> {
    return this;
  }

  /** Counters and gauges of this event; kept here, sent nowhere. */
  get stats() {
    const metrics = this.counts;
    const add =
      (type: Metric['type']) =>
      (metric: string, value = 1, tags: string[] = []) =>
        void metrics.push({ metric, value, type, tags, timestamp: Date.now() });
    return { metrics, increment: add('counter'), gauge: add('gauge') };
  }

  /** Writes the log to the console and forgets it. */
  flush(): void {
    for (const rows of [this.lines, this.counts]) rows.length && console.table(rows.splice(0));
  }

  /** Sets the value at a dotted path. An integration that was switched off stays off, whatever is set below it. */
  updateEvent(path: string, value: unknown): SegmentEvent {
    const steps = path.split('.');
    const last = steps.pop() as string;
    const { event } = this;
    // Names have dots in them, too.
    const off = Object.entries(event.integrations ?? {}).some(
      ([name, wish]) => wish === false && `${path}.`.startsWith(`integrations.${name}.`),
    );
    if (/__proto__|prototype/.test(path) || off) return event;
    let at: Record<string, any> = event;
    for (const step of steps) at = at[step] && typeof at[step] === 'object' ? at[step] : (at[step] = {});
    at[last] = value;
    return event;
  }

  /** Why a destination or the queue did not take the event; `undefined` when all did. */
  failedDelivery(): { reason: unknown } | undefined {
    return this.failure;
  }

  setFailedDelivery(failure: { reason: unknown }): void {
    this.failure = failure;
  }

  toJSON(): { id: string; event: SegmentEvent; logs: LogMessage[]; metrics: Metric[] } {
    return { id: this.id, event: this.event, logs: this.lines, metrics: this.counts };
  }
}
