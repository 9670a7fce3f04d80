// What a row shows of an event. The JSON stays text and is parsed again when somebody opens it.

export const TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'];

export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const text = (value) => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '');

/** The rows of one message: one, except that duplicates come as a list of messageIds. */
export function summarise(kind, raw, message, original) {
  const at = Date.parse(message.receivedAt ?? (kind === 'good' && message.event?.receivedAt)) || 0;
  const source = text(message.source).slice(0, 60);
  if (kind === 'duplicate' && Array.isArray(message.messageIds)) {
    return message.messageIds.map((id) => repeated(text(id), original(id), { kind, raw, at, source }));
  }
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
  return [{
    kind, raw, at, source, type,
    label: type || (message.event === undefined ? 'request' : 'no type'),
    name: name.slice(0, 200) || (message.event === undefined ? 'Refused request' : '—'),
    user: text(event.userId).slice(0, 80),
    anonymous: text(event.anonymousId).slice(0, 80),
    messageId: text(event.messageId),
    preview: kind === 'bad' ? `${text(message.code)}: ${text(message.message)}`.slice(0, 240) : preview(fields),
  }];
}

/** A duplicate brings only its messageId; the rest is told by the event it repeats, if that is still here. */
function repeated(messageId, first, own) {
  const { type = '', label = 'repeat', name = messageId.slice(0, 100), user = '', anonymous = '' } = first ?? {};
  return { ...own, type, label, name, user, anonymous, messageId, first: first?.raw, preview: `messageId: ${messageId.slice(0, 100)}` };
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
