// Many documents at once: the page reads itself again until every one has its result.
import { refresh } from './live.js';

const MOST = 10 * 60_000; // a page that is left open must not keep a session alive for ever
const began = Date.now();
let pause = 700;

async function look() {
  if (!document.querySelector('[data-unfinished]') || Date.now() - began > MOST) return;
  if (!document.hidden) await refresh();
  pause = Math.min(pause * 1.3, 5_000);
  setTimeout(look, pause);
}
setTimeout(look, pause);
