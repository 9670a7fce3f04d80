// `node bench.mjs FILTER`: microseconds that Segment's libraries take for the filter over event.json, one line a library.
// What each library can prepare is prepared before: destination-subscriptions its tree; tsub reads its JSON at each call.
import { readFileSync } from 'node:fs';
import tsub from '@segment/tsub';
import subscriptions from '@segment/destination-subscriptions';

const [, , filter] = process.argv;
const event = JSON.parse(readFileSync(new URL('event.json', import.meta.url)));
const ir = JSON.stringify(['and', ['=', 'type', { value: 'track' }], ['=', 'event', { value: 'Order Completed' }], ['>', 'properties.total', { value: 20 }]]);
const tree = subscriptions.parseFql(filter);

const contenders = {
  'destination-subscriptions': () => subscriptions.validate(tree, event),
  tsub: () => tsub.matches(event, { type: 'fql', ir }),
};

for (const [name, work] of Object.entries(contenders)) {
  if (work() !== true) throw new Error(`${name}: the filter does not hold for the event`);
  for (let warm = 0; warm < 50_000; warm++) work();
  const start = performance.now();
  let calls = 0;
  while (performance.now() - start < 200) {
    for (let i = 0; i < 256; i++) work();
    calls += 256;
  }
  console.log(`${name} ${((performance.now() - start) * 1000) / calls}`);
}
