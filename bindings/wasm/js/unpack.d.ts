/** The bytes of a module out of its text, which `lite.js` and `full.js` hold. */
export function unpack(packed: readonly string[]): Uint8Array<ArrayBuffer>;
