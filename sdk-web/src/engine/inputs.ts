/** What happens to an engine, as it numbers it. The rest is in `port.ts`. */
export const TIMER = 0;
export const FLUSH = 1;
export const PERSISTED = 2;
export const LOADED = 4;
export const ANSWERED = 5;
export const NO_ANSWER = 6;
export const UNREADABLE = 7;
export const SETTINGS = 8;
export const NO_SETTINGS = 9;
export const LIFECYCLE = 10;
export const ONLINE = 11;
export const IMPORT = 15;
export const LEAD = 20;
export const DESTINATION = 21;
export const END = 22;
