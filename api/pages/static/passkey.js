// Passkeys: asks the server for a question, the browser for an answer to it, and goes where the server says.
import { _ } from './page.js';

/** Whether this browser can. */
export const usable = Boolean(globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON);

/** Ask for a passkey; resolves to the server's answer and its status. Throws if the person cancels. */
export async function answer(how, question, address) {
  const asked = await post(question);
  if (!asked.response.ok) return asked;
  const publicKey = how === 'create'
    ? PublicKeyCredential.parseCreationOptionsFromJSON(asked)
    : PublicKeyCredential.parseRequestOptionsFromJSON(asked);
  const credential = await navigator.credentials[how]({ publicKey });
  return post(address, credential.toJSON());
}

async function post(address, body) {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  const response = await fetch(address, { method: 'POST', headers, body: body && JSON.stringify(body) });
  return { detail: _('Something went wrong. Try again.'), ...(await response.json().catch(() => ({}))), response };
}

for (const place of document.querySelectorAll('[data-passkey]')) {
  const button = place.querySelector('button');
  const problem = place.querySelector('[data-passkey-problem]');
  place.hidden = !usable;
  button.addEventListener('click', async () => {
    button.disabled = true;
    problem.hidden = true;
    try {
      const { response, next, detail } = await answer(place.dataset.passkey, place.dataset.question, place.dataset.answer);
      if (response.ok) return location.assign(next);
      problem.textContent = detail;
    } catch {
      problem.textContent = _('No passkey was used. Try again, or choose another way.');
    }
    button.disabled = false;
    problem.hidden = false;
    problem.focus();
  });
}
