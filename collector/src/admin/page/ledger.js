// The newest events, bounded by number and by size, and the ones among them that pass the filter.
// Both are ordered oldest first: new ones are pushed, old ones leave in one cut, and nothing is shifted per event.

import { summarise } from './summary.js';

export const MAX_EVENTS = 5_000;
const MAX_CHARS = 24 << 20;

export function createLedger() {
  const ledger = { all: [], view: [], letGo: 0, counts: { bad: 0, duplicate: 0 }, sources: new Set() };
  const known = new Set(); // oldest first, as sets are
  let chars = 0;
  let next = 1;
  let filter = () => true;

  /** What the collector sends again after a reconnect was seen before, even if it was cleared since. */
  function seen(id, raw) {
    let hash = 0;
    for (let i = Math.min(raw.length, 512); i--; ) hash = (Math.imul(hash, 31) + raw.charCodeAt(i)) | 0;
    const key = `${id} ${raw.length} ${hash}`;
    if (known.has(key)) return true;
    known.add(key);
    if (known.size > 2 * MAX_EVENTS) known.delete(known.values().next().value);
    return false;
  }

  function trim() {
    if (ledger.all.length <= MAX_EVENTS && chars <= MAX_CHARS) return;
    // A tenth more than needed, so that the cut is rare.
    let cut = 0;
    while (cut < ledger.all.length - 1 && (ledger.all.length - cut > MAX_EVENTS * 0.9 || chars > MAX_CHARS * 0.9)) {
      const item = ledger.all[cut++];
      chars -= item.raw.length;
      if (item.kind in ledger.counts) ledger.counts[item.kind]--;
    }
    ledger.all.splice(0, cut);
    ledger.letGo += cut;
    const first = ledger.all[0].seq;
    const stale = ledger.view.findIndex((item) => item.seq >= first);
    ledger.view.splice(0, stale < 0 ? ledger.view.length : stale);
  }

  /** Adds what came, as `[kind, JSON]`; says how many new rows pass the filter. */
  ledger.add = (arrivals) => {
    let shown = 0;
    for (const [kind, raw] of arrivals) {
      const message = JSON.parse(raw);
      if (seen(message.id, raw)) continue;
      const item = summarise(kind, raw, message);
      item.seq = next++;
      chars += raw.length;
      if (kind in ledger.counts) ledger.counts[kind]++;
      if (item.source && ledger.sources.size < 100) ledger.sources.add(item.source);
      ledger.all.push(item);
      if (!filter(item)) continue;
      ledger.view.push(item);
      shown++;
    }
    trim();
    return shown;
  };

  ledger.filter = (passes) => {
    filter = passes;
    ledger.view = ledger.all.filter(filter);
  };

  ledger.clear = () => {
    ledger.all = [];
    ledger.view = [];
    ledger.letGo = 0;
    ledger.counts = { bad: 0, duplicate: 0 };
    chars = 0;
  };

  return ledger;
}
