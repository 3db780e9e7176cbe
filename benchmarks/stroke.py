"""What drawing a signature costs: events and frames while somebody draws for long, against a pointer that only hovers.

Both are the same moves over the same pad, so the difference is our code. A digitiser tells 120 points a second, more
than the screen has frames: the browser hands over those of a frame together.
"""

import asyncio
import math
from dataclasses import dataclass
from typing import Any

from playwright.async_api import CDPSession, Page

from benchmarks.report import percentile

POINTS_PER_SECOND = 120
FRAME = 1000 / 60
"""Milliseconds."""

# how long the page's own listeners take: they lie between the first that hears and the last; how long frames are apart
WATCH = """() => {
  const seen = { handled: [], frames: [], long: 0 };
  window.drawn = seen;
  let began;
  addEventListener('pointermove', () => { began = performance.now(); }, { capture: true });
  addEventListener('pointermove', () => seen.handled.push(performance.now() - began));
  let last = performance.now();
  const frame = (now) => { seen.frames.push(now - last); last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""


@dataclass(frozen=True)
class Drawing:
    """Milliseconds; of a hand that draws, or that only hovers."""

    handler_p50: float
    handler_p99: float
    frame_p50: float
    """From one frame to the next."""
    frame_p99: float
    script: float
    """Of the processor's time for scripts, a frame."""
    task: float
    """Of the main thread's time for everything, a frame."""
    first_second: float
    """Handler in the first second, the median; and in the last: how it grows with what is drawn."""
    last_second: float
    points: int
    """That the browser handed over."""


async def draw(page: Page, devtools: CDPSession, seconds: float, *, ink: bool) -> Drawing:
    """Move over the pad of the page's open dialog for so long, with the pen down or up."""
    box = await page.locator("signature-pad").bounding_box()
    assert box
    await page.evaluate(WATCH)
    await devtools.send("Performance.enable")
    before = await _spent(devtools)
    if ink:
        await _send(devtools, "mousePressed", box, 0, pressed=True)
    sent = []
    clock = asyncio.get_running_loop()
    began = clock.time()
    for number in range(int(seconds * POINTS_PER_SECOND)):
        await asyncio.sleep(max(0, began + number / POINTS_PER_SECOND - clock.time()))
        # a digitiser does not wait for the page
        sent.append(asyncio.create_task(_send(devtools, "mouseMoved", box, number, pressed=ink)))
    await asyncio.gather(*sent)
    if ink:
        await _send(devtools, "mouseReleased", box, 0, pressed=True)
    after = await _spent(devtools)
    seen: dict[str, list[float]] = await page.evaluate("() => window.drawn")
    return _drawing(seen, {name: 1000 * (after[name] - before[name]) for name in before}, seconds)


def _drawing(seen: dict[str, list[float]], spent: dict[str, float], seconds: float) -> Drawing:
    handled, frames = seen["handled"], seen["frames"][1:]
    a_second = max(1, round(len(handled) / seconds))
    return Drawing(
        handler_p50=percentile(handled, 50),
        handler_p99=percentile(handled, 99),
        frame_p50=percentile(frames, 50),
        frame_p99=percentile(frames, 99),
        script=spent["ScriptDuration"] / len(frames),
        task=spent["TaskDuration"] / len(frames),
        first_second=percentile(handled[:a_second], 50),
        last_second=percentile(handled[-a_second:], 50),
        points=len(handled),
    )


async def _send(devtools: CDPSession, kind: str, box: Any, number: int, *, pressed: bool) -> None:
    way = number / POINTS_PER_SECOND
    x = box["x"] + box["width"] * (0.5 + 0.45 * math.sin(1.3 * way))
    y = box["y"] + box["height"] * (0.5 + 0.4 * math.sin(9 * way + math.sin(way)))
    held = {"button": "left", "buttons": 1, "clickCount": 1} if pressed else {}
    await devtools.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **held})


async def _spent(devtools: CDPSession) -> dict[str, float]:
    counted = (await devtools.send("Performance.getMetrics"))["metrics"]
    return {one["name"]: one["value"] for one in counted if one["name"] in {"ScriptDuration", "TaskDuration"}}
