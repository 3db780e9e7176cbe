// Every page: says what happened, shows times as the reader's own, sends a form once, shows a password on request.

const meta = document.querySelector('meta[name="texts"]');
const texts = meta ? JSON.parse(meta.content) : {};

/** A sentence of ours in the page's language, with `{name}` filled in; the English one is its key in the catalogue. */
export function _(sentence, named = {}) {
  return (texts[sentence] ?? sentence).replace(/\{(\w+)\}/g, (field, name) => named[name] ?? field);
}

const region = document.getElementById('announcements');

let news = [];

// a modal dialog silences what is outside of it, and takes along what is in it when it closes
const place = () => (document.querySelector('dialog[open]') ?? document.body).append(region);
document.addEventListener('close', place, true);

/** Tell screen readers, through the page's one live region; what comes at once is said in one go. */
export function announce(text) {
  place();
  region.textContent = '';
  news.push(text);
  setTimeout(() => {
    if (news.length) region.textContent = news.join(' ');
    news = [];
  }, 50);
}

/** Show times by the reader's own clock. */
export function localise(root) {
  let formats; // a slow phone loads its words for times in a tenth of a second: only where the practice's own do not hold
  for (const time of root.querySelectorAll('time[data-local]')) {
    const at = new Date(time.dateTime);
    const there = time.dateTime.slice(0, 19);
    // an hour that the reader's clock leaves out is read as the next one
    if (Number(at) === Number(new Date(there)) && at.getHours() === Number(there.slice(11, 13))) {
      time.querySelector('[data-zone]')?.remove(); // both clocks go alike
      continue;
    }
    formats ??= {
      moment: new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' }),
      day: new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium' }),
    };
    time.textContent = formats[time.dataset.local].format(at);
  }
}

localise(document);

// what came of a form is read first: focus is on it
document.querySelector('[data-notification], [data-problem]:not([hidden])')?.focus();
if (location.search.includes('done=')) {
  // reloading the page should not say it again
  const here = new URL(location);
  here.searchParams.delete('done');
  history.replaceState(null, '', here);
}

// going back to an answer, reloading it, news and a new sign-in read the page instead of sending the form again
const { answersForm } = document.body.dataset;
if (answersForm) history.replaceState(null, '', answersForm === location.pathname ? location.href : answersForm);

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== 'post') return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = 'yes';
  // it may have got lost; and a download leaves the page as it is, where another can be chosen
  setTimeout(() => { delete form.dataset.sent; }, 'downloads' in form.dataset ? 2000 : 10_000);
});
// a page that the browser kept and shows again may send its forms again
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent;
});

// the code of a mailed link that wants a sign-in first goes along with it: browsers keep it through redirects, and no
// server sees it
const signingIn = document.querySelector('form[data-onward]');
if (signingIn) signingIn.action += location.hash;

for (const button of document.querySelectorAll('[data-reveal]')) {
  const input = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener('click', () => {
    const shown = input.type === 'password';
    input.type = shown ? 'text' : 'password';
    button.textContent = shown ? _('Hide') : _('Show');
    button.setAttribute('aria-pressed', shown);
  });
}

for (const details of document.querySelectorAll('details[data-closes]')) {
  // by finger and mouse, and by keyboard
  for (const elsewhere of ['click', 'focusin']) {
    document.addEventListener(elsewhere, (event) => { if (!details.contains(event.target)) details.open = false; });
  }
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    details.open = false;
    details.querySelector('summary').focus();
  });
}
