// The page of one session: replay or live view, a timeline that seeks, the transcript, and the dialog that ends the session.
import { drawStrip, movePlayhead } from './strip.js';

const box = document.getElementById('player');
const live = box !== null && 'liveView' in box.dataset;
const look = { fit: 'width', theme: 'asciinema', terminalFontFamily: 'var(--mono)', controls: true };
let player = null;
let playing = false;
let times = null; // of the replay: pairs of [real, played] seconds
let duration = Infinity; // played seconds; what shows nothing may come after it

// between maps a time along pairs, by straight lines from one to the next.
function between(pairs, from, to, t) {
  if (!pairs || pairs.length === 0) return t;
  let first = 0;
  let last = pairs.length; // the first pair that is later than t
  while (first < last) {
    const middle = (first + last) >> 1;
    if (pairs[middle][from] > t) last = middle;
    else first = middle + 1;
  }
  const low = pairs[Math.max(0, last - 1)];
  if (last === 0 || last === pairs.length) return low[to];
  const share = (t - low[from]) / (pairs[last][from] - low[from] || 1);
  return low[to] + share * (pairs[last][to] - low[to]);
}

const played = (seconds) => between(times, 0, 1, seconds);
const real = (seconds) => between(times, 1, 0, seconds);

// clock writes seconds as 0:54 or 1:02:03.
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => (i ? String(part).padStart(2, '0') : part)).join(':');
}

// ofDay is the time of the day of a real one, in UTC.
function ofDay(seconds) {
  return new Date(Date.parse(box.dataset.started) + seconds * 1000).toISOString().slice(11, 19);
}

function show(source, options) {
  player?.dispose();
  playing = false;
  box.replaceChildren();
  player = AsciinemaPlayer.create(source, box, { ...look, ...options });
  for (const [name, value] of [['playing', true], ['play', true], ['pause', false], ['ended', false]]) {
    player.addEventListener(name, () => { playing = value; });
  }
}

async function replay(at, start) {
  const url = `${box.dataset.base}/cast/index.json?idle=${document.getElementById('idle').value}`;
  const index = await fetch(url).then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))));
  ({ times, duration } = index);
  show({ url, format: 'segmented' }, {
    startAt: played(at), autoPlay: start, preload: true, poster: `npt:${at > 0 ? played(at) : duration + 1}`, speed: Number(document.getElementById('speed').value),
  });
  document.getElementById('notes').textContent = (index.notes ?? []).join('; ');
  drawStrip(document.getElementById('strip'), { index, played, real, ofDay, clock, seek });
  at > 0 ? mark(at) : position();
}

function fail(error) {
  box.textContent = '';
  const text = document.createElement('p');
  text.className = 'empty';
  text.textContent = `The replay could not be loaded (${error.message}). The transcript below has the text.`;
  box.append(text);
}

// mark shows a real time as the moment at hand: in the timeline, on the strip, and in words.
function mark(now) {
  let current = null;
  for (const link of document.querySelectorAll('[data-t]')) {
    if (Number(link.dataset.t) <= now + 0.05) current = link.closest('li');
  }
  for (const item of document.querySelectorAll('.timeline li')) item.classList.toggle('now', item === current);
  const end = times ? times[times.length - 1][0] : 0;
  const at = Math.min(now, end);
  document.getElementById('position').textContent = `${clock(at)} of ${clock(end)} · ${ofDay(at)} UTC`;
  movePlayhead(document.getElementById('strip'), played(at), `${clock(at)}, ${ofDay(at)} UTC`);
}

let wanted = null; // the real time that was sought before the player has begun, as it does not say where it will

async function now() {
  const shown = await player.getCurrentTime();
  if (wanted !== null && !playing && shown === 0) return wanted;
  return shown < duration ? real(shown) : Infinity;
}

async function position() {
  if (player && times) mark(await now());
}

// seek goes to a played time.
async function seek(to) {
  if (!player) return;
  const at = Math.max(0, Math.min(duration, to));
  wanted = real(at);
  await player.seek(at);
  mark(at < duration ? wanted : Infinity);
}

async function change() {
  const at = player ? await now() : 0;
  replay(Math.min(at, times ? times[times.length - 1][0] : 0), playing).catch(fail);
}

// linked is the real time that the address names: ?t=90 or ?t=1:30, #t=90 the same without loading the page anew, #c2 for the
// second command.
function linked(address = location) {
  const t = /^#t=([\d.:]+)$/.exec(address.hash)?.[1] ?? new URLSearchParams(address.search).get('t');
  if (t) return t.split(':').reduce((sum, part) => sum * 60 + (Number(part) || 0), 0);
  const command = /^#c\d+$/.test(address.hash) ? document.querySelector(`${address.hash} [data-t]`) : null;
  return command ? Number(command.dataset.t) : 0;
}

// atTop shows the linked moment in the timeline, and the player, which the browser scrolls away for it, at the latest when the
// page has loaded.
async function atTop() {
  if (document.readyState !== 'complete') await new Promise((loaded) => { addEventListener('load', () => requestAnimationFrame(loaded), { once: true }); });
  const item = document.querySelector('.timeline li.now');
  const list = item?.closest('.timeline');
  if (list) list.scrollTop = item.offsetTop - list.offsetTop - 48;
  if (location.hash) scrollTo(0, 0);
}

// go is what a click or a key on a moment of the timeline does.
async function go(link) {
  history.replaceState(null, '', link.getAttribute('href'));
  await seek(played(Number(link.dataset.t)));
}

// command steps to the next or the previous command, or line of a governed shell.
async function command(by) {
  if (!player) return;
  const at = await now();
  const links = [...document.querySelectorAll('.timeline :is(li.command, li.line, li.refused) [data-t]')];
  const next = by > 0 ? links.find((link) => Number(link.dataset.t) > at + 0.05) : links.findLast((link) => Number(link.dataset.t) < at - 0.5);
  if (!next) return;
  await go(next);
  next.closest('li').scrollIntoView({ block: 'nearest' });
}

async function copyLink() {
  const at = Math.min(await now(), times[times.length - 1][0]);
  history.replaceState(null, '', `?t=${at.toFixed(3)}`);
  await navigator.clipboard?.writeText(location.href).catch(() => {});
  const button = document.getElementById('link');
  const text = button.textContent;
  button.textContent = 'Link copied';
  setTimeout(() => { button.textContent = text; }, 1500);
}

const keys = {
  ' ': () => (playing ? player.pause() : player.play()),
  ArrowLeft: async () => seek(played(await now()) - 5),
  ArrowRight: async () => seek(played(await now()) + 5),
  n: () => command(1),
  p: () => command(-1),
  l: copyLink,
};

function onKey(event) {
  if (!player || !times || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select, dialog, .ap-wrapper, .strip')) return;
  if (event.key === ' ' && event.target.closest('button, a, summary')) return;
  if (!Object.hasOwn(keys, event.key) || event.target.closest('pre') && event.key.startsWith('Arrow')) return;
  event.preventDefault();
  keys[event.key]();
}

function startReplay() {
  const at = linked();
  wanted = at || null;
  replay(at, false).then(atTop).catch(fail);
  document.getElementById('speed').addEventListener('change', change);
  document.getElementById('idle').addEventListener('change', change);
  document.getElementById('link').addEventListener('click', copyLink);
  document.addEventListener('keydown', onKey);
  addEventListener('hashchange', () => { if (times) seek(played(linked({ hash: location.hash, search: '' }))).then(atTop); });
  setInterval(position, 500);
  document.querySelector('.timeline').addEventListener('click', async (event) => {
    const link = event.target.closest('[data-t]');
    if (!link || !player) return;
    event.preventDefault();
    go(link);
  });
}

const maxHappened = 200;

// happened puts what is told of a live session at the end of its timeline.
function happened({ kind, label }) {
  const pane = document.querySelector('.timeline');
  if (!kind) return;
  let list = pane.querySelector('ol');
  if (!list) {
    list = document.createElement('ol');
    pane.querySelector('.empty')?.remove();
    pane.append(list);
  }
  const item = document.createElement('li');
  item.className = `${kind} new`;
  const chip = document.createElement('span');
  chip.className = `chip ${kind}`;
  const name = document.createElement('span');
  name.textContent = kind;
  chip.append(name);
  const text = document.createElement('code');
  text.textContent = label;
  item.append(chip, text);
  const below = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40; // whoever reads further up stays there
  list.append(item);
  while (list.querySelectorAll('.new').length > maxHappened) list.querySelector('.new').remove();
  if (below) pane.scrollTop = pane.scrollHeight;
}

function startLive() {
  show({ driver: 'eventsource', url: `${box.dataset.base}/live`, bufferTime: 0 }, { autoPlay: true });
  player.addEventListener('marker', happened);
  player.addEventListener('ended', () => notice('The session has ended. ', 'Show the recording'));
}

function notice(text, link) {
  const node = document.getElementById('notice');
  const anchor = document.createElement('a');
  anchor.href = location.pathname;
  anchor.textContent = link;
  node.replaceChildren(text, anchor);
  node.hidden = false;
}

if (box && globalThis.AsciinemaPlayer) {
  document.querySelector('.controls').hidden = false;
  (live ? startLive : startReplay)();
}

async function loadTranscript(box) {
  const pane = box.querySelector('pre');
  if (!box.open || (pane.textContent && !live)) return;
  const answer = await fetch(box.dataset.src);
  pane.textContent = answer.ok ? await answer.text() : `The transcript could not be loaded (${answer.statusText}).`;
}

const transcript = document.getElementById('transcript');
if (transcript) {
  transcript.addEventListener('toggle', () => loadTranscript(transcript));
  loadTranscript(transcript); // it may have been opened before this script was there
}

function reportLine(session) {
  const item = document.createElement('li');
  const id = document.createElement('code');
  id.textContent = session.id;
  const ms = (session.closed_ns / 1e6).toFixed(1);
  const remote = session.remote === 'ended' ? 'its process on the target ended' : 'UNCONFIRMED whether its process on the target ended';
  const left = (session.left ?? 0) + (session.residue?.length ?? 0);
  item.append(id, ` client cut off after ${ms} ms; ${remote}${left ? `; ${left} LEFT BEHIND, see the recording` : ''}${session.sibling ? '; it shared the connection' : ''}`);
  return item;
}

document.querySelector('#kill form')?.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector('.danger');
  const problem = form.querySelector('.problem');
  button.disabled = true;
  const answer = await fetch(form.dataset.api, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
  const body = await answer.json().catch(() => ({ error: answer.statusText }));
  button.disabled = false;
  problem.hidden = answer.ok;
  problem.textContent = answer.ok ? '' : body.error;
  if (!answer.ok) return;
  const result = document.querySelector('#kill .result');
  result.querySelector('.report').replaceChildren(...body.sessions.map(reportLine));
  form.hidden = true;
  result.hidden = false;
  result.querySelector('a').focus();
});
