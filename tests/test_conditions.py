"""Signing as life has it: by keyboard alone; on a phone that turns, and for too long."""

import math
from collections.abc import AsyncIterator

import httpx2
import pytest
from playwright.async_api import Browser, CDPSession, Locator, Page, ViewportSize, expect

from gateways.postgres import Database
from settings import Settings
from tests.browsers import chromium, visitor
from tests.office import PASSWORD, Office
from tests.sign_ins import code_of
from tests.test_endings import ask

pytestmark = pytest.mark.usefixtures("worker")

PHONE: ViewportSize = {"width": 390, "height": 844}
TURNED: ViewportSize = {"width": 844, "height": 390}
LOST = "Failed to load resource"
MOST_STOPS = 60


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


# -- by keyboard alone


async def reach(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus."""
    await expect(wanted).to_be_visible()
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"{wanted} cannot be reached by keyboard")


async def use(page: Page, wanted: Locator) -> None:
    await reach(page, wanted)
    await page.keyboard.press("Enter")


async def enter(page: Page, email: str) -> None:
    await reach(page, page.get_by_label("Email address"))
    await page.keyboard.type(email)
    await reach(page, page.get_by_label("Password", exact=True))
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")


async def test_the_main_job_is_done_by_keyboard_alone(
    api: httpx2.AsyncClient, configured: Settings, office: Office, browser: Browser
) -> None:
    async with visitor(browser) as staff, visitor(browser) as client:
        # the provider: Chart Room, chart, Documents, three-dot menu, Share to Sign
        await staff.goto(configured.chart_url)
        await enter(staff, office.provider_email)
        await reach(staff, staff.get_by_label("Code from your authenticator app"))
        await staff.keyboard.type(await code_of(office.provider_email))
        await staff.keyboard.press("Enter")
        await expect(staff.get_by_role("heading", name="Chart Room")).to_be_visible()
        await use(staff, staff.locator(f'a[href="/charts/{office.client}"]'))
        await use(staff, staff.get_by_role("navigation", name="Chart").get_by_role("link", name="Documents"))
        await use(staff, staff.locator(f'[popovertarget="menu-{office.note.id}"]'))
        share = staff.locator(f"#menu-{office.note.id}").get_by_role("menuitem", name="Share to Sign", exact=True)
        for _ in range(5):
            if await share.evaluate("(one) => one === document.activeElement"):
                break
            await staff.keyboard.press("ArrowDown")
        await expect(share).to_be_focused()
        await staff.keyboard.press("Enter")
        await expect(staff.get_by_text("Successfully shared for signature.")).to_be_visible()

        # the client: inbox, message, document, typed signature
        await client.goto(configured.portal_url)
        await enter(client, office.client_email)
        await use(client, client.get_by_role("link", name="Record request"))
        await use(client, client.locator(f'a[href="/portal/documents/{office.note.id}"]'))
        await use(client, client.get_by_role("button", name="Add Signature"))
        await use(client, client.get_by_role("button", name="I agree"))
        await expect(client.locator("#signing-title")).to_be_focused()
        await reach(client, client.get_by_role("radio", name="Draw"))
        await client.keyboard.press("ArrowRight")
        await reach(client, client.get_by_label("Type your full name"))
        await client.keyboard.type("Jordan Rivera")
        await reach(client, client.get_by_role("checkbox"))
        await client.keyboard.press("Space")
        await use(client, client.get_by_role("button", name="Continue"))
        await use(client, client.get_by_role("button", name="Sign Document"))
        await expect(client.locator("#state")).to_contain_text("the document is signed")
        await expect(client.locator("#state")).to_be_focused()
        await reach(client, client.get_by_role("link", name="Download").first)


# -- on a phone


async def ink(page: Page) -> list[int]:
    """Points of each stroke that the pad holds."""
    found: list[int] = await page.evaluate(
        "document.querySelector('signature-pad').strokes.map((stroke) => stroke.length)"
    )
    return found


async def touch(phone: CDPSession, page: Page, *, begins: bool, ends: bool) -> None:
    """A part of a stroke; the finger may have come before and may stay."""
    box = await page.locator("signature-pad").bounding_box()
    assert box
    path = [
        {"x": box["x"] + box["width"] * (0.2 + step / 60), "y": box["y"] + box["height"] * (0.5 + math.sin(step) / 5)}
        for step in range(25)
    ]
    for step, point in enumerate(path):
        kind = "touchStart" if begins and step == 0 else "touchMove"
        await phone.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    if ends:
        await phone.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def test_no_stroke_is_lost_when_the_phone_turns_or_the_session_ends(
    api: httpx2.AsyncClient, configured: Settings, database: Database, office: Office, browser: Browser
) -> None:
    await ask(api, office)
    async with visitor(browser, expected=LOST, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        await page.goto(f"{configured.portal_url}/portal/documents/{office.note.id}")
        await page.get_by_label("Email address").fill(office.client_email)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).tap()
        await page.get_by_role("button", name="Add Signature").tap()
        await page.get_by_role("button", name="I agree").tap()
        await expect(page.locator("signature-pad")).to_be_visible()
        phone = await page.context.new_cdp_session(page)

        # the phone turns while the finger is on it
        await touch(phone, page, begins=True, ends=True)
        await touch(phone, page, begins=True, ends=False)
        before = await ink(page)
        await page.set_viewport_size(TURNED)
        await page.locator("signature-pad").scroll_into_view_if_needed()
        await touch(phone, page, begins=False, ends=True)
        turned = await ink(page)
        assert len(turned) >= len(before) == 2
        assert all(after >= stroke for after, stroke in zip(turned, before, strict=False))
        await page.set_viewport_size(PHONE)
        assert await ink(page) == turned

        # the session ends meanwhile: signed in again in another tab, nothing of it is lost
        async with database.practice(office.practice) as transaction:
            await transaction.execute("delete from session")
        await page.evaluate("dispatchEvent(new Event('focus'))")
        await expect(page.get_by_role("alertdialog", name="You were signed out")).to_be_visible()
        async with page.context.expect_page() as opening:
            await page.get_by_role("link", name="Sign in again in a new tab").click()
        tab = await opening.value
        await tab.get_by_label("Email address").fill(office.client_email)
        await tab.get_by_label("Password", exact=True).fill(PASSWORD)
        await tab.get_by_role("button", name="Sign in", exact=True).click()
        await expect(tab.get_by_role("heading", name="Inbox")).to_be_visible()
        await tab.close()
        await page.bring_to_front()
        await page.evaluate("dispatchEvent(new Event('focus'))")
        await expect(page.get_by_role("alertdialog", name="You were signed out")).to_be_hidden()
        assert await ink(page) == turned
