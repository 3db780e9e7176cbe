"""People in a hurry, on a phone: back, no connection, what came first, a link before the sign-in."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus

import pytest
from playwright.async_api import Page, Route, expect

from api.pages.door import Door
from api.stories import portal
from chart.lifecycle import RequestState
from chart.message import Message
from identity import session
from identity.session import Awaits, HalfWay, SignedIn, SignInAgain, Token
from tests.browsers import chromium, visitor
from tests.pages.addresses import REVIEW
from tests.pages.records import PENDING, PRACTICE, SIGNED, STAFF_PARTY, asked
from tests.pages.stage import Stage

LOST = "Failed to load resource"
SIGNATURE = "**/signature"


@pytest.fixture(scope="module")
async def page() -> AsyncIterator[Page]:
    async with (
        chromium() as browser,
        visitor(
            browser, expected=LOST, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True
        ) as phone,
    ):
        yield phone


async def open_signing(page: Page, address: str, on_show: Stage) -> None:
    on_show.consented = True
    await page.goto(address + REVIEW)
    await page.locator("[data-add-signature]").tap()


async def typed(page: Page, address: str, on_show: Stage) -> None:
    """As far as Sign Document."""
    await open_signing(page, address, on_show)
    await page.get_by_text("Type", exact=True).tap()
    await page.get_by_label("Type your full name").fill("Jordan Rivera")
    await page.get_by_label("I have read this document and sign it.").check()
    await page.get_by_role("button", name="Continue").tap()


async def test_what_answered_a_form_is_read_again_and_not_sent_again(page: Page, address: str, on_show: Stage) -> None:
    choosing = page.get_by_role("heading", name="Decline or ask for a correction")

    async def check() -> None:
        await page.goto(f"{address}{REVIEW}/decline")
        await page.get_by_label("Decline to sign").check()
        await page.get_by_role("button", name="Continue").tap()
        await expect(page.get_by_role("heading", name="Check and send")).to_be_visible()

    await check()
    await page.reload()
    await expect(choosing).to_be_visible()

    await check()
    await page.get_by_role("link", name="Back to the document").tap()
    await expect(page.locator("[data-add-signature]")).to_be_enabled()
    await page.go_back()
    await expect(choosing).to_be_visible()
    assert "decline" not in [act for act, _ in on_show.done]


async def test_without_a_connection_this_is_said_where_it_is_seen(page: Page, address: str, on_show: Stage) -> None:
    on_show.consented = False
    await page.goto(address + REVIEW)
    await page.locator("[data-add-signature]").tap()
    await page.get_by_role("button", name="I agree").scroll_into_view_if_needed()
    await page.context.set_offline(True)
    await page.get_by_role("button", name="I agree").tap()
    await expect(page.locator("#signing [data-problem]")).to_be_in_viewport()
    await expect(page.locator("#signing [data-problem]")).to_contain_text("There is no connection.")
    await page.context.set_offline(False)
    await expect(page.locator("#signing [data-problem]")).to_have_text("The connection is back. Go on.")
    await page.get_by_role("button", name="I agree").scroll_into_view_if_needed()


async def test_a_slow_connection_is_said_to_be_at_work(page: Page, address: str, on_show: Stage) -> None:
    await typed(page, address, on_show)
    waiting: list[Route] = []

    async def hold(route: Route) -> None:
        waiting.append(route)

    await page.route(SIGNATURE, hold)
    await page.get_by_role("button", name="Sign Document").tap()
    await expect(page.get_by_text("One moment, please. It is being sent.").first).to_be_visible()
    await waiting[0].fulfill(status=HTTPStatus.SERVICE_UNAVAILABLE, json={"detail": "Try again in a moment."})
    await expect(page.locator("#signing [data-problem]")).to_contain_text("Try again in a moment.")
    await expect(page.locator("[data-slow]")).to_be_hidden()
    await page.unroute(SIGNATURE)


async def test_the_dialog_stays_until_the_page_behind_it_says_what_came_of_the_signature(
    page: Page, address: str, on_show: Stage
) -> None:
    await typed(page, address, on_show)
    before, on_show.documents = on_show.documents, [replace(SIGNED, id=PENDING.id), *on_show.documents[1:]]
    reading: list[Route] = []

    async def hold(route: Route) -> None:
        reading.append(route)

    await page.route(address + REVIEW, hold)
    await page.route(SIGNATURE, lambda route: route.fulfill(json={"state": "signed"}))
    async with page.expect_request(address + REVIEW):
        await page.get_by_role("button", name="Sign Document").tap()
    await expect(page.locator("#signing")).to_be_visible()
    await reading[0].continue_()
    await expect(page.locator("#signing")).to_be_hidden()
    await expect(page.locator("#state")).to_be_focused()
    said = page.locator("body > #announcements")
    await expect(said).to_contain_text("Thank you, the document is signed.")
    await page.unroute(SIGNATURE)
    await page.unroute(address + REVIEW)
    on_show.documents = before


async def test_what_was_read_is_not_announced_as_a_new_message(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await on_show.inbox(None, None)
    inboxes = [one * 3, one, one * 2]

    async def inbox(*_: object) -> list[Message]:
        return inboxes[0]

    monkeypatch.setattr(portal, "inbox", inbox)
    await page.goto(f"{address}/portal/preferences")
    await page.evaluate("""() => {
        window.said = [];
        const region = document.getElementById('announcements');
        const hear = () => { if (region.textContent) said.push(region.textContent); };
        new MutationObserver(hear).observe(region, {childList: true});
    }""")
    for left in (1, 2):
        del inboxes[0]
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.locator("[data-live=unread]")).to_contain_text(str(left))
    await expect(page.locator("#announcements")).to_have_text("2 new messages in your inbox")
    assert await page.evaluate("said") == ["2 new messages in your inbox"]


async def test_what_came_first_leaves_nothing_to_be_signed(page: Page, address: str, on_show: Stage) -> None:
    await typed(page, address, on_show)
    recalled = replace(PENDING, **asked(RequestState.RECALLED))
    before, on_show.documents = on_show.documents, [recalled, *on_show.documents[1:]]
    late = {"type": "/problems/not-in-this-state", "detail": "The practice has recalled this request."}
    await page.route(SIGNATURE, lambda route: route.fulfill(status=HTTPStatus.CONFLICT, json=late))
    await page.get_by_role("button", name="Sign Document").tap()
    await expect(page.locator("#signing")).to_be_hidden()
    await expect(page.locator("#state")).to_be_focused()
    await expect(page.locator("#state")).to_contain_text("Nobody needs to sign this document any more.")
    await page.unroute(SIGNATURE)
    on_show.documents = before


async def test_news_that_nothing_is_left_to_sign_close_the_dialog(page: Page, address: str, on_show: Stage) -> None:
    await typed(page, address, on_show)
    recalled = replace(PENDING, **asked(RequestState.RECALLED))
    before, on_show.documents = on_show.documents, [recalled, *on_show.documents[1:]]
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator("#signing")).to_be_hidden()
    await expect(page.locator("#state")).to_be_focused()
    on_show.documents = before


async def test_what_is_asked_for_again_can_be_signed_without_a_reload(page: Page, address: str, on_show: Stage) -> None:
    await open_signing(page, address, on_show)
    pending, add = on_show.documents, page.locator("[data-add-signature]")
    on_show.documents = [replace(PENDING, **asked(RequestState.RECALLED)), *pending[1:]]
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(add).to_be_hidden()
    on_show.documents = pending
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(add).to_be_enabled()
    decline = page.locator(".sign-bar a")
    in_one_row = "link => link.getBoundingClientRect().top < link.previousElementSibling.getBoundingClientRect().bottom"
    assert await decline.evaluate(in_one_row)


async def test_another_version_is_read_before_it_is_signed(page: Page, address: str, on_show: Stage) -> None:
    await typed(page, address, on_show)
    before = on_show.documents
    on_show.documents = [replace(PENDING, sha256="c" * 64), *before[1:]]
    sent: list[str] = []

    async def refuse(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "")["sha256"])
        late = {"type": "/problems/not-in-this-state", "detail": "Open and review the document before you sign it."}
        await route.fulfill(status=HTTPStatus.CONFLICT, json=late)

    await page.route(SIGNATURE, refuse)
    await page.get_by_role("button", name="Sign Document").tap()
    await expect(page.locator("#signing")).to_be_hidden()
    await expect(page.get_by_text("The practice has put another version")).to_be_focused()
    await expect(page.locator(".pages img").first).to_have_attribute("src", re.compile("v=cccccccc"))
    await page.locator("[data-add-signature]").tap()
    await expect(page.get_by_label("Type your full name")).to_have_value("Jordan Rivera")
    await page.get_by_label("I have read this document and sign it.").check()
    await page.get_by_role("button", name="Continue").tap()
    await page.get_by_role("button", name="Sign Document").tap()
    await expect(page.locator("#signing [data-problem]")).to_be_visible()
    assert sent == [PENDING.sha256, "c" * 64]
    await page.unroute(SIGNATURE)
    on_show.documents = before


async def test_pages_that_were_lost_with_the_connection_come_with_it(page: Page, address: str) -> None:
    await page.route("**/*.webp*", lambda route: route.abort())
    await page.goto(address + REVIEW, wait_until="networkidle")
    first, came = page.locator(".pages img").first, "picture => picture.naturalWidth > 0"
    assert not await first.evaluate(came)
    await page.unroute("**/*.webp*")
    async with page.expect_response(re.compile("webp")):
        await page.evaluate("dispatchEvent(new Event('online'))")
    await page.wait_for_load_state("networkidle")
    assert await first.evaluate(came)


async def test_the_next_link_of_a_mail_is_taken_where_the_one_before_had_ended(page: Page, address: str) -> None:
    await page.goto(f"{address}/portal/register#first%")
    await expect(page.locator("#token")).to_have_value("first%")
    await page.goto(f"{address}/portal/register#second")
    await expect(page.locator("#token")).to_have_value("second")


async def test_a_finger_leaves_no_colour_on_what_it_has_touched(page: Page, address: str, on_show: Stage) -> None:
    before, on_show.documents = on_show.documents, [replace(SIGNED, id=PENDING.id)]
    await page.goto(address + REVIEW)
    download = page.locator("#state a.primary")
    colour = "link => getComputedStyle(link).color"
    untouched = await download.evaluate(colour)
    await download.hover()  # as after a tap
    assert await download.evaluate("link => link.matches(':hover')")
    assert await download.evaluate(colour) == untouched
    on_show.documents = before


async def test_what_is_not_shared_any_more_is_not_shown_any_more(page: Page, address: str, on_show: Stage) -> None:
    await open_signing(page, address, on_show)
    before, on_show.documents = on_show.documents, []
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    on_show.documents = before


async def test_who_signs_in_again_does_not_see_what_is_theirs_no_more(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.goto(address + REVIEW)
    with monkeypatch.context() as signed_out:
        signed_out.setattr(on_show, "left", None)
        await page.evaluate("dispatchEvent(new Event('focus'))")
        await expect(page.get_by_role("alertdialog", name="You were signed out")).to_be_visible()
    monkeypatch.setattr(on_show, "documents", [])
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(page.get_by_role("heading", name="Not found")).to_be_visible()


async def test_a_mailed_link_that_wants_a_sign_in_first_is_gone_on_with_after_it(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_show, "left", None)
    half: list[HalfWay] = []

    async def half_way(*_: object) -> HalfWay:
        if not half:
            raise SignInAgain
        return half[0]

    async def signs_in(*_: object, **__: object) -> SignedIn:
        half.append(HalfWay(PRACTICE, STAFF_PARTY, Awaits.LINK))
        return SignedIn(Token("token"), "device", Awaits.LINK)

    monkeypatch.setattr(Door, "half_way", half_way)
    monkeypatch.setattr(session, "sign_in", signs_in)
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url.split("#")[0]))
    await page.goto(f"{address}/sign-in/link#c0de-of-the-mail")
    await page.get_by_role("link", name="Sign in", exact=True).tap()
    await page.get_by_label("Email address").fill("provider@demo.example")
    await page.get_by_label("Password", exact=True).fill("a walk by the sea")
    await page.get_by_role("button", name="Sign in", exact=True).tap()
    await expect(page.get_by_role("heading", name="Add a new second factor")).to_be_visible()
    await expect(page.locator("#token")).to_have_value("c0de-of-the-mail")
    await expect(page.get_by_role("button", name="Continue")).to_be_visible()
    assert page.url == f"{address}/sign-in/link"
    assert not any("c0de" in one for one in seen)


async def test_a_link_to_new_factors_that_has_ended_is_told_of_after_the_password(page: Page, address: str) -> None:
    told = page.get_by_text("The link that you have opened has ended.")
    await page.goto(f"{address}/portal/sign-in/second-factor")
    await expect(told).to_be_hidden()
    await page.goto("about:blank")
    await page.goto(f"{address}/portal/sign-in/second-factor#c0de-of-the-mail")
    await expect(told).to_be_visible()
    assert page.url == f"{address}/portal/sign-in/second-factor"


async def test_whoever_is_signed_in_needs_no_link(page: Page, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def whole(*_: object) -> HalfWay:
        raise SignInAgain

    monkeypatch.setattr(Door, "half_way", whole)
    await page.goto(f"{address}/portal/sign-in/link#c0de-of-the-mail")
    await expect(
        page.get_by_text("You are signed in, and a link to a new second factor ends with that.")
    ).to_be_visible()
    await expect(page.get_by_role("link", name="Your account")).to_have_attribute("href", "/portal/account")
