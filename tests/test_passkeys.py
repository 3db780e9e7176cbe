"""SPEC A2: passkeys, in a real browser with a device of its own, and against what an attacker would send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from activities.stamp import MEANING
from api.access import COOKIE
from chart.audit import SERVICE, Action
from chart.refusals import Refusal
from gateways.postgres import Database, Transaction
from identity import account, roster, second_factor
from identity.caller import Role, Surface
from settings import Settings
from tests.browsers import chromium, visitor, with_passkeys
from tests.office import PASSWORD, Office
from tests.sign_ins import cookie_of, sign_in_staff
from tests.soft_passkey import PRESENT, SoftPasskey
from tests.test_audit import log
from tests.test_endings import ask


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


async def enter_password(page: Page, email: str) -> None:
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.usefixtures("api")
async def test_staff_enrols_with_a_passkey_and_signs_in_with_it_alone(
    configured: Settings, database: Database, office: Office, browser: Browser
) -> None:
    email = f"new-{uuid4().hex}@demo.example"
    async with database.practice(office.practice) as transaction:
        await account.add_staff(
            transaction, office.practice, email=email, name="Ann Lee", role=Role.PROVIDER, password=PASSWORD
        )
    async with visitor(browser) as page:
        await with_passkeys(page)
        await page.goto(f"{configured.chart_url}/requests")
        await enter_password(page, email)
        await expect(page.get_by_role("heading", name="Add a second factor")).to_be_visible()
        await page.get_by_role("button", name="Add a passkey on this device").click()
        await page.get_by_role("button", name="Show my recovery codes").click()
        await expect(page.locator("code")).to_have_count(10)
        await page.get_by_role("link", name="I have kept them").click()
        await expect(page).to_have_url(f"{configured.chart_url}/requests")

        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_role("heading", name="Chart Room")).to_be_visible()

        await page.get_by_role("button", name="Sign out").click()
        await enter_password(page, email)
        await page.get_by_role("button", name="Use a passkey").click()
        await expect(page.get_by_role("heading", name="Chart Room")).to_be_visible()


@pytest.mark.usefixtures("api")
async def test_a_client_adds_a_passkey_and_shows_with_it_that_it_is_still_them(
    configured: Settings, database: Database, office: Office, browser: Browser
) -> None:
    refused = "Failed to load resource: the server responded with a status of 403"
    async with visitor(browser, expected=refused, viewport={"width": 390, "height": 844}, is_mobile=True) as page:
        await with_passkeys(page)
        await page.goto(f"{configured.portal_url}/portal/inbox")
        await enter_password(page, office.client_email)
        await page.get_by_role("link", name="Your account").click()
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_text("The passkey is added.")).to_be_visible()
        await expect(page.get_by_text("Passkey, Chrome on")).to_be_visible()
        # the device has one for us already
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_text("No passkey was used.")).to_be_visible()

        async with database.practice(office.practice) as transaction:
            await transaction.execute("update session set authenticated_at = now() - interval '6 minutes'")
        await page.get_by_role("link", name="Change password").click()
        await page.get_by_role("button", name="Use a passkey").click()
        await expect(page.get_by_role("heading", name="Change password")).to_be_visible()


@pytest.mark.usefixtures("api", "worker")
async def test_whoever_has_a_passkey_signs_with_it_after_a_while_and_after_the_session_has_ended(
    api: httpx2.AsyncClient, configured: Settings, database: Database, office: Office, browser: Browser
) -> None:
    await ask(api, office)
    refused = "Failed to load resource: the server responded with a status of"
    async with visitor(browser, expected=refused) as page:
        await with_passkeys(page)
        # the stream of news would end with the session, and cover the page first
        await page.route("**/live", lambda route: route.fulfill(status=204))
        await page.goto(f"{configured.portal_url}/portal/account")
        await enter_password(page, office.client_email)
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_text("The passkey is added.")).to_be_visible()
        async with database.practice(office.practice) as transaction:
            await transaction.execute("update session set authenticated_at = now() - interval '6 minutes'")

        await page.goto(f"{configured.portal_url}/portal/documents/{office.note.id}")
        await page.get_by_role("button", name="Add Signature").click()
        await page.get_by_role("button", name="I agree").click()
        await page.get_by_text("Type", exact=True).click()
        await page.get_by_label("Type your full name").fill("Jordan Canaryname")
        await page.get_by_label(MEANING).check()
        await page.get_by_role("button", name="Continue").click()
        dialog = page.get_by_role("dialog", name="Your password")
        await expect(dialog.get_by_label("Recovery code")).to_be_visible()
        await dialog.get_by_role("button", name="Use a passkey").click()

        await expect(page.get_by_role("button", name="Sign Document")).to_be_visible()
        # the session ends just before the last click: password, then the second step, and the signature is still there
        async with database.practice(office.practice) as transaction:
            await transaction.execute("delete from session")
        await page.get_by_role("button", name="Sign Document").click()
        await expect(dialog).to_contain_text("You were signed out. Sign in again to go on.")
        await dialog.get_by_label("Email address").fill(office.client_email)
        await dialog.get_by_label("Password", exact=True).fill(PASSWORD)
        await dialog.get_by_role("button", name="Continue").click()
        await expect(dialog).to_contain_text("Now the second step.")
        await dialog.get_by_role("button", name="Use a passkey").click()
        await expect(page.locator("#state")).to_contain_text("the document is signed")


# -- what the server does not take


Signer = tuple[SoftPasskey, dict[str, str]]
Answer = Callable[[SoftPasskey], Awaitable[httpx2.Response]]


@pytest.fixture
async def mine(api: httpx2.AsyncClient, office: Office, configured: Settings) -> Signer:
    """A client's passkey, and the client's session."""
    me = {"email": office.client_email, "password": PASSWORD}
    cookie = cookie_of(await api.post("/portal/sign-in", data=me), Surface.PORTAL)
    passkey = SoftPasskey(configured.portal_url, "portal.localhost")
    added = await add(api, passkey, cookie)
    assert added.status_code == HTTPStatus.OK, added.text
    return passkey, cookie


async def add(api: httpx2.AsyncClient, passkey: SoftPasskey, cookie: dict[str, str]) -> httpx2.Response:
    options = (await api.post("/portal/account/passkeys/question", headers=cookie)).json()
    return await api.post("/portal/account/passkeys", json=passkey.make(options), headers=cookie)


async def question(api: httpx2.AsyncClient, surface: str = "/portal") -> dict[str, Any]:
    options: dict[str, Any] = (await api.post(f"{surface}/sign-in/passkey/question")).json()
    return options


async def sign_in(api: httpx2.AsyncClient, answer: dict[str, Any], surface: str = "/portal") -> httpx2.Response:
    return await api.post(f"{surface}/sign-in/passkey", json=answer, headers={"accept": "application/json"})


async def test_a_passkey_signs_in_once_for_each_question(api: httpx2.AsyncClient, mine: Signer) -> None:
    answer = mine[0].answer(await question(api))
    right = await sign_in(api, answer)
    assert (right.status_code, right.json()["next"]) == (HTTPStatus.OK, "/portal/inbox")
    assert COOKIE[Surface.PORTAL] in str(right.headers)
    replayed = await sign_in(api, answer)
    assert (replayed.status_code, replayed.json()["type"]) == (HTTPStatus.FORBIDDEN, "/problems/passkey-refused")


async def test_the_passkey_of_a_colleague_who_has_left_signs_nobody_in(
    api: httpx2.AsyncClient, database: Database, office: Office, configured: Settings
) -> None:
    cookie = await sign_in_staff(api, office.provider_email)
    passkey = SoftPasskey(configured.chart_url, "chart.localhost")
    options = (await api.post("/account/passkeys/question", headers=cookie)).json()
    assert (await api.post("/account/passkeys", json=passkey.make(options), headers=cookie)).is_success
    async with database.practice(office.practice) as transaction:
        provider = next(one for one in await roster.members(transaction) if one.email == office.provider_email)
        await roster.end(transaction, provider, SERVICE, "Has left.")
    refused = await sign_in(api, passkey.answer(await question(api, "")), "")
    assert refused.status_code == HTTPStatus.FORBIDDEN
    last = (await log(database, office))[-1]
    assert (last.action, last.detail["account"]) == (Action.SIGN_IN_REFUSED, provider.party)


async def test_of_two_second_factors_that_are_removed_at_once_staff_keeps_one(
    api: httpx2.AsyncClient, database: Database, office: Office, configured: Settings
) -> None:
    cookie = await sign_in_staff(api, office.provider_email)
    passkey = SoftPasskey(configured.chart_url, "chart.localhost")
    options = (await api.post("/account/passkeys/question", headers=cookie)).json()
    assert (await api.post("/account/passkeys", json=passkey.make(options), headers=cookie)).is_success
    async with database.practice(office.practice) as transaction:
        provider = next(one for one in await roster.members(transaction) if one.email == office.provider_email)

    async def remove(way: Callable[[Transaction], Awaitable[None]]) -> bool:
        async with database.practice(office.practice) as transaction:
            try:
                await way(transaction)
            except Refusal:
                return False
            await asyncio.sleep(0.1)  # so that both are under way at once
        return True

    removed = await asyncio.gather(
        remove(lambda transaction: second_factor.remove_authenticator(transaction, Surface.CHART, provider.party)),
        remove(
            lambda transaction: second_factor.remove_passkey(transaction, Surface.CHART, provider.party, passkey.id)
        ),
    )
    assert sorted(removed) == [False, True]
    async with database.practice(office.practice) as transaction:
        assert (await second_factor.of(transaction, provider.party)).count == 1


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://portal.localhost"},
        {"host": "evil.example"},
        {"flags": PRESENT},
        {"flags": 0},
        {"id": b"another credential, of nobody..."},
        {"key": SoftPasskey("", "").key},
        {"uses": -1},
    ],
    ids=["elsewhere", "other port", "other site", "owner not verified", "nobody there", "unknown", "forged", "copied"],
)
async def test_an_answer_that_is_not_wholly_right_is_refused(
    api: httpx2.AsyncClient, database: Database, office: Office, mine: Signer, change: dict[str, Any]
) -> None:
    passkey, _ = mine
    assert (await sign_in(api, passkey.answer(await question(api)))).status_code == HTTPStatus.OK
    answer = replace(passkey, **change).answer(await question(api))
    refused = await sign_in(api, answer)
    assert (refused.status_code, refused.json()["type"]) == (HTTPStatus.FORBIDDEN, "/problems/passkey-refused")
    # whose it is said to be is told, where that is known
    told = [line for line in await log(database, office) if line.action == Action.SIGN_IN_REFUSED]
    expected = [] if "id" in change else [(office.party, "passkey", "127.0.0.1")]
    assert [(line.detail["account"], line.detail["what"], line.detail["network"]) for line in told] == expected


async def test_a_question_is_answered_where_it_was_asked_and_by_whom(
    api: httpx2.AsyncClient, mine: Signer, other_office: Office, configured: Settings
) -> None:
    passkey, cookie = mine
    # a client's passkey is nothing at the practice's door, and a question of one door nothing at the other
    staff_site = replace(passkey, origin=configured.chart_url, host="chart.localhost")
    assert (await sign_in(api, staff_site.answer(await question(api, "")), "")).status_code == HTTPStatus.FORBIDDEN
    assert (await sign_in(api, passkey.answer(await question(api, "")))).status_code == HTTPStatus.FORBIDDEN
    # somebody else's half sign-in is not gone on with
    stranger = SoftPasskey(configured.portal_url, "portal.localhost")
    me = {"email": other_office.client_email, "password": PASSWORD}
    theirs = cookie_of(await api.post("/portal/sign-in", data=me), Surface.PORTAL)
    assert (await add(api, stranger, theirs)).status_code == HTTPStatus.OK
    half = cookie_of(await api.post("/portal/sign-in", data=me), Surface.PORTAL)
    path = "/portal/sign-in/second-factor/passkey"
    options = (await api.post(f"{path}/question", headers=half)).json()
    assert (await api.post(path, json=passkey.answer(options), headers=half)).status_code == HTTPStatus.FORBIDDEN
    options = (await api.post(f"{path}/question", headers=half)).json()
    own = await api.post(path, json=stranger.answer(options), headers=half)
    assert own.status_code == HTTPStatus.SEE_OTHER
    # nor is a passkey added twice
    assert (await add(api, stranger, cookie)).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("answer", [{}, {"id": 1}, {"rawId": "x", "response": {}}, {"rawId": "eA", "response": "x"}])
async def test_nonsense_is_refused_as_such(api: httpx2.AsyncClient, mine: Signer, answer: dict[str, Any]) -> None:
    for path in ("/portal/sign-in/passkey", "/portal/account/passkeys", "/portal/account/again/passkey"):
        refused = await api.post(path, json=answer, headers=mine[1] | {"accept": "application/json"})
        assert (refused.status_code, refused.json()["type"]) == (HTTPStatus.FORBIDDEN, "/problems/passkey-refused"), (
            path
        )
