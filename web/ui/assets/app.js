// What every page has: ages that stay true, dialogs, shortcuts, and lists that follow what happens.

const units = [[86400, 'd', 172800], [3600, 'h', 3600], [60, 'm', 60], [1, 's', 5]];

function ago(seconds) {
  const unit = units.find(([, , from]) => seconds >= from);
  return unit ? `${Math.floor(seconds / unit[0])}${unit[1]} ago` : 'now';
}

function refreshAges() {
  for (const node of document.querySelectorAll('[data-ago]')) {
    node.textContent = ago((Date.now() - Date.parse(node.dataset.ago)) / 1000);
  }
}

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
  return Boolean(dialog);
}

function typing(node) {
  return node.closest('input, textarea, select, dialog, .ap-wrapper') !== null;
}

function step(by) {
  const items = [...document.querySelectorAll('[data-item]')];
  const next = items.indexOf(document.activeElement) + by;
  items[Math.max(0, Math.min(items.length - 1, next))]?.focus();
}

const shortcuts = {
  '?': () => openDialog('help'),
  '/': () => document.querySelector('[data-filter]')?.focus(),
  'j': () => step(1),
  'k': () => step(-1),
  'g o': () => location.assign('/'),
  'g s': () => location.assign('/sessions'),
  'g f': () => location.assign('/search'),
  'g a': () => location.assign('/audit'),
  'g p': () => location.assign('/approvals'),
};

let prefix = '';

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const key = prefix + event.key;
  prefix = event.key === 'g' ? 'g ' : '';
  if (!shortcuts[key]) return;
  event.preventDefault();
  shortcuts[key]();
});

document.addEventListener('click', (event) => {
  const opener = event.target.closest('[data-open]');
  if (opener && openDialog(opener.dataset.open)) event.preventDefault();
  event.target.closest('[data-close]')?.closest('dialog').close();
});

function refreshLeft() {
  for (const node of document.querySelectorAll('[data-left]')) {
    const seconds = Math.floor((Date.parse(node.dataset.left) - Date.now()) / 1000);
    if (seconds <= 0) node.textContent = 'over';
    else if (seconds < 60) node.textContent = `${seconds}s left`;
    else if (seconds < 3600) node.textContent = `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s left`;
  }
}

// saidBy is what a part of a page says, but for how old things are.
function saidBy(node) {
  const copy = node.cloneNode(true);
  for (const time of copy.querySelectorAll('[data-left], [data-ago]')) time.remove();
  return copy.textContent;
}

// What waits for people is asked for anew every few seconds while somebody looks. A part that says something else now is put in
// place; where its state is another (data-poll), the whole page is, unless something is being written or proven on it.
async function refreshPoll() {
  const old = document.querySelector('[data-poll]');
  if (document.hidden || document.body.dataset.busy || old.querySelector('details[open]')) return;
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
  if (answer.redirected) return location.reload(); // signed out meanwhile
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = page.querySelector('[data-poll]');
  if (!fresh || document.body.dataset.busy) return;
  const words = document.getElementById('words');
  if (fresh.dataset.poll !== old.dataset.poll && document.querySelector('[data-approve]') && !words?.value) return location.reload();
  document.title = page.title;
  const [told, tell] = [document, page].map((where) => where.querySelector('[data-said]'));
  if (told && tell && told.textContent !== tell.textContent) told.textContent = tell.textContent; // read out
  document.querySelector('.top nav').replaceChildren(...page.querySelector('.top nav').childNodes);
  if (saidBy(fresh) === saidBy(old)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  old.dataset.poll = fresh.dataset.poll;
  old.replaceChildren(...fresh.childNodes);
  if (focused) old.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

// The part of a list that is live is fetched anew when something changed; the focus stays on the same session.
async function refreshList() {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-live]');
  const old = document.querySelector('[data-live]');
  if (!fresh || !old || fresh.innerHTML === old.innerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  old.replaceChildren(...fresh.childNodes);
  if (focused) old.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

for (const node of document.querySelectorAll('button[data-open]')) node.hidden = false;
setInterval(refreshAges, 15000);
const list = document.querySelector('[data-live]');
if (list) {
  new EventSource(`/api/events?since=${list.dataset.live}`).addEventListener('change', () => { refreshList(); });
}
if (document.querySelector('[data-left]')) setInterval(refreshLeft, 1000);
if (document.querySelector('[data-poll]')) setInterval(refreshPoll, 3000);
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); }); // back to what may be decided by now
