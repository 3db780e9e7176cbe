// Share to Sign: the day on which a request ends that may wait so many days.
const days = document.getElementById('days');
const due = document.getElementById('due');

function tell() {
  due.hidden = !days.value || !days.checkValidity();
  if (due.hidden) return;
  const day = new Date(Date.now() + days.valueAsNumber * 86_400_000);
  const time = due.querySelector('time');
  time.dateTime = day.toISOString();
  time.textContent = day.toLocaleDateString(document.documentElement.lang, { dateStyle: 'medium' });
}
days.addEventListener('input', tell);
tell();
