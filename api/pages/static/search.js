// Chart Room: the list follows what is typed. Names go in the body of a request, never in an address.
import { forget, keep, kept } from './draft.js';
import { swap } from './live.js';
import { _, announce } from './page.js';

const form = document.querySelector('[data-search]');
const input = form.elements.search;
let timer;
let asking;

const listed = () => document.querySelector('[data-clients]');

function busy() {
  listed().setAttribute('aria-busy', 'true');
  // news read the page without these words, so they may not touch the list
  if (input.value) listed().dataset.live = 'found';
}

input.addEventListener('input', () => {
  clearTimeout(timer);
  // what is still listed is not what was typed, and may not be taken for it
  busy();
  timer = setTimeout(search, 150);
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(timer);
  search(true);
});
// whoever comes back finds what they searched for: the tab keeps it, which no address may
if (!('answersForm' in document.body.dataset)) {
  input.value ||= kept('search') ?? '';
  if (input.value) search();
}

// as soon as there is a connection again
for (const back of ['online', 'news-come']) addEventListener(back, () => { if (listed().hidden) search(); });

async function search(asked = false) {
  busy();
  if (input.value) keep('search', input.value);
  else forget('search');
  asking?.abort();
  asking = new AbortController();
  const sent = { method: 'POST', body: new URLSearchParams(new FormData(form)), signal: asking.signal };
  const response = await fetch(form.action, sent).catch(() => null);
  // signed out in the meantime: the address says where to go on
  if (response?.redirected) return location.assign(response.url);
  if (sent.signal.aborted) return;
  // the server itself says what is wrong, once somebody insists
  if (!response?.ok) return response && asked ? form.submit() : unfound();
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  const [old, next] = [document, fresh].map((page) => page.querySelector('[data-clients]'));
  document.querySelector('[data-unfound]')?.remove();
  // it stays where nothing else was found
  old.removeAttribute('aria-busy');
  old.hidden = false;
  next.dataset.live = input.value ? 'found' : 'clients';
  swap(old, next);
}

function unfound() {
  if (listed().hidden) return;
  listed().hidden = true;
  const why = Object.assign(document.createElement('p'), { className: 'problem' });
  why.dataset.unfound = '';
  why.textContent = _('The search did not arrive. Search again when there is a connection.');
  listed().before(why);
  announce(why.textContent);
}
