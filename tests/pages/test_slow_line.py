"""The chart on a slow line, and after a while: what is on its way is said, and what comes late is not lost."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import Dialog, FilePayload, Page, Route, expect

from chart.document import Kind
from chart.lifecycle import RequestState
from tests.browsers import chromium, visitor
from tests.pages.addresses import CHART, DOCUMENTS
from tests.pages.records import PENDING, PLAN, asked
from tests.pages.stage import Stage
from tests.papers import paper

LOST = "Failed to load resource"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser, visitor(browser, expected=LOST) as desk:
        yield desk


class Held:
    """Forms that have been sent and have not arrived."""

    def __init__(self) -> None:
        self.forms: list[Route] = []

    async def __call__(self, route: Route) -> None:
        if route.request.method == "POST":
            self.forms.append(route)
        else:
            await route.continue_()


async def test_a_list_that_is_not_what_was_typed_is_not_taken_for_it(page: Page, address: str) -> None:
    held = Held()
    clients = page.locator("[data-clients]")
    await page.goto(f"{address}/charts")
    await page.route(f"{address}/charts", held)
    await page.get_by_role("searchbox").fill("priya")
    await expect(clients).to_have_attribute("aria-busy", "true")
    await expect(clients).to_have_css("pointer-events", "none")
    await expect(clients).to_have_css("opacity", "0.4")
    await held.forms[0].continue_()
    await page.unroute(f"{address}/charts")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(clients).not_to_have_attribute("aria-busy", "true")

    await page.context.set_offline(True)
    await page.get_by_role("searchbox").fill("rivera")
    await expect(page.get_by_text("The search did not arrive.").first).to_be_visible()
    await expect(clients).to_be_hidden()
    await page.context.set_offline(False)
    await expect(page.get_by_role("link", name="Rivera, Jordan")).to_be_visible()
    await expect(page.locator("[data-unfound]")).to_have_count(0)


async def test_what_is_being_uploaded_is_what_is_shown_and_is_not_left_by_mistake(page: Page, address: str) -> None:
    held = Held()
    await page.route(f"{address}{DOCUMENTS}/new", held)
    await page.goto(f"{address}{DOCUMENTS}/new")
    file = FilePayload(name="a.pdf", mimeType="application/pdf", buffer=paper("Progress Note"))
    await page.get_by_label("PDF file").set_input_files(file)
    await page.get_by_label("Note name").fill("Progress Note")
    await page.get_by_role("button", name="Add document").click()
    await expect(page.get_by_role("button", name="Add document")).to_be_disabled()
    assert await page.locator(".field:has([name=service_on])").evaluate("field => field.inert")
    questions: asyncio.Queue[str] = asyncio.Queue()

    async def stay(dialog: Dialog) -> None:
        await dialog.dismiss()
        await questions.put(dialog.type)

    page.on("dialog", stay)
    await page.evaluate("void setTimeout(() => location.assign('/charts'))")
    assert await asyncio.wait_for(questions.get(), 10) == "beforeunload"
    await expect(page.get_by_role("heading", name="Add document")).to_be_visible()
    await held.forms[0].abort()
    await expect(page.get_by_text("The connection was lost.").first).to_be_visible()
    await page.get_by_label("Date of service").fill("2026-01-02")
    await page.get_by_role("link", name="Cancel").click()
    await expect(page).to_have_url(address + DOCUMENTS)


async def test_whoever_comes_back_after_a_while_sees_what_is_so_now(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.clock.install()
    await page.goto(f"{address}{DOCUMENTS}")
    status = page.locator(f'[data-live="status-{PENDING.id}"]')
    await expect(status).to_contain_text("Pending signature")
    monkeypatch.setattr(on_show, "documents", [replace(PENDING, **asked(RequestState.EXPIRED))])
    await page.clock.fast_forward("11:00")
    await page.clock.run_for(60_000)
    await expect(status).to_contain_text("Pending signature")
    await page.mouse.move(200, 200)
    await page.clock.run_for(1000)
    await expect(status).to_contain_text("Expired")


async def test_a_copy_that_was_taken_is_told_of_and_another_one_can_be(
    page: Page, address: str, on_show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(PLAN, kind=Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN)
    monkeypatch.setattr(on_show, "documents", [plan])
    taken: list[str] = []

    async def copy(route: Route) -> None:
        taken.append(route.request.post_data or "")
        headers = {"content-disposition": 'attachment; filename="document.pdf"'}
        await route.fulfill(body=b"%PDF-1.7", content_type="application/pdf", headers=headers)

    await page.clock.install()
    await page.route(re.compile("/copy$"), copy)
    await page.goto(f"{address}{CHART}/consents")
    form = page.locator("form[data-downloads]").first
    await page.locator("details:has([data-downloads]) > summary").first.click()
    await form.locator("select").select_option(index=1)
    async with page.expect_download():
        await form.get_by_role("button").click()
    await form.get_by_role("button").click()
    async with page.expect_response(lambda answer: answer.url == page.url):
        await page.clock.run_for(2500)
    assert len(taken) == 1
    async with page.expect_download():
        await form.get_by_role("button").click()
    assert len(taken) == 2
