// One event, opened: the facts one looks for first, why it was refused if it was, and all of its JSON.

import { $, copy, element, size } from './dom.js';
import { isObject } from './summary.js';
import { tree } from './json.js';
import { createWay } from './way.js';

const DUPLICATE = 'An event of this source with this messageId was accepted before, so this copy was not stored again. It is what a retry after a lost answer looks like. Nothing to do, as long as each call has a messageId of its own.';

/** `onClose()`; `onFind(text)` looks for all events with that text; `headers()` are those of every request,
 * `explains()` says whether a hub tells where events are. */
export function createDetail({ onClose, onFind, headers, explains }) {
  const panel = $('detail');
  const way = createWay({ headers, explains });

  function open(item) {
    const message = JSON.parse(item.raw);
    const event = message.event;
    const fields = isObject(event) ? event : {};
    const library = isObject(fields.context) && isObject(fields.context.library) ? fields.context.library : {};
    const shown = event ?? message;
    const { cut } = message;
    const pretty = cut ? String(cut.head) : JSON.stringify(shown, null, 2);

    const facts = [
      ['User', fields.userId, true],
      ['Anonymous ID', fields.anonymousId, true],
      ['Group', fields.groupId, true],
      ['Message ID', fields.messageId],
      ['Received', moment(item.at)],
      ['Lag', item.kind === 'good' ? lag(item.at, fields.originalTimestamp) : ''],
      ['Source', message.source],
      ['Library', [library.name, library.version].filter((part) => typeof part === 'string').join(' ')],
      ['Size', event && size(cut ? Number(cut.bytes) : new TextEncoder().encode(JSON.stringify(event)).length)],
    ];
    const list = element('dl');
    for (const [name, value, findable] of facts) {
      if (value === undefined || value === null || value === '') continue;
      const words = String(typeof value === 'object' ? JSON.stringify(value) : value).slice(0, 400);
      const fact = element('bdi', {}, words);
      list.append(
        element('dt', {}, name),
        element('dd', {}, findable
          ? element('button', { type: 'button', class: 'find', title: 'Show all events with this', onclick: () => onFind(words) }, fact)
          : fact),
      );
    }

    const copyButton = element('button', { type: 'button', class: 'copy', onclick: () => copy(copyButton, pretty) }, 'Copy');
    panel.dataset.type = item.type;
    panel.replaceChildren(
      element('div', { class: 'title' },
        element('span', { class: 'type' }, item.label),
        element('h2', { dir: 'auto' }, item.name),
        element('button', { type: 'button', class: 'close', 'aria-label': 'Close', title: 'Close (esc)', onclick: onClose }, '✕')),
      ...notice(item, message),
      list,
      way.show(item.kind === 'bad' ? null : fields.messageId),
      element('div', { class: 'bar' }, element('h3', {}, cut ? 'Its beginning' : heading(item, event)), copyButton),
      cut ? element('div', { class: 'json head' }, pretty, '…') : tree(shown),
    );
    panel.scrollTop = 0;
    panel.hidden = false;
  }

  function heading(item, event) {
    if (event === undefined) return 'What the collector says';
    return item.kind === 'good' ? 'Event' : 'As it was sent';
  }

  function notice(item, message) {
    return [...verdict(item, message), ...(message.cut ? [element('div', { class: 'notice' },
      element('strong', {}, 'Cut'),
      element('p', {}, 'It is too large to be shown whole. All of it: ', element('code', {}, `headwater export${item.kind === 'bad' ? ' --rejected' : ''}`)))] : [])];
  }

  function verdict(item, message) {
    if (item.kind === 'duplicate') return [element('div', { class: 'notice' }, element('strong', {}, 'Duplicate'), element('p', {}, DUPLICATE))];
    if (item.kind !== 'bad') return [];
    return [element('div', { class: 'notice bad' },
      element('strong', {}, 'Rejected'), ' ', element('code', {}, String(message.code ?? 'unknown')),
      element('p', {}, element('span', {}, 'What to do: '), String(message.message ?? 'see the event below')))];
  }

  function close() {
    way.end();
    panel.hidden = true;
  }

  return { open, close };
}

const moment = (ms) => new Date(ms).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

function lag(at, sent) {
  const ms = at - Date.parse(sent);
  if (!Number.isFinite(ms)) return '';
  if (ms < -1000) return `${span(-ms)} ahead: the sender’s clock is fast`;
  return `${span(Math.max(0, ms))} from the call to the collector`;
}

function span(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}
