// Reading a document: the text of a page is fetched when somebody asks for it, the next pages of a long one when somebody
// comes near them, and all of them are shown larger on request.
import { _ } from './page.js';

document.addEventListener('toggle', async (event) => {
  const details = event.target;
  if (!details.matches?.('[data-text]') || !details.open || details.querySelector('pre')) return;
  const response = await fetch(details.querySelector('a').href).catch(() => null);
  if (!response?.ok || response.redirected) return; // its link is still there
  const text = document.createElement('pre');
  text.textContent = (await response.text()).trim() || _('This page has no text that can be read out. It may be a scanned picture.');
  details.querySelector('p').replaceWith(text);
}, true);

const NEAR = 3000; // CSS pixels below what is seen
let fetching = false;

async function more() {
  const link = document.querySelector('[data-more]'); // looked for each time: news may have put another one there
  if (fetching || !link || link.getBoundingClientRect().top > innerHeight + NEAR) return;
  fetching = true;
  const response = await fetch(link.href).catch(() => null);
  const fresh = response?.ok && !response.redirected && new DOMParser().parseFromString(await response.text(), 'text/html');
  fetching = false;
  if (!fresh || !link.isConnected) return; // the link is still there, or what it led to is not
  const pages = document.querySelector('.pages');
  const reached = document.activeElement === link;
  const [first, ...others] = fresh.querySelectorAll('.pages li');
  pages.append(first, ...others);
  const next = fresh.querySelector('[data-more]');
  if (next) [link.href, link.textContent] = [next.getAttribute('href'), next.textContent];
  else link.remove();
  if (reached) first.querySelector('summary').focus({ preventScroll: true });
}

addEventListener('scroll', more, { passive: true });
more();

// what was lost with the connection comes with it
for (const back of ['online', 'news-come']) {
  addEventListener(back, () => {
    for (const picture of document.querySelectorAll('.pages img')) {
      if (picture.complete && !picture.naturalWidth) picture.src = picture.getAttribute('src');
    }
    more();
  });
}

const SIZES = [1, 1.5, 2, 3]; // times the width of the column
const main = document.getElementById('main');
let size = 0;
try {
  size = Math.max(0, SIZES.indexOf(Number(sessionStorage.getItem('zoom'))));
} catch { /* a browser that keeps nothing begins with whole pages */ }

/** All pages as large as was asked for: those of now, and those that news and reading on have put here since. */
function show() {
  main.style.setProperty('--zoom', size > 0 ? SIZES[size] : '');
  main.toggleAttribute('data-larger', size > 0);
  for (const picture of size > 0 ? main.querySelectorAll('.pages img') : []) picture.sizes = `${picture.clientWidth}px`;
  for (const button of main.querySelectorAll('[data-zoom]')) {
    button.setAttribute('aria-disabled', !(size + Number(button.dataset.zoom) in SIZES));
  }
  const told = main.querySelector('[data-zoomed]');
  const now = _('{number}%', { number: 100 * SIZES[size] });
  if (told.textContent !== now) told.textContent = now;
}

/** Where somebody reads: on which page, how far down it and down from it, and how far across. */
function reading() {
  const pages = main.querySelector('.pages');
  const line = innerHeight / 4;
  const boxes = [...pages.querySelectorAll('img')].map((picture) => picture.getBoundingClientRect());
  const page = Math.max(0, boxes.findLastIndex((box) => box.top < line));
  const { top, height } = boxes[page];
  const down = Math.min(1, Math.max(0, (line - top) / height));
  return { page, down, off: line - top - down * height, across: pages.scrollLeft / pages.scrollWidth };
}

/** There again, after the pages have got another size; lines begin where they began. */
function go({ page, down, off, across }) {
  const pages = main.querySelector('.pages');
  const picture = pages.querySelectorAll('img')[page];
  if (!picture) return; // news has put a shorter document there
  const { top, height } = picture.getBoundingClientRect();
  scrollBy({ top: top + down * height + off - innerHeight / 4 });
  pages.scrollTo({ left: across * pages.scrollWidth });
}

function zoom(step) {
  size += step;
  const here = reading();
  show();
  go(here);
  try {
    sessionStorage.setItem('zoom', SIZES[size]);
  } catch { /* then a reload begins with whole pages */ }
}

// the phone is turned: what the browser keeps in its place is what it finds at the top
let width = innerWidth;
let here; // nothing yet: at the top
addEventListener('scroll', () => {
  if (innerWidth === width) here = reading();
}, { passive: true, capture: true });
addEventListener('resize', () => {
  if (innerWidth === width) return; // a bar of the browser comes and goes
  width = innerWidth;
  show();
  if (here?.off >= 0) go(here); // above the pages it is not read yet
});

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-zoom]');
  if (button && button.getAttribute('aria-disabled') !== 'true') zoom(Number(button.dataset.zoom));
});
new MutationObserver(show).observe(main, { childList: true, subtree: true });
show();
