// Light or dark as this device was told, else as the device itself is. In the head and small, so that nothing flashes.
{
  const dark = document.getElementById('dark');
  const asItIs = dark.media;
  const apply = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem('theme');
    } catch { /* a browser that keeps nothing stays as it is */ }
    dark.media = { dark: 'screen', light: 'not all' }[chosen] ?? asItIs;
  };
  apply();
  addEventListener('storage', apply); // chosen in another tab
  addEventListener('theme', apply);
}
