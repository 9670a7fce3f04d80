// What a row shows of an event. The JSON stays text and is parsed again when somebody opens it.

const TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'];

export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const text = (value) => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '');

export function summarise(kind, raw, message) {
  const event = isObject(message.event) ? message.event : {};
  const type = [message.type, event.type].find((each) => TYPES.includes(each)) ?? '';
  const fields = [event.properties, event.traits].find((each) => isObject(each) && Object.keys(each).length) ?? {};
  const names = {
    track: [event.event],
    page: [event.name, fields.name, fields.title, fields.path, fields.url],
    screen: [event.name, fields.name],
    identify: [fields.name, fields.email, event.userId, event.anonymousId],
    group: [fields.name, event.groupId],
    alias: [`${text(event.previousId) || '?'} → ${text(event.userId) || '?'}`],
  };
  const name = (names[type] ?? [event.event, event.name]).map(text).find(Boolean) ?? '';
  return {
    seq: 0, // its place in the order of arrival, set by the ledger
    kind,
    raw,
    type,
    at: Date.parse(message.receivedAt) || Date.now(),
    source: text(message.source).slice(0, 60),
    label: type || (message.event === undefined ? 'request' : 'no type'),
    name: name.slice(0, 200) || (message.event === undefined ? 'Refused request' : '—'),
    user: text(event.userId).slice(0, 80),
    anonymous: text(event.anonymousId).slice(0, 80),
    preview: kind === 'bad' ? `${text(message.code)}: ${text(message.message)}`.slice(0, 240) : preview(fields),
  };
}

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
