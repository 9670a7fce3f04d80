// The small engine against the full one: whole lives of pages that ask for nothing that only the full one has, drawn from
// a seed. Both live the same life side by side; all that they answer and ask for must be the same, to the byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import { webassembly } from "./host.mjs";

const SEEDS = Number(process.env.SEEDS ?? 150);
const STEPS = 60;
const small = await webassembly("lite");
const full = await webassembly("bg");

/** Numbers from a seed. */
const dice = (seed) => {
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n) => next() % n;
  return { below, pick: (list) => list[below(list.length)], maybe: (value) => (below(3) === 0 ? value() : undefined) };
};

const TEXTS = ["", "a", "Order Completed", "ß\u0001\"\\/\n\u2028", "😀 \u007f", "x".repeat(300), "{\"not\":\"parsed\"}"];
const leaf = (d) => d.pick([null, true, false, 0, -1, 1.5, -2e-7, 1e21, 12345678901234567000, ...TEXTS, [], {}]);
const tree = (d, depth = 3) => {
  if (depth === 0 || d.below(3) === 0) return leaf(d);
  if (d.below(4) === 0) return Array.from({ length: d.below(4) }, () => tree(d, depth - 1));
  return object(d, depth - 1);
};
const object = (d, depth = 2) =>
  Object.fromEntries(Array.from({ length: d.below(5) }, () => [d.pick(["plan", "a", "B", "nested", "ключ", "consent"]), tree(d, depth)]));
const id = (d) => d.pick([undefined, "", "u1", "u2", "ä".repeat(30), 7]);

const callOf = (d) => {
  const type = d.pick(["track", "track", "track", "identify", "page", "screen", "group", "alias", "nonsense"]);
  return {
    type,
    event: d.pick(["E", "Order Completed", undefined, ""]),
    name: id(d),
    category: id(d),
    userId: id(d),
    groupId: id(d),
    previousId: id(d),
    properties: d.maybe(() => object(d)),
    traits: d.maybe(() => object(d)),
    at: d.maybe(() => Date.UTC(2026, 10, 20) + d.below(1e9)),
    options: d.maybe(() => ({
      context: d.maybe(() => object(d)),
      integrations: d.maybe(() => ({ All: d.pick([true, false]), "Segment.io": d.pick([true, false, null, {}]) })),
      timestamp: d.pick([undefined, -62167219200001, 0, 253402300800000, 1.7e12]),
      messageId: d.pick([undefined, "m1", "", "y".repeat(101)]),
      anonymousId: d.pick([undefined, "anon", "z".repeat(501)]),
      userId: id(d),
    })),
  };
};

/** One page after another on one store, as one of the engines lives it. */
class Life {
  constructor(Engine, seed) {
    Object.assign(this, { Engine, d: dice(seed), log: [], events: new Map(), state: {}, next: 0, wall: Date.UTC(2026, 10, 23), mono: 5 });
    const { d } = this;
    this.config = {
      writeKey: "k",
      endpoint: d.pick(["https://hub.example", "https://hub.example/v1/", "http://localhost:1/b"]),
      contentType: "text/plain",
      gzip: d.pick([true, false, undefined]),
      headers: d.pick([undefined, { "X-A": "1" }]),
      quota: d.pick([undefined, { bytes: 1_200, age: 90_000 }, { events: 5 }]),
      maxEventBytes: d.pick([undefined, 900]),
      maxBatchBytes: d.pick([undefined, 2_000]),
      maxBatchEvents: d.pick([undefined, 3]),
      flushAt: d.pick([undefined, 1, 4]),
      flushInterval: d.pick([undefined, 5, 0]),
      flushBytes: d.pick([undefined, 1_500]),
      requestTimeout: d.pick([undefined, 1_000]),
      context: object(d),
    };
    this.open = new Set();
    this.begin();
  }

  random(length) {
    return Uint8Array.from({ length }, () => this.d.below(256));
  }

  begin() {
    const stored = [...this.events].flatMap(([seq, { at, body, unstamped }]) => [seq, at, body.length, unstamped]);
    const { config, state, next, wall, mono } = this;
    this.open.clear();
    this.engine = this.Engine.create(JSON.stringify(config), JSON.stringify(state), stored, next, wall, mono, this.random(32));
    this.drain();
  }

  input(kind, a = 0, b = 0, text = undefined) {
    this.engine.input(this.wall, this.mono, kind, a, b, text);
    this.drain();
  }

  drain() {
    const { engine, d, log } = this;
    for (let kind = engine.poll(); kind !== 0; kind = engine.poll()) {
      const nums = [0, 1, 2, 3, 4].map((at) => engine.num(at));
      const texts = [0, 1, 2, 3, 4].map((at) => engine.text(at));
      const seqs = engine.seqs();
      log.push([kind, nums, texts, seqs]);
      if (kind === 1) {
        if (d.below(30) === 0) engine.input(this.wall, this.mono, 3, nums[0], d.below(2));
        else {
          this.events.set(nums[0], { at: nums[1], body: texts[0], unstamped: nums[2] });
          this.next = nums[0] + 1;
          engine.input(this.wall, this.mono, 2, nums[0], 0);
        }
      } else if (kind === 2) for (const seq of seqs) this.events.delete(seq);
      else if (kind === 3) {
        if (texts[1]) this.state[texts[0]] = texts[1];
        else delete this.state[texts[0]];
      } else if (kind === 4) for (const seq of seqs) engine.input(this.wall, this.mono, 4, seq, 0, this.events.get(seq)?.body);
      else if (kind === 6) this.open.add([nums[0], seqs]);
    }
    log.push(engine.deadline());
  }

  step() {
    const { d, engine } = this;
    const pass = d.pick([0, 1, 20, 700, 40_000, 400_000]);
    this.wall += d.below(40) === 0 ? -7_200_000 : pass;
    this.mono += pass;
    switch (d.below(24)) {
      case 0: case 1: case 2: case 3: case 4: case 5: case 6: case 7:
        this.log.push(engine.call(this.wall, this.mono, JSON.stringify(callOf(d)), this.random(32)));
        return this.drain();
      case 8: case 9: case 10: case 11: {
        const [one] = this.open;
        if (!one) return this.input(0);
        this.open.delete(one);
        const [request, seqs] = one;
        const kind = d.below(10);
        if (kind === 0) return this.input(7, request, 0, JSON.stringify(seqs.filter(() => d.below(2) === 0)));
        if (kind < 3) return this.input(6, request);
        const status = d.pick([200, 200, 204, 400, 413, 401, 429, 500, 503, 501]);
        return this.input(5, request, status, d.pick([undefined, "", "7", "1000000", "soon", " 3 "]));
      }
      case 12: return this.input(0);
      case 13: return this.input(1, d.below(100));
      case 14: return this.input(10, d.below(3));
      case 15: return this.input(11, d.below(2));
      case 16: return this.input(13, 0, 0, d.pick([JSON.stringify(object(d)), "{\"cut", "7"]));
      case 17:
        engine.entropy(this.random(16));
        return this.input(14);
      case 18:
        return this.input(15, 0, 0, d.pick([engine.identity(), "{\"anonymousId\":\"a\",\"traits\":{\"\\ud83d\\ude00\":1}}", "{}", ""]));
      case 19: return d.below(4) === 0 ? this.input(18) : this.input(1, 1);
      case 20: return this.input(20, d.below(3));
      case 21: {
        const body = "{\"type\":\"track\"}";
        const first = engine.reserve(2);
        this.log.push(first);
        for (const seq of [first, first + 1]) this.events.set(seq, { at: this.wall, body, unstamped: 0 });
        this.next = first + 2;
        engine.adopt(this.wall, this.mono, [first, this.wall, body.length, 0, first + 1, 5, body.length, 1]);
        return this.drain();
      }
      case 22:
        if (d.below(2)) engine.giveAway(this.wall, this.mono, [...this.events.keys()].slice(0, 2));
        else engine.saved(this.wall, this.mono, d.pick(["identity", "session", "retry", "consent", "nothing"]), d.pick([engine.identity(), "{}", "{\"a\":"]));
        return this.drain();
      default:
        // What only the full engine has, on a page that configured none of it.
        engine.entropy(this.random(16));
        for (const [kind, text] of [[9], [12, "{\"ads\":true}"], [16], [17], [19]]) this.input(kind, 1, 1, text);
        if (d.below(2)) this.input(22);
        if (d.below(4) === 0) this.state.identity = "{\"anonymousId\":";
        return this.begin();
    }
  }
}

test(`both engines live the same ${SEEDS} lives`, () => {
  const kinds = new Set();
  const reasons = new Set();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const lives = [new Life(small, seed), new Life(full, seed)];
    for (let step = 0; step < STEPS; step++) {
      for (const life of lives) life.step();
      const [one, other] = lives.map((life) => life.log.splice(0));
      assert.deepEqual(one, other, `seed ${seed}, step ${step}`);
      for (const entry of one) {
        if (Array.isArray(entry)) kinds.add(entry[0]);
        if (entry[0] === 13) reasons.add(entry[2][0]);
      }
    }
    assert.deepEqual(lives[0].state, lives[1].state);
    assert.equal(lives[0].engine.identity(), lives[1].engine.identity());
  }
  assert.deepEqual([...kinds].sort((a, b) => a - b), [1, 2, 3, 4, 6, 7, 12, 13, 14, 15]);
  for (const reason of ["quota_bytes", "quota_events", "too_old", "rejected", "refused", "storage_failed", "corrupt", "purged"]) {
    assert.ok(reasons.has(reason), `no life met ${reason}`);
  }
});
