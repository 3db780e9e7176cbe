"""What staff finds again in a real browser: the search, a form that was refused, one that a new sign-in cut short."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import Page, Route, expect

from api.stories import access, keys
from chart.lifecycle import RequestState
from chart.refusals import ClientNotRegistered, FreshSignInNeeded, Unacceptable
from identity.caller import Role
from tests.browsers import chromium, visitor
from tests.pages.addresses import CHART, DOCUMENTS
from tests.pages.records import PENDING, PLAN, asked
from tests.pages.stage import Stage

REFUSED = "the server responded with a status of 4"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser, visitor(browser, expected=REFUSED) as desk:
        yield desk


async def test_what_was_searched_for_is_there_on_coming_back_and_in_no_address(page: Page, address: str) -> None:
    rows = page.locator("tbody tr")
    await page.goto(f"{address}/charts")
    await expect(rows).to_have_count(2)
    await page.get_by_role("searchbox").fill("priya")
    await expect(rows).to_have_count(1)
    await rows.get_by_role("link").click()
    await page.get_by_role("link", name="Chart Room").first.click()
    await expect(page.get_by_role("searchbox")).to_have_value("priya")
    await expect(rows).to_have_count(1)
    assert page.url == f"{address}/charts"
    await page.get_by_role("searchbox").fill("")
    await expect(rows).to_have_count(2)
    await page.reload()
    await expect(page.get_by_role("searchbox")).to_have_value("")


async def test_a_form_that_was_refused_stands_at_an_address_that_can_be_read(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"{address}{CHART}/requests/{PENDING.request_id}"
    await page.goto(here)
    await page.locator("#recall summary").click()
    await page.get_by_label("Reason", exact=True).fill(" ")
    await page.get_by_role("button", name="Recall the request").click()
    await expect(page.locator("[data-problem]")).to_be_focused()
    assert page.url == here
    # nor may news take away what is being written
    assert await page.locator("[data-live=offers]").count() == 0
    await page.reload()
    await expect(page.get_by_role("heading", name="Signature request")).to_be_visible()

    # further up, where nothing between the two shows a page
    monkeypatch.setattr(on_show, "raises", Unacceptable("Give the reason, in one line."))
    await page.goto(address + CHART)
    await page.get_by_text("End the access of").click()
    await page.locator('form[action$="/end"] input').fill("x")
    await page.get_by_role("button", name="End the access").click()
    await expect(page.locator("[data-problem]")).to_be_focused()
    assert page.url == address + CHART


async def test_a_share_that_was_refused_says_why_until_the_reader_goes_on(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_show, "raises", ClientNotRegistered("Invite the client first."))
    await page.goto(address + DOCUMENTS)
    await page.locator(f"#dots-{PLAN.id}").click()
    async with page.expect_response(lambda answer: answer.request.method == "GET" and answer.url == page.url):
        await page.get_by_role("menuitem", name="Share", exact=True).click()
    # the page has read itself again by now
    await expect(page.get_by_text("Not shared: this client is not registered")).to_be_visible()
    await expect(page.get_by_role("link", name="Invite to the Client Portal")).to_be_visible()
    assert page.url == address + DOCUMENTS


async def test_a_form_is_as_it_was_sent_when_a_sign_in_came_in_between(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_long_ago(*_: object) -> str:
        raise FreshSignInNeeded("Show again that it is you.")

    monkeypatch.setattr(keys, "make", too_long_ago)
    monkeypatch.setattr(on_show, "role", Role.ADMIN)
    await page.goto(f"{address}/keys")
    await page.get_by_label("Name").fill("Health record")
    await page.get_by_label("Read charts").check()
    await page.get_by_label("Days until it ends").fill("30")
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_role("heading", name="Show that it is you")).to_be_visible()
    await page.goto(f"{address}/keys?done=again")
    await expect(page.locator("[data-notification]")).to_be_focused()
    await expect(page.get_by_label("Name")).to_have_value("Health record")
    await expect(page.get_by_label("Days until it ends")).to_have_value("30")
    ticked = page.locator("input[name=scopes]:checked")
    await expect(ticked).to_have_count(1)
    await expect(ticked).to_have_value("charts:read")
    # once: another visit begins anew
    await page.goto(f"{address}/keys")
    await expect(page.get_by_label("Name")).to_have_value("")


async def test_the_menu_of_the_bar_closes_behind_whoever_goes_on_by_keyboard(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_show, "role", Role.ADMIN)
    await page.goto(f"{address}/charts")
    await page.get_by_text("Administration").focus()
    await page.keyboard.press("Enter")
    last = page.get_by_role("link", name="API keys")
    await expect(last).to_be_visible()
    await last.focus()
    await page.keyboard.press("Tab")
    await expect(last).to_be_hidden()


async def test_what_was_on_its_way_when_the_page_was_read_is_looked_at_again_when_news_can_come(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_show, "documents", [replace(PENDING, **asked(RequestState.SEALING))])

    async def too_late_to_tell(route: Route) -> None:
        on_show.documents = [replace(PENDING, **asked(RequestState.SIGNED))]
        await route.fulfill(content_type="text/event-stream", body="retry: 600000\n\n")

    await page.route("**/live", too_late_to_tell)
    await page.goto(f"{address}{CHART}/requests/{PENDING.request_id}")
    # without news a page looks again after twenty seconds
    await expect(page.locator("[data-live=state] .statuses").first).to_have_text("Signed", timeout=15_000)


async def news(page: Page) -> None:
    """Something moved: the page reads itself again, as it does when somebody comes back to it."""
    async with page.expect_response(lambda answer: answer.request.resource_type == "fetch") as read:
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await (await read.value).finished()


async def test_news_take_away_nothing_that_is_being_written(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_show, "documents", [PENDING])
    await page.goto(f"{address}{CHART}/requests/{PENDING.request_id}")
    await page.locator("#unable-to-obtain summary").click()
    why = page.get_by_label("Why the signature cannot be obtained")
    await why.fill("Nobody answers, and")

    # another tab has moved the last day: the form is still there, and so is the text
    later = PENDING.expires_at and PENDING.expires_at.replace(year=PENDING.expires_at.year + 1)
    on_show.documents = [replace(PENDING, expires_at=later)]
    await news(page)
    await expect(page.locator("[data-live=state]")).to_contain_text(str(later and later.year))
    await expect(why).to_have_value("Nobody answers, and")

    # another tab has ended the request: there is nowhere to send it to, and it can be copied
    on_show.documents = [replace(PENDING, **asked(RequestState.RECALLED))]
    await news(page)
    await expect(why).to_have_count(0)
    await expect(page.locator("main p", has_text="What you were writing:")).to_be_visible()
    await expect(page.locator("blockquote")).to_have_text("Nobody answers, and")


async def test_buttons_come_and_go_with_the_news(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing = replace(PENDING, **asked(RequestState.SEALING))
    monkeypatch.setattr(on_show, "documents", [sealing])
    await page.goto(f"{address}{CHART}/requests/{PENDING.request_id}")
    can = page.get_by_role("heading", name="What you can do")
    await expect(can).to_be_hidden()
    on_show.documents = [replace(sealing, attention="The seal's key service is away.")]
    await news(page)
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    on_show.documents = [replace(PENDING, **asked(RequestState.SIGNED))]
    await news(page)
    await expect(can).to_be_hidden()


async def test_what_a_sign_in_cut_short_on_the_chart_face_outlives_the_news_too(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_long_ago(*_: object) -> None:
        raise FreshSignInNeeded("Show again that it is you.")

    monkeypatch.setattr(access, "offer_new_factors", too_long_ago)
    await page.goto(address + CHART)
    await page.get_by_text("has lost every second factor").click()
    why = page.get_by_label("How you know that it is this person")
    await why.fill("Called back.")
    await page.get_by_role("button", name="Let them set a new second factor").click()
    await expect(page.get_by_role("heading", name="Show that it is you")).to_be_visible()
    await page.goto(f"{address}{CHART}?done=again")
    await expect(why).to_have_value("Called back.")
    monkeypatch.setattr(on_show, "documents", [])
    await news(page)
    await expect(page.get_by_text("Nothing waits for a signature.")).to_be_visible()
    await expect(why).to_have_value("Called back.")
    await expect(why).to_be_visible()
