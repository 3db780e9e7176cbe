"""SPEC A1–A3, G1: passwords, second factors and resets, on the pages and in the audit log."""

import asyncio
import base64
import re
from datetime import UTC, datetime
from html import unescape
from http import HTTPStatus
from uuid import uuid4

import asyncpg
import httpx2
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as some

from api.access import DEVICE_COOKIE
from chart.audit import Actor
from chart.refusals import Unacceptable
from gateways.keys import Keyring, UnknownKey
from gateways.postgres import Database
from identity import account, password, reset, totp
from identity.caller import Role, Surface
from settings import Settings
from tests.conftest import Mailbox
from tests.office import PASSWORD, Office
from tests.sign_ins import code_of, cookie_of, enrol, has_app, sign_in_staff
from tests.test_endings import soon

SESSIONS = "/api/v1/portal/sessions"
NEW = "seven boats under the quiet bridge"
HTML = {"accept": "text/html"}


def text(answer: httpx2.Response) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


async def client_cookie(api: httpx2.AsyncClient, office: Office, given: str = PASSWORD) -> dict[str, str]:
    """Of a client without a second factor."""
    answer = await api.post("/portal/sign-in", data={"email": office.client_email, "password": given})
    return HTML | cookie_of(answer, Surface.PORTAL)


def party_of(office: Office) -> Actor:
    return Surface.PORTAL.party(office.account)


@pytest.fixture
async def with_app(database: Database, configured: Settings, office: Office) -> Office:
    """The client has an authenticator app."""
    async with database.practice(office.practice) as transaction:
        await enrol(transaction, configured, party_of(office))
    return office


async def is_signed_in(api: httpx2.AsyncClient, cookie: dict[str, str], page: str = "/portal/account") -> bool:
    return (await api.get(page, headers=cookie)).status_code == HTTPStatus.OK


async def happened(database: Database, office: Office) -> list[str]:
    async with database.practice(office.practice) as transaction:
        rows = await transaction.fetch("select action from audit where chart_id = $1 order by number", office.practice)
    return [row["action"] for row in rows]


# -- passwords


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ("fourteen chars", "15 to 256 characters"),
        ("x" * 257, "15 to 256 characters"),
        ("password12345678", "too easy to guess"),
        ("qwertyuiopasdfgh", "too easy to guess"),
        ("iloveyouiloveyou", "too easy to guess"),
        ("abcdefghijklmnop", "too easy to guess"),
        ("jordan canaryname", "too easy to guess"),
        ("canarypractice88", "too easy to guess"),
        ("jordan@demo.example", "too easy to guess"),
        ("clientportal2026", "too easy to guess"),
    ],
)
def test_a_password_that_others_would_try_is_refused(chosen: str, why: str) -> None:
    with pytest.raises(Unacceptable, match=why):
        password.check_new(chosen, ("Jordan Canaryname", "jordan@demo.example", "Canary Practice"))


@pytest.mark.parametrize(
    "chosen", [PASSWORD, NEW, "alllowercaseandnodigit", "пятнадцать букв и больше", "🦊🌊🪁🧭🪵🍋🥁🪐🧩🐚🪻🚲🧊🎈🪶"]
)
def test_no_composition_is_asked_for(chosen: str) -> None:
    password.check_new(chosen, ("Jordan Canaryname",))


def test_eight_characters_are_enough_beside_a_second_factor() -> None:
    password.check_new("x7Kp2mQ9", least=password.LEAST_OF_TWO)
    with pytest.raises(Unacceptable, match="too easy"):
        password.check_new("sunshine", least=password.LEAST_OF_TWO)


def test_a_guess_costs_what_it_should(dear_passwords: PasswordHasher) -> None:
    """As OWASP's Password Storage asks for, at least."""
    assert "$argon2id$v=19$m=47104,t=1,p=1$" in dear_passwords.hash("amber-canoe-lilac-heron")


async def test_a_password_is_the_same_however_a_keyboard_composes_its_letters() -> None:
    kept = await password.hash_new("caf\u00e9 au lait und mehr")
    assert await password.matches(kept, "cafe\u0301 au lait und mehr")
    assert not await password.matches(kept, "cafe au lait und mehr")


async def test_changing_the_password_ends_every_other_session_and_keeps_this_one(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    here, elsewhere = await client_cookie(api, office), await client_cookie(api, office)
    page = "/portal/account/password"
    wrong = await api.post(page, data={"password": "wrong", "new_password": NEW}, headers=here)
    assert "was refused" in await happened(database, office)
    assert (wrong.status_code, "The password is wrong." in text(wrong)) == (HTTPStatus.FORBIDDEN, True)
    short = await api.post(page, data={"password": PASSWORD, "new_password": "short"}, headers=here)
    assert (short.status_code, "15 to 256 characters" in text(short)) == (HTTPStatus.UNPROCESSABLE_ENTITY, True)
    async with database.practice(office.practice) as transaction:
        mailed = await reset.make_one(transaction, office.practice, office.party, reset.LASTS)
    changed = await api.post(page, data={"password": PASSWORD, "new_password": NEW}, headers=here)
    assert changed.headers["location"] == "/portal/account?done=password"
    assert await is_signed_in(api, HTML | cookie_of(changed, Surface.PORTAL))
    assert not await is_signed_in(api, here)
    assert not await is_signed_in(api, elsewhere)
    with pytest.raises(reset.ResetEnded):
        await reset.use(database, Surface.PORTAL, mailed.token)
    assert "changed the password" in await happened(database, office)
    await client_cookie(api, office, NEW)


async def test_another_role_ends_the_sessions_at_once(
    api: httpx2.AsyncClient, office: Office, configured: Settings
) -> None:
    staff = await sign_in_staff(api, office.auditor_email)
    assert await is_signed_in(api, HTML | staff, "/charts")
    assert configured.database_owner_url is not None
    owner = await asyncpg.connect(configured.database_owner_url.get_secret_value())
    await owner.execute("update staff set role = 'provider' where email = $1", office.auditor_email)
    await owner.close()
    assert not await is_signed_in(api, HTML | staff, "/charts")


async def test_an_account_is_changed_only_after_a_fresh_sign_in(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    me = await client_cookie(api, office)
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update session set authenticated_at = now() - interval '6 minutes'")
    for page in ("password", "authenticator", "recovery-codes"):
        path = f"/portal/account/{page}"
        assert (await api.get(path, headers=me)).headers["location"] == f"/portal/account/again?next={path}"
        assert "/again" in (await api.post(path, data={"code": "1"}, headers=me)).headers["location"], page
    refused = await api.post("/portal/account/passkeys/question", headers=me | {"accept": "application/json"})
    assert refused.json()["type"] == "/problems/fresh-sign-in-needed"
    again = await api.post(
        "/portal/account/again", data={"password": PASSWORD, "next": "/portal/account/password"}, headers=me
    )
    assert again.headers["location"] == "/portal/account/password"
    assert (await api.get("/portal/account/password", headers=me)).status_code == HTTPStatus.OK


# -- authenticator apps


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    """The last six digits of its appendix B."""
    assert totp.code(b"12345678901234567890", seconds // 30) == code


@given(some.integers(-5, 5))
def test_a_code_counts_one_step_early_or_late_and_no_more(away: int) -> None:
    secret, now = b"x" * 20, datetime(2026, 11, 2, tzinfo=UTC)
    step = totp.step_at(now) + away
    assert (totp.step_of(secret, totp.code(secret, step), now) == step) is (abs(away) <= 1)


async def test_a_code_counts_once_also_for_two_who_send_it_at_once(
    api: httpx2.AsyncClient, with_app: Office, database: Database
) -> None:
    code = await code_of(with_app.client_email)
    halves = []
    for _ in range(3):
        answer = await api.post("/portal/sign-in", data={"email": with_app.client_email, "password": PASSWORD})
        assert answer.headers["location"] == "/portal/sign-in/second-factor"
        halves.append(HTML | cookie_of(answer, Surface.PORTAL))
    path = "/portal/sign-in/second-factor"
    answers = await asyncio.gather(*(api.post(path, data={"code": code}, headers=half) for half in halves))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [HTTPStatus.SEE_OTHER, HTTPStatus.FORBIDDEN, HTTPStatus.FORBIDDEN]
    assert "was used before" in next(text(answer) for answer in answers if answer.status_code == HTTPStatus.FORBIDDEN)
    assert (await happened(database, with_app)).count("sign-in refused") == 2


async def test_half_a_sign_in_opens_nothing(api: httpx2.AsyncClient, with_app: Office) -> None:
    answer = await api.post("/portal/sign-in", data={"email": with_app.client_email, "password": PASSWORD})
    assert DEVICE_COOKIE not in str(answer.headers)
    assert not await is_signed_in(api, HTML | cookie_of(answer, Surface.PORTAL))
    token = (await api.post(SESSIONS, json={"email": with_app.client_email, "password": PASSWORD})).json()
    assert token["awaits"] == "second_factor"
    bearer = {"authorization": f"Bearer {token['token']}"}
    assert (await api.get("/api/v1/portal/messages", headers=bearer)).status_code == HTTPStatus.UNAUTHORIZED
    # an app goes on with a code, and its first token is worth nothing from then on
    body = {"code": await code_of(with_app.client_email)}
    whole = await api.post("/api/v1/portal/session/second-factor", json=body, headers=bearer)
    assert whole.json()["awaits"] is None
    assert (await api.get("/api/v1/portal/messages", headers=bearer)).status_code == HTTPStatus.UNAUTHORIZED
    bearer = {"authorization": f"Bearer {whole.json()['token']}"}
    assert (await api.get("/api/v1/portal/messages", headers=bearer)).status_code == HTTPStatus.OK


async def test_guessed_codes_are_held_up_but_not_on_a_known_device(api: httpx2.AsyncClient, with_app: Office) -> None:
    me = {"email": with_app.client_email, "password": PASSWORD}
    path = "/api/v1/portal/session/second-factor"

    async def tries(code: str, device: str = "") -> httpx2.Response:
        token = (await api.post(SESSIONS, json=me | {"device": device})).json()["token"]
        body = {"code": code, "device": device}
        return await api.post(path, json=body, headers={"authorization": f"Bearer {token}"})

    device = (await tries(await code_of(with_app.client_email))).json()["device"]
    answers = [(await tries("000000")).status_code for _ in range(6)]
    assert answers == [HTTPStatus.FORBIDDEN] * 5 + [HTTPStatus.TOO_MANY_REQUESTS]
    code = await code_of(with_app.client_email)
    assert (await tries(code)).status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert (await tries(code, device)).status_code == HTTPStatus.CREATED


async def test_a_client_adds_an_app_and_takes_it_away(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    me = await client_cookie(api, office)
    page = await api.get("/portal/account/authenticator", headers=me)
    assert "<svg" in page.text
    key = re.search(r'class="key">([A-Z2-7 ]+)<', page.text)
    assert key
    has_app(office.client_email, key[1])
    wrong = await api.post("/portal/account/authenticator", data={"code": "000000"}, headers=me)
    assert (wrong.status_code, key[1] in wrong.text) == (HTTPStatus.FORBIDDEN, True)
    assert "recovery code" not in text(wrong)
    code = await code_of(office.client_email)
    added = await api.post("/portal/account/authenticator", data={"code": code}, headers=me)
    assert added.headers["location"] == "/portal/account?done=authenticator"
    assert "In use" in text(await api.get("/portal/account", headers=me))
    # whoever has two factors may have a shorter password, and not go back to one with it, however it is composed
    short = "e\u0301a\u0300o\u0302u\u0308n\u0303c\u0327e\u0302a\u0302"
    body = {"password": PASSWORD, "new_password": short}
    me = HTML | cookie_of(await api.post("/portal/account/password", data=body, headers=me), Surface.PORTAL)
    kept = await api.post("/portal/account/authenticator/remove", headers=me)
    assert "Your password is too short to stand alone." in text(kept)
    body = {"password": short, "new_password": NEW}
    me = HTML | cookie_of(await api.post("/portal/account/password", data=body, headers=me), Surface.PORTAL)
    removed = await api.post("/portal/account/authenticator/remove", headers=me)
    assert removed.headers["location"] == "/portal/account?done=removed"
    assert {"added a second factor", "removed a second factor"} <= set(await happened(database, office))
    await client_cookie(api, office, NEW)


async def test_the_key_of_an_app_is_encrypted_and_bound_to_its_owner(
    database: Database, with_app: Office, configured: Settings
) -> None:
    async with database.practice(with_app.practice) as transaction:
        sealed = await transaction.fetchval("select secret from authenticator where party = $1", party_of(with_app))
    keys = {"test": base64.b64decode(configured.account_keys.get_secret_value().split(":")[1])}
    assert len(Keyring(keys).decrypt(sealed, party_of(with_app))) == 20
    for keyring, owner in ((Keyring({"test": bytes(32)}), party_of(with_app)), (Keyring(keys), "account:another")):
        with pytest.raises(UnknownKey):
            keyring.decrypt(sealed, owner)
    # a new key in front reads what the old one has written
    assert Keyring({"new": bytes(32)} | keys).decrypt(sealed, party_of(with_app))


# -- staff


async def test_staff_without_a_second_factor_adds_one_before_anything_else(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    email = f"new-{uuid4().hex}@demo.example"
    async with database.practice(office.practice) as transaction:
        await account.add_staff(
            transaction, office.practice, email=email, name="Ann Lee", role=Role.PROVIDER, password=PASSWORD
        )
    begun = await api.post("/sign-in", data={"email": email, "password": PASSWORD, "next": "/requests"})
    assert begun.headers["location"] == "/sign-in/enrol?next=/requests"
    half = HTML | cookie_of(begun, Surface.CHART)
    assert not await is_signed_in(api, half, "/charts")
    assert (await api.post("/sign-in/second-factor", data={"code": "1-abc"}, headers=half)).status_code == 403
    page = await api.get("/sign-in/enrol?next=/requests", headers=half)
    key = re.search(r'class="key">([A-Z2-7 ]+)<', page.text)
    assert key
    has_app(email, key[1])
    body = {"code": await code_of(email), "next": "/requests"}
    added = await api.post("/sign-in/enrol", data=body, headers=half)
    assert added.headers["location"] == "/account/recovery-codes?next=/requests"
    staff = HTML | cookie_of(added, Surface.CHART)
    shown = await api.post("/account/recovery-codes", data={"next": "/requests"}, headers=staff)
    assert 'href="/requests"' in shown.text
    assert not await is_signed_in(api, half, "/charts")
    # and cannot get rid of the last one
    refused = await api.post("/account/authenticator/remove", headers=staff)
    assert "Add another one before you remove this." in text(refused)
    misread = await api.post("/account/passkeys/remove", data={"passkey": "a"}, headers=staff)
    assert misread.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_ten_recovery_codes_are_shown_once_and_each_works_once(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    staff = HTML | await sign_in_staff(api, office.provider_email)
    shown = await api.post("/account/recovery-codes", headers=staff)
    codes = re.findall(r"<code>([0-9a-z-]+)</code>", shown.text)
    assert len(set(codes)) == 10
    assert "10 recovery codes are left" in text(await api.get("/account", headers=staff))
    assert not set(codes) & set(
        re.findall(r"[0-9a-z-]+", (await api.get("/account/recovery-codes", headers=staff)).text)
    )
    async with database.practice(office.practice) as transaction:
        kept = str(await transaction.fetch("select * from recovery_code"))
    assert not any(code.replace("-", "") in kept for code in codes)

    async def signs_in(code: str) -> int:
        half = cookie_of(
            await api.post("/sign-in", data={"email": office.provider_email, "password": PASSWORD}), Surface.CHART
        )
        return (await api.post("/sign-in/second-factor", data={"code": code}, headers=HTML | half)).status_code

    # as people type it: capitals, an O for a zero, blanks
    assert await signs_in(codes[0].upper().replace("0", "O").replace("-", " ")) == HTTPStatus.SEE_OTHER
    assert await signs_in(codes[0]) == HTTPStatus.FORBIDDEN
    assert await signs_in(codes[1]) == HTTPStatus.SEE_OTHER
    assert await signs_in(codes[2][:-1] + "!") == HTTPStatus.FORBIDDEN
    # new ones end the old ones
    await api.post("/account/recovery-codes", headers=staff)
    assert await signs_in(codes[3]) == HTTPStatus.FORBIDDEN


# -- sessions


async def test_a_session_that_somebody_planted_is_not_the_one_that_is_signed_in(
    api: httpx2.AsyncClient, with_app: Office
) -> None:
    """Session fixation: neither the cookie of before the sign-in nor that of its first half is the session."""
    planted = {"cookie": "__Host-sts-portal=planted"}
    me = {"email": with_app.client_email, "password": PASSWORD}
    half = cookie_of(await api.post("/portal/sign-in", data=me, headers=planted), Surface.PORTAL)
    code = {"code": await code_of(with_app.client_email)}
    whole = cookie_of(await api.post("/portal/sign-in/second-factor", data=code, headers=half), Surface.PORTAL)
    assert await is_signed_in(api, HTML | whole)
    assert not await is_signed_in(api, HTML | planted)
    assert not await is_signed_in(api, HTML | half)


async def test_a_new_sign_in_ends_the_older_session_of_the_same_browser(
    api: httpx2.AsyncClient, office: Office, other_office: Office
) -> None:
    before = await client_cookie(api, office)
    me = {"email": other_office.client_email, "password": PASSWORD}
    after = HTML | cookie_of(await api.post("/portal/sign-in", data=me, headers=before), Surface.PORTAL)
    assert await is_signed_in(api, after)
    assert not await is_signed_in(api, before)


async def test_one_sees_where_one_is_signed_in_and_ends_it_there(
    api: httpx2.AsyncClient, office: Office, other_office: Office, database: Database
) -> None:
    phone = await api.post(
        "/portal/sign-in",
        data={"email": office.client_email, "password": PASSWORD},
        headers={"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1"},
    )
    phone_cookie, here = HTML | cookie_of(phone, Surface.PORTAL), await client_cookie(api, office)
    page = await api.get("/portal/account", headers=here)
    assert "Safari on iPhone" in text(page)
    (end,) = re.findall(r'action="(/portal/account/sessions/[0-9a-f-]{36}/end)"', page.text)
    # nobody else can
    stranger = await client_cookie(api, other_office)
    assert "has ended already" in text(await api.post(end, headers=stranger))
    assert await is_signed_in(api, phone_cookie)
    assert (await api.post(end, headers=here)).headers["location"] == "/portal/account?done=ended"
    assert not await is_signed_in(api, phone_cookie)
    assert "signed out elsewhere" in await happened(database, office)
    other = await client_cookie(api, office)
    others = await api.post("/portal/account/sessions/end-others", headers=here)
    assert "You are signed out everywhere else." in text(await api.get(others.headers["location"], headers=here))
    assert (await is_signed_in(api, here), await is_signed_in(api, other)) == (True, False)


# -- a new password by email


async def link_of(api: httpx2.AsyncClient, mailbox: Mailbox, email: str, surface: str = "/portal") -> str:
    """The token of the newest mail that was asked for."""
    before = len(mailbox.to(email))
    asked = await api.post(f"{surface}/sign-in/forgotten", data={"email": email.upper()}, headers=HTML)
    assert "If there is an account" in text(asked)
    assert await soon(lambda: len(mailbox.to(email)) > before)
    mail = mailbox.to(email)[-1]
    assert "Canary" not in mail
    assert f"{surface}/sign-in/reset#" in mail
    return mail.split("#")[1].split()[0]


async def use(api: httpx2.AsyncClient, token: str, surface: str = "/portal") -> httpx2.Response:
    return await api.post(f"{surface}/sign-in/reset", data={"token": token}, headers=HTML)


@pytest.mark.usefixtures("worker")
async def test_a_link_leads_to_a_new_password_once_and_signs_out_everywhere(
    api: httpx2.AsyncClient, office: Office, mailbox: Mailbox, database: Database
) -> None:
    signed_in = await client_cookie(api, office)
    token, older = await link_of(api, mailbox, office.client_email), await link_of(api, mailbox, office.client_email)
    # mail scanners open links: reading uses nothing up
    assert (await api.get("/portal/sign-in/reset")).status_code == HTTPStatus.OK
    used = await use(api, token)
    assert used.headers["location"] == "/portal/sign-in/new-password"
    half = HTML | cookie_of(used, Surface.PORTAL)
    replayed = await use(api, token)
    assert "This link has ended" in text(replayed)
    assert not await is_signed_in(api, half)
    path = "/portal/sign-in/new-password"
    easy = await api.post(path, data={"new_password": "jordan canaryname"}, headers=half)
    assert "too easy to guess" in text(easy)
    chosen = await api.post(path, data={"new_password": NEW}, headers=half)
    assert chosen.headers["location"] == "/portal/sign-in?done=new-password"
    assert not await is_signed_in(api, signed_in)
    assert "Begin again" in text(await api.post(path, data={"new_password": NEW}, headers=half))
    assert "This link has ended" in text(await use(api, older))
    await client_cookie(api, office, NEW)
    assert "chose a new password by email" in await happened(database, office)


@pytest.mark.usefixtures("worker")
async def test_a_reset_asks_for_the_second_factor_of_whoever_has_one(
    api: httpx2.AsyncClient, office: Office, mailbox: Mailbox
) -> None:
    email = office.provider_email
    used = await use(api, await link_of(api, mailbox, email, ""), "")
    assert used.headers["location"] == "/sign-in/second-factor"
    half = HTML | cookie_of(used, Surface.CHART)
    path = "/sign-in/new-password"
    assert "Begin again" in text(await api.post(path, data={"new_password": NEW}, headers=half))
    assert (await api.post("/sign-in/second-factor", data={"code": "000000"}, headers=half)).status_code == 403
    shown = await api.post("/sign-in/second-factor", data={"code": await code_of(email)}, headers=half)
    assert shown.headers["location"] == path
    chosen = await api.post(path, data={"new_password": NEW}, headers=HTML | cookie_of(shown, Surface.CHART))
    assert chosen.headers["location"] == "/sign-in?done=new-password"
    begun = await api.post("/sign-in", data={"email": email, "password": NEW})
    assert begun.headers["location"] == "/sign-in/second-factor"


@pytest.mark.usefixtures("worker")
async def test_a_reset_answers_alike_whether_there_is_an_account(
    api: httpx2.AsyncClient, office: Office, mailbox: Mailbox
) -> None:
    answers = []
    for email in (office.client_email, f"{uuid4().hex}@demo.example"):
        answer = await api.post("/portal/sign-in/forgotten", data={"email": email}, headers=HTML)
        answers.append((answer.status_code, answer.text.replace(email, "")))
    assert answers[0] == answers[1]
    # staff's door does not know clients
    await api.post("/sign-in/forgotten", data={"email": office.client_email}, headers=HTML)
    # and nobody's mailbox is flooded
    for _ in range(5):
        await api.post("/portal/sign-in/forgotten", data={"email": office.client_email}, headers=HTML)
    assert await soon(lambda: len(mailbox.to(office.client_email)) == 3)
    await asyncio.sleep(0.5)
    assert len(mailbox.to(office.client_email)) == 3


async def test_a_link_lasts_an_hour_and_is_kept_as_a_hash(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    (made,) = await reset.make(database, Surface.PORTAL, office.client_email)
    async with database.practice(office.practice) as transaction:
        assert made.token not in str(await transaction.fetch("select * from password_reset"))
        await transaction.execute("update password_reset set expires_at = now()")
    assert "This link has ended" in text(await use(api, made.token))


async def test_a_changed_password_makes_the_device_of_the_reset_known_and_forgets_the_others(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    me = {"email": office.client_email, "password": PASSWORD}
    device = (await api.post(SESSIONS, json=me)).json()["device"]
    signed_in = await client_cookie(api, office)
    await api.post("/portal/account/password", data={"password": PASSWORD, "new_password": NEW}, headers=signed_in)
    async with database.practice(office.practice) as transaction:
        devices = await transaction.fetchval("select count(*) from device where party = $1", party_of(office))
        assert devices == 1
        known: bool = await transaction.fetchval(
            "select is_known_device(sha256($1::text::bytea), array[$2])", device, party_of(office)
        )
    assert not known


async def test_the_devices_of_a_person_do_not_pile_up(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    for _ in range(22):
        await api.post(SESSIONS, json={"email": office.client_email, "password": PASSWORD})
    async with database.practice(office.practice) as transaction:
        assert await transaction.fetchval("select count(*) from device where party = $1", party_of(office)) == 20
