// Reading a document: the text of a page is fetched when somebody asks for it.
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
