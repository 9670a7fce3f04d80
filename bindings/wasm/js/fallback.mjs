// The engine in JavaScript, out of what wasm2js makes of the WebAssembly: for pages whose Content-Security-Policy forbids
// WebAssembly, and for browsers without it.
//
//   node fallback.mjs asm.js > headwater.wasm2js.js
import { readFileSync } from "node:fs";

const asm = readFileSync(process.argv[2], "utf8");
const body = asm.replace(/^import .*$/gm, "").replace(/^export var .*$/gm, "");
const start = /var \w+ = asmFunc\(\{[\s\S]*?\}\);/;
if (!start.test(body)) throw new Error("wasm2js writes another shape than this script knows");
process.stdout.write(`import { createGlue } from "./glue.js";
${body.replace(start, "")}
const { Engine, attach, imports } = createGlue();
attach({ exports: asmFunc(imports()) });
export { Engine };
`);
