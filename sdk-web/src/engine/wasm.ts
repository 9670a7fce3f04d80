import { createGlue, type Engine } from '../../wasm/glue.js';

export type { Engine } from '../../wasm/glue.js';

/** Where the WebAssembly comes from: an address, bytes, or what a bundler made of it. */
export type WasmSource = string | URL | BufferSource | WebAssembly.Module;

let module: WebAssembly.Module | undefined;

const compile = async (source: WasmSource | Promise<Response>): Promise<WebAssembly.Module> => {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return WebAssembly.compile(source);
  const answer = await (source instanceof Promise ? source : fetch(source));
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
  // A server that names the wrong type costs the streaming, no more.
  const bytes = answer.clone();
  return WebAssembly.compileStreaming?.(answer).catch(async () => WebAssembly.compile(await bytes.arrayBuffer()));
};

/**
 * The engine's class, in a fresh instance each time: after a trap the old one's memory is not to be trusted. `spare`
 * is the same engine without WebAssembly, for pages whose policy forbids it.
 */
export const loadEngine = async (
  source: WasmSource | Promise<Response>,
  spare?: () => Promise<{ Engine: typeof Engine }>,
): Promise<typeof Engine> => {
  try {
    module ??= await compile(source);
    const { Engine, imports, attach } = createGlue();
    attach(await WebAssembly.instantiate(module, imports()));
    return Engine;
  } catch (error) {
    if (!spare) throw error;
    return (await spare()).Engine as typeof Engine;
  }
};
