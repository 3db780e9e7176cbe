// Add Signature, for clients and staff: consent once, draw or type, check, Sign Document. What was drawn stays until it is signed,
// whatever comes in between: a password again, a sign-in again, a reload, a connection that comes back.
import { _, announce } from './page.js';
import { forget, keep, kept } from './draft.js';
import { refresh } from './live.js';
import { answer as answerWithPasskey, usable as canPasskeys } from './passkey.js';
import { paint } from './signature.js';

const SLOW = 1000; // ms, after which it is said that it is being sent

const dialog = document.getElementById('signing');
const step = Object.fromEntries([...dialog.querySelectorAll('[data-step]')].map((form) => [form.dataset.step, form]));
const part = (name) => dialog.querySelector(`[data-${name}]`);
const pad = dialog.querySelector('signature-pad');
const name = step.signature.elements.typed_name;
const { intends } = step.signature.elements;
const problem = part('problem');

let consented = dialog.dataset.consented === 'true';
let fresh = dialog.dataset.fresh === 'true';
let then; // what the password was needed for
let ended = false; // the session, so that one signs in again
let half = false; // signed in with the password, and the second factor is still to come
let sending = false;
let unreached = ''; // what was told when there was no connection

const typing = () => step.signature.elements.way.value === 'type';
const written = () => (typing() ? name.value.trim() !== '' : pad.enough);

document.addEventListener('click', (event) => {
  if (!event.target.closest('[data-add-signature]')) return;
  show(consented ? 'signature' : 'consent');
  dialog.showModal();
});
for (const close of dialog.querySelectorAll('[data-close]')) close.addEventListener('click', () => dialog.close());
// a tap beside the box while drawing must not throw the dialog away, so only Escape and Close do
dialog.addEventListener('close', () => document.querySelector('[data-add-signature]')?.focus());

function show(which, text = '') {
  for (const [key, form] of Object.entries(step)) form.hidden = key !== which;
  const title = document.getElementById('signing-title');
  title.textContent = step[which].dataset.title;
  tell(text);
  if (which === 'signature') ready();
  if (which === 'confirm') preview();
  if (dialog.open) (which === 'password' ? step.password.elements.password : title).focus();
}

function tell(text, good = false) {
  problem.textContent = text;
  problem.className = good ? 'confirmation' : 'problem';
  problem.hidden = !text;
  if (!text) return;
  problem.scrollIntoView({ block: 'nearest' }); // on a phone it may stand above what is seen
  announce(text);
}

for (const back of ['online', 'news-come']) {
  addEventListener(back, () => {
    if (unreached && problem.textContent === unreached) tell(_('The connection is back. Go on.'), true);
  });
}

function wait() {
  part('slow').hidden = false;
  part('slow').scrollIntoView({ block: 'nearest' });
  announce(part('slow').textContent);
}

// -- what is written

function ready() {
  for (const way of dialog.querySelectorAll('[data-way]')) way.hidden = (way.dataset.way === 'type') !== typing();
  part('undo').hidden = typing();
  for (const shown of dialog.querySelectorAll('[data-typed]')) shown.textContent = name.value;
  part('continue').disabled = !(written() && intends.checked);
  part('missing').textContent = missing();
  keep(dialog.dataset.sha256, { strokes: pad.strokes, name: name.value, way: step.signature.elements.way.value });
}

/** What is still to do, as a whole sentence: parts of one do not translate. */
function missing() {
  if (written()) return intends.checked ? '' : _('To continue, tick the box.');
  if (typing()) return intends.checked ? _('To continue, type your name.') : _('To continue, type your name and tick the box.');
  return intends.checked ? _('To continue, draw your signature.') : _('To continue, draw your signature and tick the box.');
}

function preview() {
  const canvas = part('preview');
  canvas.hidden = typing();
  dialog.querySelector('.preview .typed').hidden = !typing();
  if (!typing()) paint(canvas, pad.strokes);
}
new ResizeObserver(preview).observe(part('preview'));

// the tick is given anew after a reload: it says that this document was read
const draft = kept(dialog.dataset.sha256);
if (draft) {
  pad.restore(draft.strokes);
  name.value = draft.name;
  step.signature.elements.way.value = draft.way;
}
pad.addEventListener('change', ready);
step.signature.addEventListener('input', ready);
part('clear').addEventListener('click', () => {
  if (typing()) name.value = '';
  else pad.clear();
  ready();
  announce(_('Cleared'));
});
part('undo').addEventListener('click', () => pad.undo());
part('back').addEventListener('click', () => show('signature'));

// -- from step to step

for (const [key, form] of Object.entries(step)) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    await send(steps[key]);
  });
}

/** One thing at a time; what takes long is said. */
async function send(what) {
  if (sending) return;
  sending = true;
  dialog.toggleAttribute('data-sending', true);
  const slow = setTimeout(wait, SLOW);
  try {
    await what();
  } catch {
    tell(_('There is no connection. What you have entered is still here. Try again in a moment.'));
    unreached = problem.textContent;
  } finally {
    clearTimeout(slow);
    part('slow').hidden = true;
    sending = false;
    dialog.toggleAttribute('data-sending', false);
  }
}

const steps = {
  async consent() {
    const { response, detail } = await post(dialog.dataset.consent, { version: dialog.dataset.consentVersion });
    if (response.status === 401) return askPassword(steps.consent, true);
    if (!response.ok) return tell(detail);
    consented = true;
    show('signature');
  },

  async signature() {
    if (!(written() && intends.checked)) return;
    if (fresh) show('confirm');
    else askPassword(() => show('confirm'));
  },

  async confirm() {
    const { response, type, detail } = await post(dialog.dataset.signature, {
      sha256: dialog.dataset.sha256,
      drawing: typing() ? null : pad.drawing,
      typed_name: typing() ? name.value.trim() : null,
      intends: intends.checked,
    });
    if (response.ok) return signed();
    if (response.status === 401) return askPassword(steps.confirm, true);
    if (type?.endsWith('/fresh-sign-in-needed')) return askPassword(steps.confirm);
    // withdrawn in another tab; what is written and ticked stands until the text is agreed to again
    if (type?.endsWith('/consent-needed')) {
      consented = false;
      return show('consent', detail);
    }
    // either the first answer was lost on its way and the page shows that it is signed, or something else came first:
    // then the page behind shows what, and the problem says it here
    if (response.status === 409) {
      if (await isSigned()) return signed();
      if (!document.querySelector('[data-add-signature]')) return closed();
      if (!dialog.open) return; // there is another version to be read
    }
    show('confirm', detail);
  },

  async password() {
    const { email, password, code } = step.password.elements;
    const right = ended
      ? await signIn(email.value, password.value, code.value)
      : await post(dialog.dataset.authentication, { password: password.value, code: code.value });
    if (right.response.ok && right.awaits) return askCode(right);
    await shown(right, half || right.type?.endsWith('/wrong-code') ? code : password);
  },
};

part('use-passkey').addEventListener('click', async () => {
  const address = ended ? `${dialog.dataset.signIn}${half ? '/second-factor' : ''}/passkey` : dialog.dataset.passkeyAgain;
  const right = await answerWithPasskey('get', `${address}/question`, address).catch(() => null);
  if (!right) return tell(_('No passkey was used. Try again, or enter your password.'));
  await send(() => shown(right, step.password.elements.password));
});

/** Go on to what the password was needed for, or say why not. */
async function shown(right, field) {
  if (right.response.status === 401) return askPassword(then, true);
  if (!right.response.ok) {
    tell(right.detail);
    field.select();
    return field.focus();
  }
  step.password.reset();
  fresh = true;
  await then();
}

function askPassword(next, over = false) {
  then = next;
  ended = over;
  half = false;
  part('why').textContent = ended
    ? _('You were signed out. Sign in again to go on. Your signature is kept.')
    : _('For your safety, show again that it is you. Your signature is kept.');
  show('password');
  wanted();
  if (ended) step.password.elements.email.focus();
}

function askCode({ awaits, next }) {
  // nothing can be signed before staff has a second factor
  if (awaits !== 'factor') return location.assign(next);
  half = true;
  wanted();
  part('why').textContent = _('Now the second step. Your signature is kept.');
  step.password.elements.code.focus();
}

/** Show the fields that are asked for. */
function wanted() {
  const { email, password, code } = step.password.elements;
  const own = (name) => 'hasOne' in part(name).dataset;
  part('email').hidden = !ended || half;
  part('password').hidden = half;
  part('code').hidden = !(half || (!ended && own('code')));
  part('use-passkey').hidden = !(canPasskeys && own('use-passkey'));
  email.required = !part('email').hidden;
  password.required = !half;
  code.required = !part('code').hidden;
}

async function signed() {
  forget(dialog.dataset.sha256);
  // what is swapped in says what became of it: signed, taken while others still sign, or received; until then the
  // dialog stays, which says that it is being sent
  if (!(await refresh().catch(() => null))) return location.reload();
  closed();
}

/** The button works as soon as this script does, also where news have put it back. */
function offer() {
  const button = document.querySelector('[data-add-signature]');
  if (button) button.disabled = false;
  return button;
}
offer();

addEventListener('news-read', () => {
  const button = offer();
  // declined in another tab, recalled, signed by somebody else: before anybody presses a button that does nothing any more
  if (!button && dialog.open && !sending) closed();
  if (button && button.dataset.addSignature !== dialog.dataset.sha256) renewed(button.dataset.addSignature);
});

/** Another version stands in the place of the one that was read: what is written stays, the tick is given anew. */
function renewed(version) {
  forget(dialog.dataset.sha256);
  dialog.dataset.sha256 = version;
  intends.checked = false;
  const why = document.getElementById('renewed') ?? document.createElement('p');
  Object.assign(why, { id: 'renewed', className: 'confirmation waiting', tabIndex: -1 });
  why.textContent = _('The practice has put another version in the place of this document. Read it before you sign it.');
  document.getElementById('state').before(why);
  const read = () => why.focus();
  if (!dialog.open) return read();
  dialog.addEventListener('close', read, { once: true });
  dialog.close();
}

/** There is nothing left to sign here, and the page says why. */
function closed() {
  forget(dialog.dataset.sha256);
  dialog.close();
  const state = document.getElementById('state');
  state.scrollIntoView({ block: state.offsetHeight < innerHeight ? 'center' : 'start' });
  state.focus({ preventScroll: true });
}

async function isSigned() {
  await refresh();
  return ['signed', 'taken', 'received'].includes(document.getElementById('state').dataset.outcome);
}

// -- to the server and back

async function post(address, body) {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  const response = await fetch(address, { method: 'POST', headers, body: body && JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  return { detail: _('Something went wrong. Your signature is still here. Try again.'), ...answer, response };
}

async function signIn(email, password, code) {
  const address = `${dialog.dataset.signIn}${half ? '/second-factor' : ''}`;
  const body = new URLSearchParams(half ? { code } : { email, password });
  const response = await fetch(address, { method: 'POST', body, headers: { accept: 'application/json' } });
  const answer = await response.json().catch(() => ({}));
  return { detail: _('Something went wrong. Your signature is still here. Try again.'), ...answer, response };
}
