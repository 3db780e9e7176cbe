// Upload: only a clinical note has a note name; the date of service is mostly today.

const form = document.querySelector('[data-upload]');
const { kind, service_on: day } = form.elements;
const ofNote = form.querySelector('[data-of-note]');

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
