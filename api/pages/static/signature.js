// <signature-pad>: takes strokes, never a picture. Points are kept in units of the pad, so that rotation, resizing
// and zooming redraw the same strokes; the server draws them itself from the same points.
import { _ } from './page.js';

export const WIDTH = 600;
export const HEIGHT = 240;
const MOST_POINTS = 10_000; // as the server does
const MOST_STROKES = 200;
const LEAST_INK = 60; // units of line, so that a dot or a slip is not taken for a signature

/** Draw strokes over the whole of a canvas, in its own colour and for its own density of pixels. */
export function paint(canvas, strokes) {
  const scale = (canvas.clientWidth * devicePixelRatio) / WIDTH;
  canvas.width = Math.round(WIDTH * scale);
  canvas.height = Math.round(HEIGHT * scale);
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
  context.lineCap = context.lineJoin = 'round';
  for (const stroke of strokes) draw(context, stroke);
}

// curves run through the middles between points; the points themselves only pull them. `since`: what is drawn already
function draw(context, stroke, since = 0) {
  if (stroke.length === 1) {
    context.beginPath();
    context.arc(stroke[0].x, stroke[0].y, breadth(stroke[0]) / 2, 0, 2 * Math.PI);
    context.fill();
  }
  for (let i = Math.max(since, 1); i < stroke.length; i++) {
    const [before, point] = [stroke[i - 1], stroke[i]];
    const from = i === 1 ? before : middle(stroke[i - 2], before);
    const to = i === stroke.length - 1 ? point : middle(before, point);
    context.beginPath();
    context.lineWidth = breadth(point);
    context.moveTo(from.x, from.y);
    context.quadraticCurveTo(before.x, before.y, to.x, to.y);
    context.stroke();
  }
}

const middle = (one, other) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
const breadth = (point) => 1.6 + 2.4 * point.pressure;

class SignaturePad extends HTMLElement {
  strokes = [];
  #canvas = document.createElement('canvas');
  #stroke = null; // the one that is being drawn
  #pointer = null;
  #shown = false; // asking the canvas itself would lay out the page before anybody needs it
  #began = 0; // ms, of the first point

  connectedCallback() {
    this.#canvas.setAttribute('role', 'img');
    this.append(this.#canvas);
    this.#canvas.addEventListener('pointerdown', (event) => this.#down(event));
    this.#canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel']) this.#canvas.addEventListener(end, (event) => this.#up(event));
    // a stroke that ends in motion is no fling, which would swallow the next tap
    this.#canvas.addEventListener('touchstart', (event) => event.preventDefault(), { passive: false });
    new ResizeObserver(([{ contentRect }]) => {
      this.#shown = contentRect.width > 0;
      this.redraw();
    }).observe(this.#canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
    this.#changed();
  }

  /** Whether there is enough for a signature; the server decides. */
  get enough() {
    let ink = 0;
    for (const stroke of this.strokes) {
      for (let i = 1; i < stroke.length; i++) ink += Math.hypot(stroke[i].x - stroke[i - 1].x, stroke[i].y - stroke[i - 1].y);
    }
    return ink >= LEAST_INK;
  }

  /** What is sent. */
  get drawing() {
    return { width: WIDTH, height: HEIGHT, strokes: this.strokes };
  }

  /** Go on with strokes of before. */
  restore(strokes) {
    this.strokes = strokes;
    this.#began = performance.now() - (strokes.at(-1)?.at(-1).t ?? 0);
    this.#changed();
  }

  clear() {
    this.strokes = [];
    this.#changed();
  }

  undo() {
    this.strokes.pop();
    this.#changed();
  }

  redraw() {
    if (this.#shown) paint(this.#canvas, this.strokes);
  }

  #down(event) {
    // one finger draws; a palm or a second finger does not
    if (this.#pointer !== null || event.button !== 0 || this.#full || this.strokes.length === MOST_STROKES) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    if (!this.strokes.length) this.#began = event.timeStamp;
    this.#stroke = [];
    this.strokes.push(this.#stroke);
    this.#take(event, this.#canvas.getBoundingClientRect());
    this.redraw();
  }

  // only what is new is drawn, on what is there: a long signature must not slow the hand down. Where the line ended it
  // keeps a hair of its old end until the pen is lifted and all is drawn anew
  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const drawn = this.#stroke.length;
    const box = this.#canvas.getBoundingClientRect();
    const missed = event.getCoalescedEvents?.() ?? [];
    for (const one of missed.length ? missed : [event]) this.#take(one, box);
    if (this.#stroke.length > drawn) draw(this.#canvas.getContext('2d'), this.#stroke, drawn);
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = this.#stroke = null;
    this.#changed();
  }

  #take(event, box) {
    const within = (value, most) => Math.round(Math.min(Math.max(value, 0), most) * 10) / 10;
    const x = within(((event.clientX - box.left) / box.width) * WIDTH, WIDTH);
    const y = within(((event.clientY - box.top) / box.height) * HEIGHT, HEIGHT);
    const last = this.#stroke.at(-1);
    if ((last && Math.hypot(last.x - x, last.y - y) < 0.8) || this.#full) return;
    const t = Math.max(Math.round(event.timeStamp - this.#began), last?.t ?? 0);
    this.#stroke.push({ x, y, t, pressure: Math.round((event.pressure || 0.5) * 100) / 100 });
  }

  get #full() {
    return this.strokes.reduce((sum, stroke) => sum + stroke.length, 0) >= MOST_POINTS;
  }

  #changed() {
    const text = this.strokes.length > 0 ? _('Your drawn signature') : _('The box for your signature, empty');
    this.#canvas.setAttribute('aria-label', text);
    this.redraw();
    this.dispatchEvent(new Event('change'));
  }
}

customElements.define('signature-pad', SignaturePad);
