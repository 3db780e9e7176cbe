// Registration: the invitation's code stands behind # in the link. It moves into the form and leaves the address.

const code = document.getElementById('token');
if (location.hash.length > 1) {
  code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, '', location.pathname);
}
document.querySelector('[data-code]').hidden = code.value !== '';
