// `node cli.mjs --input '<json>'`: the web SDK as the conformance runner drives it, by its /core entry, in Node. One JSON
// document on stdout, logs on stderr, exit code 0 when every event was delivered.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAnalytics } from '../dist/core.js';
import { defined, run } from './run.mjs';
import { fileJournal, fileStore } from './storage.mjs';

const host = {
  create(settings, options, { headwater: { directory, durability, consent } = {} }) {
    const kept = directory && durability !== 'memory';
    const store = kept ? fileStore(directory) : undefined;
    // Nothing is written of who has not agreed.
    const journal = kept && consent?.hold !== 'memory' ? fileJournal(join(directory, 'journal')) : undefined;
    const analytics = createAnalytics(settings, { ...options, ...defined({ store, journal }) });
    return { analytics, instance: analytics.ready(), close: analytics.close };
  },
  die: () => process.kill(process.pid, 'SIGKILL'),
  say: (...what) => console.error(...what),
};

const [flag, text = ''] = process.argv.slice(2);
if (flag !== '--input') {
  console.log("node cli.mjs --input '<json>' | --input @FILE");
  process.exit(2);
}
const answer = await run(JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text), host);
console.log(JSON.stringify(answer));
process.exit(answer.success ? 0 : 1);
