// The page of one session: replay or live view, a timeline that seeks, the transcript, and the dialog that ends the session.

const box = document.getElementById('player');
const live = box !== null && 'liveView' in box.dataset;
const look = { fit: 'width', theme: 'asciinema', terminalFontFamily: 'var(--mono)', controls: true };
let player = null;
let times = null; // of the replay: pairs of [real, played] seconds
let duration = Infinity; // played seconds; what shows nothing may come after it

// between maps a time along pairs, by straight lines from one to the next.
function between(pairs, from, to, t) {
  if (!pairs || pairs.length === 0) return t;
  let low = pairs[0];
  for (const pair of pairs) {
    if (pair[from] > t) {
      const share = (t - low[from]) / (pair[from] - low[from] || 1);
      return low[to] + share * (pair[to] - low[to]);
    }
    low = pair;
  }
  return low[to];
}

const played = (seconds) => between(times, 0, 1, seconds);
const real = (seconds) => between(times, 1, 0, seconds);

function show(source, options) {
  player?.dispose();
  box.replaceChildren();
  player = AsciinemaPlayer.create(source, box, { ...look, ...options });
}

async function replay(at, playing) {
  const idle = document.getElementById('idle').checked ? 2 : 0;
  const url = `${box.dataset.base}/cast/index.json?idle=${idle}`;
  const index = await fetch(url).then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))));
  ({ times, duration } = index);
  show({ url, format: 'segmented' }, {
    startAt: played(at), autoPlay: playing, preload: true, poster: `npt:${at > 0 ? played(at) : duration + 1}`, speed: Number(document.getElementById('speed').value),
  });
}

function fail(error) {
  box.textContent = '';
  const text = document.createElement('p');
  text.className = 'empty';
  text.textContent = `The replay could not be loaded (${error.message}). The transcript below has the text.`;
  box.append(text);
}

// position marks the moment of the timeline that the player has reached.
async function position() {
  if (!player) return;
  const shown = await player.getCurrentTime();
  const now = shown < duration ? real(shown) : Infinity;
  let current = null;
  for (const link of document.querySelectorAll('[data-t]')) {
    if (Number(link.dataset.t) <= now + 0.05) current = link.closest('li');
  }
  for (const item of document.querySelectorAll('.timeline li')) item.classList.toggle('now', item === current);
}

async function change() {
  const at = player ? real(await player.getCurrentTime()) : 0;
  replay(at, false).catch(fail);
}

function startReplay() {
  const at = Number(new URLSearchParams(location.search).get('t')) || 0;
  replay(at, false).catch(fail);
  document.getElementById('speed').addEventListener('change', change);
  document.getElementById('idle').addEventListener('change', change);
  setInterval(position, 500);
  document.querySelector('.timeline').addEventListener('click', async (event) => {
    const link = event.target.closest('[data-t]');
    if (!link || !player) return;
    event.preventDefault();
    history.replaceState(null, '', link.getAttribute('href'));
    await player.seek(played(Number(link.dataset.t)));
    position();
  });
}

function startLive() {
  show({ driver: 'eventsource', url: `${box.dataset.base}/live`, bufferTime: 0 }, { autoPlay: true });
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

document.getElementById('transcript')?.addEventListener('toggle', async (event) => {
  const pane = event.target.querySelector('pre');
  if (!event.target.open || (pane.textContent && !live)) return;
  const answer = await fetch(event.target.dataset.src);
  pane.textContent = answer.ok ? await answer.text() : `The transcript could not be loaded (${answer.statusText}).`;
});

function reportLine(session) {
  const item = document.createElement('li');
  const id = document.createElement('code');
  id.textContent = session.id;
  const ms = (session.closed_ns / 1e6).toFixed(1);
  const remote = session.remote === 'ended' ? 'its process on the target ended' : 'UNCONFIRMED whether its process on the target ended';
  item.append(id, ` client cut off after ${ms} ms; ${remote}${session.sibling ? '; it shared the connection' : ''}`);
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
