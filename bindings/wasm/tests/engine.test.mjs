import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Host, emptyStore, javascript, webassembly } from "./host.mjs";

for (const [name, load] of [["WebAssembly", webassembly], ["JavaScript", javascript]]) {
  describe(`the engine in ${name}`, async () => {
    const Engine = await load();

    test("tracks, stores, uploads and forgets", () => {
      const store = emptyStore();
      const host = new Host(Engine, store);
      const answer = host.call("track", { event: "Order Completed", properties: { total: 19.9, big: 12345678901234567000, text: "ß\u0001\"" } });
      assert.match(answer, /^q[0-9a-f]{8}-[0-9a-f]{4}-4/);
      assert.equal(store.events.size, 1);
      host.input(1, 5);
      assert.equal(store.events.size, 0);
      const [{ url, headers, body }] = host.seen;
      assert.equal(url, "https://hub.example/v1/b");
      assert.deepEqual(headers, [["Content-Type", "text/plain"]]);
      assert.equal(body.writeKey, "k");
      assert.equal(body.batch[0].messageId, answer.slice(1));
      assert.deepEqual(body.batch[0].properties, { total: 19.9, big: 12345678901234567000, text: "ß\u0001\"" });
      assert.equal(body.batch[0].timestamp, "2026-11-23T10:00:00.000Z");
      const [done] = host.effects(14);
      assert.deepEqual(done.nums, [5, 1, 0, 0, -1]);
    });

    test("answers a call that is wrong with what is wrong", () => {
      const host = new Host(Engine, emptyStore());
      assert.equal(host.call("track"), "!empty_event");
      assert.equal(host.call("nonsense"), "!unreadable");
      assert.equal(host.call("track", { event: "E", properties: { long: "x".repeat(40_000) } }), "!too_large");
      const thrown = (config) => {
        try {
          return new Host(Engine, emptyStore(), config);
        } catch (error) {
          return error;
        }
      };
      assert.match(thrown({ endpoint: "ftp://hub.example" }), /^endpoint$/);
      assert.match(thrown({ writeKey: "" }), /^writeKey$/);
    });

    test("a second life finds identity and events, and sends them under their ids", () => {
      const store = emptyStore();
      const first = new Host(Engine, store, {}, () => ({}));
      first.call("identify", { userId: "u1", traits: { plan: "pro" } });
      const id = first.call("track", { event: "Offline" }).slice(1);
      first.input(1, 1);
      assert.equal(store.events.size, 2);
      const second = new Host(Engine, store);
      second.pass(120_000);
      assert.equal(store.events.size, 0);
      assert.equal(second.delivered()[1].messageId, id);
      assert.equal(second.delivered()[1].userId, "u1");
      assert.deepEqual(JSON.parse(second.engine.identity()).traits, { plan: "pro" });
    });

    test("waits as long as the hub says, then sends again with the count of its tries", () => {
      let down = true;
      const host = new Host(Engine, emptyStore(), {}, () => (down ? { status: 429, after: "20" } : { status: 200 }));
      host.call("track", { event: "E" });
      host.input(1, 1);
      assert.equal(host.seen.length, 1);
      assert.equal(host.effects(14)[0].nums[4], 20_000);
      host.pass(19_000);
      assert.equal(host.seen.length, 1);
      down = false;
      host.pass(2_000);
      assert.equal(host.seen.length, 2);
      assert.deepEqual(host.seen[1].headers.at(-1), ["X-Retry-Count", "1"]);
    });

    test("a poison event goes to quarantine, the rest of its batch is delivered", () => {
      const store = emptyStore();
      const host = new Host(Engine, store, {}, ({ body }) => ({ status: body.batch.some(({ event }) => event === "Poison") ? 400 : 200 }));
      for (const event of ["A", "Poison", "B"]) host.call("track", { event });
      host.input(1, 1);
      assert.equal(store.events.size, 0);
      assert.deepEqual(host.seen.at(-1).body.batch.map(({ event }) => event), ["B"]);
      assert.deepEqual(host.effects(13).map(({ nums, texts }) => [nums[0], nums[1], texts[0]]), [[1, 400, "rejected"]]);
      assert.equal(JSON.parse(store.state.quarantine).event.event, "Poison");
    });

    test("holds for consent, releases with the decision, purges with the withdrawal", () => {
      const store = emptyStore();
      const consent = { model: "opt-in", categories: ["ads", "stats"], hold: "persist" };
      const host = new Host(Engine, store, { consent });
      assert.match(host.call("track", { event: "Before" }), /^h/);
      assert.equal([...store.events.values()][0].unstamped, 1);
      host.input(1, 1);
      assert.equal(host.seen.length, 0);
      host.engine.entropy(host.random(16));
      host.input(12, 0, 0, JSON.stringify({ stats: true }));
      host.call("track", { event: "After" });
      host.input(1, 2);
      const preferences = { ads: false, stats: true };
      assert.deepEqual(host.seen[0].body.context.consent.categoryPreferences, preferences);
      assert.equal(host.seen[0].body.batch[0].event, "Before");
      assert.deepEqual(host.delivered().at(-1).context.consent.categoryPreferences, preferences);
      host.engine.entropy(host.random(16));
      host.input(12, 0, 0, JSON.stringify({}));
      assert.match(host.call("track", { event: "Never" }), /^d/);
      assert.ok(!host.delivered().some(({ event }) => event === "Never"));
    });

    test("a follower gives away what it stored, and the leader sends it", () => {
      const store = emptyStore();
      const follower = new Host(Engine, store);
      follower.input(20, 0);
      const id = follower.call("track", { event: "Elsewhere" }).slice(1);
      follower.input(1, 1);
      assert.equal(follower.seen.length, 0);
      const [[seq, { at, body, unstamped }]] = store.events;
      follower.engine.giveAway(follower.wall, follower.mono, Float64Array.of(seq));
      follower.drain();

      const own = emptyStore();
      const leader = new Host(Engine, own);
      leader.call("track", { event: "Own" });
      const place = leader.engine.reserve(1);
      own.events.set(place, { at, body, unstamped });
      leader.engine.adopt(leader.wall, leader.mono, Float64Array.of(place, at, body.length, unstamped));
      leader.drain();
      leader.input(1, 1);
      assert.deepEqual(leader.delivered().map(({ event }) => event), ["Own", "Elsewhere"]);
      assert.equal(leader.delivered()[1].messageId, id);
    });

    test("another tab's identity and decision count here, too", () => {
      const store = emptyStore();
      const consent = { model: "opt-in", categories: ["stats"], hold: "persist" };
      const here = new Host(Engine, emptyStore(), { consent });
      const there = new Host(Engine, store, { consent });
      there.call("identify", { userId: "u2" });
      there.engine.entropy(there.random(16));
      there.input(12, 0, 0, JSON.stringify({ stats: true }));
      for (const key of ["identity", "consent"]) here.engine.saved(here.wall, here.mono, key, store.state[key]);
      here.drain();
      assert.match(here.call("track", { event: "E" }), /^q/);
      here.input(1, 1);
      assert.equal(here.delivered()[0].userId, "u2");
    });

    test("plugins of the page see an event between its two halves", () => {
      const store = emptyStore();
      const host = new Host(Engine, store);
      const stamp = (event) => {
        const answer = host.engine.stamp(host.wall, host.mono, JSON.stringify({ type: "track", event }), host.random(32));
        assert.equal(answer[0], "=");
        return JSON.parse(answer.slice(1));
      };
      const event = stamp("Kept");
      event.properties.extra = true;
      assert.equal(host.engine.submit(host.wall, host.mono, JSON.stringify(event)), `q${event.messageId}`);
      host.engine.discard(JSON.stringify(stamp("Kept back")), "filter");
      host.drain();
      assert.deepEqual(JSON.parse([...store.events.values()][0].body).properties, { extra: true });
      const [report] = host.effects(13);
      assert.equal(report.texts[0], "plugin");
      assert.match(report.texts[3], /filter/);
    });

    test("destinations get what consent and integrations let through, once they are configured", () => {
      const host = new Host(Engine, emptyStore(), { settings: { url: "https://cdn.example/s" }, destinations: [{ key: "Ads", needsSettings: true }] });
      assert.equal(host.effects(8)[0].texts[0], "https://cdn.example/s");
      host.call("track", { event: "Waits" });
      host.call("track", { event: "Not for ads", options: { integrations: { Ads: false } } });
      assert.equal(host.effects(9).length, 0);
      host.input(8, 0, 200, JSON.stringify({ integrations: { Ads: { pixel: 1 } } }));
      assert.deepEqual(host.effects(11).map(({ nums, texts }) => [nums[0], texts[0]]), [[0, '{"pixel":1}']]);
      const [delivery, ...more] = host.effects(9);
      assert.equal(JSON.parse(delivery.texts[0]).event, "Waits");
      assert.equal(more.length, 0);
      host.input(19, delivery.nums[0], 0, "it broke");
      assert.deepEqual(host.effects(13).map(({ texts }) => texts), [["destination_failed", "", "Ads", "it broke"]]);
      host.input(21, 0, 0, JSON.stringify({ key: "Late" }));
      host.call("track", { event: "Both" });
      assert.equal(host.effects(9).filter(({ nums }) => nums[1] === 1).length, 1);
    });

    test("a reset makes a new visitor, sessions start and end by hand, an import takes over", () => {
      const host = new Host(Engine, emptyStore(), { sessionTimeout: 1_800_000 });
      const before = JSON.parse(host.engine.identity()).anonymousId;
      host.input(16, 77);
      host.call("track", { event: "E" });
      host.engine.entropy(host.random(16));
      host.input(14);
      assert.notEqual(JSON.parse(host.engine.identity()).anonymousId, before);
      assert.deepEqual(host.effects(12).at(-1).nums[0], 1);
      host.input(15, 0, 0, JSON.stringify({ anonymousId: "imported", traits: { a: 1 } }));
      assert.deepEqual(JSON.parse(host.engine.identity()), { anonymousId: "imported", traits: { a: 1 } });
      host.input(13, 0, 0, JSON.stringify({ app: { name: "shop" } }));
      host.input(17);
      host.call("track", { event: "F", options: { context: { locale: "de" } } });
      host.input(10, 1);
      const [first, second] = host.delivered();
      assert.deepEqual([first.context.sessionId, first.context.sessionStart], [77, true]);
      assert.deepEqual(second.context, { app: { name: "shop" }, locale: "de" });
    });

    test("rubbish from the host does no harm", () => {
      const host = new Host(Engine, { ...emptyStore(), state: { identity: "{", consent: "[]", retry: "x" } });
      for (let kind = 0; kind < 40; kind++) {
        for (const number of [Number.NaN, -1, 1e300, Number.POSITIVE_INFINITY]) {
          if (kind !== 22) host.input(kind, number, number, "]");
          if (kind !== 22) host.input(kind, number, number);
        }
      }
      assert.match(host.call("track", { event: "E" }), /^q/);
    });
  });
}
