/** What one call is given: 32 random bytes, as eight numbers. */
export const random = (): number[] => [...crypto.getRandomValues(new Uint32Array(8))];

/** Numbers of 32 bits as hexadecimal text. */
export const hex = (numbers: readonly number[]): string =>
  numbers.map((number) => (number + 2 ** 32).toString(16).slice(1)).join('');
