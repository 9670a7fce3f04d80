// A store and a journal in a directory, for the conformance suite: processes are killed, and the next one goes on.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The store: a file of commits, one a line. A line that was cut off never happened. */
export function fileStore(directory) {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'store.jsonl');
  const events = new Map();
  const state = new Map();
  let last = 0;
  const apply = ({ first, add, state: changed, forget }) => {
    for (const [i, event] of add.entries()) events.set(first + i, { ...event, key: first + i });
    last = Math.max(last, first + add.length - 1);
    for (const key of forget) events.delete(key);
    for (const [key, value] of changed) value ? state.set(key, value) : state.delete(key);
  };
  if (existsSync(file)) {
    const lines = readFileSync(file, 'utf8').split('\n');
    const torn = lines.pop();
    for (const line of lines) if (line) apply(JSON.parse(line));
    if (torn) writeFileSync(file, `${lines.join('\n')}\n`);
  }
  return {
    state: async () => Object.fromEntries(state),
    after: async (key) => [...events.values()].filter((event) => event.key > key),
    read: async (keys) => keys.map((key) => events.get(key)?.body),
    async commit({ add, state: changed, forget }) {
      const commit = { first: last + 1, add, state: [...changed], forget };
      appendFileSync(file, `${JSON.stringify(commit)}\n`);
      apply(commit);
      return commit.first;
    },
    close() {},
  };
}

/** The journal: what `localStorage` is to a page, one file an entry. */
export function fileJournal(directory) {
  mkdirSync(directory, { recursive: true });
  const path = (key) => join(directory, encodeURIComponent(key));
  const names = () => readdirSync(directory).map(decodeURIComponent);
  return {
    get length() {
      return names().length;
    },
    key: (i) => names()[i] ?? null,
    getItem: (key) => (existsSync(path(key)) ? readFileSync(path(key), 'utf8') : null),
    setItem: (key, value) => writeFileSync(path(key), value),
    removeItem: (key) => rmSync(path(key), { force: true }),
  };
}
