// The smallest host of an engine: a store that is a map, a hub that is a function. Effects are carried out at once.
import { readFileSync } from "node:fs";

const built = new URL("../../../sdk-web/wasm/", import.meta.url);

/** The engine of the WebAssembly build; `lite`: what most pages load. */
export async function webassembly(name = "bg") {
  const { createGlue } = await import(new URL("glue.js", built));
  const { Engine, attach, imports } = createGlue();
  attach(new WebAssembly.Instance(new WebAssembly.Module(readFileSync(new URL(`headwater_${name}.wasm`, built))), imports()));
  return Engine;
}

/** The same in JavaScript. */
export async function javascript() {
  return (await import(new URL("headwater.wasm2js.js", built))).Engine;
}

/** What survives a page. */
export const emptyStore = () => ({ events: new Map(), state: {}, nextSeq: 0 });

export class Host {
  /** @param config whatever the defaults below should not be */
  constructor(Engine, store, config = {}, hub = () => ({ status: 200 })) {
    Object.assign(this, { store, hub, wall: Date.UTC(2026, 10, 23, 10), mono: 1000, seen: [], held: [], seed: 7 });
    this.engine = Engine.create(
      JSON.stringify({ writeKey: "k", endpoint: "https://hub.example", contentType: "text/plain", ...config }),
      JSON.stringify(store.state),
      Float64Array.from([...store.events].flatMap(([seq, { at, body, unstamped }]) => [seq, at, body.length, unstamped])),
      store.nextSeq,
      this.wall,
      this.mono,
      this.random(32),
    );
    this.drain();
  }

  random(length) {
    return Uint8Array.from({ length }, () => (this.seed = (this.seed * 75 + 74) % 65537) & 255);
  }

  call(type, rest = {}) {
    const answer = this.engine.call(this.wall, this.mono, JSON.stringify({ type, ...rest }), this.random(32));
    this.drain();
    return answer;
  }

  input(kind, a = 0, b = 0, text = undefined) {
    this.engine.input(this.wall, this.mono, kind, a, b, text);
    this.drain();
  }

  /** Until nothing is to be done before `ms` from now. */
  pass(ms) {
    const until = this.mono + ms;
    for (let due = this.engine.deadline(); due >= 0 && due <= until; due = this.engine.deadline()) {
      this.wall += due - this.mono;
      this.mono = due;
      this.input(0);
    }
    this.wall += until - this.mono;
    this.mono = until;
  }

  drain() {
    const { engine, store } = this;
    const num = (index) => engine.num(index);
    const text = (index) => engine.text(index);
    for (let kind = engine.poll(); kind !== 0; kind = engine.poll()) {
      const seqs = [...engine.seqs()];
      if (kind === 1) {
        store.events.set(num(0), { at: num(1), body: text(0), unstamped: num(2) });
        store.nextSeq = Math.max(store.nextSeq, num(0) + 1);
        engine.input(this.wall, this.mono, 2, num(0), 0);
      } else if (kind === 2) {
        for (const seq of seqs) store.events.delete(seq);
      } else if (kind === 3) {
        if (text(1)) store.state[text(0)] = text(1);
        else delete store.state[text(0)];
      } else if (kind === 4) {
        for (const seq of seqs) engine.input(this.wall, this.mono, 4, seq, 0, store.events.get(seq)?.body);
      } else if (kind === 6) {
        const body = text(1) + seqs.map((seq) => store.events.get(seq).body).join(",") + text(2);
        const request = { id: num(0), url: text(0), headers: JSON.parse(text(3)), body: JSON.parse(body) };
        const { status, after } = this.hub(request);
        this.seen.push(request);
        if (status) engine.input(this.wall, this.mono, 5, request.id, status, after);
        else engine.input(this.wall, this.mono, 6, request.id, 0);
      } else {
        const texts = [0, 1, 2, 3].map(text);
        this.held.push({ kind, nums: [0, 1, 2, 3, 4].map(num), texts, seqs });
      }
    }
  }

  /** What was asked of the host and is not carried out above, by kind. */
  effects(kind) {
    return this.held.filter((effect) => effect.kind === kind);
  }

  delivered() {
    return this.seen.flatMap((request) => request.body.batch);
  }
}
