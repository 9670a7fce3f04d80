/** Texts, as the engine writes or wants them. */

/** A `Retry-After` in seconds, where it is a date. */
export const secondsOf = (after: string | undefined, now: number): string | undefined =>
  after && !(+after >= 0) ? `${Math.max(0, Math.ceil((Date.parse(after) - now) / 1000))}` : after;

/** Numbers, as the engine lists them. */
export const list = (text: string | undefined): number[] => (text ? text.split(',').map(Number) : []);
