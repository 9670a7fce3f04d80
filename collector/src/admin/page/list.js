// The list: only the rows in sight exist. A row belongs to its event while that is in sight, so new events move rows
// instead of rewriting them.

import { $, element, say } from './dom.js';

const SPARE = 4; // rows beyond each edge, for scrolling without gaps
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export function createList({ view, onOpen }) {
  const port = $('list');
  const canvas = $('canvas');
  const newer = $('newer');
  const rows = new Map();
  const free = [];
  let height = 36;
  let selected = null;
  let unseen = 0;

  const two = (n) => String(n).padStart(2, '0');
  function clock(ms) {
    const d = new Date(ms);
    return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, '0')}`;
  }

  function build() {
    const cells = ['time', 'type', 'name', 'preview', 'user', 'source'].map((name) => element('span', { class: name, dir: 'auto' }));
    const row = element('div', { class: 'row', role: 'option' }, ...cells);
    const label = element('bdi');
    const mark = element('em');
    cells[2].append(label, mark);
    row.parts = { time: cells[0], type: cells[1], label, mark, preview: cells[3], user: cells[4], source: cells[5] };
    row.addEventListener('click', () => select(row.item));
    canvas.append(row);
    return row;
  }

  function fill(row, item) {
    const { time, type, label, mark, preview, user, source } = row.parts;
    row.item = item;
    row.id = `e${item.seq}`;
    row.dataset.kind = item.kind;
    row.dataset.type = item.type;
    time.textContent = clock(item.at);
    type.textContent = item.label;
    label.textContent = item.name;
    mark.textContent = item.kind === 'bad' ? 'rejected' : item.kind === 'duplicate' ? 'duplicate' : '';
    preview.textContent = item.preview;
    user.textContent = item.user || item.anonymous;
    user.classList.toggle('anonymous', !item.user);
    source.textContent = item.source;
    row.hidden = false;
  }

  /** Draws. `added`: how many events came in at the top since the last time; `slide`: whether that may be animated. */
  function draw(added = 0, slide = false) {
    const all = view();
    const total = all.length;
    canvas.style.height = `${total * height}px`;
    if (added && port.scrollTop > height / 2) {
      // The reader is further down: keep what they read where it is.
      port.scrollTop += added * height;
      unseen += added;
    }
    const top = port.scrollTop;
    if (top <= height / 2) unseen = 0;
    newer.hidden = unseen === 0;
    if (unseen) say(newer, `↑ ${unseen.toLocaleString('en')} new`);

    const from = Math.max(0, Math.floor(top / height) - SPARE);
    const to = Math.min(total, Math.ceil((top + port.clientHeight) / height) + SPARE);
    const wanted = new Set();
    for (let i = from; i < to; i++) wanted.add(all[total - 1 - i]);
    for (const [item, row] of rows) {
      if (wanted.has(item)) continue;
      rows.delete(item);
      row.hidden = true;
      row.item = null;
      free.push(row);
    }
    let position = from;
    for (const item of wanted) {
      let row = rows.get(item);
      if (!row) {
        row = free.pop() ?? build();
        fill(row, item);
        rows.set(item, row);
      } else if (row.id !== `e${item.seq}`) row.id = `e${item.seq}`;
      row.classList.toggle('fresh', slide && position < added);
      row.style.transform = `translateY(${position * height}px)`;
      row.setAttribute('aria-selected', String(item === selected));
      row.setAttribute('aria-posinset', String(++position));
      row.setAttribute('aria-setsize', String(total));
    }
    if (selected && rows.has(selected)) port.setAttribute('aria-activedescendant', `e${selected.seq}`);
    else port.removeAttribute('aria-activedescendant');
    if (slide && added && added < 4 && top <= height / 2 && !calm.matches) {
      canvas.animate([{ transform: `translateY(${-added * height}px)` }, { transform: 'none' }], { duration: 200, easing: 'cubic-bezier(.2,.7,.2,1)' });
    }
  }

  function select(item) {
    selected = item;
    draw();
    onOpen(item);
  }

  /** Position in the view, newest 0; -1 when the filter hides it. */
  function place(item) {
    const all = view();
    let low = 0;
    let high = all.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (all[middle].seq === item.seq) return all.length - 1 - middle;
      if (all[middle].seq < item.seq) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  function move(step) {
    const all = view();
    if (!all.length) return;
    const at = selected ? place(selected) : -1;
    const to = at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step));
    if (to * height < port.scrollTop) port.scrollTop = to * height;
    else if ((to + 1) * height > port.scrollTop + port.clientHeight) port.scrollTop = (to + 1) * height - port.clientHeight;
    select(all[all.length - 1 - to]);
  }

  function measure() {
    height = parseInt(getComputedStyle(port).getPropertyValue('--row'), 10) || 36;
    draw();
  }

  let scheduled = 0;
  port.addEventListener('scroll', () => {
    scheduled ||= requestAnimationFrame(() => ((scheduled = 0), draw()));
  }, { passive: true });
  newer.addEventListener('click', () => {
    port.scrollTop = 0;
    draw();
    port.focus();
  });
  new ResizeObserver(measure).observe(port);

  return { draw, move, close: () => ((selected = null), draw()), top: () => ((port.scrollTop = 0), draw()) };
}
