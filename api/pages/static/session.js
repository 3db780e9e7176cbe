// Before the session ends: a warning that can be answered. When it has ended, the page is covered and what was typed stays
// in it, until the same person has signed in again (WCAG 2.2.1, 2.2.5).
import { _ } from './page.js';

const WARN = 120; // seconds
const AWAY = 30; // seconds until the server is asked again that did not answer
const dialog = document.getElementById('staying');
const { session, person } = document.body.dataset;
const [stay, understood, again] = ['stay', 'understood', 'again'].map((name) => dialog.querySelector(`[data-${name}]`));
let timer;
let warnedOfTheLongest = false;

async function look(method = 'GET') {
  clearTimeout(timer);
  const response = await fetch(session, { method, headers: { accept: 'application/json' } }).catch(() => null);
  if (response?.status === 401 || response?.redirected) return over();
  if (!response?.ok) return later(AWAY);
  const left = await response.json();
  // somebody else has signed in in this browser: nothing here is theirs
  if (left.person !== person) return location.reload();
  if (document.body.hasAttribute('data-over')) dispatchEvent(new Event('signed-in-again'));
  document.body.removeAttribute('data-over');
  const longest = left.longest <= left.idle;
  const seconds = Math.min(left.idle, left.longest);
  if (seconds > WARN || (longest && warnedOfTheLongest)) {
    // what warns of the longest stays until it is understood
    if (seconds > WARN && dialog.open) dialog.close();
    return later(seconds > WARN ? seconds - WARN : seconds + 1);
  }
  warn(seconds, longest);
}

function later(seconds) {
  timer = setTimeout(look, seconds * 1000);
}

function warn(seconds, longest) {
  const time = new Date(Date.now() + seconds * 1000);
  const at = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: 'short' }).format(time);
  warnedOfTheLongest = longest;
  show(
    _('Are you still there?'),
    longest
      ? _('Your sign-in ends at {at}, twelve hours after it began. Finish what you are doing, or sign in again after that; what you have typed stays here.', { at })
      : _('Nothing was done for a while, so you will be signed out at {at}. What you have typed stays here.', { at }),
    longest ? understood : stay,
  );
  later(seconds + 1);
}

function over() {
  again.href = `${new URL(again.href).pathname}?next=${location.pathname}`;
  document.body.toggleAttribute('data-over', true);
  show(
    _('You were signed out'),
    _('What you have typed is still here, and is shown again when you have signed in and come back to this tab.'),
    again,
  );
}

function show(title, text, action) {
  document.getElementById('staying-title').textContent = title;
  document.getElementById('staying-text').textContent = text;
  for (const one of [stay, understood, again]) one.hidden = one !== action;
  if (!dialog.open) dialog.showModal();
  action.focus();
}

stay.addEventListener('click', () => look('POST'));
understood.addEventListener('click', () => dialog.close());
dialog.addEventListener('cancel', (event) => {
  if (document.body.hasAttribute('data-over')) event.preventDefault();
});
// after sleep, and after a sign-in in another tab
addEventListener('focus', () => look());
// the stream of news ends with the session
addEventListener('news-lost', () => look());
document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
addEventListener('pageshow', (event) => { if (event.persisted) look(); });
later(2); // a page that has just come need not ask at once
