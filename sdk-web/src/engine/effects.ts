import type { Env } from './env.js';
import { ANSWERED, LOADED, NO_ANSWER, NO_SETTINGS, SETTINGS, UNREADABLE } from './inputs.js';
import type { Keeper } from './keeper.js';
import type { FlushReport, Runtime } from './port.js';
import type { Engine } from './wasm.js';

/** What carrying out effects needs of the driver. */
interface Carrier {
  env: Env;
  runtime: Runtime;
  keeper(): Keeper;
  /** Asked now and called later: whether this life goes on. */
  mortal(): () => boolean;
  leaving(): boolean;
  input(kind: number, a?: number, b?: number, text?: string): void;
  /** The same, and carries out what comes of it. */
  tell(kind: number, a?: number, b?: number, text?: string): void;
  run(): void;
  /** A piece of state is new. */
  noted(key: string, value: string): void;
  settle(document: string): void;
  say(kind: string, detail: unknown, value?: number): void;
  flushes: Map<number, (report: FlushReport) => void>;
}

/**
 * What to do for each effect, by kind, as the engine numbers them. The engine holds the current effect until the next
 * poll: what is read of it is read before anything else is called.
 */
export const createEffects = (carrier: Carrier) => {
  const { env, runtime, keeper, mortal, leaving, input, tell, run, noted, settle, say, flushes } = carrier;
  /** What is under way: how to stop it, and how many events it has. */
  const requests = new Map<number, [AbortController, number]>();
  const table: Record<number, (engine: Engine) => void> = {
    /** An event is to be stored. */
    1: (engine) =>
      keeper().add({ seq: engine.num(0), at: engine.num(1), unstamped: !!engine.num(2), body: engine.text(0) }),
    /** Events may be forgotten. */
    2: (engine) => keeper().forget(engine.seqs()),
    /** A piece of state is to be stored. */
    3(engine) {
      const [key, value] = [engine.text(0), engine.text(1)];
      keeper().save(key, value);
      noted(key, value);
    },
    /** Events are to be read back. */
    4(engine) {
      const wanted = [...engine.seqs()];
      const lives = mortal();
      Promise.resolve(keeper().read(wanted)).then((found) => {
        if (!lives()) return;
        wanted.forEach((seq, i) => {
          input(LOADED, seq, 0, found[i]);
        });
        run();
      });
    },
    /** A batch is to be sent. */
    6(engine) {
      const [id, timeout, gzip, wanted] = [engine.num(0), engine.num(1), !!engine.num(2), [...engine.seqs()]];
      const [url, start, end, headers] = [engine.text(0), engine.text(1), engine.text(2), JSON.parse(engine.text(3))];
      const lives = mortal();
      const abort = new AbortController();
      requests.set(id, [abort, wanted.length]);
      const answered = (kind: number, status?: number, text?: string): void => {
        requests.delete(id);
        if (lives()) tell(kind, id, status, text);
      };
      const send = (found: (string | undefined)[]): void => {
        const lost = wanted.filter((_, i) => found[i] === undefined);
        if (lost.length) {
          answered(UNREADABLE, 0, JSON.stringify(lost));
          return;
        }
        const events = found as string[];
        const body = start + events.join() + end;
        const rest = { around: [start, end] as [string, string], gzip, timeout, leaving: leaving() };
        env.send({ url, headers, body, events, ...rest, signal: abort.signal }).then(
          ([status, after]) => answered(ANSWERED, status, after ?? undefined),
          () => answered(NO_ANSWER),
        );
      };
      const found = keeper().read(wanted);
      if (found instanceof Promise) found.then(send);
      else send(found);
    },
    7: (engine) => requests.get(engine.num(0))?.[0].abort(),
    /** The settings document is to be fetched. */
    8(engine) {
      const lives = mortal();
      env.fetch(engine.text(0)).then(
        ([status, body]) => {
          if (!lives()) return;
          const document = status === 200 ? (runtime.revise?.(body) ?? body) : body;
          tell(SETTINGS, 0, status, document);
          if (status === 200) settle(document);
        },
        () => lives() && tell(NO_SETTINGS),
      );
    },
    9: (engine) => runtime.deliver?.(engine.num(0), engine.num(1), engine.text(0)),
    10: () => runtime.cancelDeliveries?.(),
    11: (engine) => runtime.configure?.(engine.num(0), engine.text(0)),
    12: (engine) => runtime.signal?.(!!engine.num(0)),
    /** Events will never be delivered. */
    13(engine) {
      const [status, messageId, destination] = [engine.num(1), engine.text(1), engine.text(2)];
      runtime.report?.({
        reason: engine.text(0),
        count: engine.num(0),
        detail: engine.text(3),
        ...(status && { status }),
        ...(messageId && { messageId }),
        ...(destination && { destination }),
      });
    },
    /** A flush came to its end. */
    14(engine) {
      const [id, retryIn, waitingFor] = [engine.num(0), engine.num(4), engine.text(0)];
      flushes.get(id)?.({
        delivered: engine.num(1),
        dropped: engine.num(2),
        pending: engine.num(3),
        ...(retryIn >= 0 && { retryIn }),
        ...(waitingFor && { waitingFor }),
      });
      flushes.delete(id);
    },
    15: (engine) => say(engine.text(0), engine.text(1), engine.num(0)),
  };
  return { table, requests };
};
