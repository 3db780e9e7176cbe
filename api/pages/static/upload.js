// Upload: a file can be dropped on the form, and its way is shown; only a clinical note has a note name; the date of
// service is mostly today.
import { _, announce } from './page.js';

const form = document.querySelector('[data-upload]');
const { kind, service_on: day, file } = form.elements;
const ofNote = form.querySelector('[data-of-note]');
const [dropping, way, bar, said] = ['drop', 'way', 'bar', 'said'].map((name) => form.querySelector(`[data-${name}]`));

function show() {
  const isNote = kind.value === 'clinical_note';
  ofNote.hidden = !isNote;
  form.elements.note_name.required = isNote;
}
kind.addEventListener('change', show);
show();

if (!day.value) {
  const now = new Date();
  day.value = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}

// -- dropping

dropping.hidden = false;
form.addEventListener('dragover', (event) => {
  if (!event.dataTransfer.types.includes('Files')) return;
  event.preventDefault();
  form.toggleAttribute('data-dropping', true);
});
form.addEventListener('dragleave', (event) => {
  if (!form.contains(event.relatedTarget)) form.removeAttribute('data-dropping');
});
form.addEventListener('drop', (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  form.removeAttribute('data-dropping');
  if (going) return;
  const one = new DataTransfer();
  one.items.add(event.dataTransfer.files[0]);
  file.files = one.files;
  announce(_('Chosen: {name}', { name: file.files[0].name }));
});

// -- sending

let going;
const fields = [...form.querySelectorAll('.field')];
const button = form.querySelector('button');

/** What is on its way is not what is typed now, so nothing can be. */
function sending(on) {
  way.hidden = !on;
  button.disabled = on;
  for (const one of fields) one.inert = on;
}

addEventListener('beforeunload', (event) => { if (going) event.preventDefault(); });
form.querySelector('.actions a').addEventListener('click', () => {
  going?.abort();
  going = undefined;
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (going) return;
  // not a minute of sending for a no
  if (file.files[0].size > Number(form.dataset.most)) return refused(_('This file has more than 50 MB. Choose a smaller one.'));
  going = new XMLHttpRequest(); // fetch does not tell how much has gone
  going.open('POST', form.action);
  going.setRequestHeader('accept', 'text/html');
  going.upload.addEventListener('progress', ({ loaded, total }) => {
    bar.value = loaded / total;
    said.textContent = loaded < total ? _('{percent} % sent', { percent: Math.floor((100 * loaded) / total) }) : _('Sent. The file is being looked at.');
  });
  going.addEventListener('load', () => arrived(going));
  going.addEventListener('error', () => refused(_('The connection was lost. The file is still chosen: send it again.')));
  going.send(new FormData(form));
  sending(true);
  announce(_('The file is being sent.'));
});

function arrived(answer) {
  going = undefined;
  // done, or signed out in the meantime: the address says where to go on
  if (answer.responseURL !== form.action) return location.assign(answer.responseURL);
  const page = new DOMParser().parseFromString(answer.responseText, 'text/html');
  const problem = page.querySelector('[data-problem] span') ?? page.querySelector('main p');
  refused(problem?.textContent || _('Something went wrong. Try again.'));
}

function refused(why) {
  going = undefined;
  sending(false);
  bar.value = 0;
  document.querySelector('[data-problem]')?.remove();
  const problem = document.createElement('p');
  problem.className = 'problem';
  problem.tabIndex = -1;
  problem.dataset.problem = '';
  problem.textContent = why;
  form.before(problem);
  problem.focus();
}
