"""Who cannot read small print makes the pages larger, by finger, mouse or keyboard, and stays where they read."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from playwright.async_api import Page, Route, expect
from pypdf import PdfReader

from api.pages.rendering import WIDTHS
from tests.browsers import chromium, visitor
from tests.pages.addresses import REVIEW
from tests.pages.records import PENDING
from tests.pages.served import served
from tests.pages.stage import Stage

READING = """() => {
  const line = innerHeight / 4;
  const read = [...document.querySelectorAll('.pages img')].map((picture) => picture.getBoundingClientRect());
  const page = read.findIndex((box) => box.bottom > line);
  return page + Math.round((line - read[page].top) / read[page].height * 100) / 100;
}"""
"""Where somebody reads: 1.25 is a quarter down the second page."""

SHOWN = "new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)))"
"""What was moved or turned is told to scripts, and drawn."""

WIDE = """() => {
  const pages = document.querySelector('.pages');
  return [scrollX, document.documentElement.scrollWidth - innerWidth, pages.scrollWidth > pages.clientWidth];
}"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(Stage(documents=[replace(PENDING, pages=30)])) as at:
        yield at + REVIEW


@pytest.fixture(params=[320, 768, 1440])
async def page(request: pytest.FixtureRequest, address: str) -> AsyncIterator[Page]:
    async with chromium() as browser, visitor(browser, viewport={"width": request.param, "height": 800}) as one:
        await one.goto(address, wait_until="networkidle")
        yield one


async def test_pages_are_made_larger_where_somebody_reads(page: Page) -> None:
    larger, smaller = page.get_by_role("button", name="Larger"), page.get_by_role("button", name="Smaller")
    shown = page.get_by_role("group", name="Size of the pages").get_by_role("status")
    first = page.locator(".pages img").first
    await expect(smaller).to_have_attribute("aria-disabled", "true")
    width = await first.evaluate("picture => picture.offsetWidth")
    await page.evaluate("document.querySelectorAll('.pages img')[1].scrollIntoView({behavior: 'instant'})")
    await larger.focus()
    reading = await page.evaluate(READING)
    for told, times in (("150%", 1.5), ("200%", 2), ("300%", 3), ("300%", 3)):
        await page.keyboard.press("Enter")
        await expect(shown).to_have_text(told)
        assert await first.evaluate("picture => picture.offsetWidth") == pytest.approx(times * width, abs=2)
        assert await page.evaluate(READING) == pytest.approx(reading, abs=0.02)
    await expect(larger).to_have_attribute("aria-disabled", "true")
    # the page itself is no wider than the screen: its pages are moved sideways, and lines begin where they began
    assert await page.evaluate(WIDE) == [0, 0, True]
    assert await page.evaluate("document.querySelector('.pages').scrollLeft") == 0
    await smaller.focus()
    for told in ("200%", "150%", "100%"):
        await page.keyboard.press("Enter")
        await expect(shown).to_have_text(told)
    assert await page.evaluate(READING) == pytest.approx(reading, abs=0.02)
    assert await page.evaluate(WIDE) == [0, 0, False]


@pytest.mark.parametrize("larger", [0, 2])
async def test_a_phone_is_turned_and_stays_where_somebody_reads(address: str, larger: int) -> None:
    upright, across = {"width": 390, "height": 844}, {"width": 844, "height": 390}
    sideways = "pages => pages.scrollLeft / pages.scrollWidth"
    async with chromium() as browser, visitor(browser, viewport=upright, has_touch=True, is_mobile=True) as phone:
        await phone.goto(address, wait_until="networkidle")
        for _ in range(larger):
            await phone.get_by_role("button", name="Larger").tap()
        pages = phone.locator(".pages")
        await phone.evaluate("document.querySelectorAll('.pages img')[6].scrollIntoView({behavior: 'instant'})")
        await phone.evaluate("scrollBy({top: 60, behavior: 'instant'})")
        await pages.evaluate("pages => { pages.scrollLeft = 0.2 * pages.scrollWidth }")
        await phone.evaluate(SHOWN)
        reading, left = await phone.evaluate(READING), await pages.evaluate(sideways)
        assert (left > 0.1) is (larger > 0)
        for way in (across, upright, across, upright):
            await phone.set_viewport_size(way)  # type: ignore[arg-type]
            await phone.wait_for_function("wide => innerWidth === wide", arg=way["width"])
            await phone.evaluate(SHOWN)
            assert await phone.evaluate(READING) == pytest.approx(reading, abs=0.02), way
            assert await pages.evaluate(sideways) == pytest.approx(left, abs=0.02), way


async def test_what_is_larger_is_sharper_and_stays_so(page: Page) -> None:
    await page.get_by_role("button", name="Larger").click(click_count=3)
    await page.reload()
    await expect(page.locator("[data-zoomed]")).to_have_text("300%")
    # those that come when somebody reads on are as large
    for last in ("10", "20", "30"):
        await page.locator(".pages li").last.scroll_into_view_if_needed()
        await expect(page.locator(".pages summary").last).to_have_text(f"Text of page {last}")
    widths = await page.locator(".pages img").evaluate_all("all => all.map((picture) => picture.offsetWidth)")
    assert len(widths) == 30
    assert len(set(widths)) == 1
    await page.locator(".pages img").last.scroll_into_view_if_needed()
    needed = next(width for width in WIDTHS if width >= min(widths[0], WIDTHS[-1]))
    await page.wait_for_function(
        """needed => {
          const picture = [...document.querySelectorAll('.pages img')].at(-1);
          return picture.complete && new URL(picture.currentSrc).searchParams.get('width') === String(needed);
        }""",
        arg=needed,
    )


async def test_what_is_decided_lies_above_the_size_of_the_pages(page: Page) -> None:
    box = await page.locator(".zoom").bounding_box()
    assert box is not None
    width = await page.evaluate("innerWidth")
    # as below a heading of many lines: the first screen ends where the size of the pages stands
    await page.set_viewport_size({"width": width, "height": round(box["y"] + box["height"])})
    above = "([x, y]) => document.elementFromPoint(x, y).closest('.sign-bar') !== null"
    assert await page.evaluate(above, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])


async def test_on_paper_no_line_is_cut_off(page: Page) -> None:
    await page.get_by_role("button", name="Larger").click(click_count=3)
    await page.emulate_media(media="print")
    assert await page.locator(".pages img").first.evaluate("picture => picture.getBoundingClientRect().right") <= (
        await page.evaluate("innerWidth")
    )
    await expect(page.locator(".sign-bar, .zoom, header").filter(visible=True)).to_have_count(0)


async def test_no_sheet_is_empty_where_pages_have_not_come(address: str) -> None:
    came = asyncio.Event()

    async def slowly(route: Route) -> None:
        await came.wait()
        await route.continue_()

    async with chromium() as browser, visitor(browser) as page:
        await page.route(re.compile(r"/pages/([3-9]|\d\d)\.webp"), slowly)
        await page.goto(address)
        await page.wait_for_function(
            "() => [...document.querySelectorAll('.pages img')].slice(0, 2).every((one) => one.complete)"
        )
        sheets = PdfReader(io.BytesIO(await page.pdf())).pages
        came.set()
        await page.unroute_all(behavior="wait")
    assert [len(sheet.images) for sheet in sheets] == [0, 1, 1]
    assert "To print every page, download the PDF and print it." in sheets[0].extract_text()


async def test_large_letters_on_a_phone_make_no_page_wider_than_it() -> None:
    """160 px are to letters of 16 px what a phone is to letters twice as large."""
    with served(Stage(language="es")) as address:
        async with chromium() as browser, visitor(browser, viewport={"width": 160, "height": 320}) as phone:
            for path in ("/portal/inbox", REVIEW, "/portal/preferences"):
                await phone.goto(address + path, wait_until="networkidle")
                assert await phone.evaluate("document.documentElement.scrollWidth - innerWidth") == 0, path


async def test_large_letters_on_a_phone_leave_room_to_type_and_to_read() -> None:
    parts = {
        "/portal/sign-in": ".with-button input",
        "/portal/documents": ".list .what",
        f"{REVIEW}/decline": ".options label > span",
    }
    with served(Stage(language="es")) as address:
        async with chromium() as browser, visitor(browser, viewport={"width": 160, "height": 320}) as phone:
            for path, part in parts.items():
                await phone.goto(address + path, wait_until="networkidle")
                assert await phone.locator(part).first.evaluate("it => it.clientWidth") > 100, path
                skip = phone.locator(".skip")
                assert await skip.evaluate("it => it.getBoundingClientRect().right") <= 0, path
                await skip.focus()
                assert await skip.evaluate("it => it.getBoundingClientRect().left") == 0, path
