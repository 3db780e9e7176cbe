// News without reloading: an event says that something moved, the page reads itself again and swaps what changed.
import { announce, localise } from './page.js';

const POLL = 20_000;
const PRESENT = 10 * 60_000; // reading the page again must not keep a session alive that nobody uses

let source;
let due;
let lastActive = Date.now();
for (const kind of ['pointerdown', 'keydown', 'scroll']) {
  addEventListener(kind, () => { lastActive = Date.now(); }, { passive: true });
}

/** Read the page again and put in what differs; returns the fresh page, or null if it cannot be had. */
export async function refresh() {
  const response = await fetch(location.pathname + location.search, { headers: { accept: 'text/html' } }).catch(() => null);
  if (!response?.ok || response.redirected) return null;
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  for (const next of fresh.querySelectorAll('[data-live]')) {
    const old = document.querySelector(`[data-live="${next.dataset.live}"]`);
    if (old) swap(old, next);
  }
  return fresh;
}

/** Put `next` into the place of `old`, unless somebody is using it; say what it wants to be said. */
export function swap(old, next) {
  if (old.dataset.html === next.outerHTML || old.querySelector(':popover-open')) return;
  const first = old.dataset.html === undefined && plain(old) === plain(next);
  const said = old.dataset.announce;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : '';
  const html = next.outerHTML;
  next.dataset.html = html;
  if (first) return void (old.dataset.html = html);
  old.replaceWith(document.adoptNode(next));
  localise(next);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  if (next.dataset.announce && next.dataset.announce !== said) announce(next.dataset.announce);
}

/** What an element says, without what this script has changed in it. */
function plain(element) {
  const copy = element.cloneNode(true);
  for (const time of copy.querySelectorAll('time')) time.textContent = '';
  return copy.outerHTML;
}

function soon() {
  clearTimeout(due);
  due = setTimeout(() => { if (Date.now() - lastActive < PRESENT) refresh(); }, 150);
}

function connect() {
  source?.close();
  // browsers open few connections to one host: a page that nobody sees gives its own back
  if (document.hidden) return;
  let lost = false;
  source = new EventSource(document.body.dataset.news);
  source.addEventListener('request', soon);
  source.addEventListener('error', () => { lost = true; });
  source.addEventListener('open', () => { if (lost) soon(); lost = false; });
}

if (document.body.dataset.news) {
  connect();
  document.addEventListener('visibilitychange', () => { connect(); if (!document.hidden) soon(); });
  addEventListener('pagehide', () => source?.close());
  setInterval(() => { if (!document.hidden && source.readyState !== EventSource.OPEN) soon(); }, POLL);
}
