// JSON as a tree that can be folded. Branches are built when they are opened and long ones in portions, so an event of
// any shape opens at once.

import { element } from './dom.js';

const OPEN_DEPTH = 3; // levels that start unfolded
const PORTION = 100; // members shown before "more"
const LONGEST = 600; // characters of a string shown before "more"

export function tree(value) {
  return element('div', { class: 'json' }, node(value, null, 0, true));
}

function node(value, key, depth, last) {
  const comma = last ? '' : ',';
  if (typeof value !== 'object' || value === null) return element('div', { class: 'leaf' }, ...named(key), scalar(value), comma);
  const list = Array.isArray(value);
  const entries = list ? value.map((each) => [null, each]) : Object.entries(value);
  const [open, close] = list ? '[]' : '{}';
  if (!entries.length) return element('div', { class: 'leaf' }, ...named(key), open + close + comma);

  const size = `${entries.length} ${list ? 'item' : 'field'}${entries.length > 1 ? 's' : ''}`;
  const summary = element('summary', {}, ...named(key), open, element('span', { class: 'folded' }, ` ${size} `, close + comma));
  const branch = element('details', {}, summary);
  const grow = () => {
    const inside = element('div', { class: 'inside' });
    const more = (start) => {
      const end = Math.min(entries.length, start + PORTION);
      for (let i = start; i < end; i++) inside.append(node(entries[i][1], entries[i][0], depth + 1, i === entries.length - 1));
      if (end < entries.length) {
        const button = element('button', { type: 'button', class: 'more', onclick: () => (button.remove(), more(end)) }, `… ${entries.length - end} more`);
        inside.append(button);
      }
    };
    more(0);
    branch.append(inside, element('div', { class: 'leaf' }, close + comma));
  };
  if (depth < OPEN_DEPTH) {
    branch.open = true;
    grow();
  } else branch.addEventListener('toggle', grow, { once: true });
  return branch;
}

const named = (key) => (key === null ? [] : [element('span', { class: 'key' }, element('bdi', {}, JSON.stringify(key))), ': ']);

function scalar(value) {
  const kind = value === null ? 'null' : typeof value;
  if (kind !== 'string' || value.length <= LONGEST) return element('span', { class: kind }, element('bdi', {}, JSON.stringify(value)));
  const shown = element('bdi', {}, JSON.stringify(value.slice(0, LONGEST)).slice(0, -1) + '…');
  const button = element('button', { type: 'button', class: 'more', onclick: () => {
    shown.textContent = JSON.stringify(value);
    button.remove();
  } }, `${(value.length - LONGEST).toLocaleString('en')} more characters`);
  return element('span', { class: kind }, shown, ' ', button);
}
