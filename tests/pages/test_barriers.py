"""No page and no dialog shuts anybody out: axe-core over all of them, light and dark; and how they fit."""

import json
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page, expect

from api import languages
from chart.refusals import Unacceptable
from identity.session import Left
from tests.browsers import chromium, visitor
from tests.pages.addresses import CHART, DOCUMENTS, EVERY_PAGE, REVIEW, SIGNING
from tests.pages.records import CLIENT, MESSAGE, PENDING, STAFF_PARTY, UNREGISTERED, a_client
from tests.pages.stage import Stage

RULES = json.dumps(
    {
        "resultTypes": ["violations"],
        "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        "rules": {"target-size": {"enabled": True}},
    }
)
SEEN = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
"""The rules that look at how a page is painted; to all others a page is the same in either theme."""
THEMES = {"light": RULES, "dark": json.dumps(json.loads(RULES) | {"runOnly": {"type": "rule", "values": SEEN}})}
WIDTHS = (320, 768, 1440)
"""A phone, which is also a desktop at a zoom of 400 %; a tablet; a desktop."""

LOST = "Failed to load resource"
"""What the browser says where a test lets the server refuse."""

LONG = "Bartholomäus-Maximilian Wolfeschlegelsteinhausenbergerdorff"


@asynccontextmanager
async def visiting(language: str) -> AsyncIterator[Page]:
    # without motion, so that nothing is between two colours while it is looked at
    async with (
        chromium() as browser,
        visitor(browser, expected=LOST, locale=language, reduced_motion="reduce") as page,
    ):
        await page.context.add_init_script(AXE_SCRIPT)
        yield page


@pytest.fixture(scope="module", params=languages.NAMES)
async def page(request: pytest.FixtureRequest, on_show: Stage) -> AsyncIterator[Page]:
    """In each language."""
    on_show.language = request.param
    async with visiting(request.param) as one:
        yield one


@pytest.fixture(scope="module")
async def wordy_page(on_show: Stage) -> AsyncIterator[Page]:
    """In the language with the longest words."""
    on_show.language = "es"
    async with visiting("es") as one:
        yield one


async def barriers(page: Page) -> list[str]:
    """What axe finds in either theme, as one line each: the rule, where, and what is wrong."""
    found = []
    for theme, rules in THEMES.items():
        await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        results = await page.evaluate(f"axe.run({rules})")
        found += [
            f"{theme}: {rule['id']}: {node['target']}: {node['failureSummary']}"
            for rule in results["violations"]
            for node in rule["nodes"]
        ]
    return found


async def test_barriers_are_found_where_there_are_some(page: Page, address: str) -> None:
    await page.goto(address + REVIEW)
    await page.evaluate("document.querySelector('.pages img').removeAttribute('alt')")
    await page.evaluate("document.querySelector('.head .muted').style.color = '#999'")
    await page.evaluate("document.querySelector('#state p').style.color = '#444'")
    small = "Object.assign(one.style, {display: 'block', minHeight: 0, height: '10px'})"
    await page.evaluate(f"for (const one of document.querySelectorAll('nav, nav a')) {small}")
    found = " ".join(await barriers(page))
    for rule in ("light: image-alt", "light: color-contrast", "dark: color-contrast", "light: target-size"):
        assert rule in found, found


@pytest.mark.parametrize("path", EVERY_PAGE)
async def test_a_page_has_no_barrier(page: Page, address: str, on_show: Stage, path: str) -> None:
    answer = await page.goto(address + path)
    assert answer
    assert answer.status == 200
    await expect(page.locator("html")).to_have_attribute("lang", re.compile(f"{on_show.language}-"))
    await page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
    assert await barriers(page) == []


# -- dialogs, menus, and what pages say when something is wrong


async def consent(page: Page) -> None:
    await page.locator("[data-add-signature]").click()


async def draw(page: Page) -> None:
    box = await page.locator("signature-pad").bounding_box()
    assert box
    for step in range(40):
        x, y = box["x"] + box["width"] * (0.2 + step / 80), box["y"] + box["height"] * (0.5 + math.sin(step / 3) / 5)
        await page.mouse.move(x, y)
        if step == 0:
            await page.mouse.down()
    await page.mouse.up()


async def drawn(page: Page) -> None:
    await consent(page)
    # a draft remembers the way of before
    await page.locator("label:has([value=draw])").click()
    await draw(page)
    await page.locator("[name=intends]").check()


async def typed(page: Page) -> None:
    await consent(page)
    await page.locator("label:has([value=type])").click()
    await page.locator("#typed_name").fill(LONG)
    await page.locator("[name=intends]").check()


async def confirm(page: Page) -> None:
    await drawn(page)
    await page.locator("[data-continue]").click()
    await expect(page.locator("[data-sign]")).to_be_visible()


async def password(page: Page) -> None:
    await typed(page)
    await page.locator("[data-continue]").click()
    await expect(page.locator("#password")).to_be_visible()


STEPS = {
    "consent": (consent, {"consented": False}),
    "signature": (typed, {"consented": True}),
    "confirm": (confirm, {"consented": True, "fresh": True}),
    "password": (password, {"consented": True, "fresh": False}),
}
"""Of the dialog in which one signs: how to get there, and what the stage has to be like."""


@pytest.mark.parametrize(
    ("path", "step"), [*((REVIEW, step) for step in STEPS), (SIGNING, "signature"), (SIGNING, "password")]
)
async def test_a_step_of_signing_has_no_barrier(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch, path: str, step: str
) -> None:
    go, as_it_is = STEPS[step]
    for name, value in as_it_is.items():
        monkeypatch.setattr(on_show, name, value)
    await page.goto(address + path)
    await go(page)
    await expect(page.locator(f"[data-step={step}]")).to_be_visible()
    assert await barriers(page) == []
    steps = await page.locator("[data-step]").evaluate_all("all => all.map((one) => one.dataset.step)")
    assert set(steps) <= set(STEPS)


Scene = tuple[str, dict[str, object], Callable[[Page], Awaitable[None]]]


async def nothing(page: Page) -> None:
    pass


async def open_menu(page: Page) -> None:
    await page.locator("tbody tr").nth(2).get_by_role("button").click()
    await expect(page.get_by_role("menuitem").first).to_be_focused()


async def open_notices(page: Page) -> None:
    await page.locator(".notices summary").click()


async def larger(page: Page) -> None:
    await page.get_by_role("group").locator("[data-zoom='1']").click()
    await expect(page.locator("[data-larger]")).to_be_visible()


async def submit(page: Page) -> None:
    for field in await page.locator("main input:not([type=date], [type=hidden], [type=file])").all():
        await field.fill("x")
    await page.locator("main input[type=date]").fill("1990-03-24")
    await page.locator("main .primary").click()
    await expect(page.locator("[data-problem]")).to_be_focused()


SCENES: dict[str, Scene] = {
    "a menu": (DOCUMENTS, {}, open_menu),
    "the notices": (CHART, {}, open_notices),
    "larger pages": (REVIEW, {}, larger),
    "a form that is refused": ("/charts/new", {"raises": Unacceptable("Another client has this id.")}, submit),
    "an empty Chart Room": ("/charts", {"clients": []}, nothing),
    "an empty chart": (DOCUMENTS, {"documents": []}, nothing),
    "an empty My Documents": ("/portal/documents", {"documents": []}, nothing),
    "an empty queue": ("/requests", {"documents": []}, nothing),
    "somebody unregistered": (f"/charts/{UNREGISTERED}", {}, nothing),
    "what is not there": (f"/charts/{UNREGISTERED}/documents/{UNREGISTERED}", {}, nothing),
}


@pytest.mark.parametrize("name", SCENES)
async def test_what_opens_and_what_is_empty_has_no_barrier(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path, as_it_is, go = SCENES[name]
    for attribute, value in as_it_is.items():
        monkeypatch.setattr(on_show, attribute, value)
    await page.goto(address + path)
    await go(page)
    assert await barriers(page) == []


@pytest.mark.parametrize(
    ("left", "way"),
    [((100, 3600), "stay"), ((100, 100), "understood"), (None, "again")],
    ids=["idle", "longest", "over"],
)
async def test_the_warning_before_a_session_ends_has_no_barrier(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch, left: tuple[int, int] | None, way: str
) -> None:
    seconds = left and Left(STAFF_PARTY, *(timedelta(seconds=one) for one in left))
    monkeypatch.setattr(on_show, "left", seconds)
    await page.goto(f"{address}/portal/inbox")
    await expect(page.locator(f"#staying [data-{way}]")).to_be_focused()
    await page.evaluate("dispatchEvent(new Event('focus'))")  # looking again takes no warning away
    assert await barriers(page) == []
    await expect(page.locator(f"#staying [data-{way}]")).to_be_focused()


# -- how pages fit, and where the focus is


@pytest.fixture
def long_words(on_show: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names as they come in real life, and longer."""
    monkeypatch.setattr(on_show, "clients", [a_client(given_name=LONG, family_name=LONG, external_id="x" * 40)])
    note = replace(PENDING, note_name=LONG)
    others = [replace(one, note_name=one.note_name and LONG) for one in on_show.documents if one.id != PENDING.id]
    monkeypatch.setattr(on_show, "documents", [note, *others])


@pytest.mark.usefixtures("long_words")
@pytest.mark.parametrize("path", [path for path in EVERY_PAGE if str(UNREGISTERED) not in path])
async def test_nothing_is_wider_than_the_window_or_cut_and_the_focus_is_seen(
    wordy_page: Page, address: str, path: str
) -> None:
    await wordy_page.goto(address + path)
    await wordy_page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for width in WIDTHS:
        await wordy_page.set_viewport_size({"width": width, "height": 800})
        wide = await wordy_page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} px at {width}"
        assert await wordy_page.evaluate(CUT_IN_TWO) == [], width
    await wordy_page.keyboard.press("Tab")  # from here on, the browser shows where the focus is
    assert await wordy_page.evaluate(UNSEEN) == []


CUT_IN_TWO = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const cut = [];
  const unseen = (one) => one && (one.offsetWidth <= 1 || unseen(one.parentElement));
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (unseen(text.parentElement)) continue;
    for (const word of text.data.matchAll(/(?<!\\S)\\p{L}{2,18}(?=[.,:;?]?(?:\\s|$))/gu)) {
      const place = document.createRange();
      place.setStart(text, word.index);
      place.setEnd(text, word.index + word[0].length);
      if (new Set([...place.getClientRects()].map((one) => one.top)).size > 1) cut.push(word[0]);
    }
  }
  return cut;
}"""
"""Words of a usual length that go on in the next line; only a name may, which is longer than the window is wide."""

UNSEEN = """() => {
  const all = document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary');
  const outlined = (style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return [...all].filter((one) => {
    one.focus();
    if (document.activeElement !== one) return false; // hidden or disabled
    return !outlined(getComputedStyle(one)) && !outlined(getComputedStyle(one, '::after'));
  }).map((one) => one.outerHTML);
}"""
"""What takes the focus and does not show it."""


async def test_the_filter_of_the_audit_log_is_folded_on_a_phone_alone(wordy_page: Page, address: str) -> None:
    await wordy_page.set_viewport_size({"width": 320, "height": 640})
    await wordy_page.goto(f"{address}/audit")
    await expect(wordy_page.locator("#since")).to_be_hidden()
    await wordy_page.locator(".folding summary").click()
    await expect(wordy_page.locator("#since")).to_be_visible()
    await wordy_page.set_viewport_size({"width": 1440, "height": 900})
    await wordy_page.goto(f"{address}/audit")
    await expect(wordy_page.locator("#since")).to_be_visible()
    await expect(wordy_page.locator(".folding summary")).to_be_hidden()


async def test_names_of_documents_and_choices_of_the_filter_are_whole_on_a_small_phone(
    wordy_page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = replace(PENDING, note_name="Neuropsychological Evaluation")
    monkeypatch.setattr(on_show, "documents", [note])
    await wordy_page.set_viewport_size({"width": 320, "height": 640})
    await wordy_page.goto(f"{address}/charts/{CLIENT}/documents?show=signed")
    assert await wordy_page.evaluate(CUT_CHOICES) == []
    await wordy_page.goto(f"{address}/charts/{CLIENT}/documents")
    assert await wordy_page.evaluate(CUT_CHOICES) == []
    assert await wordy_page.evaluate(CUT_IN_TWO) == []


CUT_CHOICES = """() => [...document.querySelectorAll('select')].filter((one) => {
  const alone = one.cloneNode();
  alone.append(one.selectedOptions[0].cloneNode(true));
  alone.style.width = 'max-content';
  one.after(alone);
  const cut = alone.offsetWidth > one.offsetWidth;
  alone.remove();
  return cut;
}).map((one) => one.selectedOptions[0].text)"""
"""What is chosen in a list that is narrower than it."""


async def test_a_point_stands_between_facts_and_never_where_a_line_ends(wordy_page: Page, address: str) -> None:
    await wordy_page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/portal/inbox", f"/portal/inbox/{MESSAGE}", "/portal/documents", REVIEW, "/portal/account"):
        await wordy_page.goto(address + path)
        assert "·" not in await wordy_page.locator("main").inner_text(), path
        # it is drawn before each, and cut off with what hangs out on the left
        cut = "all => all.map((facts) => getComputedStyle(facts).overflowX)"
        assert set(await wordy_page.locator("main .facts").evaluate_all(cut)) == {"clip"}, path


async def test_cards_side_by_side_end_in_one_line(wordy_page: Page, address: str) -> None:
    await wordy_page.set_viewport_size({"width": 1440, "height": 900})
    await wordy_page.goto(f"{address}/portal/account")
    bottom = "all => all.map((card) => card.getBoundingClientRect().bottom)"
    left, right = await wordy_page.locator(".stack > :last-child").evaluate_all(bottom)
    assert left == pytest.approx(right, abs=1)


async def test_where_one_is_is_seen_where_colours_are_forced(wordy_page: Page, address: str) -> None:
    await wordy_page.emulate_media(forced_colors="active")
    await wordy_page.goto(f"{address}/portal/documents")
    edge = "link => getComputedStyle(link).borderBottomColor + getComputedStyle(link).borderBottomStyle"
    for links in ("header nav a", ".filters a"):
        here = await wordy_page.locator(f"{links}[aria-current]").evaluate(edge)
        elsewhere = await wordy_page.locator(f"{links}:not([aria-current])").first.evaluate(edge)
        assert here != elsewhere, links
    await wordy_page.emulate_media(forced_colors="none")


async def test_what_cannot_be_pressed_looks_like_it_under_the_mouse_too(
    wordy_page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_show, "consented", True)
    await wordy_page.goto(address + REVIEW)
    await wordy_page.locator("[data-add-signature]").click()
    go_on, colour = wordy_page.locator("[data-continue]"), "button => getComputedStyle(button).backgroundColor"
    await expect(go_on).to_be_disabled()
    await wordy_page.mouse.move(0, 0)
    before = await go_on.evaluate(colour)
    await go_on.hover(force=True)
    assert await go_on.evaluate("button => button.matches(':hover')")
    assert await go_on.evaluate(colour) == before
