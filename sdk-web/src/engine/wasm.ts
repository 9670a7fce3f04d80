/** Where the WebAssembly comes from: an address, bytes, or what a bundler made of it. */
export type WasmSource = string | URL | BufferSource | WebAssembly.Module;

/** It in a script of its own, as text: brotli makes less of that than of the file. */
export interface Chunk {
  module: Promise<WebAssembly.Module>;
}

/**
 * One engine. `op` is what happens or is asked (`inputs.ts`), `wall` unix milliseconds, `mono` those of a clock that never
 * jumps. Answers what the engine says. Throws when it trapped: then its memory is not to be trusted.
 */
export type Engine = (op: number, wall: number, mono: number, a?: number, b?: number, text?: string) => string;

/** Starts an engine from `{config, state, stored, nextSeq, entropy}` as JSON. Throws what of it cannot work. */
export type Start = (json: string, wall: number, mono: number) => Engine;

/** What the engine's build exports: wasm-bindgen's calling convention for `run`. */
export interface Exports {
  memory: { buffer: ArrayBuffer };
  run(answer: number, engine: number, op: number, ...given: number[]): void;
  __wbindgen_malloc(size: number, align: number): number;
  __wbindgen_free(at: number, size: number, align: number): void;
  __wbindgen_add_to_stack_pointer(by: number): number;
}

/** What it imports: wasm-bindgen's way to throw, whose name holds a hash. It means that memory ran out. */
export const imports = (): WebAssembly.Imports => ({
  './headwater_bg.js': new Proxy(
    {},
    {
      get: () => () => {
        throw new Error('out of memory');
      },
    },
  ),
});

/**
 * Half of a character, as JSON writes what a text has that was cut in its middle: no hub takes that. Two that belong
 * together, and a backslash that stands for itself, are passed over.
 */
const HALVES = /\\(?:\\|ud[89ab]..\\ud[c-f]..|(ud[89a-f]..))/gi;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const starter = ({
  memory,
  run,
  __wbindgen_malloc: malloc,
  __wbindgen_free: free,
  __wbindgen_add_to_stack_pointer: stack,
}: Exports): Start => {
  const ask = (engine: number, op: number, wall: number, mono: number, a = 0, b = 0, text?: string): string => {
    let at = 0;
    let length = 0;
    if (text !== undefined) {
      const bytes = encoder.encode(text.replace(HALVES, (all, half) => (half ? '\\ufffd' : all)));
      length = bytes.length;
      at = malloc(length, 1);
      new Uint8Array(memory.buffer, at, length).set(bytes);
    }
    const answer = stack(-16);
    run(answer, engine, op, wall, mono, a, b, at, length);
    [at, length] = new Uint32Array(memory.buffer, answer, 2) as unknown as [number, number];
    stack(16);
    const said = decoder.decode(new Uint8Array(memory.buffer, at, length));
    free(at, length, 1);
    return said;
  };
  return (json, wall, mono) => {
    const engine = ask(-1, 0, wall, mono, 0, 0, json);
    if (!(+engine >= 0)) throw engine;
    return (...given) => ask(+engine, ...given);
  };
};

/** The small one and the full one. */
const modules: (WebAssembly.Module | undefined)[] = [];

const compile = async (given: WasmSource | Promise<WasmSource | Chunk>): Promise<WebAssembly.Module> => {
  const source = await given;
  if (source instanceof WebAssembly.Module) return source;
  const { module } = source as Chunk;
  if (module) return module;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return WebAssembly.compile(source);
  const answer = await fetch(source as string);
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
  return WebAssembly.compile(await answer.arrayBuffer());
};

/**
 * Starts engines of a fresh instance each time it is called: after a trap the old one's memory is void. `spare` is the
 * same engine without WebAssembly, for pages whose policy forbids it.
 */
export const loadEngine = async (
  source: WasmSource | Promise<WasmSource | Chunk>,
  full: boolean,
  spare?: () => Promise<Exports>,
): Promise<Start> => {
  let exports: unknown;
  try {
    const module = (modules[+full] ??= await compile(source));
    ({ exports } = await WebAssembly.instantiate(module, imports()));
  } catch (error) {
    if (!spare) throw error;
    exports = await spare();
  }
  return starter(exports as Exports);
};
