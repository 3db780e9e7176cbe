"""`./sts shots`: the README's pictures, of a demo of its own that is walked through once; so they never show what was.

What changes from day to day (dates, times) is set to one day before a picture is taken, and colours are few: who makes
them again gets nearly the same bytes.
"""

import asyncio
import io
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page
from reportlab.lib.pagesizes import LETTER
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

from benchmarks.browser import DESK, PHONE, chromium, draw, settled, sign_in, upload
from benchmarks.whole import CLONE, Whole, running

FOLDER = CLONE / "docs" / "shots"
COLOURS = 64
NOTE = "Progress Note"
DAY = "2026-11-02"
TEXT = (
    "<b>Presenting.</b> Client reports sleeping six hours a night, up from four, and two panic episodes this week, "
    "down from five. Practised the breathing exercise on most days.",
    "<b>Intervention.</b> Cognitive restructuring of the thought 'I will faint on the bus'. Planned two short rides "
    "with a friend.",
    "<b>Plan.</b> Continue weekly sessions. Client agrees to keep the sleep log and to ride two stops twice.",
)

ONE_DAY = r"""() => {
  const dates = /\b[A-Z][a-z]{2} \d{1,2}, 20\d\d(, \d{1,2}:\d\d\s[AP]M( [A-Z]{3,4})?)?/g;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.nodeValue;
    if (text.search(dates) >= 0) {
      walk.currentNode.nodeValue = text.replace(dates, (_, time) => `Nov 2, 2026${time ? ', 3:20 PM' : ''}`);
    }
  }
}"""


def main() -> None:
    asyncio.run(shots())


async def shots() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with running() as whole, chromium() as browser:
        document = await upload(whole, NOTE, paper(), DAY)
        desk, phone = await visitor(browser, DESK), await visitor(browser, PHONE)
        await share(whole, await desk.new_page(), document)
        await sign(whole, await phone.new_page(), document)
        await look_again(desk.pages[0], document)
    for file in sorted(FOLDER.glob("*.png")):
        print(f"{file.relative_to(CLONE)}  {file.stat().st_size / 1000:.0f} kB")


async def share(whole: Whole, page: Page, document: str) -> None:
    """The provider's side: from the Chart Room to *Share to Sign*."""
    await page.goto(whole.addresses["chart"])
    await sign_in(whole, page, "Maya")
    await page.get_by_role("link", name="Rivera, Jordan").click()
    await page.get_by_role("navigation", name="Chart").get_by_role("link", name="Documents").click()
    await page.click(f'[popovertarget="menu-{document}"]')
    await page.get_by_role("menuitem", name="Share to Sign", exact=True).hover()
    await take(page, "share-to-sign")
    await page.get_by_role("menuitem", name="Share to Sign", exact=True).click()
    await page.get_by_text("Successfully shared for signature.").wait_for()


async def sign(whole: Whole, page: Page, document: str) -> None:
    """The client's side, on a phone: review, draw, *Sign Document*; by night, too."""
    await page.goto(f"{whole.addresses['portal']}/portal/documents/{document}")
    await sign_in(whole, page, "Jordan")
    await take(page, "review")
    await page.emulate_media(color_scheme="dark")
    await take(page, "review-dark")
    await page.emulate_media(color_scheme="light")
    await page.get_by_role("button", name="Add Signature").click()
    await page.get_by_role("button", name="I agree").click()
    await draw(page)
    await page.get_by_role("checkbox").check()
    await take(page, "signature")
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("button", name="Sign Document").click()
    await page.locator("#state", has_text="the document is signed").wait_for()
    await page.evaluate("scrollTo(0, 0)")
    await take(page, "signed")


async def look_again(page: Page, document: str) -> None:
    """The chart has changed by itself, and the request tells its story."""
    await page.locator("tr", has=page.locator(f"#menu-{document}")).get_by_text("Shared and Signed").wait_for()
    await page.goto(page.url.rpartition("/documents")[0])
    await take(page, "chart-face")
    await page.locator(f'a[href$="/documents/{document}"]').first.click()
    await page.get_by_role("link", name="Signature request and its timeline").click()
    await page.emulate_media(color_scheme="dark")
    await take(page, "timeline-dark")


async def visitor(browser: Browser, viewport: dict[str, int]) -> BrowserContext:
    touch = viewport is PHONE
    return await browser.new_context(
        viewport={"width": viewport["width"], "height": viewport["height"]},
        has_touch=touch,
        locale="en-US",
        timezone_id="America/New_York",
        reduced_motion="reduce",
        color_scheme="light",
    )


async def take(page: Page, name: str) -> None:
    """One picture, in few colours."""
    await settled(page)
    await page.evaluate(ONE_DAY)
    await page.evaluate("document.activeElement?.blur()")
    taken = Image.open(io.BytesIO(await page.screenshot(caret="hide")))
    few = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(Path(FOLDER / f"{name}.png"), optimize=True)


def paper() -> bytes:
    """The note that is signed; the same in every run."""
    styles = getSampleStyleSheet()
    story = [Paragraph("Harbor Counseling (demo)", styles["Normal"]), Paragraph(NOTE, styles["Title"])]
    story += [Paragraph("Client: Jordan Rivera &nbsp;&nbsp; Date of service: November 2, 2026", styles["Normal"])]
    for paragraph in TEXT:
        story += [Spacer(0, 10), Paragraph(paragraph, styles["BodyText"])]
    buffer = io.BytesIO()
    SimpleDocTemplate(buffer, pagesize=LETTER, title=NOTE, invariant=True).build(story)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
