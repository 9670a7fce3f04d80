/** The engine with consent, sessions, settings and plugins: a chunk of its own, as `lite.ts`. */
import { packed } from '../../wasm/full.js';
import { compiled } from './compiled.js';

export const module = compiled(packed);
