import { unpack } from '../../wasm/unpack.js';

/** Compiles in the background from the moment in which the chunk is there; who asks for the module hears of a failure. */
export const compiled = (packed: readonly string[]): Promise<WebAssembly.Module> => {
  const module = WebAssembly.compile(unpack(packed));
  module.catch(() => {});
  return module;
};
