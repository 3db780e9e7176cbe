// Share to Sign: the day on which a request ends that may wait so many days.
import { localise } from './page.js';

const days = document.getElementById('days');
const due = document.getElementById('due');

function tell() {
  due.hidden = !days.value || !days.checkValidity();
  if (due.hidden) return;
  const day = due.querySelector('time');
  day.dateTime = new Date(Date.now() + days.valueAsNumber * 86_400_000).toISOString();
  day.dataset.local = 'day';
  localise(due);
}
days.addEventListener('input', tell);
tell();
