// Drafts: what was written stays in this tab over a reload or a new sign-in, until it is sent or its writer signs out.

const ALL = 'draft:';
const MINE = `${ALL}${document.body.dataset.person}:`;

/** What was kept under a name, or null. */
export const kept = (name) => JSON.parse(sessionStorage.getItem(MINE + name));

export const forget = (name) => sessionStorage.removeItem(MINE + name);

export function keep(name, draft) {
  try {
    sessionStorage.setItem(MINE + name, JSON.stringify(draft));
  } catch {
    // this browser keeps nothing, or no more: then a reload begins anew
  }
}

const drafts = () => Object.keys(sessionStorage).filter((key) => key.startsWith(ALL));

// what somebody else began in this tab is not for this person's eyes
for (const key of drafts()) if (!key.startsWith(MINE)) sessionStorage.removeItem(key);

const forms = [...document.querySelectorAll('form[method=post]')];
const to = (form) => new URL(form.action).pathname;

// what was sent is kept until a page says that it arrived, or that has no form for it any more
const arrived = document.querySelector('.notification.good');
for (const key of drafts()) {
  const name = key.slice(MINE.length);
  if (kept(name).sent && (arrived || !forms.some((form) => to(form) === name.split('#')[0]))) forget(name);
}

const texts = forms.flatMap((form) => ('draft' in form.dataset ? [] : [...form.querySelectorAll('textarea')]));
for (const field of texts) {
  const name = `${to(field.form)}#${field.id}`;
  // in the place of what stands there, a draft would pass for what is stored
  if (!field.defaultValue) field.value = kept(name)?.text ?? '';
  field.addEventListener('input', () => keep(name, { text: field.value }));
  field.form.addEventListener('submit', () => keep(name, { text: field.value, sent: true }));
}

// whoever had to show in between that it is them finds the form as they sent it
for (const form of document.querySelectorAll('form[data-draft]')) {
  const name = new URL(form.action).pathname;
  const given = (form.dataset.draft === 'again' && kept(name)) || [];
  for (const [field, value] of given) fill(form.querySelectorAll(`[name="${field}"]`), value);
  const folded = form.closest('details');
  if (folded && given.length) folded.open = true;
  forget(name);
  form.addEventListener('submit', () => keep(name, [...new FormData(form)]));
}

function fill(fields, value) {
  for (const field of fields) {
    if (field.type !== 'checkbox') field.value = value;
    else if (field.value === value) field.checked = true;
  }
}

document.addEventListener('submit', (event) => {
  if (event.target.matches('[action$="/sign-out"]')) for (const key of drafts()) sessionStorage.removeItem(key);
});
