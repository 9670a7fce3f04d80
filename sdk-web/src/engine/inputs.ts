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
/** `[seq, at, bytes, unstamped, …]` of events that other tabs persisted. */
export const ADOPT = 23;
/** Numbers of events that another tab has now. */
export const GIVE_AWAY = 24;
/** What came of another try: the event (1), the plugin that dropped it (2), or that failed, NUL, what it said (0). */
export const TRIED = 26;
/** Key, NUL, text: another tab saved this. */
export const SAVED = 25;
/** Randomness and the call. */
export const CALL = 32;
export const STAMP = 33;
export const SUBMIT = 34;
/** The plugin's name, NUL, the event. */
export const DISCARD = 35;
/** A plugin that failed, what it said, all that the event must pass (between U+0001), the event; a NUL after each. */
export const HOLD = 40;
/** So many fresh numbers; the first is the answer. */
export const RESERVE = 36;
/** The next effect: numbers joined by NUL, the kind first, and texts, joined by U+0001. */
export const POLL = 37;
export const DEADLINE = 38;
export const IDENTITY = 39;

/** What an engine asks for that only the full one does. */
export const FETCH = 8;
export const DELIVER = 9;
export const CANCEL = 10;
/** Plugins are to see an event again that one of them keeps back. */
export const TRY = 16;
