// Stands in the bundle where the engine without WebAssembly asks for its glue (`build.mjs`): the glue is `wasm.ts`, and
// all that is wanted of that file is what it exports. It imports nothing, so that no code of the engine's chunk has to be
// in a file of its own.
import type { Exports } from './wasm.js';

const never = (): never => {
  throw new Error('out of memory');
};

export const createGlue = () => {
  let exports: Exports | undefined;
  return {
    imports: () => new Proxy({}, { get: () => new Proxy({}, { get: () => never }) }),
    attach(instance: { exports: Exports }): void {
      ({ exports } = instance);
    },
    Engine: (): Exports | undefined => exports,
  };
};
