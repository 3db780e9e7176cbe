"""SPEC A3: sessions end at once, with the streams that they hold open, and never without a word."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from gateways.postgres import Database
from identity.caller import Surface
from settings import Settings
from tests.browsers import chromium, visitor
from tests.office import PASSWORD, Office
from tests.sign_ins import cookie_of, sign_in_staff
from tests.test_endings import ask

HTML = {"accept": "text/html"}
NEW = "seven boats under the quiet bridge"


async def sign_in(api: httpx2.AsyncClient, office: Office) -> dict[str, str]:
    answer = await api.post("/portal/sign-in", data={"email": office.client_email, "password": PASSWORD})
    return HTML | cookie_of(answer, Surface.PORTAL)


@asynccontextmanager
async def listening(
    api: httpx2.AsyncClient, cookie: dict[str, str], path: str
) -> AsyncIterator["asyncio.Task[list[str]]"]:
    """An open event stream; the task is done when the server has ended it."""
    async with api.stream("GET", path, headers=cookie, timeout=30) as stream:
        assert stream.status_code == HTTPStatus.OK

        async def read() -> list[str]:
            return [line async for line in stream.aiter_lines()]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.2)
        assert not reading.done()
        yield reading
        reading.cancel()


Act = Callable[[httpx2.AsyncClient, Office, dict[str, str]], Awaitable[httpx2.Response]]


async def signs_out(api: httpx2.AsyncClient, _: Office, me: dict[str, str]) -> httpx2.Response:
    return await api.post("/portal/sign-out", headers=me)


async def changes_the_password(api: httpx2.AsyncClient, _: Office, me: dict[str, str]) -> httpx2.Response:
    body = {"password": PASSWORD, "new_password": NEW}
    return await api.post("/portal/account/password", data=body, headers=me)


async def is_signed_out_elsewhere(api: httpx2.AsyncClient, office: Office, _: dict[str, str]) -> httpx2.Response:
    other = await sign_in(api, office)
    return await api.post("/portal/account/sessions/end-others", headers=other)


async def loses_access(api: httpx2.AsyncClient, office: Office, _: dict[str, str]) -> httpx2.Response:
    path = f"/api/v1/clients/{office.client}/access/{office.account}/end"
    return await api.post(path, json={"reason": "Custody has changed."}, headers=office.bearer)


@pytest.mark.parametrize("act", [signs_out, changes_the_password, is_signed_out_elsewhere, loses_access])
async def test_a_stream_ends_at_once_when_its_reader(api: httpx2.AsyncClient, office: Office, act: Act) -> None:
    me = await sign_in(api, office)
    async with listening(api, me, "/portal/live") as reading:
        assert (await act(api, office, me)).status_code < HTTPStatus.BAD_REQUEST
        await asyncio.wait_for(reading, 5)


async def test_staffs_stream_ends_with_the_session_and_nobody_elses_does(
    api: httpx2.AsyncClient, office: Office
) -> None:
    staff, client = HTML | await sign_in_staff(api, office.provider_email), await sign_in(api, office)
    async with listening(api, staff, "/live") as ends, listening(api, client, "/portal/live") as goes_on:
        await api.post("/sign-out", headers=staff)
        await asyncio.wait_for(ends, 5)
        assert not goes_on.done()


async def test_a_session_ends_after_twelve_hours_whatever_is_done(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    me = await sign_in(api, office)
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update session set created_at = now() - interval '12 hours', seen_at = now()")
    assert (await api.get("/portal/account", headers=me)).status_code == HTTPStatus.SEE_OTHER


async def test_staff_may_be_idle_for_an_appointment_and_clients_for_fifteen_minutes(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    staff, client = HTML | await sign_in_staff(api, office.provider_email), await sign_in(api, office)

    async def idle(minutes: int) -> tuple[bool, bool]:
        async with database.practice(office.practice) as transaction:
            await transaction.execute("update session set seen_at = now() - make_interval(mins => $1)", minutes)
        pages = (("/charts", staff), ("/portal/account", client))
        at_desk, in_portal = [(await api.get(path, headers=cookie)).status_code == 200 for path, cookie in pages]
        return at_desk, in_portal

    assert await idle(14) == (True, True)
    assert await idle(16) == (True, False)
    assert await idle(59) == (True, False)
    assert await idle(61) == (False, False)


async def test_asking_how_long_a_session_lasts_does_not_prolong_it(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    me, path = await sign_in(api, office), "/portal/account/session"
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update session set seen_at = now() - interval '14 minutes'")
    for _ in range(2):
        left = (await api.get(path, headers=me)).json()
        assert left["idle"] <= 60
        assert left["person"] == f"account:{office.account}"
    assert (await api.post(path, headers=me)).json()["idle"] > 60
    async with database.practice(office.practice) as transaction:
        await transaction.execute("delete from session")
    assert (await api.get(path, headers=me)).status_code == HTTPStatus.UNAUTHORIZED


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


async def enter(page: Page, office: Office) -> None:
    await page.get_by_label("Email address").fill(office.client_email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.usefixtures("worker")
async def test_whoever_is_idle_is_warned_can_stay_and_loses_no_draft(
    api: httpx2.AsyncClient, configured: Settings, database: Database, office: Office, browser: Browser
) -> None:
    await ask(api, office)
    page_of = f"{configured.portal_url}/portal/documents/{office.note.id}/decline"

    async def change(statement: str) -> None:
        async with database.practice(office.practice) as transaction:
            await transaction.execute(statement)

    refused = "Failed to load resource: the server responded with a status of 401"
    async with visitor(browser, expected=refused) as page:
        await page.goto(page_of)
        await enter(page, office)
        draft = page.get_by_label("What should the practice know?")
        await page.get_by_label("Ask for a correction").check()
        await draft.fill("Goal 2 is not mine.")

        # a warning two minutes before, which can be answered
        await change("update session set seen_at = now() - interval '14 minutes'")
        await page.evaluate("dispatchEvent(new Event('focus'))")
        warning = page.get_by_role("alertdialog", name="Are you still there?")
        await expect(warning).to_contain_text("you will be signed out at")
        await page.get_by_role("button", name="Stay signed in").click()
        await expect(warning).to_be_hidden()
        await expect(draft).to_have_value("Goal 2 is not mine.")

        # when it has ended nobody reads the page, and nothing on it is lost
        await change("delete from session")
        await page.evaluate("dispatchEvent(new Event('focus'))")
        over = page.get_by_role("alertdialog", name="You were signed out")
        await expect(over).to_be_visible()
        await expect(draft).to_be_hidden()
        await page.keyboard.press("Escape")
        await expect(over).to_be_visible()
        async with page.context.expect_page() as opening:
            await page.get_by_role("link", name="Sign in again in a new tab").click()
        tab = await opening.value
        await enter(tab, office)
        await expect(tab).to_have_url(page_of)  # whoever stays in that tab can go on there, too
        await page.bring_to_front()
        await page.evaluate("dispatchEvent(new Event('focus'))")
        await expect(over).to_be_hidden()
        await expect(draft).to_have_value("Goal 2 is not mine.")
        await page.get_by_role("button", name="Continue").click()
        await expect(page.get_by_text("Goal 2 is not mine.")).to_be_visible()
