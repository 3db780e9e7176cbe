// The three-dot menu: opening and closing is the browser's popover; place, arrows and focus are the menu-button pattern.

const items = (menu) => [...menu.querySelectorAll('[role="menuitem"]')];
const button = (menu) => document.querySelector(`[popovertarget="${menu.id}"]`);

document.addEventListener('toggle', (event) => {
  const menu = event.target;
  if (!menu.matches?.('[data-menu]')) return;
  button(menu).setAttribute('aria-expanded', event.newState === 'open');
  if (event.newState !== 'open') return;
  place(menu);
  items(menu)[0].focus({ preventScroll: true });
}, true);

document.addEventListener('keydown', (event) => {
  const opener = event.target.closest('[aria-haspopup="menu"]');
  if (opener && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
    event.preventDefault();
    document.getElementById(opener.getAttribute('popovertarget')).showPopover();
  }
  const menu = event.target.closest('[data-menu]');
  if (!menu) return;
  const all = items(menu);
  const at = all.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    all[to % all.length].focus();
  } else if (event.key === 'Tab') {
    menu.hidePopover();
  } else if (event.key === ' ' && event.target.matches('a')) {
    event.preventDefault();
    event.target.click();
  }
});

// what was chosen was chosen; a download leaves the page as it is
document.addEventListener('click', (event) => {
  const menu = event.target.closest('[role="menuitem"]')?.closest('[data-menu]');
  if (menu) setTimeout(() => menu.isConnected && menu.hidePopover());
});

// it goes with its button, which may still be gliding into view, and not out of sight
addEventListener('scroll', () => {
  const menu = document.querySelector('[data-menu]:popover-open');
  if (!menu) return;
  const from = button(menu).getBoundingClientRect();
  if (from.bottom < 0 || from.top > innerHeight) menu.hidePopover();
  else place(menu);
}, { passive: true });

function place(menu) {
  const from = button(menu).getBoundingClientRect();
  const below = from.bottom + 4 + menu.offsetHeight <= innerHeight;
  menu.style.top = `${below ? from.bottom + 4 : Math.max(8, from.top - 4 - menu.offsetHeight)}px`;
  menu.style.left = `${Math.max(8, from.right - menu.offsetWidth)}px`;
}
