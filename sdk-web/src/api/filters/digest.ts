// MD5 (RFC 1321) and SHA-256 (FIPS 180-4) of a text's UTF-8 bytes, in hexadecimal. The browser's own digests are
// asynchronous and know no MD5.

const fraction = (x: number): number => Math.floor((x - Math.floor(x)) * 2 ** 32) >>> 0;
const rotateLeft = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
const rotateRight = (x: number, by: number): number => rotateLeft(x, 32 - by);

/** Words of the padded message, in the byte order of the function. */
const blocksOf = (text: string, little: boolean): Int32Array[] => {
  const bytes = new TextEncoder().encode(text);
  const padded = new DataView(new ArrayBuffer((((bytes.length + 8) >> 6) + 1) << 6));
  new Uint8Array(padded.buffer).set(bytes);
  padded.setUint8(bytes.length, 0x80);
  const bits = bytes.length * 8;
  const end = padded.byteLength;
  padded.setUint32(end - (little ? 8 : 4), bits >>> 0, little);
  padded.setUint32(end - (little ? 4 : 8), Math.floor(bits / 2 ** 32), little);
  const blocks: Int32Array[] = [];
  for (let from = 0; from < end; from += 64) {
    blocks.push(Int32Array.from({ length: 16 }, (_, word) => padded.getInt32(from + word * 4, little)));
  }
  return blocks;
};

const hex = (words: readonly number[], little: boolean): string => {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  for (const [at, word] of words.entries()) view.setInt32(at * 4, word, little);
  return Array.from(new Uint8Array(view.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
};

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];

const md5 = (text: string): string => {
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (const block of blocksOf(text, true)) {
    let [a, b, c, d] = state as [number, number, number, number];
    for (let step = 0; step < 64; step++) {
      const round = step >> 4;
      const [mixed, word] = [
        [(b & c) | (~b & d), step],
        [(d & b) | (~d & c), 5 * step + 1],
        [b ^ c ^ d, 3 * step + 5],
        [c ^ (b | ~d), 7 * step],
      ][round] as [number, number];
      const constant = Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32);
      const sum = (a + mixed + constant + (block[word & 15] as number)) | 0;
      [a, d, c, b] = [d, c, b, (b + rotateLeft(sum, SHIFTS[round * 4 + (step & 3)] as number)) | 0];
    }
    [a, b, c, d].forEach((word, at) => {
      state[at] = ((state[at] as number) + word) | 0;
    });
  }
  return hex(state, true);
};

const PRIMES: number[] = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((prime) => n % prime)) PRIMES.push(n);

const sha256 = (text: string): string => {
  const state = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)) | 0);
  for (const block of blocksOf(text, false)) {
    const words = Array.from(block);
    for (let at = 16; at < 64; at++) {
      const early = words[at - 15] as number;
      const late = words[at - 2] as number;
      const small = rotateRight(early, 7) ^ rotateRight(early, 18) ^ (early >>> 3);
      const large = rotateRight(late, 17) ^ rotateRight(late, 19) ^ (late >>> 10);
      words.push(((words[at - 16] as number) + small + (words[at - 7] as number) + large) | 0);
    }
    let [a, b, c, d, e, f, g, h] = state as [number, number, number, number, number, number, number, number];
    for (let at = 0; at < 64; at++) {
      const one = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
      const sum =
        (h + one + ((e & f) ^ (~e & g)) + fraction(Math.cbrt(PRIMES[at] as number)) + (words[at] as number)) | 0;
      const two = (rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + sum) | 0, c, b, a, (sum + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => {
      state[at] = ((state[at] as number) + word) | 0;
    });
  }
  return hex(state, false);
};

export const digest = (algorithm: 'md5' | 'sha256', text: string): string => (algorithm === 'md5' ? md5 : sha256)(text);
