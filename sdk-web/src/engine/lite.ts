/** The small engine, which most pages load: a chunk of its own, with all that makes a module of its text. */
import { packed } from '../../wasm/lite.js';
import { compiled } from './compiled.js';

export const module = compiled(packed);
