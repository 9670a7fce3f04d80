import { uuid } from '../api/uuid.js';
import type { Item } from '../capture.js';
import { lazily } from '../lazily.js';
import { maybe } from '../maybe.js';
import { needsFull } from './config.js';
import type { Env, Message } from './env.js';
import type { Heirs } from './heirs.js';
import {
  ADOPT,
  ANSWERED,
  DEADLINE,
  DESTINATION,
  END,
  FLUSH,
  GIVE_AWAY,
  IDENTITY,
  IMPORT,
  LEAD,
  LIFECYCLE,
  LOADED,
  NO_ANSWER,
  ONLINE,
  PERSISTED,
  POLL,
  RESERVE,
  SAVED,
  TIMER,
  UNREADABLE,
} from './inputs.js';
import { left, openJournal } from './journal.js';
import { createKeeper, type Keeper, type Left } from './keeper.js';
import { CONTEXT, type FlushReport, type Host, type Identity, PURGE } from './port.js';
import { first as firstOf, plugs, read } from './queue.js';
import { hex, random } from './random.js';
import type { Store } from './store.js';
import { list, secondsOf } from './texts.js';
import type { Engine, Start } from './wasm.js';

/** How long calls are worked on before the page gets its turn, milliseconds. */
const SLICE = 8;
/** So many traps, and the engine stays down; calls stay in the journal. */
const MAX_TRAPS = 5;
const NO_HOST =
  "headwater: events wait, no host is named. Write load({ writeKey }, { apiHost: 'https://hub.example/v1' })";
const TRAPPED = '!the engine stopped';
/**
 * Drives one engine: hands it calls in order and everything that happens, carries out what it asks for. It holds no rule
 * about events; it holds those about storing, tabs and dying. After a trap, or when a frozen page comes back, it begins a
 * new life: store, lead and engine again, from what was stored.
 */
export const createDriver = (env: Env) => {
  const { apart, capture, tabs, settings } = env;
  const prefix = `hw:${settings.writeKey}:j:`;
  const journal = openJournal(capture, prefix);
  const now = env.now ?? Date.now;
  let tab = '';
  let engine: Engine | undefined;
  let store: Promise<Store | undefined> | undefined;
  let keeper: Keeper | undefined;
  /** What the last life's keeper could not store. */
  let remains: Left | undefined;
  /** What an earlier life awaits is void. */
  let life = 0;
  let traps = 0;
  let leads = true;
  /** Nothing was sent yet, and the journal took every call. */
  let first = env.eager;
  let online = true;
  /** There is no time left: everything happens in this turn. */
  let leaving = false;

  /** Calls that dead tabs left. */
  const found: Item[] = [];
  /** The next life's engine, where it was loaded before that began. */
  let fresh: Start | undefined;
  /** Calls that an engine died of, or beside. */
  const tried = new Set<number>();
  /** State that is not the store's, from life to life. */
  const held: Record<string, string> = {};
  /** Names of this page's earlier lives. */
  const mine = new Set<string>();
  /** What other tabs said before the engine was there. */
  const early: Message[] = [];
  /** A call is being handled, or awaits a plugin. */
  let working = false;
  let busy = false;
  /** About to lead. */
  let awaiting = false;
  let planned = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** This page needs consent, sessions, settings, destinations or plugins: the engine is the one that has them. */
  let full = !!env.options.wasm || 'plugins' in settings;
  let identity: Identity | undefined;
  let decision: string | undefined;
  /** The decision that the store has, as far as this tab knows. */
  let filed: string | undefined;
  let context: Record<string, unknown> = {};
  /** What is under way: how to stop it, and how many events it has. */
  const requests = new Map<number, [AbortController, number]>();
  const flushes = new Map<number, (report: FlushReport) => void>();
  let flushed = 0;

  /** The page's own code, and plugins, may throw what they like. */
  const safely = (run: () => unknown): void => {
    try {
      run();
    } catch (error) {
      console.error('headwater:', error);
    }
  };
  const say = (kind: string, detail: unknown, value = 0): void =>
    safely(() => runtime.diagnostic?.(kind, `${detail}`, value));

  /** The only way into the engine; `undefined` where there is none. A trap ends this instance, not the page. */
  const input = (op: number, a = 0, b = 0, text?: string): string | undefined => {
    if (!engine) return;
    try {
      return engine(op, now(), env.mono(), a, b, text);
    } catch (error) {
      engine = undefined;
      say('engine_trapped', error, ++traps);
      if (traps < MAX_TRAPS) restart();
    }
    return;
  };
  /** The same, and carries out what comes of it. */
  const tell = (kind: number, a?: number, b?: number, text?: string): void => {
    input(kind, a, b, text);
    run();
  };

  const host: Host = {
    ...env,
    capture: capture.capture,
    drain: () => work(true),
    destinations: [],
    mortal() {
      const alive = life;
      return () => alive === life;
    },
    ask(kind, text, seed) {
      const answer = input(kind, 0, 0, (seed ? hex(seed.e) : '') + text);
      effects();
      return answer ?? TRAPPED;
    },
    input(kind, a, b, text) {
      if (kind === CONTEXT) context = { ...context, ...JSON.parse(text!) };
      if (kind === PURGE) tabs?.tell(['p']);
      input(kind, a, b, text);
      effects();
      plan();
    },
    async complete() {
      if (full) return;
      // Where it cannot be had the small one goes on.
      fresh = await env.load(true);
      full = true;
      await restart();
    },
    identity: () => (identity ??= JSON.parse(input(IDENTITY) ?? '{}')),
    setIdentity: (next) => host.input(IMPORT, 0, 0, JSON.stringify(next)),
    consent: () => maybe(() => JSON.parse(decision!).preferences),
    flush: () =>
      new Promise((done) => {
        flushes.set(++flushed, done);
        if (!working) work(true);
        input(FLUSH, flushed);
        plan();
      }),
  };
  const runtime = env.runtime(host);

  // ---- calls ---------------------------------------------------------------------------------------------------------

  /** Runs soon. */
  const plan = (): void => {
    if (planned || !engine) return;
    planned = true;
    setTimeout(() => {
      planned = false;
      work();
    });
  };

  /** Takes calls strictly in order, until the slice is over (`all`: never) or one awaits a plugin. */
  const work = (all = leaving): void => {
    take(all);
    run();
  };
  const take = (all: boolean): void => {
    const from = env.mono();
    while (engine && !busy && !working && !awaiting) {
      const item = found.shift() ?? capture.q.shift();
      if (!item) break;
      if (item.run) {
        item.run();
        continue;
      }
      const { n, of = tab } = item;
      const alive = life;
      // A call that the engine died of is made once more.
      const over = (): boolean => alive === life || tried.has(n);
      const no = (error: unknown): void => {
        if (over()) item.no(error);
      };
      const done = (): void => {
        if (!n) return;
        if (over()) keeper?.done(of, n);
        else {
          tried.add(n);
          // One of a page that is gone is still in its journal.
          if (item.m) capture.q.unshift(item);
        }
      };
      let waits: Promise<void> | undefined;
      working = true;
      try {
        waits = runtime.handle(read(item, now), { ok: item.ok, no }) as Promise<void> | undefined;
      } catch (error) {
        no(error);
      }
      working = false;
      if (waits) {
        busy = true;
        waits.catch(no).then(() => {
          busy = false;
          done();
          work();
        });
        break;
      }
      done();
      if (!all && env.mono() - from > SLICE) {
        plan();
        break;
      }
    }
  };

  const confirm = (seqs: number[]): void => {
    for (const seq of seqs) input(PERSISTED, seq);
  };

  // ---- effects -------------------------------------------------------------------------------------------------------

  /** Carries out what the engine asks for, stores, and sleeps until the engine wants to be woken. */
  const run = (): void => {
    if (capture.over) {
      first = false;
      say('journal_full', 'calls wait in memory alone', capture.over);
      capture.over = 0;
    }
    effects();
    if (leads && (leaving || (first && capture.key && !tried.size))) {
      // The journal has all of it: what waits may be sent at once, before the commit comes to its end. So goes a page's
      // first batch, and its last.
      const waiting = keeper?.waiting() ?? [];
      if (waiting.length) {
        first = false;
        input(FLUSH, 0);
      }
      confirm(waiting);
      effects();
    }
    // Before there is one, nobody could take what the store answers.
    if (engine) keeper?.commit();
    clearTimeout(timer);
    const deadline = +(input(DEADLINE) || -1);
    if (deadline >= 0)
      timer = setTimeout(() => tell(TIMER), Math.min(Math.max(Math.ceil(deadline - env.mono()), 0), 2 ** 31 - 1));
  };

  const effects = (): void => {
    for (;;) {
      const [head, ...texts] = (input(POLL) ?? '').split('\x01');
      const [kind, ...numbers] = head!.split('\0').map(Number);
      if (!kind) return;
      safely(() => (table[kind] ? table[kind](numbers, texts) : runtime.effect?.(kind, numbers, texts)));
    }
  };

  /** What to do for each effect, by kind as the engine numbers them (`bindings/wasm/README.md`). */
  const table: Record<number, (numbers: number[], texts: string[]) => void> = {
    /** An event is to be stored. */
    1: ([seq, at, unstamped], [body]) => keeper!.add({ seq: seq!, at: at!, unstamped: !!unstamped, body: body! }),
    /** Events may be forgotten. */
    2: (_, [seqs]) => keeper!.forget(list(seqs)),
    /** A piece of state is to be stored. */
    3(_, [key, value]) {
      if (own(key!)) {
        held[key!] = value!;
        if (key === 'identity') known(value);
        saved(key!, value!, apart!.user);
      } else keeper!.save(key!, value!);
      noted(key!, value!);
    },
    /** Events are to be read back. */
    async 4(_, [seqs]) {
      const wanted = list(seqs);
      const alive = life;
      const found = await keeper!.read(wanted);
      if (alive !== life) return;
      wanted.forEach((seq, i) => input(LOADED, seq, 0, found[i]));
      run();
    },
    /** A batch is to be sent. */
    6([id, timeout, gzip], [url, start, end, headers, seqs]) {
      const wanted = list(seqs);
      const alive = life;
      const abort = new AbortController();
      requests.set(id!, [abort, wanted.length]);
      const answered = (kind: number, status?: number, text?: string): void => {
        requests.delete(id!);
        if (alive === life) tell(kind, id, status, text);
      };
      const send = (found: (string | undefined)[]): unknown => {
        const lost = wanted.filter((_, i) => found[i] === undefined);
        if (lost.length) return answered(UNREADABLE, 0, `${lost}`);
        return env
          .send({
            ...{ url: url!, headers: JSON.parse(headers!), events: found as string[], around: [start!, end!] },
            ...{ gzip: !!gzip, timeout: timeout!, leaving, abort },
          })
          .then(
            ([status, after]) => answered(ANSWERED, status, secondsOf(after, now())),
            () => answered(NO_ANSWER),
          );
      };
      const found = keeper!.read(wanted);
      if (found instanceof Promise) found.then(send);
      else send(found);
    },
    7: ([id]) => requests.get(id!)?.[0].abort(),
    /** Events will never be delivered. */
    13: ([count, status], [reason, messageId, destination, detail]) =>
      runtime.report?.({
        reason: reason!,
        count: count!,
        detail: detail ?? '',
        status: status || undefined,
        messageId: messageId || undefined,
        destination: destination || undefined,
      }),
    /** A flush came to its end. */
    14([id, delivered, dropped, pending, retryIn], [waitingFor]) {
      flushes.get(id!)?.({
        delivered: delivered!,
        dropped: dropped!,
        pending: pending!,
        retryIn: retryIn! < 0 ? undefined : retryIn,
        waitingFor: waitingFor || undefined,
      });
      flushes.delete(id!);
    },
    15([value], [kind, detail]) {
      if (kind !== 'no_endpoint') return say(kind!, detail ?? '', value);
      console.error(NO_HOST);
      // After the calls made until then: one of them asks to hear of it.
      const run = (): void => say(kind, '');
      setTimeout(() => {
        capture.q.push({ n: 0, m: '', a: [], j: '', run, ok() {}, no() {} });
        work();
      });
    },
  };

  /**
   * There is no time to wait for the answer to one request before the next: the first is given up, its events go once
   * more with all the others. Where it arrives all the same, the hub knows them. Nor is there time for a wait after a
   * request without an answer: browsers end those of a page that is left, some of them before they tell the page.
   */
  const hurry = (): void => {
    if (!online) return;
    for (const [id, [, events]] of [...requests]) {
      if (!keeper?.more(events)) return;
      requests.delete(id);
      input(NO_ANSWER, id);
    }
    // Which ends the wait; one that the hub asked for goes on.
    input(ONLINE, 0);
    tell(ONLINE, 1);
  };

  /** Whether a piece of state is not the store's: the identity, and of a user who is forgotten the visit. */
  const own = (key: string): boolean => !!apart && (key === 'identity' || (apart.user && key === 'session'));
  /** Calls that this page leaves are those of its user, whom nobody else knows. */
  const known = (identity: string | undefined): void => {
    if (apart?.user || apart?.group) capture.who = identity && `"i":${identity},`;
  };
  /** A piece of state is where it is kept; `alone`: for this page alone. */
  const saved = (key: string, value: string, alone = false): void => {
    if (key === 'identity') safely(() => env.remember?.(JSON.parse(value)));
    if (key === 'consent') filed = value;
    if (!alone) tabs?.tell(['s', key, value]);
  };
  /** A piece of state is new, by this tab or another. */
  const noted = (key: string, value: string): void => {
    if (key === 'consent') decision = value;
    if (key === 'identity') identity = undefined;
  };

  // ---- store and tabs ------------------------------------------------------------------------------------------------

  const keep = (store: Store | undefined): Keeper => {
    const alive = life;
    return createKeeper(store, journal, {
      persisted(seqs, lasting) {
        confirm(seqs);
        if (leads) return;
        if (!lasting) return led();
        input(GIVE_AWAY, 0, 0, `${seqs}`);
        keeper!.giveAway(seqs);
        tabs?.tell(['e']);
      },
      saved(state) {
        state.forEach((value, key) => value && saved(key, value));
      },
      cleared: (of, n) => heirs?.stored(of, n),
      reserve: (count) => +(input(RESERVE, count) ?? 0),
      adopt: (quads) => input(ADOPT, 0, 0, `${quads}`),
      failed: (error, events) => say('store_failed', error, events),
      over: () => alive === life && run(),
    });
  };

  let heirs: Heirs | undefined;
  const withHeirs = lazily(async () => {
    const { createHeirs } = await import('./heirs.js');
    return (heirs = createHeirs({
      ...{ found, capture, journal, tabs, mine, learn, work, host, held, apart },
      anew: () => uuid(random().slice(4)),
      report: (report) => safely(() => runtime.report?.(report)),
      leads: () => leads,
      keeper: () => keeper!,
      done: (of) => remains?.marks.get(of)?.at(-1) ?? 0,
    }));
  });
  /**
   * Takes over what these tabs left, if they are dead; `wait`: when they die. Where the code for that cannot be loaded
   * now, it stays where it is until the next occasion: a new life, a new lead, another tab, a connection.
   */
  const inherit = async (dead: string[], wait = false): Promise<void> => {
    try {
      if (dead.length) {
        const { inherit } = await withHeirs();
        await Promise.all(dead.map((of) => inherit(of, wait)));
      }
    } catch (error) {
      say('heirs_failed', error);
    }
  };

  /** Before this one sends, it has everything in the order of the store: what it stored itself until now, too. */
  const led = async (): Promise<void> => {
    const alive = life;
    if (leads || awaiting) return;
    if (!engine) {
      // It begins so, and looks then.
      leads = true;
      return;
    }
    awaiting = true;
    run();
    await keeper!.look();
    awaiting = false;
    if (alive !== life) return;
    leads = true;
    tell(LEAD, 1);
    work();
    watch();
  };
  const watch = async (): Promise<void> => {
    tabs?.tell(['l']);
    const state = (await keeper?.state()) ?? {};
    learn(state);
    if (tabs) inherit(left(journal, tab, state), true);
  };

  /** A tab may have died between storing the user's decision and telling of it. One of this tab's own comes after it. */
  const learn = ({ consent }: Record<string, string>): void => {
    if (consent && consent !== decision && decision === filed) heard(['s', 'consent', consent]);
  };

  const heard = (message: Message): void => {
    const [kind, key, text] = message;
    if (!engine) early.push(message);
    else if (kind === 'e') leads && keeper!.look();
    else if (kind === 'h' && leads) inherit([key!], true);
    else if (kind === 'l') tabs?.tell(['h', tab]);
    else if (kind === 'p') tell(PURGE);
    else if (kind === 's') {
      input(SAVED, 0, 0, `${key}\0${text}`);
      safely(() => noted(key!, text!));
      if (key === 'consent') filed = text;
      if (key === 'settings') {
        safely(() => runtime.settled?.(text!));
        // They may say how to try again.
        host.complete().catch((error) => say('engine_failed', error));
      }
      run();
    }
  };

  // ---- lives ---------------------------------------------------------------------------------------------------------

  /** A tab without an engine does not keep the others from sending. */
  const begin = (): Promise<void> =>
    live().catch((error) => {
      tabs?.part();
      throw error;
    });
  const live = async (): Promise<void> => {
    const alive = ++life;
    mine.add((tab = env.name()));
    leads = false;
    store ??= env.open().catch((error) => void say('store_failed', error));
    full ||= needsFull(env.config) || plugs(capture.q);
    const dead = left(journal, tab);
    let whole = false;
    /** What the store has, while the engine is on its way. */
    const look = async () => {
      // Where locks fail, every tab leads, and the hub knows the copies.
      const [opened, alone] = await Promise.all([store, tabs?.join(tab, led, heard).catch(() => true)]);
      if (alive !== life) return;
      if (alone !== false) leads = true;
      keeper = keep(opened);
      whole = leads;
      return keeper.start(whole, remains);
    };
    let [had, start] = await Promise.all([
      look(),
      fresh ?? env.load(full),
      runtime.needs,
      // Their calls come before this page's.
      dead.length && withHeirs().catch(() => {}),
    ]);
    fresh = undefined;
    if (!had || alive !== life) return;
    const [state, stored, nextSeq] = had;
    for (const key of ['identity', 'session'].filter(own)) {
      // What it has is from before the page said so.
      if (state[key]) keeper!.save(key, '');
      state[key] = held[key]!;
    }
    const before = state.identity ? (JSON.parse(state.identity) as Identity) : undefined;
    const recalled = await env.recall?.(before);
    if (alive !== life) return;
    if (recalled) state.identity = JSON.stringify(recalled);
    known(state.identity);
    const document = runtime.given?.(state.settings) ?? state.settings;
    if (document) state.settings = document;
    if (document && !full) start = await env.load((full = true));
    if (alive !== life) return;
    decision = filed = state.consent;
    identity = undefined;
    const config = { ...env.config, context: { ...runtime.base, ...context } };
    const given = { config, state, stored: `${stored}`, nextSeq, entropy: hex(random()) };
    engine = start(JSON.stringify(given), now(), env.mono());
    if (!online) input(ONLINE, 0);
    if (!leads) input(LEAD, 0);
    else if (!whole) keeper?.look();
    for (const json of host.destinations) input(DESTINATION, 0, 0, json);
    if (document) safely(() => runtime.settled?.(document));
    working = true;
    await inherit(dead);
    working = false;
    if (alive !== life) return;
    effects();
    safely(() => runtime.started?.());
    for (const id of flushes.keys()) input(FLUSH, id);
    if (alive === 1) found.unshift(...firstOf(capture.q));
    // What was said since the store was read counts for this page's calls.
    early.splice(0).forEach(heard);
    work();
    tabs?.tell(['h', tab]);
    if (leads) watch();
  };
  const restart = async (): Promise<void> => {
    const alive = ++life;
    engine = undefined;
    awaiting = false;
    for (const [request] of requests.values()) request.abort();
    requests.clear();
    heirs?.part();
    tabs?.part();
    remains = (await keeper?.end()) ?? remains;
    if (alive === life) await begin().catch((error) => say('engine_failed', error));
  };

  return {
    runtime,
    begin,
    /** A frozen page came back: others may have taken over what it left. */
    restart,
    /** Calls came. */
    wake: plan,
    /** Back (0), hidden (1), or going away (2). */
    lifecycle(state: number): void {
      if (state) {
        leaving = true;
        take(true);
        tell(LIFECYCLE, 1);
        if (state > 1) {
          hurry();
          tabs?.part();
        }
        leaving = false;
      } else tell(LIFECYCLE);
    },
    async close(): Promise<void> {
      work(true);
      input(END);
      run();
      life++;
      engine = undefined;
      clearTimeout(timer);
      await keeper?.end(true);
      tabs?.part();
      (await store)?.close();
    },
    online(is: boolean): void {
      online = is;
      tell(ONLINE, is ? 1 : 0);
      if (is && engine && !working) inherit(left(journal, tab));
    },
    /** Ids may have been changed by others: another tab's Segment, say. */
    async recalled(): Promise<void> {
      const known = host.identity();
      const found = await env.recall?.(known);
      if (engine && found && found !== known) host.setIdentity(found);
    },
    flush: host.flush,
  };
};

export type Driver = ReturnType<typeof createDriver>;
