// What the WebAssembly weighs. VERBOSE=1 adds the code by crate and by function, from a build that still has names.
//
//   node size.mjs headwater_bg.wasm named.wasm
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [shipped, named] = process.argv.slice(2);
const bytes = readFileSync(shipped);
const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });

if (process.env.VERBOSE === "1") {
  const { functions, data } = read(readFileSync(named));
  const crates = new Map();
  for (const { name, size } of functions) {
    const crate = name.match(/headwater_\w+|wasm_bindgen|compiler_builtins|dlmalloc|alloc|core|std|(?<=^)__w\w+?(?=_)/)?.[0] ?? "other";
    crates.set(crate, (crates.get(crate) ?? 0) + size);
  }
  functions.sort((a, b) => b.size - a.size);
  const top = Number(process.env.TOP ?? 60);
  for (const { name, size } of functions.slice(0, top)) console.log(String(size).padStart(7), name);
  console.log(`\n${functions.length} functions; by crate:`);
  for (const [crate, size] of [...crates].sort((a, b) => b[1] - a[1])) console.log(String(size).padStart(7), crate);
  console.log(String(data).padStart(7), "data\n");
}
console.log(`wasm: raw=${bytes.length} gzip=${gzipSync(bytes, { level: 9 }).length} brotli=${brotli.length}`);

/** The functions of a module with their sizes and names, and the size of its data. */
function read(wasm) {
  let at = 8;
  const number = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const text = () => {
    const length = number();
    return wasm.toString("utf8", at, (at += length));
  };
  let imports = 0;
  let data = 0;
  const sizes = [];
  const names = new Map();
  while (at < wasm.length) {
    const id = wasm[at++];
    const length = number();
    const end = at + length;
    if (id === 2) {
      for (let left = number(); left > 0; left--) {
        text();
        text();
        const kind = wasm[at++];
        if (kind !== 0) throw new Error(`an import of kind ${kind}: this script knows functions only`);
        number();
        imports++;
      }
    } else if (id === 10) {
      for (let left = number(); left > 0; left--) {
        const start = at;
        const size = number();
        at += size;
        sizes.push(at - start);
      }
    } else if (id === 11) {
      data = length;
    } else if (id === 0 && text() === "name") {
      while (at < end) {
        const kind = wasm[at++];
        const stop = number() + at;
        if (kind === 1) for (let left = number(); left > 0; left--) names.set(number(), text());
        at = stop;
      }
    }
    at = end;
  }
  const functions = sizes.map((size, index) => ({ size, name: names.get(imports + index)?.replace(/\[[0-9a-f]{16}\]/g, "") ?? `?${index}` }));
  return { functions, data };
}
