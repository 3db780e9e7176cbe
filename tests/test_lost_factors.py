"""A client who has lost every second factor comes to a new one by password and mailed link (docs/decisions/053)."""

import re
from http import HTTPStatus

import httpx2
import pytest
from playwright.async_api import expect

from api.access import COOKIE
from chart.audit import Action
from chart.ids import AccountId
from gateways.postgres import Database
from identity import account, recovery, second_factor
from identity.caller import Surface
from settings import Settings
from tests.browsers import chromium, visitor, with_passkeys
from tests.conftest import Mailbox
from tests.office import PASSWORD, Office
from tests.sign_ins import code_of, cookie_of, enrol, has_app, sign_in_staff
from tests.soft_passkey import SoftPasskey
from tests.test_accounts import is_signed_in, party_of
from tests.test_audit import Line, log
from tests.test_endings import soon
from tests.test_passkeys import enter_password
from tests.test_portal import shown
from tests.test_roster import link_to

pytestmark = pytest.mark.usefixtures("worker")

HTML = {"accept": "text/html"}
WHY = {"reason": "Called at the number in the chart; knew the last appointment."}
SUBJECT = "Add a new second factor"
LINK = "/portal/sign-in/link"


@pytest.fixture
async def client(database: Database, configured: Settings, office: Office) -> Office:
    """The client has an authenticator app."""
    return await with_app(database, configured, office)


async def with_app(database: Database, configured: Settings, office: Office) -> Office:
    async with database.practice(office.practice) as transaction:
        await enrol(transaction, configured, party_of(office))
    return office


async def recovery_codes(database: Database, office: Office) -> list[str]:
    """Of the client; those before end."""
    async with database.practice(office.practice) as transaction:
        return await recovery.make(transaction, office.practice, party_of(office))


@pytest.fixture
async def provider(api: httpx2.AsyncClient, office: Office) -> dict[str, str]:
    return HTML | await sign_in_staff(api, office.provider_email)


def offer_page(office: Office, whose: AccountId | None = None) -> str:
    return f"/charts/{office.client}/access/{whose or office.account}/new-factors"


def api_path(office: Office, whose: AccountId | None = None) -> str:
    return f"/api/v1/clients/{office.client}/access/{whose or office.account}/new-factors"


async def offered(api: httpx2.AsyncClient, office: Office, staff: dict[str, str], mailbox: Mailbox) -> str:
    """The link of the mail."""
    before = len(mailbox.to(office.client_email))
    done = await api.post(offer_page(office), data=WHY, headers=staff)
    assert done.headers["location"] == f"/charts/{office.client}?done=factors-offered", done.text
    assert await soon(lambda: len(mailbox.to(office.client_email)) > before)
    return await link_to(mailbox, office.client_email, SUBJECT)


async def first_step(api: httpx2.AsyncClient, office: Office) -> dict[str, str]:
    """Half way, by the password."""
    answer = await api.post("/portal/sign-in", data={"email": office.client_email, "password": PASSWORD}, headers=HTML)
    assert answer.headers["location"] == "/portal/sign-in/second-factor", answer.text
    return HTML | cookie_of(answer, Surface.PORTAL)


async def signed_in(api: httpx2.AsyncClient, office: Office) -> dict[str, str]:
    half = await first_step(api, office)
    code = {"code": await code_of(office.client_email)}
    return HTML | cookie_of(await api.post("/portal/sign-in/second-factor", data=code, headers=half), Surface.PORTAL)


async def show(api: httpx2.AsyncClient, link: str, half: dict[str, str]) -> httpx2.Response:
    return await api.post(LINK, data={"token": link}, headers=half)


async def through(api: httpx2.AsyncClient, office: Office, link: str) -> dict[str, str]:
    """Half way, where the new factor is set."""
    answer = await show(api, link, await first_step(api, office))
    assert answer.headers["location"] == "/portal/sign-in/enrol", answer.text
    return HTML | cookie_of(answer, Surface.PORTAL)


async def entries(database: Database, office: Office, *actions: Action) -> list[Line]:
    return [line for line in await log(database, office) if line.action in actions]


# -- the way through


async def test_password_and_mailed_link_lead_to_a_new_factor_and_neither_leads_anywhere_alone(
    api: httpx2.AsyncClient,
    database: Database,
    configured: Settings,
    client: Office,
    provider: dict[str, str],
    mailbox: Mailbox,
) -> None:
    email = client.client_email
    half, code = await first_step(api, client), {"code": (await recovery_codes(database, client))[0]}
    whole = await api.post("/portal/sign-in/second-factor", data=code, headers=half)
    before = HTML | cookie_of(whole, Surface.PORTAL)
    link = await offered(api, client, provider, mailbox)
    assert "May set a new second factor until" in await shown(api, f"/charts/{client.client}", provider)
    assert not await is_signed_in(api, before)

    # the mailbox alone: neither the link, nor a new password and then the link
    assert "Sign in with your password first" in await shown(api, LINK, HTML)
    assert (await show(api, link, HTML)).status_code == HTTPStatus.CONFLICT
    await api.post("/portal/sign-in/forgotten", data={"email": email}, headers=HTML)
    token = await link_to(mailbox, email, "Choose a new password")
    used = await api.post("/portal/sign-in/reset", data={"token": token}, headers=HTML)
    assert used.headers["location"] == "/portal/sign-in/second-factor"
    of_reset = HTML | cookie_of(used, Surface.PORTAL)
    assert (await show(api, link, of_reset)).status_code == HTTPStatus.CONFLICT

    # the password alone: no way to a new factor
    half = await first_step(api, client)
    assert "Have you lost them all?" in await shown(api, "/portal/sign-in/second-factor", half)
    assert 'class="key"' not in (await api.get("/portal/sign-in/enrol", headers=half)).text
    wrong = await show(api, "x" * 43, half)
    assert (wrong.status_code, "Ask your practice" in wrong.text) == (HTTPStatus.FORBIDDEN, True)

    enrolling = await through(api, client, link)
    async with database.practice(client.practice) as transaction:
        assert (await second_factor.of(transaction, party_of(client))).recovery_codes == 9
    inside = await set_app(api, email, enrolling)
    assert inside.headers["location"].startswith("/portal/account/recovery-codes")
    assert await is_signed_in(api, HTML | cookie_of(inside, Surface.PORTAL))

    # the old factors are gone, the link is nothing, and the client is told
    async with database.practice(client.practice) as transaction:
        left = await second_factor.of(transaction, party_of(client))
        assert (left.authenticator, left.passkeys, left.recovery_codes) == (True, (), 0)
        assert link not in str(await transaction.fetch("select * from portal_account"))
    assert (await show(api, link, await first_step(api, client))).status_code == HTTPStatus.FORBIDDEN
    assert await soon(lambda: len(told(mailbox, email)) == 1)
    offer, replaced = await entries(database, client, Action.OFFERED_FACTORS, Action.REPLACED_FACTORS)
    assert (offer.chart, offer.detail["reason"]) == (client.client, WHY["reason"])
    assert replaced.actor == party_of(client)
    assert link not in str(await log(database, client))


async def set_app(api: httpx2.AsyncClient, email: str, half: dict[str, str]) -> httpx2.Response:
    """An authenticator app, as the page asks for it."""
    key = re.search(r'<code class="key">([^<]+)</code>', (await api.get("/portal/sign-in/enrol", headers=half)).text)
    assert key
    has_app(email, key[1])
    return await api.post("/portal/sign-in/enrol", data={"code": await code_of(email)}, headers=half)


def told(mailbox: Mailbox, email: str) -> list[str]:
    return [one for one in mailbox.to(email) if "You have a new second factor" in one]


async def test_a_passkey_takes_the_place_of_all_others_too(
    api: httpx2.AsyncClient,
    database: Database,
    configured: Settings,
    client: Office,
    provider: dict[str, str],
    mailbox: Mailbox,
) -> None:
    await recovery_codes(database, client)
    enrolling = await through(api, client, await offered(api, client, provider, mailbox))
    json = enrolling | {"accept": "application/json"}
    options = (await api.post("/portal/sign-in/enrol/passkey/question", headers=json)).json()
    passkey = SoftPasskey(configured.portal_url, "portal.localhost")
    spoiled = passkey.make(options | {"challenge": "x" * 43})
    refused = await api.post("/portal/sign-in/enrol/passkey", json=spoiled, headers=json)
    assert refused.status_code == HTTPStatus.FORBIDDEN
    async with database.practice(client.practice) as transaction:
        assert (await second_factor.of(transaction, party_of(client))).recovery_codes == 10  # nothing was lost by it
    added = await api.post("/portal/sign-in/enrol/passkey", json=passkey.make(options), headers=json)
    assert added.json()["awaits"] is None
    async with database.practice(client.practice) as transaction:
        left = await second_factor.of(transaction, party_of(client))
    assert (left.authenticator, len(left.passkeys), left.recovery_codes) == (False, 1, 0)


# -- the link


async def test_the_link_ends_with_the_next_one_and_after_a_day_and_is_of_one_account(
    api: httpx2.AsyncClient,
    database: Database,
    configured: Settings,
    client: Office,
    provider: dict[str, str],
    other_office: Office,
    mailbox: Mailbox,
) -> None:
    old = await offered(api, client, provider, mailbox)
    early = await first_step(api, client)
    new = await offered(api, client, provider, mailbox)
    assert "This took too long" in (await show(api, new, early)).text  # a new one ends what was half done
    half = await first_step(api, client)
    assert (await show(api, old, half)).status_code == HTTPStatus.FORBIDDEN
    theirs = await with_app(database, configured, other_office)
    foreign = await offered(api, theirs, HTML | await sign_in_staff(api, theirs.provider_email), mailbox)
    assert (await show(api, foreign, half)).status_code == HTTPStatus.FORBIDDEN
    async with database.practice(client.practice) as transaction:
        await transaction.execute("update portal_account set enrol_until = now() where enrol_until is not null")
    ended = await show(api, new, half)
    assert (ended.status_code, "Begin again" in ended.text) == (HTTPStatus.FORBIDDEN, True)
    second_step = await shown(api, "/portal/sign-in/second-factor", await first_step(api, client))
    assert "Open the link of the email" not in second_step
    assert "The link that you have opened has ended." in second_step


async def test_whoever_signs_in_with_the_old_factor_ends_the_link_and_what_was_begun_with_it(
    api: httpx2.AsyncClient, database: Database, client: Office, provider: dict[str, str], mailbox: Mailbox
) -> None:
    link = await offered(api, client, provider, mailbox)
    enrolling = await through(api, client, link)
    assert await is_signed_in(api, await signed_in(api, client))
    assert 'class="key"' not in (await api.get("/portal/sign-in/enrol", headers=enrolling)).text
    assert (await show(api, link, await first_step(api, client))).status_code == HTTPStatus.FORBIDDEN
    (kept,) = await entries(database, client, Action.KEPT_FACTORS)
    assert kept.actor == party_of(client)


async def test_guesses_at_the_link_are_held_up_as_those_at_codes_are(
    api: httpx2.AsyncClient, database: Database, client: Office, provider: dict[str, str], mailbox: Mailbox
) -> None:
    link = await offered(api, client, provider, mailbox)
    half = await first_step(api, client)
    tries = [(await show(api, "x" * 43, half)).status_code for _ in range(5)]
    held_up = [(await show(api, link, half)).status_code for _ in range(5)]
    assert (set(tries), set(held_up)) == ({HTTPStatus.FORBIDDEN}, {HTTPStatus.TOO_MANY_REQUESTS})
    noted = await entries(database, client, Action.SIGN_IN_REFUSED)
    assert [str(line.detail["what"]).endswith("held up") for line in noted].count(True) == 3


# -- who may, for whom


async def test_nobody_of_the_practice_comes_in_as_the_client(
    api: httpx2.AsyncClient, client: Office, provider: dict[str, str], mailbox: Mailbox
) -> None:
    """Also not whoever has seen the link: the password is the client's."""
    link = await offered(api, client, provider, mailbox)
    as_staff = {"cookie": provider["cookie"].replace(COOKIE[Surface.CHART], COOKIE[Surface.PORTAL])}
    for headers in (provider, HTML | as_staff):
        assert (await show(api, link, headers)).status_code == HTTPStatus.CONFLICT
        assert 'class="key"' not in (await api.get("/portal/sign-in/enrol", headers=headers)).text
        assert (await api.get("/portal/inbox", headers=headers)).headers["location"].startswith("/portal/sign-in")


async def test_who_may_offer_it_and_for_whom(
    api: httpx2.AsyncClient, database: Database, client: Office, provider: dict[str, str], other_office: Office
) -> None:
    """Page and API alike; every role and key is in `tests.test_access_matrix`."""
    assert (await api.post(api_path(client), json=WHY, headers=client.bearer)).status_code == HTTPStatus.FORBIDDEN
    auditor = HTML | await sign_in_staff(api, client.auditor_email)
    assert (await api.post(offer_page(client), data=WHY, headers=auditor)).status_code == HTTPStatus.FORBIDDEN
    assert "has lost every second factor" not in await shown(api, f"/charts/{client.client}", auditor)
    outsider = HTML | await sign_in_staff(api, other_office.provider_email)
    for page, who in (
        (offer_page(client), outsider),
        (offer_page(client, other_office.account), provider),
        (offer_page(other_office), provider),
    ):
        assert (await api.post(page, data=WHY, headers=who)).status_code == HTTPStatus.NOT_FOUND, page
    without = await api.post(offer_page(other_office), data=WHY, headers=outsider)
    assert (without.status_code, "has no second factor" in without.text) == (HTTPStatus.CONFLICT, True)
    assert "has lost every second factor" not in await shown(api, f"/charts/{other_office.client}", outsider)
    unsaid = await api.post(offer_page(client), data={"reason": " "}, headers=provider)
    assert (unsaid.status_code, "Say why" in unsaid.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True)
    assert await entries(database, client, Action.OFFERED_FACTORS) == []
    assert (await api.post(api_path(client), json=WHY, headers=provider)).status_code == HTTPStatus.ACCEPTED


async def test_nobody_vouches_for_themself_or_with_an_old_sign_in_or_for_whoever_has_left(
    api: httpx2.AsyncClient, database: Database, client: Office, provider: dict[str, str]
) -> None:
    async with database.practice(client.practice) as transaction:
        invited = await account.invite(
            transaction,
            client.practice,
            client.client,
            email=client.provider_email.upper(),
            name="Maya Chen",
            relationship="partner",
        )
    own = await api.post(
        api_path(client, await account.register(database, invited.token, PASSWORD)), json=WHY, headers=provider
    )
    assert (own.status_code, "your own address" in own.text) == (HTTPStatus.CONFLICT, True)
    ended = await api.post(f"/charts/{client.client}/access/{client.account}/end", data=WHY, headers=provider)
    assert ended.headers["location"].endswith("access-ended")
    gone = await api.post(api_path(client), json=WHY, headers=provider)
    assert (gone.status_code, "This access has ended" in gone.text) == (HTTPStatus.CONFLICT, True)
    async with database.practice(client.practice) as transaction:
        await transaction.execute("update session set authenticated_at = now() - interval '6 minutes'")
    asked = await api.post(offer_page(client), data=WHY, headers=provider)
    assert asked.headers["location"] == f"/account/again?next=/charts/{client.client}%3Fdone%3Dagain"
    assert await entries(database, client, Action.OFFERED_FACTORS) == []


async def test_it_is_offered_a_few_times_and_not_endlessly(
    api: httpx2.AsyncClient, client: Office, provider: dict[str, str]
) -> None:
    answers = [(await api.post(offer_page(client), data=WHY, headers=provider)).status_code for _ in range(4)]
    assert answers == [HTTPStatus.SEE_OTHER] * 3 + [HTTPStatus.TOO_MANY_REQUESTS]


# -- in a browser


@pytest.mark.usefixtures("api")
async def test_a_client_with_a_new_phone_is_helped_by_the_practice_and_signs_in(
    configured: Settings, client: Office, mailbox: Mailbox
) -> None:
    async with chromium() as browser:
        async with visitor(browser) as page:
            await page.goto(f"{configured.chart_url}/charts/{client.client}")
            await enter_password(page, client.provider_email)
            await page.get_by_label("Code from your authenticator app").fill(await code_of(client.provider_email))
            await page.get_by_role("button", name="Continue").click()
            await page.get_by_text("has lost every second factor").click()
            await page.get_by_label("How you know that it is this person").fill(WHY["reason"])
            await page.get_by_role("button", name="Let them set a new second factor").click()
            await expect(page.get_by_text("An email is on its way.")).to_be_visible()
            await expect(page.get_by_text("May set a new second factor until")).to_be_visible()
        link = await link_to(mailbox, client.client_email, SUBJECT)
        async with visitor(browser, viewport={"width": 390, "height": 844}, is_mobile=True) as page:
            await with_passkeys(page)
            await page.goto(f"{configured.portal_url}{LINK}#{link}")
            await page.get_by_role("link", name="Sign in").click()
            await enter_password(page, client.client_email)
            # the link was opened already, and is not asked for again
            await expect(page).to_have_url(f"{configured.portal_url}{LINK}")
            await page.get_by_role("button", name="Continue").click()
            await page.get_by_role("button", name="Add a passkey on this device").click()
            await page.get_by_role("button", name="Show my recovery codes").click()
            await expect(page.locator("code")).to_have_count(10)
            await page.get_by_role("link", name="I have kept them").click()
            await expect(page.get_by_text("10 recovery codes are left")).to_be_visible()
