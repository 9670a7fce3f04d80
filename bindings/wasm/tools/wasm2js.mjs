// One module out of two: the JavaScript that wasm-bindgen writes for bundlers, and what wasm2js makes of the
// WebAssembly. For pages whose Content-Security-Policy forbids WebAssembly, and browsers without it.
//
//   node wasm2js.mjs headwater_bg.js asm.js > headwater.wasm2js.js
import { readFileSync } from "node:fs";

const [glue, asm] = process.argv.slice(2).map((file) => readFileSync(file, "utf8"));

// What the compiled module imports: functions of the glue, under the glue's file name.
const imported = [...asm.matchAll(/^import \* as (\S+) from '\.\/headwater_bg\.js';$/gm)];
const body = asm.replace(/^import .*$/gm, "").replace(/^export var .*$/gm, "");
const started = body.match(/var (\w+) = asmFunc\(\{[\s\S]*?\}\);/);
if (imported.length === 0 || !started) throw new Error("wasm2js writes another shape than this script knows");
const names = [...glue.matchAll(/^export function (__wb\w+)\(/gm)].map(([, name]) => name).filter((name) => name !== "__wbg_set_wasm");
// Growing real memory empties the views on it, and the glue looks for that; here the old memory stays as it was.
const views = glue
  .replace(/(\w+)\.byteLength === 0/g, "$1.buffer !== wasm.memory.buffer")
  .replace(/(\w+)\.buffer\.detached === true \|\| \(\1\.buffer\.detached === undefined && (\1\.buffer !== wasm\.memory\.buffer)\)/g, "$2");
if (views === glue || /detached|byteLength/.test(views)) throw new Error("wasm-bindgen writes another shape than this script knows");

process.stdout.write(`${views}
${body.replace(started[0], "")}
__wbg_set_wasm(asmFunc({ "./headwater_bg.js": { ${names.join(", ")} } }));
`);
