// The live debugger: what arrives goes into a queue, and once a frame from there into the ledger and the list.

import { $, element, say, size } from './dom.js';
import { follow } from './stream.js';
import { createLedger, MAX_EVENTS } from './ledger.js';
import { createList } from './list.js';
import { createDetail } from './detail.js';
import { createMeter } from './meter.js';
import { createConnect } from './connect.js';

const RECENT = 1_000; // events from before this page, or from while the collector was out of reach
const BUSY = 20; // events in one frame from which on rows appear without a movement
const SLOW_MS = 100; // and the list is drawn ten times a second

const ledger = createLedger();
const meter = createMeter();
const list = createList({ view: () => ledger.view, onOpen: (item) => detail.open(item) });
const detail = createDetail({ onClose: closeDetail, onFind: find, headers: () => headers(), explains: () => explains });
createConnect();

// ---- intake

let queue = []; // [kind, JSON]: parsed when the list wants it, not when it comes
let paused = false;
let meanwhile = 0;
let skipped = 0;
let unseenBytes = 0; // of log, that came faster than the collector itself could show
let frame = 0;
let drawnAt = 0;
let badWhileAway = 0;
let explains = false; // whether something behind the log says where an event is
let current = false; // past the recent events that a connection begins with

function receive(kind, data) {
  if (kind === 'stats') return totals(JSON.parse(data));
  if (kind === 'skipped') {
    skipped += Number(JSON.parse(data).count) || 0;
    return schedule();
  }
  if (kind !== 'good' && kind !== 'bad' && kind !== 'duplicate') return;
  queue.push([kind, data]);
  if (kind === 'bad' && current && document.hidden) document.title = `(${++badWhileAway} rejected) Headwater`;
  // A page in the background or paused draws nothing: keep what it could show, and count the rest.
  if (queue.length > MAX_EVENTS * 1.2) {
    const excess = queue.length - MAX_EVENTS;
    queue.splice(0, excess);
    skipped += excess;
  }
  if (current) meter.count(kind);
  if (!paused) schedule();
  else if (current) {
    meanwhile++;
    showPause();
  }
}

function totals(stats) {
  meter.totals(stats);
  explains = stats.explains === true;
  unseenBytes = Number(stats.skippedBytes) || 0;
  if (current) return;
  current = true;
  schedule();
}

function schedule() {
  frame ||= requestAnimationFrame(intake);
}

function intake(now) {
  frame = 0;
  if (paused) return;
  if (queue.length > 1 && now - drawnAt < SLOW_MS) return schedule();
  const slide = queue.length < BUSY && now - drawnAt >= SLOW_MS;
  drawnAt = now;
  const arrivals = queue;
  queue = [];
  refresh(ledger.add(arrivals), slide);
}

// ---- what is shown

let connecting = false; // whether the reader asked for the snippets

function refresh(added = 0, slide = false) {
  list.draw(added, slide);
  const empty = ledger.all.length === 0;
  const untouched = empty && current && ledger.letGo === 0 && !cleared;
  const teach = !locked && (connecting || untouched);
  $('connect').hidden = !teach;
  say($('connectTitle'), untouched ? 'Waiting for the first event' : 'Send events here');
  $('nothing').hidden = teach || locked || !current || ledger.view.length > 0;
  say($('nothingText'), empty ? 'Cleared. New events appear here.' : reason());
  $('unfilter').hidden = empty;
  say($('badCount'), brief(ledger.counts.bad));
  say($('duplicateCount'), brief(ledger.counts.duplicate));
  const n = (count) => count.toLocaleString('en');
  const shown = ledger.view.length === ledger.all.length ? `${n(ledger.all.length)} events` : `${n(ledger.view.length)} of ${n(ledger.all.length)} events`;
  const lost = [ledger.letGo && `${n(ledger.letGo)} older let go`, skipped && `${n(skipped)} skipped`, unseenBytes && `${size(unseenBytes)} came too fast to show`].filter(Boolean);
  say($('kept'), [shown, ...lost].join(' · '));
  showSources();
}

const brief = (count) => (count < 1000 ? String(count || '') : `${(count / 1000).toFixed(1)}k`);

function reason() {
  if (chosen.kind === 'bad' && !ledger.counts.bad) return 'Nothing was rejected. Events that break a rule show up here with the reason and what to do.';
  if (chosen.kind === 'duplicate' && !ledger.counts.duplicate) return 'No duplicates. An event that is sent twice with one messageId is stored once; the second shows up here.';
  return 'No event passes the filters.';
}

function showPause() {
  $('pause').setAttribute('aria-pressed', String(paused));
  $('pauseIcon').setAttribute('d', paused ? 'M3 1.5l11 6.5-11 6.5z' : 'M3 2h3.5v12H3zM9.5 2H13v12H9.5z');
  say($('pauseText'), paused ? `Resume${meanwhile ? ` · ${meanwhile.toLocaleString('en')} new` : ''}` : 'Pause');
}

function pause(on) {
  paused = on;
  meanwhile = 0;
  showPause();
  say($('said'), on ? 'Paused' : 'Resumed');
  schedule();
}

function closeDetail() {
  detail.close();
  list.close();
  $('list').focus();
}

// ---- filters

const chosen = { kind: '', types: new Set(), source: '', text: '' };
let cleared = false;

function applyFilters() {
  const { kind, types, source } = chosen;
  const needle = chosen.text.trim().toLowerCase();
  ledger.filter((item) =>
    (!kind || item.kind === kind) &&
    (!types.size || types.has(item.type)) &&
    (!source || item.source === source) &&
    (!needle || item.raw.toLowerCase().includes(needle)));
  list.top();
  refresh();
}

function showSources() {
  const select = $('source');
  if (select.options.length - 1 === ledger.sources.size) return;
  for (const name of ledger.sources) {
    if (![...select.options].some((option) => option.value === name)) select.append(element('option', { value: name }, name));
  }
}

function find(text) {
  $('search').value = chosen.text = text;
  applyFilters();
}

for (const chip of $('types').children) {
  chip.addEventListener('click', () => {
    const { type } = chip.dataset;
    if (!chosen.types.delete(type)) chosen.types.add(type);
    chip.setAttribute('aria-pressed', String(chosen.types.has(type)));
    applyFilters();
  });
}
$('filters').addEventListener('submit', (event) => event.preventDefault());
$('filters').addEventListener('change', (event) => {
  if (event.target.name === 'kind') chosen.kind = event.target.value;
  if (event.target.id === 'source') chosen.source = event.target.value;
  applyFilters();
});
let typing = 0;
$('search').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => find($('search').value), 120);
});
$('unfilter').addEventListener('click', () => {
  Object.assign(chosen, { kind: '', source: '', text: '' });
  chosen.types.clear();
  for (const chip of $('types').children) chip.setAttribute('aria-pressed', 'false');
  $('filters').reset();
  applyFilters();
});
$('pause').addEventListener('click', () => pause(!paused));
$('clear').addEventListener('click', () => {
  ledger.clear();
  queue = [];
  meanwhile = skipped = 0;
  cleared = true;
  showPause();
  closeDetail();
  refresh();
});
function showConnect(on) {
  connecting = on;
  $('connectToggle').setAttribute('aria-expanded', String(on));
  refresh();
}
$('connectToggle').addEventListener('click', () => showConnect(!connecting));

// ---- keyboard

addEventListener('keydown', (press) => {
  if (press.ctrlKey || press.metaKey || press.altKey) return;
  const typingIn = press.target.matches('input:not([type=radio]), select, textarea');
  if (press.key === 'Escape') {
    if (typingIn && press.target.value && press.target.id === 'search') return find('');
    if (typingIn) return press.target.blur();
    if (!$('detail').hidden) return closeDetail();
    if (connecting) return showConnect(false);
    return;
  }
  if (typingIn) return;
  const onControl = press.target.matches('button, summary, input, a');
  const act = {
    '/': () => $('search').select(),
    ' ': onControl ? null : () => pause(!paused),
    j: () => list.move(1),
    k: () => list.move(-1),
    ArrowDown: onControl ? null : () => list.move(1),
    ArrowUp: onControl ? null : () => list.move(-1),
  }[press.key];
  if (!act) return;
  press.preventDefault();
  act();
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  badWhileAway = 0;
  document.title = 'Headwater';
});

// ---- connection

let locked = false;
const given = new URLSearchParams(location.search).get('token');
if (given) {
  sessionStorage.setItem('headwater.token', given);
  history.replaceState(null, '', location.pathname);
}
const token = () => sessionStorage.getItem('headwater.token');
const headers = () => (token() ? { authorization: `Bearer ${token()}` } : {});
let countdown = 0;

function showState(state, wait = 0, why = '') {
  clearInterval(countdown);
  $('state').dataset.state = state;
  locked = state === 'locked';
  $('locked').hidden = !locked;
  const words = { connecting: 'Connecting', live: 'Live', locked: 'Locked' };
  if (state === 'waiting') {
    const until = Date.now() + wait;
    const tell = () => say($('stateText'), `${why}, again in ${Math.max(1, Math.ceil((until - Date.now()) / 1000))} s`);
    tell();
    countdown = setInterval(tell, 500);
  } else say($('stateText'), words[state]);
  if (state === 'live') current = false;
  if (state === 'live' || state === 'waiting') say($('said'), state === 'live' ? 'Connected' : 'Connection lost');
  refresh();
}

const stream = follow({ url: `/_events?recent=${RECENT}`, headers, onMessage: receive, onState: showState });
$('locked').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('headwater.token', $('token').value);
  stream.now();
});
