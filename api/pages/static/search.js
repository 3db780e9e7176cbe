// Chart Room: the list follows what is typed. Names go in the body of a request, never in an address.
import { forget, keep, kept } from './draft.js';
import { swap } from './live.js';

const form = document.querySelector('[data-search]');
const input = form.elements.search;
let timer;
let asking;

input.addEventListener('input', () => {
  clearTimeout(timer);
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

async function search(asked = false) {
  if (input.value) keep('search', input.value);
  else forget('search');
  asking?.abort();
  asking = new AbortController();
  const sent = { method: 'POST', body: new URLSearchParams(new FormData(form)), signal: asking.signal };
  const response = await fetch(form.action, sent).catch(() => null);
  // signed out in the meantime: the address says where to go on
  if (response?.redirected) return location.assign(response.url);
  // the browser itself says what is wrong, once somebody insists
  if (!response?.ok) return asked && !sent.signal.aborted && form.submit();
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  const [old, next] = [document, fresh].map((page) => page.querySelector('[data-clients]'));
  // news read the page without these words, so they may not touch the list
  next.dataset.live = input.value ? 'found' : 'clients';
  swap(old, next);
}
