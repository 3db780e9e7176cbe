// Your account: light, dark, or as the device is; kept on this device alone.

const form = document.querySelector('[data-appearance]');
try {
  form.elements.theme.value = localStorage.getItem('theme') ?? 'device';
  form.hidden = false;
} catch { /* a browser that keeps nothing cannot keep this */ }

form.addEventListener('change', () => {
  const chosen = form.elements.theme.value;
  if (chosen === 'device') localStorage.removeItem('theme');
  else localStorage.setItem('theme', chosen);
  dispatchEvent(new Event('theme'));
});
