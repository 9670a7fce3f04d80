// An event's way behind the log, where a hub is: what its source's rules said, and what became of it at each connection.

import { element } from './dom.js';

/** How often an event that is still on its way is asked for again. */
const AGAIN_MS = 2000;
const SHOWN_CHANGES = 20; // of one rule
const UNDERWAY = new Set(['waiting', 'retry', 'retrying']);

const WORDS = {
  delivered: 'delivered', dropped: 'dropped', blocked: 'blocked', disabled: 'connection is off', dead: 'given up',
  decided: 'decided earlier', waiting: 'waiting', retry: 'trying again', retrying: 'trying again', rejected: 'given up', expired: 'no longer in the log',
};

/** `headers()` are those of every request, `explains()` says whether a hub is there. `show(messageId)` gives the node;
 * showing another one ends the asking. */
export function createWay({ headers, explains }) {
  let shown = 0;

  function show(messageId) {
    const node = element('section', { class: 'way', 'aria-label': 'Its way', hidden: '' });
    const mine = ++shown;
    if (explains() && typeof messageId === 'string' && messageId !== '') ask(node, messageId, mine);
    return node;
  }

  async function ask(node, messageId, mine) {
    const way = await fetchWay(messageId);
    if (mine !== shown || !way) return;
    node.replaceChildren(...rows(way));
    node.hidden = false;
    if (way.connections.some(({ verdict }) => UNDERWAY.has(verdict))) setTimeout(() => mine === shown && ask(node, messageId, mine), AGAIN_MS);
  }

  async function fetchWay(messageId) {
    try {
      const answer = await fetch(`/admin/v1/events/${encodeURIComponent(messageId)}`, { headers: headers() });
      if (!answer.ok) return null;
      const way = await answer.json();
      return Array.isArray(way.connections) ? way : null;
    } catch {
      return null;
    }
  }

  return { show, end: () => { shown += 1; } };
}

function rows(way) {
  const source = row(way.source_name ?? way.source, way.blocked ? 'blocked' : 'passed', way.blocked ? 'bad' : 'good', told(way.source_stage));
  return [element('h3', {}, 'Its way'), element('ol', {}, source, ...way.connections.map(connection))];
}

function connection({ name, verdict, stage, attempts }) {
  const good = verdict === 'delivered';
  const tries = attempts.filter(({ outcome }) => outcome === 'retry');
  const notes = told(stage);
  if (tries.length > 0) notes.push(`${tries.length} ${tries.length === 1 ? 'try' : 'tries'} failed: ${tries.at(-1).reason}`);
  const last = attempts.at(-1);
  if (last && !['retry', 'delivered'].includes(last.outcome)) notes.push(last.reason);
  return row(name, WORDS[verdict] ?? String(verdict), good ? 'good' : UNDERWAY.has(verdict) || verdict === 'decided' ? 'wait' : 'bad', notes);
}

/** What rules did and changed, but for those that let the event pass without a word. */
function told(steps) {
  return steps
    .filter(({ did, found }) => did !== 'passed' || found.length > 0)
    .flatMap(({ rule, did, found, changes = [] }) => [
      `${rule} ${did}${found.length > 0 ? `: ${found.join(', ')}` : ''}`,
      ...changes.slice(0, SHOWN_CHANGES).map(changed),
      ...(changes.length > SHOWN_CHANGES ? [`and ${changes.length - SHOWN_CHANGES} more`] : []),
    ]);
}

function changed({ path, before, after }) {
  const text = (value) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 120));
  return `${path}: ${text(before)} → ${text(after)}`;
}

function row(name, verdict, tone, notes) {
  return element('li', {},
    element('span', { class: 'where' }, element('bdi', {}, String(name).slice(0, 200))),
    element('span', { class: `verdict ${tone}` }, verdict),
    ...notes.map((note) => element('p', {}, String(note).slice(0, 600))));
}
