// News without reloading: an event says that something moved, the page reads itself again and swaps what changed.
import { _, announce, localise } from './page.js';

const POLL = 20_000;
const PRESENT = 10 * 60_000; // reading the page again must not keep a session alive that nobody uses

let source;
let due;
let missed = false;
let lastActive = Date.now();
for (const kind of ['pointerdown', 'pointermove', 'keydown', 'scroll']) {
  addEventListener(kind, () => {
    lastActive = Date.now();
    if (missed) soon(); // whoever comes back sees what is so now
  }, { passive: true });
}
// a download leaves the page as it is, which may tell of it
document.addEventListener('submit', ({ target }) => {
  if ('downloads' in target.dataset) for (const wait of [1000, 4000]) setTimeout(soon, wait);
});

/** Read the page again and put in what differs; returns the fresh page, or null if it cannot be had. */
export async function refresh() {
  const response = await fetch(location.pathname + location.search, { headers: { accept: 'text/html' } }).catch(() => null);
  // what is not shared any more is not shown any more
  if ([403, 404].includes(response?.status) && document.querySelector('main [data-live]')) location.reload();
  if (!response?.ok || response.redirected) return null;
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  // what needs another script is another page, such as one that can now be signed
  const here = scripts(document);
  if (scripts(fresh).some((name) => !here.includes(name))) location.reload();
  for (const next of fresh.querySelectorAll('[data-live]')) {
    const old = document.querySelector(`[data-live="${next.dataset.live}"]`);
    if (old) swap(old, next);
  }
  dispatchEvent(new Event('news-read'));
  return fresh;
}

// a document that shows nothing: copies in ours would load their pictures at once, near or not
const aside = document.implementation.createHTMLDocument('');

// what the server last sent for an element, apart from what scripts and readers have changed in it since
const sent = new WeakMap();
for (const element of document.querySelectorAll('[data-live]')) sent.set(element, plain(element));

/** Put `next` into the place of `old`, unless it is the same or in use; say what it wants to be said. */
export function swap(old, next) {
  const html = plain(next);
  if (sent.get(old) === html || old.querySelector(':popover-open')) return;
  const written = [...old.querySelectorAll('input, textarea')].filter((field) => field.value !== field.defaultValue);
  const there = [...next.querySelectorAll('[id]')].map(({ id }) => id);
  if (written.some(({ id }) => there.includes(id))) return; // somebody is at it, and can still send it
  const said = old.dataset.announce;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : '';
  const unfolded = [...old.querySelectorAll('details[id][open]')].map(({ id }) => id);
  for (const folded of next.querySelectorAll('details[id]')) folded.open ||= unfolded.includes(folded.id);
  old.replaceWith(document.adoptNode(next));
  const texts = written.filter(({ type }) => type.startsWith('text'));
  if (texts.length) next.before(leftover(texts));
  sent.set(next, html);
  localise(next);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  const fewer = parseInt(next.textContent, 10) < parseInt(old.textContent, 10); // new messages: none has come
  if (next.dataset.announce && next.dataset.announce !== said && !fewer) announce(next.dataset.announce);
}

/** What was being written in forms that are gone, to be copied. */
function leftover(fields) {
  const card = Object.assign(document.createElement('div'), { className: 'card' });
  const why = document.createElement('p');
  why.textContent = _('This is not taken any more. What you were writing:');
  card.append(why, ...fields.map((field) => Object.assign(document.createElement('blockquote'), { textContent: field.value })));
  announce(why.textContent);
  return card;
}

function scripts(page) {
  return [...page.scripts].flatMap((script) => script.getAttribute('src').split('/').pop().split(/[+.]/));
}

function plain(element) {
  const copy = aside.importNode(element, true);
  for (const time of copy.querySelectorAll('time')) time.textContent = '';
  return copy.outerHTML;
}

function soon() {
  clearTimeout(due);
  due = setTimeout(() => {
    missed = Date.now() - lastActive >= PRESENT;
    if (!missed) refresh();
  }, 150);
}

function connect() {
  source?.close();
  // browsers open few connections to one host: a page that nobody sees gives its own back
  if (document.hidden) return;
  // what is on its way may have arrived since the page was read
  let lost = document.querySelector('[data-notification], [data-moving], [data-outcome=received]') !== null;
  source = new EventSource(document.body.dataset.news);
  source.addEventListener('request', soon);
  source.addEventListener('error', () => {
    lost = true;
    dispatchEvent(new Event('news-lost'));
  });
  source.addEventListener('open', () => {
    dispatchEvent(new Event('news-come'));
    if (lost) soon();
    lost = false;
  });
}

if (document.body.dataset.news) {
  connect();
  document.addEventListener('visibilitychange', () => { connect(); if (!document.hidden) soon(); });
  addEventListener('signed-in-again', () => { connect(); soon(); });
  addEventListener('pagehide', () => source?.close());
  addEventListener('online', soon); // what news came of meanwhile could not be read
  setInterval(() => {
    if (document.hidden || source.readyState === EventSource.OPEN) return;
    if (source.readyState === EventSource.CLOSED) connect();
    soon();
  }, POLL);
}
