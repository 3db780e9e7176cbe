// Links of mails: their code stands behind # in the address. It moves into the form and leaves the address.

const code = document.getElementById('token');
const onward = document.querySelector('[data-onward]'); // to the sign-in that comes first
const ended = document.querySelector('[data-ended-link]');
if (location.hash.length > 1) {
  if (ended) ended.hidden = false;
  ended?.focus();
  if (code) code.value = location.hash.slice(1);
  if (onward) onward.hash = location.hash;
  history.replaceState(null, '', location.pathname);
  if (onward?.hasAttribute('data-at-once')) location.replace(onward.href);
}
// another link, opened where this one was: only what stands behind # differs, for which no browser loads a page
addEventListener('hashchange', () => location.reload());
if (code) document.querySelector('[data-code]').hidden = code.value !== '';
