"""Pages on a slow phone: what their readers wait for, against the smallest answer of the same server.

The whole of `./sts up` runs on a folder of its own, with a client who has documents of 1, 10 and 300 pages to sign, and
charts of 10 and of 500 documents. Chromium plays the phone: a processor that is 4 or 6 times slower than this
machine's, and *slow 4G* (1.6 Mbit/s, 150 ms for a round trip, and none for making a connection, which a real phone
pays once). In each round every page is visited by somebody whose cache is empty and once more by the same, in an order
that changes from round to round, and so is the **floor**: `/healthz`, the smallest answer there is. Machines drift, so
a time is worth what its ratio to the floor is: ratios are taken round by round, and their median is said.

**Interactive** is the moment from which a tap does what it should: the page is painted, what its reader came for is
there and enabled (*Add Signature*, the first link), the scripts have run, and half a second without a long task (one
over 50 ms) begins. When all is loaded it is tapped, and **tap** is the time to the next frame. A page with a style
sheet takes two round trips, since the page says where it is; the floor takes one.

**Bytes** are those on the wire, ours and those of the document itself (page images). On the page on which a client
signs ours may be 150 kB (issue 5); more makes the exit code 1.

**Signing** is from the tap on *Sign Document* to the frame that shows the confirmation, in the browser. **Drawing**: a
hand draws for 20 seconds on the slow phone, against a pointer that makes the same moves and draws nothing.
"""

import argparse
import asyncio
import dataclasses
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median

import httpx2
from playwright.async_api import Browser, Page, StorageState

from benchmarks import stroke
from benchmarks.arm import PATIENCE
from benchmarks.browser import chromium, draw, sign_in
from benchmarks.real import PASSWORD, UPLOADS_AT_ONCE, Mails, Person, expect, register
from benchmarks.rivals import document
from benchmarks.stroke import Drawing
from benchmarks.usage import Usages, usages
from benchmarks.visit import CONDITIONS, Figures, Stop, slow, visit, visitor
from benchmarks.whole import Whole, running
from benchmarks.writing import as_json, pyplot

FLOOR = "the floor"
FIRST, RETURN = "first", "return"
SLOWEST = next(iter(CONDITIONS))
PARTS = ("api", "postgres")

LENGTHS = (1, 10, 300)
"""Pages of the documents that are reviewed."""
LINES = 45
"""Of text on a page."""
CHARTS = (10, 500)
"""Documents in a chart."""
MOST_OURS = 150_000
"""Bytes of the page on which a client signs, without the document."""
WITHIN = 1000
"""Milliseconds: usable within a second."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument(
        "--conditions", nargs="+", choices=CONDITIONS, default=list(CONDITIONS), metavar="NAME", help="of the phone"
    )
    parser.add_argument("--longest", type=int, default=LENGTHS[-1], metavar="PAGES", help="leave out longer documents")
    parser.add_argument("--fullest", type=int, default=CHARTS[-1], metavar="N", help="documents of the full chart")
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME", help="pages whose names begin so")
    parser.add_argument("--drawing", type=float, default=20, metavar="SECONDS")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, and the plot beside it")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot there (.svg, .png)")


def run(words: argparse.Namespace) -> int:
    """Measure, print the tables, write what was asked for; 1 if the page to sign is too heavy."""
    report = asyncio.run(measure(words))
    print(report.table())
    if words.json:
        words.json.parent.mkdir(parents=True, exist_ok=True)
        words.json.write_text(report.json())
    if plot := words.plot or (words.json and words.json.with_suffix(".svg")):
        plot.parent.mkdir(parents=True, exist_ok=True)
        report.plot(plot)
    return int(bool(report.too_heavy()))


@dataclass(frozen=True)
class Signing:
    """Milliseconds from the tap on Sign Document."""

    shown: float
    """Until the frame with the confirmation."""
    sent: float
    """Of it, the signature's way to the server and its answer."""
    outcome: str
    """What the page said: `signed`, or `received` where sealing took longer."""


@dataclass(frozen=True)
class Row:
    """A page in one condition, medians of the rounds; the ratio is the median of those of the rounds."""

    condition: str
    page: str
    visit: str
    figures: Figures
    ratio: float
    """Of *interactive* to the floor's."""


Visits = dict[str, dict[str, dict[str, Figures]]]
"""By condition, page, and whether it is the first visit."""


@dataclass(frozen=True)
class Report:
    rounds: list[Visits]
    signings: dict[str, list[Signing]]
    """By condition."""
    drawings: dict[str, list[Drawing]]
    """Of the hand that draws, and of the pointer that hovers."""
    memory_before: Usages
    memory_after: Usages

    def rows(self) -> list[Row]:
        return [
            Row(condition, page, time, self._median(condition, page, time), self._ratio(condition, page, time))
            for condition, pages in self.rounds[0].items()
            for page, times in pages.items()
            for time in times
        ]

    def too_heavy(self) -> list[Row]:
        """Pages to sign that are over the budget."""
        return [row for row in self.rows() if row.page.startswith("review") and row.figures.ours > MOST_OURS]

    def table(self) -> str:
        """Everything a reader wants first; medians of the rounds."""
        lines = [f"{len(self.rounds)} rounds; milliseconds, kB on the wire, MB of script objects."]
        for condition, pages in self.rounds[0].items():
            lines += ["", _told(condition)]
            titles = ("server", "first paint", "largest", "interactive", "× floor", "blocked", "tap", "shift")
            lines.append(
                f"{'':<30}" + "".join(f"{title:>12}" for title in titles) + "   ours  paper  sent  heap  nodes"
            )
            lines += [_line(row) for row in self.rows() if row.condition == condition]
            over = [row for row in self.rows() if row.condition == condition and row.figures.interactive > WITHIN]
            names = ", ".join(f"{row.page} ({row.visit})" for row in over)
            lines.append(f"Interactive later than a second: {names or 'none'} of {2 * len(pages)}.")
        lines += ["", f"{'From Sign Document, ms':<30}{'confirmed':>12}{'× floor':>12}{'of it, sent':>12}"]
        for condition, signings in self.signings.items():
            shown, sent = (median(getattr(one, name) for one in signings) for name in ("shown", "sent"))
            floor = self._median(condition, FLOOR, FIRST).interactive
            late = sum(one.outcome != "signed" for one in signings)
            told = f"   {late} were told 'received'" if late else ""
            lines.append(f"  {condition:<28}{shown:>12.0f}{shown / floor:>12.1f}{sent:>12.0f}{told}")
        lines += ["", f"{'Drawing, ' + SLOWEST + ', ms':<30}{'draws':>12}{'hovers':>12}{'× hovering':>12}"]
        for field in dataclasses.fields(Drawing):
            inked, idle = (
                median(getattr(one, field.name) for one in self.drawings[way]) for way in ("draws", "hovers")
            )
            ratio = f"{inked / idle:.1f}" if idle else "–"
            lines.append(f"  {field.name.replace('_', ' '):<28}{inked:>12.2f}{idle:>12.2f}{ratio:>12}")
        lines += ["", f"{'RSS in MB':<30}{'before':>12}{'after':>12}"]
        for part in PARTS:
            before, after = self.memory_before[part].rss / 1e6, self.memory_after[part].rss / 1e6
            lines.append(f"  {part:<28}{before:>12.0f}{after:>12.0f}")
        lines += [f"TOO HEAVY: {row.page} ({row.visit}), {row.figures.ours} bytes" for row in self.too_heavy()]
        return "\n".join(lines)

    def json(self) -> str:
        conditions = {name: dataclasses.asdict(CONDITIONS[name]) for name in self.rounds[0]}
        return as_json("pages", self, self.rows(), conditions=conditions)

    def plot(self, file: Path) -> None:
        """A panel for each condition: interactive by page, both visits, and the floor."""
        plots = pyplot()
        conditions = list(self.rounds[0])
        figure, grid = plots.subplots(1, len(conditions), figsize=(5 * len(conditions), 6), squeeze=False, sharey=True)
        for panel, condition in zip(grid[0], conditions, strict=True):
            for shift, time in ((-0.2, FIRST), (0.2, RETURN)):
                rows = [row for row in self.rows() if (row.condition, row.visit) == (condition, time)]
                places = [place + shift for place in range(len(rows))]
                panel.barh(places, [row.figures.interactive for row in rows], 0.4, label=f"{time} visit")
            panel.set_yticks(range(len(rows)), [row.page for row in rows])
            panel.axvline(WITHIN, color="grey", linewidth=1)
            panel.set(title=condition, xlabel="interactive, milliseconds")
            panel.legend(fontsize="small")
        grid[0][0].invert_yaxis()
        figure.tight_layout()
        figure.savefig(file)
        plots.close(figure)

    def _median(self, condition: str, page: str, time: str) -> Figures:
        each = [dataclasses.astuple(one) for one in self._each(condition, page, time)]
        return Figures(*(median(values) for values in zip(*each, strict=True)))

    def _ratio(self, condition: str, page: str, time: str) -> float:
        pairs = zip(self._each(condition, page, time), self._each(condition, FLOOR, time), strict=True)
        return median(one.interactive / floor.interactive for one, floor in pairs)

    def _each(self, condition: str, page: str, time: str) -> Iterator[Figures]:
        return (one[condition][page][time] for one in self.rounds)


def _told(condition: str) -> str:
    meant = CONDITIONS[condition]
    line = f"{meant.line.megabits} Mbit/s, {meant.line.round_trip_ms:.0f} ms" if meant.line else "this machine's line"
    return f"{condition}: processor {meant.slower}× slower, {line}"


def _line(row: Row) -> str:
    one = row.figures
    times = (one.server, one.first_paint, one.largest_paint, one.interactive)
    return (
        f"  {row.page + ', ' + row.visit:<28}"
        + "".join(f"{value:>12.0f}" for value in times)
        + f"{row.ratio:>12.1f}{one.blocked:>12.0f}{one.tap:>12.0f}{one.shift:>12.3f}"
        + f"{one.ours / 1000:>7.0f}{one.paper / 1000:>7.0f}{one.requests:>6.0f}{one.heap / 1e6:>6.1f}{one.nodes:>7.0f}"
    )


@dataclass(frozen=True)
class Stage:
    """Who and what there is to visit."""

    whole: Whole
    person: Person
    at_phone: StorageState
    """The client's cookies."""
    stops: dict[str, Stop]
    to_sign: list[str]
    """Documents of a page: one for each signature, and the first for drawing."""

    def review(self, document_id: str) -> str:
        return f"{self.whole.addresses['portal']}/portal/documents/{document_id}"


async def measure(words: argparse.Namespace) -> Report:
    async with AsyncExitStack() as parts:
        say("Starting ./sts up …")
        whole = await parts.enter_async_context(running())
        api = whole.addresses["api"] + "/api/v1"
        client = httpx2.AsyncClient(base_url=api, timeout=PATIENCE)
        staff = await parts.enter_async_context(client)
        staff.headers["authorization"] = f"Bearer {whole.api_key}"
        theirs = httpx2.AsyncClient(base_url=f"{api}/portal", timeout=PATIENCE)
        person = await register(staff, await parts.enter_async_context(theirs), Mails(whole.data / "mail"))
        browser = await parts.enter_async_context(chromium())
        stage = await _stage(words, whole, staff, person, browser)
        pids = {part: whole.pids[part] for part in PARTS}
        await _visit_all(browser, stage.stops, "this machine")  # warm
        before = usages(pids)
        rounds: list[Visits] = []
        signings: dict[str, list[Signing]] = {name: [] for name in words.conditions}
        drawings: dict[str, list[Drawing]] = {"draws": [], "hovers": []}
        for number in range(words.rounds):
            say(f"Round {number + 1} of {words.rounds} …")
            order = dict(list(stage.stops.items())[:: -1 if number % 2 else 1])
            rounds.append({name: await _visit_all(browser, order, name) for name in words.conditions})
            for name in words.conditions:
                signings[name].append(await _sign(browser, stage, name))
            for way in list(drawings)[:: -1 if number % 2 else 1]:
                drawings[way].append(await _draw(browser, stage, words.drawing, ink=way == "draws"))
        return Report(
            [{name: {page: told[name][page] for page in stage.stops} for name in told} for told in rounds],
            signings,
            drawings,
            before,
            usages(pids),
        )


async def _visit_all(browser: Browser, stops: dict[str, Stop], condition: str) -> dict[str, dict[str, Figures]]:
    told = {}
    for name, stop in stops.items():
        async with visitor(browser, stop.state) as context:
            told[name] = {time: await visit(context, stop, CONDITIONS[condition]) for time in (FIRST, RETURN)}
    return told


# -- who and what there is


async def _stage(
    words: argparse.Namespace, whole: Whole, staff: httpx2.AsyncClient, person: Person, browser: Browser
) -> Stage:
    """Only what is wanted is made: hundreds of uploads take their time."""

    def wanted(name: str) -> bool:
        return name.startswith((FLOOR, *words.only))

    say("Uploading documents …")
    lengths = {f"review, {one} p.": one for one in LENGTHS if one <= words.longest}
    reviewed = {name: await _shared(staff, person, one) for name, one in lengths.items() if wanted(name)}
    fills = {f"Documents, {one}": one for one in (CHARTS[0], max(words.fullest, CHARTS[0]))}
    charts = {name: await _chart(staff, one) for name, one in fills.items() if wanted(name)}
    # one more, on which is drawn and which nobody signs
    to_sign = [await _shared(staff, person, 1) for _ in range(words.rounds * len(words.conditions) + 1)]
    at_desk, at_phone = await _signed_in(browser, whole, None), await _signed_in(browser, whole, person)
    chart, portal = whole.addresses["chart"], whole.addresses["portal"]
    a_chart = next(iter(charts.values()), None) or person.client_id
    pad = "#signing[open] signature-pad"
    stops = {
        FLOOR: Stop(f"{portal}/healthz", "pre"),
        "sign-in": Stop(f"{portal}/portal/sign-in", "#email"),
        "inbox": Stop(f"{portal}/portal/inbox", ".list a", at_phone),
        "My Documents": Stop(f"{portal}/portal/documents", ".list a", at_phone),
        **{
            name: Stop(f"{portal}/portal/documents/{one}", "[data-add-signature]:enabled", at_phone, pad)
            for name, one in reviewed.items()
        },
        "Chart Room": Stop(f"{chart}/charts", "[data-clients] a", at_desk),
        "Chart Face": Stop(f"{chart}/charts/{a_chart}", "main a", at_desk),
        **{
            name: Stop(f"{chart}/charts/{one}/documents", ".dots", at_desk, ".menu:popover-open")
            for name, one in charts.items()
        },
        "Requests": Stop(f"{chart}/requests", "main a", at_desk),
    }
    return Stage(whole, person, at_phone, {name: stop for name, stop in stops.items() if wanted(name)}, to_sign)


async def _chart(staff: httpx2.AsyncClient, count: int) -> str:
    """A chart with so many documents."""
    new = {"given_name": "Bench", "family_name": f"Of {count}", "birth_date": "1990-01-01"}
    client: str = expect(await staff.post("/clients", json=new), HTTPStatus.CREATED)["id"]
    at_once = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def upload() -> None:
        async with at_once:
            await _upload(staff, client, document(1, LINES, 0))

    await asyncio.gather(*(upload() for _ in range(count)))
    return client


async def _upload(staff: httpx2.AsyncClient, client: str, content: bytes) -> str:
    filed = await staff.post(
        f"/clients/{client}/documents",
        files={"file": ("note.pdf", content, "application/pdf")},
        data={"kind": "clinical_note", "note_name": "Progress Note"},
    )
    return str(expect(filed, HTTPStatus.CREATED)["id"])


async def _shared(staff: httpx2.AsyncClient, person: Person, length: int) -> str:
    """A document of so many pages that waits for the client's signature."""
    one = await _upload(staff, person.client_id, document(length, LINES, 0))
    expect(await staff.post(f"/documents/{one}/share-to-sign"), HTTPStatus.ACCEPTED)
    async with asyncio.timeout(PATIENCE):
        while (await person.portal.get(f"/documents/{one}")).status_code != HTTPStatus.OK:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return one


async def _signed_in(browser: Browser, whole: Whole, person: Person | None) -> StorageState:
    """The cookies of the provider, or of the client."""
    async with visitor(browser) as context:
        page = await context.new_page()
        if person:
            await page.goto(f"{whole.addresses['portal']}/portal/sign-in")
            await _sign_in(page, person)
        else:
            await page.goto(whole.addresses["chart"])
            await sign_in(whole, page, "Maya")
        return await context.storage_state()


async def _sign_in(page: Page, person: Person) -> None:
    await page.fill("#email", person.email)
    await page.fill("#password", PASSWORD)
    await page.click("main .primary")
    await page.wait_for_url(lambda address: "/sign-in" not in address)


# -- what is done on the page to sign

SIGN = """() => {
  const seen = {};
  window.signing = seen;
  addEventListener('click', (one) => { if (one.target.closest('[data-sign]')) seen.tapped = one.timeStamp; }, true);
  const looking = new MutationObserver(() => {
    const { outcome } = document.getElementById('state').dataset;
    if (!seen.tapped || document.getElementById('signing')?.open || !outcome) return;
    looking.disconnect();
    requestAnimationFrame(() => setTimeout(() => Object.assign(seen, { outcome, shown: performance.now() })));
  });
  looking.observe(document.body, { subtree: true, childList: true });
}"""

SIGNED = """() => new Promise((tell) => {
  const look = () => {
    if (!window.signing.shown) return setTimeout(look, 50);
    const sent = performance.getEntriesByType('resource').find((one) => one.name.endsWith('/signature'));
    tell({ shown: window.signing.shown - window.signing.tapped, sent: sent.duration, outcome: window.signing.outcome });
  };
  look();
})"""


async def _sign(browser: Browser, stage: Stage, condition: str) -> Signing:
    """Sign a document in the browser, and measure from *Sign Document* on."""
    async with visitor(browser) as context:
        page = await context.new_page()
        await page.goto(stage.review(stage.to_sign.pop()))
        await _sign_in(page, stage.person)
        await page.get_by_role("button", name="Add Signature").tap()
        await draw(page)
        await page.get_by_role("checkbox").check()
        await page.get_by_role("button", name="Continue").tap()
        await page.evaluate(SIGN)
        await slow(await context.new_cdp_session(page), CONDITIONS[condition])
        await page.get_by_role("button", name="Sign Document").tap()
        return Signing(**await page.evaluate(SIGNED))


async def _draw(browser: Browser, stage: Stage, seconds: float, *, ink: bool) -> Drawing:
    async with visitor(browser, stage.at_phone) as context:
        page = await context.new_page()
        await page.goto(stage.review(stage.to_sign[0]))
        await page.get_by_role("button", name="Add Signature").tap()
        devtools = await context.new_cdp_session(page)
        await slow(devtools, CONDITIONS[SLOWEST])
        return await stroke.draw(page, devtools, seconds, ink=ink)


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
