// Which of the calls arrived: every call carries its tab and its number there, and is looked for by them.

/** The labels `{ tab, n }` of a run in any JSON that an SDK sends or the collector stores, in order. */
export function labelsOf(json, run) {
  const found = [];
  walk(json);
  return found;

  function walk(value) {
    if (Array.isArray(value)) return value.forEach(walk);
    if (typeof value !== 'object' || value === null) return;
    const { event, properties } = value;
    if (event === run && properties?.n) return found.push({ tab: properties.tab, n: properties.n });
    // Snowplow's structured event.
    if (value.se_ca === run) return found.push({ tab: value.se_la, n: Number(value.se_va) });
    Object.values(value).forEach(walk);
  }
}

/**
 * What became of `expected` (`{ tab: calls }`): `lost` calls that are not there, `twice` those there more than once,
 * `disorder` the places where a tab's later call stands before an earlier one.
 */
export function tally(labels, expected) {
  const seen = new Map();
  const last = new Map();
  let disorder = 0;
  for (const { tab, n } of labels) {
    const key = `${tab}:${n}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    if (seen.get(key) > 1) continue;
    if (n < (last.get(tab) ?? 0)) disorder++;
    last.set(tab, n);
  }
  let lost = 0;
  let twice = 0;
  let calls = 0;
  for (const [tab, count] of Object.entries(expected)) {
    for (let n = 1; n <= count; n++) {
      const times = seen.get(`${tab}:${n}`) ?? 0;
      calls++;
      if (times === 0) lost++;
      twice += Math.max(0, times - 1);
    }
  }
  return { calls, lost, twice, disorder };
}
