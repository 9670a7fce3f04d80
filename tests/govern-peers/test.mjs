// Runs tsub and destination-subscriptions over tests/vectors/govern/divergences.json: what the file says of them must be
// what they do. Ends `govern-peers: N passed, N failed`.
import { readFileSync } from 'node:fs';
import tsub from '@segment/tsub';
import subscriptions from '@segment/destination-subscriptions';

const vectors = JSON.parse(readFileSync(new URL('../vectors/govern/divergences.json', import.meta.url)));
const { parseFql, validate } = subscriptions;
let passed = 0;
let failed = 0;

function check(what, found, wanted) {
  if (found === wanted) passed += 1;
  else {
    failed += 1;
    console.error(`${what}: found ${found}, the vectors say ${wanted}`);
  }
}

const executed = (ir) => tsub.matches(vectors.event, { type: 'fql', ir: JSON.stringify(ir) });

for (const { fql, ir, matches } of vectors.portable) check(`tsub ${fql}`, executed(ir), matches);
for (const { fql, ir, tsub: wanted } of vectors.divergent) if (ir) check(`tsub ${fql}`, executed(ir), wanted);
for (const { fql, subscriptions: wanted } of vectors.triggers) {
  const tree = parseFql(fql);
  check(`destination-subscriptions ${fql}`, tree.error ? undefined : validate(tree, vectors.event), wanted);
}

console.log(`govern-peers: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
