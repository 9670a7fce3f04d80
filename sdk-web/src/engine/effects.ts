import type { Env } from './env.js';
import { ANSWERED, LOADED, NO_ANSWER, NO_SETTINGS, SETTINGS, UNREADABLE } from './inputs.js';
import type { Keeper } from './keeper.js';
import type { FlushReport, Runtime } from './port.js';

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

/** A `Retry-After` in seconds, where it is a date. */
const secondsOf = (after: string | null | undefined, now: number): string | undefined =>
  after && /[a-z]/i.test(after) ? `${Math.max(0, Math.ceil((Date.parse(after) - now) / 1000))}` : (after ?? undefined);

/** Numbers, as the engine lists them. */
const list = (text: string | undefined): number[] => (text ? text.split(',').map(Number) : []);

/**
 * What to do for each effect, by kind as the engine numbers them, with its numbers and texts (`bindings/wasm/README.md`).
 */
export const createEffects = (carrier: Carrier) => {
  const { env, runtime, keeper, mortal, leaving, input, tell, run, noted, settle, say, flushes } = carrier;
  /** What is under way: how to stop it, and how many events it has. */
  const requests = new Map<number, [AbortController, number]>();
  const table: Record<number, (numbers: number[], texts: string[]) => void> = {
    /** An event is to be stored. */
    1: ([seq, at, unstamped], [body]) => keeper().add({ seq: seq!, at: at!, unstamped: !!unstamped, body: body! }),
    /** Events may be forgotten. */
    2: (_, [seqs]) => keeper().forget(list(seqs)),
    /** A piece of state is to be stored. */
    3(_, [key, value]) {
      keeper().save(key!, value!);
      noted(key!, value!);
    },
    /** Events are to be read back. */
    4(_, [seqs]) {
      const wanted = list(seqs);
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
    6([id, timeout, gzip], [url, start, end, headers, seqs]) {
      const wanted = list(seqs);
      const lives = mortal();
      const abort = new AbortController();
      requests.set(id!, [abort, wanted.length]);
      const answered = (kind: number, status?: number, text?: string): void => {
        requests.delete(id!);
        if (lives()) tell(kind, id, status, text);
      };
      const send = (found: (string | undefined)[]): void => {
        const lost = wanted.filter((_, i) => found[i] === undefined);
        if (lost.length) {
          answered(UNREADABLE, 0, `${lost}`);
          return;
        }
        env
          .send({
            ...{ url: url!, headers: JSON.parse(headers!), events: found as string[], around: [start!, end!] },
            ...{ gzip: !!gzip, timeout: timeout!, leaving: leaving(), signal: abort.signal },
          })
          .then(
            ([status, after]) => answered(ANSWERED, status, secondsOf(after, (env.now ?? Date.now)())),
            () => answered(NO_ANSWER),
          );
      };
      const found = keeper().read(wanted);
      if (found instanceof Promise) found.then(send);
      else send(found);
    },
    7: ([id]) => requests.get(id!)?.[0].abort(),
    /** The settings document is to be fetched. */
    8(_, [url]) {
      const lives = mortal();
      env.fetch(url!).then(
        ([status, body]) => {
          if (!lives()) return;
          const document = status === 200 ? (runtime.revise?.(body) ?? body) : body;
          tell(SETTINGS, 0, status, document);
          if (status === 200) settle(document);
        },
        () => lives() && tell(NO_SETTINGS),
      );
    },
    9: ([delivery, destination], [event]) => runtime.deliver?.(delivery!, destination!, event!),
    10: () => runtime.cancelDeliveries?.(),
    11: ([destination], [settings]) => runtime.configure?.(destination!, settings!),
    12: ([reset]) => runtime.signal?.(!!reset),
    /** Events will never be delivered. */
    13: ([count, status], [reason, messageId, destination, detail]) =>
      runtime.report?.({
        ...{ reason: reason!, count: count!, detail: detail ?? '' },
        ...(status && { status }),
        ...(messageId && { messageId }),
        ...(destination && { destination }),
      }),
    /** A flush came to its end. */
    14([id, delivered, dropped, pending, retryIn], [waitingFor]) {
      flushes.get(id!)?.({
        ...{ delivered: delivered!, dropped: dropped!, pending: pending! },
        ...(retryIn! >= 0 && { retryIn: retryIn! }),
        ...(waitingFor && { waitingFor }),
      });
      flushes.delete(id!);
    },
    15: ([value], [kind, detail]) => say(kind!, detail ?? '', value),
  };
  return { table, requests };
};
