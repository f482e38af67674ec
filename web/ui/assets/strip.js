// The strip under the player: how much was written when, what was decided when, and where the player is. It is a slider.

const ns = 'http://www.w3.org/2000/svg';
const weight = { resize: 0, signal: 1, note: 1, exit: 1, allow: 2, ask: 3, deny: 4, refused: 4, kill: 5 };

function shape(name, attributes) {
  const node = document.createElementNS(ns, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

const percent = (share) => `${(Math.max(0, Math.min(1, share)) * 100).toFixed(3)}%`;

// bars are the activity, its cube root: a screen of text must be seen beside a megabyte.
function bars({ index, played }) {
  const most = Math.max(1, ...index.activity);
  const total = Number(index.duration) || 1;
  return index.activity.flatMap((bytes, i) => {
    if (bytes === 0) return [];
    const from = played(i * index.bucket) / total;
    const width = Math.max(0.002, played((i + 1) * index.bucket) / total - from);
    const height = Math.max(0.06, Math.cbrt(bytes / most)) * 0.78;
    return [shape('rect', { class: 'bar', x: percent(from), width: percent(width), y: percent(1 - height), height: percent(height) })];
  });
}

function kindOf(item) {
  return Object.keys(weight).filter((kind) => item.classList.contains(kind)).sort((a, b) => weight[b] - weight[a])[0];
}

// ticks are the moments of the timeline; of those that would stand on one another the gravest is shown.
function ticks({ index, played }) {
  const total = Number(index.duration) || 1;
  const shown = [];
  for (const link of document.querySelectorAll('.timeline [data-t]')) {
    const kind = kindOf(link.closest('li'));
    if (!kind || weight[kind] < 2) continue;
    const at = Math.min(1, played(Number(link.dataset.t)) / total);
    const last = shown[shown.length - 1];
    if (last && at - last.at < 0.004) {
      if (weight[kind] > weight[last.kind]) last.kind = kind;
    } else {
      shown.push({ at, kind });
    }
  }
  return shown.flatMap(({ at, kind }) => {
    const x = percent(at * 0.996);
    const grave = weight[kind] > 2;
    const line = shape('rect', { class: `tick ${kind}`, x, width: 2, y: grave ? 0 : '70%', height: grave ? '100%' : '30%' });
    return grave ? [line, shape('rect', { class: `tick ${kind}`, x, width: 7, y: 0, height: 7 })] : [line];
  });
}

// drawStrip draws the strip of one replay. seek takes a played time.
export function drawStrip(strip, view) {
  const total = Number(view.index.duration) || 1;
  const svg = shape('svg', { 'aria-hidden': 'true' });
  const label = document.createElement('span');
  label.className = 'at';
  label.hidden = true;
  svg.append(...bars(view), ...ticks(view), shape('rect', { class: 'head', x: 0, width: 2, y: 0, height: '100%' }));
  strip.replaceChildren(svg, label);
  strip.setAttribute('aria-valuemax', total.toFixed(1));
  strip.hidden = false;

  const timeAt = (event) => {
    const area = strip.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - area.left) / area.width)) * total;
  };
  strip.onpointerdown = (event) => {
    strip.setPointerCapture(event.pointerId);
    view.seek(timeAt(event));
  };
  strip.onpointermove = (event) => {
    const to = timeAt(event);
    const at = view.real(to);
    label.hidden = false;
    label.textContent = `${view.clock(at)} · ${view.ofDay(at)}`;
    label.style.left = percent(to / total);
    label.classList.toggle('end', to > total / 2);
  };
  strip.onpointerup = (event) => { view.seek(timeAt(event)); };
  strip.onpointerleave = () => { label.hidden = true; };
  strip.onkeydown = (event) => {
    const here = Number(strip.getAttribute('aria-valuenow'));
    const to = { ArrowLeft: here - 5, ArrowRight: here + 5, PageUp: here - total / 10, PageDown: here + total / 10, Home: 0, End: total }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    view.seek(to);
  };
}

// movePlayhead shows a played time on the strip, and says it.
export function movePlayhead(strip, at, words) {
  const total = Number(strip.getAttribute('aria-valuemax')) || 1;
  strip.querySelector('.head')?.setAttribute('x', percent(at / total * 0.998));
  strip.setAttribute('aria-valuenow', at.toFixed(1));
  strip.setAttribute('aria-valuetext', words);
}
