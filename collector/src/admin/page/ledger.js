// The newest events, bounded by number and by size, and the ones among them that pass the filter.
// Both are ordered oldest first: new ones are pushed, old ones leave in one cut, and nothing is shifted per event.

export const MAX_EVENTS = 5_000;
const MAX_CHARS = 24 << 20;
export const TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'];

/** One line's worth of an event. `raw` is kept as text and parsed again when somebody opens it. */
export function summarise(kind, raw, message) {
  const event = isObject(message.event) ? message.event : {};
  const type = TYPES.includes(event.type) ? event.type : '';
  const fields = [event.properties, event.traits].find((each) => isObject(each) && Object.keys(each).length) ?? {};
  const names = {
    track: [event.event],
    page: [event.name, fields.name, fields.title, fields.path, fields.url],
    screen: [event.name, fields.name],
    identify: [fields.name, fields.email, event.userId],
    group: [fields.name, event.groupId],
    alias: [`${text(event.previousId) || '?'} → ${text(event.userId) || '?'}`],
  };
  const name = (names[type] ?? [event.event, event.name]).map(text).find(Boolean) ?? '';
  return {
    key: `${message.id}@${message.receivedAt}`,
    id: Number(message.id) || 0,
    seq: 0,
    at: Date.parse(message.receivedAt) || Date.now(),
    kind,
    raw,
    type,
    name: name.slice(0, 200),
    user: text(event.userId).slice(0, 80),
    anonymous: text(event.anonymousId).slice(0, 80),
    source: text(message.source).slice(0, 60),
    preview: kind === 'bad' ? `${text(message.code)}: ${text(message.message)}`.slice(0, 200) : preview(fields),
  };
}

export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const text = (value) => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '');

function preview(fields) {
  let line = '';
  for (const key in fields) {
    const value = fields[key];
    const shown = Array.isArray(value) ? `[${value.length}]` : isObject(value) ? '{…}' : String(value).slice(0, 60);
    line += `${line && '   '}${key.slice(0, 40)}: ${shown}`;
    if (line.length > 140) break;
  }
  return line;
}

export function createLedger() {
  const ledger = { all: [], view: [], letGo: 0, counts: { bad: 0, duplicate: 0 }, sources: new Set() };
  const keys = new Set();
  let chars = 0;
  let next = 1;
  let filter = () => true;
  let floor = null; // what was cleared; a snapshot must not bring it back

  function take(item) {
    if (keys.has(item.key)) return false;
    keys.add(item.key);
    chars += item.raw.length;
    if (item.kind in ledger.counts) ledger.counts[item.kind]++;
    if (item.source && ledger.sources.size < 100) ledger.sources.add(item.source);
    return true;
  }

  function trim() {
    if (ledger.all.length <= MAX_EVENTS && chars <= MAX_CHARS) return;
    // A tenth more than needed, so that the cut is rare.
    let cut = 0;
    while (cut < ledger.all.length - 1 && (ledger.all.length - cut > MAX_EVENTS * 0.9 || chars > MAX_CHARS * 0.9)) {
      const item = ledger.all[cut++];
      keys.delete(item.key);
      chars -= item.raw.length;
      if (item.kind in ledger.counts) ledger.counts[item.kind]--;
    }
    ledger.all.splice(0, cut);
    ledger.letGo += cut;
    const first = ledger.all[0]?.seq ?? next;
    const stale = ledger.view.findIndex((item) => item.seq >= first);
    ledger.view.splice(0, stale < 0 ? ledger.view.length : stale);
  }

  /** Adds newer events; says how many of them pass the filter. */
  ledger.add = (items) => {
    let shown = 0;
    for (const item of items) {
      if (!take(item)) continue;
      item.seq = next++;
      ledger.all.push(item);
      if (filter(item)) shown = ledger.view.push(item) && shown + 1;
    }
    trim();
    return shown;
  };

  /** Adds what a snapshot knows and the stream did not bring, each in its place. */
  ledger.merge = (items) => {
    const missing = items.filter((item) => (!floor || order(item, floor) > 0) && take(item));
    if (!missing.length) return;
    ledger.all = ledger.all.concat(missing).sort(order);
    for (const item of ledger.all) item.seq = next++;
    ledger.filter(filter);
    trim();
  };

  ledger.filter = (passes) => {
    filter = passes;
    ledger.view = ledger.all.filter(filter);
  };

  ledger.clear = () => {
    floor = ledger.all.at(-1) ?? floor;
    ledger.all = [];
    ledger.view = [];
    ledger.letGo = 0;
    ledger.counts = { bad: 0, duplicate: 0 };
    keys.clear();
    chars = 0;
  };

  return ledger;
}

const order = (a, b) => a.at - b.at || a.id - b.id;
