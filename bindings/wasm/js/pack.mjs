// A module as text in a JavaScript file, of which brotli makes an eighth less than of the module: operators in one stream,
// what belongs to them in others, each number one character. Sizes of functions and hints of alignment are left out.
// `unpack.js` makes a module of it again.
//
//   node pack.mjs IN.wasm OUT.js
//
// The text is four: what is behind the code, what is before it, operators, and the streams of operands with tabs between.
// Operators are characters of their own code. In codes that WebAssembly has no operator for:
//
//   6       where a function begins, and the one before it ends; its operand are the local variables, as bytes
//   7 … 10  another instruction, whose operand are all its bytes
//
// An operand is one character for each byte, or, of a number, for each 14 bits, the lowest first. All but the last have a
// flag, and all are moved up by 64, so that small numbers are letters, of which brotli makes contexts. A number's last
// character below 64 stands for -64 to -1.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { streamOf, unpack } from "./unpack.js";

const END = 11;
const BEGIN = 6;
const BR_TABLE = 14;
const CALL_INDIRECT = 17;
const SELECT_TYPED = 28;
const I32_CONST = 65;
const I64_CONST = 66;
const F32_CONST = 67;
const F64_CONST = 68;
const MORE = 252;
/** The number that would be the tab between streams; it is written like larger ones. */
const SEAM = -55n;
const FLAG = 16384n;
const between = (low, op, high) => low <= op && op <= high;
const isBlock = (op) => between(2, op, 4);
const isMemory = (op) => between(40, op, 62);
/** With one number: branches, calls, variables, tables. */
const isIndexed = (op) => op === 12 || op === 13 || op === 16 || between(32, op, 38);
const isBare = (op) => op < 2 || op === 5 || op === END || op === 15 || op === 26 || op === 27 || between(69, op, 196);

/**
 * What is in a module: `head` and `tail` are its bytes before and behind the code. A function is `{locals, body}`, an
 * instruction `{op, value, bytes}`: its number, where it has but one, and as it is without a hint of alignment.
 */
export function read(wasm) {
  let at = 8;
  const unsigned = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const signed = () => {
    let value = 0n;
    for (let shift = 0n; ; ) {
      const byte = wasm[at++];
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
      if (byte < 128) return BigInt.asIntN(64, byte & 64 ? value - (1n << shift) : value);
    }
  };
  /** An instruction's further numbers and bytes. */
  const more = (op) => {
    if (op === BR_TABLE) for (let left = unsigned(); left >= 0; left--) unsigned();
    else if (op === CALL_INDIRECT) unsigned(), unsigned();
    else if (op === SELECT_TYPED) for (let left = unsigned(); left > 0; left--) at++;
    else if (op === 63 || op === 64) at++;
    else if (op === F32_CONST) at += 4;
    else if (op === F64_CONST) at += 8;
    else if (op === MORE) {
      const kind = unsigned();
      if (kind > 17) throw new Error(`an instruction of kind ${kind} that this script does not know`);
      // Conversions have none; of the rest, these have two.
      if (kind > 7) unsigned();
      if ([8, 10, 12, 14].includes(kind)) unsigned();
    } else throw new Error(`operator ${op} that this script does not know`);
  };
  const instruction = () => {
    const from = at;
    const op = wasm[at++];
    let value;
    if (isMemory(op)) {
      if (unsigned() > 3) throw new Error("more than one memory");
      const rest = at;
      value = BigInt(unsigned());
      return { op, value, bytes: [op, 0, ...wasm.subarray(rest, at)] };
    }
    if (isIndexed(op)) value = BigInt(unsigned());
    else if (isBlock(op) || op === I32_CONST || op === I64_CONST) value = signed();
    else if (!isBare(op)) more(op);
    return { op, value, bytes: [...wasm.subarray(from, at)] };
  };
  const module = { head: [...wasm.subarray(0, 8)], functions: [], tail: [] };
  while (at < wasm.length) {
    const from = at;
    const id = wasm[at++];
    const end = unsigned() + at;
    if (id !== 10) (module.functions.length ? module.tail : module.head).push(...wasm.subarray(from, end));
    else
      for (let left = unsigned(); left > 0; left--) {
        const stop = unsigned() + at;
        const locals = [];
        for (let groups = unsigned(); groups > 0; groups--) locals.push([unsigned(), wasm[at++]]);
        const body = [];
        while (at < stop) body.push(instruction());
        module.functions.push({ locals, body });
      }
    at = end;
  }
  return module;
}

const textOf = (codes) => String.fromCharCode(...codes);
const chars = (units) => textOf(units.map((unit) => 64 + unit));

/** A number's units, or nothing where it would take more bytes than WebAssembly allows. */
function unitsOf({ op, value }) {
  const sign = op === I32_CONST || op === I64_CONST;
  if (op !== I64_CONST && (sign ? value !== BigInt.asIntN(28, value) : value >= 1n << 28n)) return;
  const units = [];
  for (let left = value; ; left >>= 14n) {
    const last = sign ? BigInt.asIntN(14, left) === left : left < 1n << 14n;
    units.push(Number(last && between(-64n, left, -1n) && left !== SEAM ? left : (left & 16383n) + (last ? 0n : FLAG)));
    if (last) return units;
  }
}

/** An instruction's operator and operand in the text, and its length in bytes once it is unpacked. */
function written(instruction) {
  const { op, value, bytes } = instruction;
  if (value === undefined && bytes.length === 1) return { op, operand: "", length: 1 };
  if (isBlock(op) && bytes.length === 2) return { op, operand: chars(bytes.slice(1)), length: 2 };
  const units = value !== undefined && !isBlock(op) ? unitsOf(instruction) : undefined;
  if (units) return { op, operand: chars(units), length: (isMemory(op) ? 2 : 1) + 2 * units.length };
  const codes = { [BR_TABLE]: 7, [CALL_INDIRECT]: 8, [MORE]: 9 };
  return { op: codes[op] ?? 10, operand: chars([bytes.length, ...bytes]), length: bytes.length };
}

/** How many groups of local variables, each a count below 128 and a type, and these. */
function declared(locals) {
  const groups = locals.flatMap(([count, type]) => {
    const full = Array(Math.floor(count / 127)).fill([127, type]);
    return count % 127 ? [...full, [count % 127, type]] : full;
  });
  return [groups.length, ...groups.flat()];
}

function leb(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)];
}

/** The text of a module, in the order in which brotli makes least of it. */
export function pack(wasm) {
  const { head, functions, tail } = read(wasm);
  const all = functions.flatMap(({ locals, body }) => {
    const groups = declared(locals);
    // Behind them comes the end, which is not written.
    const begin = { op: BEGIN, operand: chars(groups), length: 3 + groups.length + 1 };
    return [begin, ...body.slice(0, -1).map(written)];
  });
  const streams = Array(167).fill("");
  all.forEach(({ op, operand }, i) => {
    const stream = streamOf(op, all[i + 1]?.op);
    streams[stream] += operand;
  });
  const count = leb(functions.length);
  const size = all.reduce((sum, { length }) => sum + length, count.length);
  const code = [10, ...leb(size), ...count];
  return [textOf(tail), textOf([...head, ...code]), textOf(all.map(({ op }) => op)), streams.join("\t")];
}

/** A module in the form in which two that do the same are equal: numbers are numbers, groups of variables are one. */
export function essence(wasm) {
  const { head, functions, tail } = read(wasm);
  const plain = functions.map(({ locals, body }) => [
    locals.flatMap(([count, type]) => Array(count).fill(type)),
    body.map(({ op, value, bytes }) => (value === undefined ? bytes : [op, value])),
  ]);
  return { head, plain, tail };
}

/** The file. Escaped is what a string may not hold, and what tools are known to change. */
export function source(texts) {
  const escaped = { "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\u2028": "\\u2028", "\u2029": "\\u2029" };
  const literal = (text) =>
    `"${text.replace(/\0(\d?)|[\n\r"\\\u2028\u2029]/g, (char, digit) => escaped[char] ?? (digit ? `\\x00${digit}` : "\\0"))}"`;
  return `export const packed=[${texts.map(literal).join()}];\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [from, to] = process.argv.slice(2);
  const wasm = readFileSync(from);
  const texts = pack(wasm);
  const { isDeepStrictEqual } = await import("node:util");
  if (!isDeepStrictEqual(essence(unpack(texts)), essence(wasm))) throw new Error(`${from} is another module once unpacked`);
  writeFileSync(to, source(texts));
}
