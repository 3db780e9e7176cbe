// Reading a document: the text of a page is fetched when somebody asks for it, and the next pages of a long one when
// somebody comes near them.
import { _ } from './page.js';

document.addEventListener('toggle', async (event) => {
  const details = event.target;
  if (!details.matches?.('[data-text]') || !details.open || details.querySelector('pre')) return;
  const response = await fetch(details.dataset.text).catch(() => null);
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
