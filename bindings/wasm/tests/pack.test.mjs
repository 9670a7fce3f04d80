import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { essence, pack, source } from "../js/pack.mjs";
import { unpack } from "../js/unpack.js";

const built = new URL("../../../sdk-web/wasm/", import.meta.url);
const evaluate = async (text) => (await import(`data:text/javascript;charset=utf-8,${encodeURIComponent(text)}`)).packed;

describe("the engine as text", () => {
  for (const [file, chunk] of [["headwater_lite.wasm", "lite.js"], ["headwater_bg.wasm", "full.js"]]) {
    test(`${chunk} is ${file}, instruction by instruction`, async () => {
      const wasm = readFileSync(new URL(file, built));
      const { packed } = await import(new URL(chunk, built));
      const bytes = unpack(packed);
      assert.deepEqual(essence(bytes), essence(wasm));
      assert.ok(WebAssembly.validate(bytes));
      // What was unpacked packs to the same text again.
      assert.deepEqual(pack(bytes), packed);
    });
  }

  test("numbers at every edge, and instructions that have no rule of their own", () => {
    const small = [0, 1, 63, 64, 127, 128, 8191, 8192, 16383, 16384, 2 ** 27 - 1, 2 ** 27, 2 ** 31 - 1];
    const numbers = [...small, -54, -55, -56, ...small.map((number) => -number), -(2 ** 31)];
    const large = ["9223372036854775807", "-9223372036854775808", "4611686018427387904", "-36028797018963968"];
    const offsets = [0, 63, 64, 16383, 16384, 2 ** 20, 2 ** 28 - 1, 2 ** 28, 2 ** 32 - 1];
    const wat = `(module
      (type $two (func (param i32) (result i32 i32)))
      (memory 1) (table 3 funcref) (elem (i32.const 0) $double $double) (global $g (mut i32) (i32.const 5))
      (func $double (param i32) (result i32) local.get 0 i32.const 2 i32.mul)
      (func (export "sum") (result i64) (local ${"i32 ".repeat(300)}) (local i64 f64 i32)
        ${numbers.map((number) => `i32.const ${number} i64.extend_i32_s local.get 300 i64.add local.set 300 i64.const ${number} local.get 300 i64.xor local.set 300`).join("\n")}
        ${large.map((number) => `i64.const ${number} local.get 300 i64.xor local.set 300`).join("\n")}
        f64.const 1.5 f32.const 0.1 f64.promote_f32 f64.add i64.reinterpret_f64 local.get 300 i64.xor)
      (func (export "reach") (param i32) (result i32)
        ${offsets.map((offset) => `(if (i32.eq (local.get 0) (i32.const ${offset % 2 ** 31})) (then (i32.store8 offset=${offset} (local.get 0) (i32.const 1))))`).join("\n")}
        (i32.load8_u offset=64 (i32.const 0)))
      (func (export "choose") (param i32) (result i32)
        (block $a (block $b (block $c (br_table $a $b $c $b (local.get 0))) (return (i32.const 10))) (return (i32.const 20)))
        (call_indirect (param i32) (result i32) (local.get 0) (i32.const 1)))
      (func (export "grow") (result i32) (global.set $g (memory.grow (i32.const 1))) (memory.fill (i32.const 0) (i32.const 7) (i32.const 9))
        (memory.copy (i32.const 20) (i32.const 0) (i32.const 9)) (i32.add (memory.size) (i32.trunc_sat_f64_s (f64.const 3.7)))))`;
    const folder = mkdtempSync(join(tmpdir(), "pack-"));
    try {
      const wasm = join(folder, "edges.wasm");
      const features = ["--enable-bulk-memory", "--enable-bulk-memory-opt", "--enable-nontrapping-float-to-int"];
      execFileSync(new URL("../node_modules/.bin/wasm-as", import.meta.url).pathname, [...features, "-", "-o", wasm], { input: wat });
      const original = readFileSync(wasm);
      const bytes = unpack(pack(original));
      assert.deepEqual(essence(bytes), essence(original));
      const [one, two] = [original, bytes].map((each) => new WebAssembly.Instance(new WebAssembly.Module(each)).exports);
      for (const use of [
        ({ sum }) => sum(),
        ({ reach }) => [reach(0), reach(64)],
        ({ choose }) => [0, 1, 2, 3].map(choose),
        ({ grow }) => grow(),
      ]) assert.deepEqual(use(two), use(one));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("every character survives the file", async () => {
    const all = String.fromCharCode(...Array.from({ length: 0xd800 }, (_, code) => code));
    const texts = [all, "\0" + "7", "\\\0" + "a\"'`${}", "\u2028\u2029\r\n"];
    assert.deepEqual(await evaluate(source(texts)), texts);
    assert.ok(!/[\0\r\u2028\u2029]/.test(source(texts)));
  });

  test("what the packer does not know, it refuses", () => {
    const module = (...code) => Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, code.length + 4, 1, code.length + 2, 0, ...code, 11);
    assert.doesNotThrow(() => pack(module(1)));
    assert.throws(() => pack(module(0xfd, 0)), /operator 253/);
    assert.throws(() => pack(module(6)), /operator 6/);
    assert.throws(() => pack(module(0xfc, 99)), /kind 99/);
  });
});
