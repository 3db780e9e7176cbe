"""Signing as life has it: by keyboard alone; on a phone that turns, and for too long; without a connection; twice."""

import math
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.async_api import Browser, CDPSession, Locator, Page, Route, ViewportSize, expect

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


async def sign_in(page: Page, office: Office) -> None:
    await page.get_by_label("Email address").fill(office.client_email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


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
        await sign_in(page, office)
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
        # the page hears of it by itself
        await expect(page.get_by_role("alertdialog", name="You were signed out")).to_be_visible()
        async with page.context.expect_page() as opening:
            await page.get_by_role("link", name="Sign in again in a new tab").tap()
        tab = await opening.value
        await sign_in(tab, office)
        await expect(tab).to_have_url(page.url)
        await tab.close()
        await page.bring_to_front()
        await page.evaluate("dispatchEvent(new Event('focus'))")
        await expect(page.get_by_role("alertdialog", name="You were signed out")).to_be_hidden()
        assert await ink(page) == turned

        # nor when the page is loaded again, and what is drawn then is added
        await page.reload()
        await page.get_by_role("button", name="Add Signature").tap()
        assert await ink(page) == turned
        await expect(page.get_by_role("checkbox")).not_to_be_checked()
        await touch(phone, page, begins=True, ends=True)
        assert (await ink(page))[:-1] == turned
        times = await page.evaluate("document.querySelector('signature-pad').strokes.flat().map((point) => point.t)")
        assert times == sorted(times)

        # a tap right behind a quick stroke is one
        await page.get_by_role("button", name="Undo").tap()
        assert await ink(page) == turned

        # whoever signs out leaves nothing behind
        await page.get_by_role("button", name="Close").tap()
        await page.get_by_role("button", name="Sign out").tap()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert await page.evaluate("Object.keys(sessionStorage)") == []


# -- without a connection, and twice


async def review(page: Page, configured: Settings, office: Office) -> None:
    await page.goto(f"{configured.portal_url}/portal/documents/{office.note.id}")
    await sign_in(page, office)
    await expect(page.get_by_role("button", name="Add Signature")).to_be_enabled()


async def write(page: Page) -> None:
    """Up to the last step but one."""
    await page.get_by_role("button", name="Add Signature").click()
    agree = page.get_by_role("button", name="I agree")
    if await agree.is_visible():
        await agree.click()
    await page.get_by_text("Type", exact=True).click()
    await page.get_by_label("Type your full name").fill("Jordan Rivera")
    await page.get_by_label("I have read this document and sign it.").check()
    await page.get_by_role("button", name="Continue").click()


async def signatures(database: Database, office: Office) -> int:
    async with database.practice(office.practice) as transaction:
        counted: int = await transaction.fetchval(
            "select count(*) from audit where action = 'signed' and document_id = $1", office.note.id
        )
    return counted


@pytest.mark.parametrize("gets_there", [False, True], ids=["the signature is lost", "the answer is lost"])
async def test_a_connection_that_is_lost_at_sign_document_loses_no_signature_and_doubles_none(
    api: httpx2.AsyncClient,
    configured: Settings,
    database: Database,
    office: Office,
    browser: Browser,
    gets_there: bool,
) -> None:
    await ask(api, office)

    async def cut(route: Route) -> None:
        if gets_there:
            asked = route.request  # sent by us: Playwright itself does not know where *.localhost is
            to = urlsplit(asked.url)
            headers = {**await asked.all_headers(), "host": to.netloc}
            sent = await api.post(to.path, content=asked.post_data_buffer or b"", headers=headers)
            assert sent.is_success, sent.text
        await route.abort("connectionreset")

    async with visitor(browser, expected=LOST) as page:
        await review(page, configured, office)
        await write(page)
        await page.route("**/signature", cut)
        await page.get_by_role("button", name="Sign Document").click()
        await expect(page.locator("#signing [data-problem]")).to_contain_text("What you have entered is still here.")
        await expect(page.locator(".preview [data-typed]")).to_have_text("Jordan Rivera")
        await page.unroute("**/signature")
        await page.get_by_role("button", name="Sign Document").click()
        await expect(page.locator("#state")).to_contain_text("the document is signed")
    assert await signatures(database, office) == 1


async def test_signing_in_two_tabs_is_one_signature(
    api: httpx2.AsyncClient, configured: Settings, database: Database, office: Office, browser: Browser
) -> None:
    await ask(api, office)
    async with visitor(browser, expected=LOST) as first:
        await review(first, configured, office)
        second = await first.context.new_page()
        await second.goto(first.url)
        await write(first)
        await write(second)
        await first.get_by_role("button", name="Sign Document").click()
        await expect(first.locator("#state")).to_contain_text("the document is signed")
        # the other tab shows it behind its dialog, and takes the second signature for what it is
        await expect(second.locator("#state")).to_contain_text("the document is signed")
        await second.get_by_role("button", name="Sign Document").click()
        await expect(second.get_by_role("dialog")).to_be_hidden()
        await expect(second.locator("#state")).to_be_focused()
    assert await signatures(database, office) == 1


async def test_a_consent_that_was_withdrawn_meanwhile_is_asked_for_again_and_the_signature_stays(
    api: httpx2.AsyncClient, configured: Settings, database: Database, office: Office, browser: Browser
) -> None:
    await ask(api, office)
    async with visitor(browser, expected="409") as page:
        await review(page, configured, office)
        await write(page)
        other = await page.context.new_page()
        await other.goto(f"{configured.portal_url}/portal/preferences")
        await other.get_by_text("Withdraw my consent").first.click()
        await other.get_by_role("button", name="Withdraw my consent").click()
        await expect(other.get_by_text("Your consent is withdrawn.")).to_be_visible()
        await page.get_by_role("button", name="Sign Document").click()
        await page.get_by_role("button", name="I agree").click()
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_role("button", name="Sign Document").click()
        await expect(page.locator("#state")).to_contain_text("the document is signed")
    assert await signatures(database, office) == 1


async def test_what_is_written_to_the_practice_outlives_a_reload_but_not_its_sending(
    api: httpx2.AsyncClient, configured: Settings, office: Office, browser: Browser
) -> None:
    await ask(api, office)
    async with visitor(browser, expected=LOST) as page:
        await review(page, configured, office)
        await page.get_by_role("link", name="Decline or ask for a correction").click()
        reason = page.get_by_label("What should the practice know?")
        await reason.fill("The goal is not mine.")
        await page.reload()
        await expect(reason).to_have_value("The goal is not mine.")
        await page.get_by_role("radio", name="Decline to sign").check()

        # the form is sent into nothing, and the way back leads to what was written
        await page.route("**/decline", lambda route: route.abort("connectionreset"))
        await page.get_by_role("button", name="Continue").click()
        await page.unroute("**/decline")
        await page.goto(f"{configured.portal_url}/portal/documents/{office.note.id}/decline")
        await expect(reason).to_have_value("The goal is not mine.")

        # also from the page where it is checked
        await page.get_by_role("radio", name="Decline to sign").check()
        await page.get_by_role("button", name="Continue").click()
        await expect(page.get_by_role("heading", name="Check and send")).to_be_visible()
        await page.reload()
        await expect(reason).to_have_value("The goal is not mine.")

        await page.get_by_role("radio", name="Decline to sign").check()
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_role("button", name="Decline to sign").click()
        await expect(page.get_by_text("You have declined to sign this document.")).to_be_visible()
        assert await page.evaluate("Object.keys(sessionStorage)") == []


async def test_without_a_stream_of_news_the_page_asks_for_itself(
    api: httpx2.AsyncClient, configured: Settings, office: Office, browser: Browser
) -> None:
    async with visitor(browser) as page:
        await page.clock.install()
        await page.route("**/portal/live", lambda route: route.fulfill(status=204))
        await page.goto(f"{configured.portal_url}/portal/documents")
        await sign_in(page, office)
        await expect(page.get_by_role("heading", name="My Documents")).to_be_visible()
        await ask(api, office)
        await expect(page.get_by_text("Pending Review")).to_have_count(0)
        await page.clock.fast_forward(21_000)
        await expect(page.get_by_text("Pending Review")).to_be_visible()
        await expect(page.get_by_role("link", name="Inbox 1 new")).to_be_visible()
