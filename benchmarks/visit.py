"""One visit to a page on a phone that is made slow, and what its reader waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, StorageState

DEVICE: dict[str, Any] = {
    "viewport": {"width": 412, "height": 823},
    "device_scale_factor": 1.75,
    "is_mobile": True,
    "has_touch": True,
    "locale": "en-US",
    "timezone_id": "America/New_York",
}
"""The slow phone by which Lighthouse measures."""

QUIET = 0.5
"""Seconds without anything on the wire after which a page has come to rest."""
LONGEST = 20.0
"""Seconds after which nobody waits for that any more."""

PAPER = (".webp", ".txt", "/file", "/signed")
"""How addresses end behind which the document itself is."""
NEWS = "/live"
"""How addresses end of streams that never do."""


@dataclass(frozen=True)
class Line:
    """Between phone and service, as Chromium plays it: after the connection is made, so without its round trips."""

    megabits: float
    round_trip_ms: float


SLOW_4G = Line(1.6, 150)


@dataclass(frozen=True)
class Condition:
    """How much slower the processor is made than this machine's, and the line."""

    slower: int
    line: Line | None = None


CONDITIONS = {
    "slow phone": Condition(6, SLOW_4G),
    "mid phone": Condition(4, SLOW_4G),
    "slow phone, fast line": Condition(6),
    "this machine": Condition(1),
}


@dataclass(frozen=True)
class Stop:
    """A page that is visited."""

    address: str
    control: str
    """Selector of what its reader came for; a page without anything to select is there when it is seen."""
    state: StorageState | None = field(default=None, repr=False)
    """Whose cookies the visitor has."""
    answer: str | None = None
    """Selector of what a tap on the control opens."""


@dataclass(frozen=True)
class Figures:
    """Milliseconds since the address was entered, if nothing else is said."""

    server: float
    """From asking to the first byte of the answer; Chromium does not count the line that it plays here."""
    first_paint: float
    """First contentful paint."""
    largest_paint: float
    """Largest contentful paint."""
    interactive: float
    """When the control is seen and enabled, the scripts have run, and the last long task is over."""
    blocked: float
    """Total blocking time: of each long task what is over 50 ms."""
    tap: float
    """From a tap on the control to the next frame, by the browser's own Event Timing; shorter than 16 is not told."""
    shift: float
    """Cumulative layout shift."""
    ours: int
    """Bytes over the wire without the document itself."""
    paper: int
    """Those of the document itself."""
    requests: int
    heap: int
    """Bytes of script objects that are alive."""
    nodes: int


# what is watched before anything of the page runs; long tasks are those over 50 ms (W3C Long Tasks)
WATCH = """
(() => {
  if (self !== top) return;
  const seen = { first: 0, largest: 0, shift: 0, long: [], control: 0, taps: [] };
  Object.defineProperty(window, 'watched', { value: seen });
  const watch = (type, each, more) =>
    new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...more });
  watch('paint', (one) => { if (one.name === 'first-contentful-paint') seen.first = one.startTime; });
  watch('largest-contentful-paint', (one) => { seen.largest = one.startTime; });
  watch('layout-shift', (one) => { if (!one.hadRecentInput) seen.shift += one.value; });
  watch('longtask', (one) => seen.long.push([one.startTime, one.duration]));
  watch('event', (one) => { if (one.name === 'click') seen.taps.push(one.duration); }, { durationThreshold: 16 });
  const selector = %s;
  const look = () => {
    if (!document.querySelector(selector)) return;
    seen.control = performance.now();
    looking.disconnect();
  };
  const looking = new MutationObserver(look);
  looking.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['disabled'] });
  look();
})();
"""

READ = """() => {
  const seen = window.watched;
  const [page] = performance.getEntriesByType('navigation');
  const lastLong = Math.max(0, ...seen.long.map(([start, took]) => start + took));
  return {
    server: page.responseStart - page.requestStart,
    first_paint: seen.first,
    largest_paint: Math.max(seen.first, seen.largest),
    interactive: Math.max(seen.first, seen.control, page.domContentLoadedEventEnd, lastLong),
    blocked: seen.long.reduce((sum, [, took]) => sum + took - 50, 0),
    shift: seen.shift,
  };
}"""

TAPS = """() => new Promise((tell) => requestAnimationFrame(() => setTimeout(
  () => tell(Math.max(16, ...window.watched.taps)), 100)))"""


@asynccontextmanager
async def visitor(browser: Browser, state: StorageState | None = None) -> AsyncIterator[BrowserContext]:
    """Somebody's phone with an empty cache."""
    context = await browser.new_context(**DEVICE, storage_state=state)
    yield context
    await context.close()


@dataclass
class Wire:
    """What a page sends for and gets, by Chromium's own count of bytes."""

    devtools: CDPSession
    addresses: dict[str, str] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    cached: set[str] = field(default_factory=set)

    async def listen(self) -> None:
        self.devtools.on("Network.requestWillBeSent", self._sent)
        self.devtools.on("Network.requestServedFromCache", lambda told: self.cached.add(told["requestId"]))
        self.devtools.on("Network.responseReceived", self._received)
        self.devtools.on("Network.loadingFinished", self._finished)
        self.devtools.on("Network.loadingFailed", lambda told: self.open.discard(told["requestId"]))
        await self.devtools.send("Network.enable")

    def _sent(self, told: dict[str, Any]) -> None:
        address = urlsplit(told["request"]["url"])
        if address.scheme.startswith("http"):
            self.addresses[told["requestId"]] = address.path
            if not address.path.endswith(NEWS):
                self.open.add(told["requestId"])

    def _received(self, told: dict[str, Any]) -> None:
        if told["response"].get("fromDiskCache"):
            self.cached.add(told["requestId"])

    def _finished(self, told: dict[str, Any]) -> None:
        self.open.discard(told["requestId"])
        self.bytes[told["requestId"]] = int(told["encodedDataLength"])

    def weight(self, *, paper: bool) -> int:
        asked = self.addresses.items()
        return sum(self.bytes.get(one, 0) for one, path in asked if path.endswith(PAPER) == paper)

    @property
    def requests(self) -> int:
        return len(self.addresses.keys() - self.cached)

    async def rest(self) -> None:
        """Wait until it is quiet."""
        quiet_since, until = None, asyncio.get_running_loop().time() + LONGEST
        while (now := asyncio.get_running_loop().time()) < until:
            quiet_since = None if self.open else quiet_since or now
            if quiet_since and now - quiet_since >= QUIET:
                return
            await asyncio.sleep(0.05)


async def slow(devtools: CDPSession, condition: Condition) -> None:
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": condition.slower})
    line = condition.line
    speed = line.megabits * 1e6 / 8 if line else -1
    await devtools.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": line.round_trip_ms if line else 0,
            "downloadThroughput": speed,
            "uploadThroughput": speed,
        },
    )


async def visit(context: BrowserContext, stop: Stop, condition: Condition) -> Figures:
    """Enter the address in a new tab, wait until all is quiet, tap on what the reader came for."""
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    wire = Wire(devtools)
    await wire.listen()
    await page.add_init_script(WATCH % repr(stop.control))
    await slow(devtools, condition)
    answer = await page.goto(stop.address, wait_until="load")
    if answer is None or not answer.ok or urlsplit(page.url).path != urlsplit(stop.address).path:
        raise SystemExit(f"{stop.address} did not open: it led to {page.url}")
    await wire.rest()
    seen = await page.evaluate(READ)
    ours, paper, requests = wire.weight(paper=False), wire.weight(paper=True), wire.requests
    tap = await _tap(page, stop)
    await devtools.send("Performance.enable")
    await devtools.send("HeapProfiler.collectGarbage")
    counted = {one["name"]: one["value"] for one in (await devtools.send("Performance.getMetrics"))["metrics"]}
    await page.close()
    return Figures(
        **seen,
        tap=tap,
        ours=ours,
        paper=paper,
        requests=requests,
        heap=int(counted["JSHeapUsedSize"]),
        nodes=int(counted["Nodes"]),
    )


async def _tap(page: Page, stop: Stop) -> float:
    """A tap must not lead away, or there would be nothing left to ask."""
    await page.evaluate("addEventListener('click', (one) => { if (one.target.closest('a')) one.preventDefault(); })")
    await page.locator(stop.control).first.tap()
    if stop.answer:
        await page.locator(stop.answer).first.wait_for()
    return float(await page.evaluate(TAPS))
