"""SPEC A4: sign-in that cannot be abused, and that nobody can be kept from."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from itertools import count
from uuid import uuid4

import httpx2
import pytest

from api.access import DEVICE_COOKIE
from gateways.postgres import Database
from identity import account, password, throttle
from identity.visitor import UNKNOWN, network_of
from settings import Settings
from tests.conftest import PATIENCE, free_port, serving
from tests.office import PASSWORD, Office
from tests.papers import paper

SESSIONS = "/api/v1/portal/sessions"
_numbers = count(10)


@asynccontextmanager
async def caller(base: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody with an address of their own on this machine's loopback."""
    transport = httpx2.AsyncHTTPTransport(local_address=f"127.0.1.{next(_numbers)}")
    async with httpx2.AsyncClient(base_url=base, transport=transport, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
async def stranger(api: httpx2.AsyncClient) -> AsyncIterator[httpx2.AsyncClient]:
    async with caller(str(api.base_url)) as client:
        yield client


async def guess(client: httpx2.AsyncClient, email: str, **more: str) -> int:
    answer = await client.post(SESSIONS, json={"email": email, "password": f"guess {uuid4()}"}, headers=more)
    return answer.status_code


async def use_up(client: httpx2.AsyncClient, email: str) -> None:
    tries = throttle.PASSWORD_HERE.at_once + 2
    assert HTTPStatus.TOO_MANY_REQUESTS in await asyncio.gather(*(guess(client, email) for _ in range(tries)))


async def test_guesses_from_one_network_are_held_up_also_when_they_come_at_once(
    stranger: httpx2.AsyncClient, office: Office
) -> None:
    tries = throttle.PASSWORD_HERE.at_once + 3
    answers = await asyncio.gather(*(guess(stranger, office.client_email) for _ in range(tries)))
    assert sorted(answers) == [HTTPStatus.FORBIDDEN] * (tries - 3) + [HTTPStatus.TOO_MANY_REQUESTS] * 3
    # not even the right one is looked at
    right = await stranger.post(SESSIONS, json={"email": office.client_email.upper(), "password": PASSWORD})
    assert (right.status_code, right.json()["type"]) == (HTTPStatus.TOO_MANY_REQUESTS, "/problems/too-many-tries")
    assert int(right.headers["retry-after"]) > 0
    page = await stranger.post("/portal/sign-in", data={"email": office.client_email, "password": PASSWORD})
    assert page.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert "Too many tries. Try again in" in page.text


async def test_a_stranger_cannot_lock_somebody_out(
    api: httpx2.AsyncClient, stranger: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me = {"email": office.client_email, "password": PASSWORD}
    device = (await stranger.post(SESSIONS, json=me)).json()["device"]
    await use_up(stranger, office.client_email)
    elsewhere = await api.post(SESSIONS, json=me)
    assert elsewhere.status_code == HTTPStatus.CREATED
    # many strangers together
    everywhere = throttle.PASSWORD_ANYWHERE.of("portal", office.client_email)
    with suppress(throttle.TooManyTries):
        while True:
            await throttle.spend(database, everywhere)
    held_up = await api.post(SESSIONS, json=me)
    assert held_up.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert "on a device that you have used before" in held_up.json()["detail"]
    # on the device of the first sign-in the owner gets in, from the strangers' own network
    for _ in range(3):
        known = await stranger.post(SESSIONS, json=me | {"device": device})
        assert known.status_code == HTTPStatus.CREATED
    # and on nobody else's
    assert (await stranger.post(SESSIONS, json=me | {"device": "x" * 43})).status_code == HTTPStatus.TOO_MANY_REQUESTS


async def test_a_browser_is_known_by_a_cookie_that_only_the_server_reads(
    api: httpx2.AsyncClient, stranger: httpx2.AsyncClient, office: Office
) -> None:
    me = {"email": office.client_email, "password": PASSWORD}
    cookies = (await stranger.post("/portal/sign-in", data=me)).headers.get_list("set-cookie")
    (cookie,) = (one for one in cookies if one.startswith(DEVICE_COOKIE))
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    await use_up(stranger, office.client_email)
    assert (await stranger.post("/portal/sign-in", data=me)).status_code == HTTPStatus.TOO_MANY_REQUESTS
    with_it = {"cookie": cookie.split(";")[0]}
    assert (await stranger.post("/portal/sign-in", data=me, headers=with_it)).status_code == HTTPStatus.SEE_OTHER


async def test_a_known_device_does_not_guess_on_for_ever(stranger: httpx2.AsyncClient, office: Office) -> None:
    me = {"email": office.client_email, "password": PASSWORD}
    device = (await stranger.post(SESSIONS, json=me)).json()["device"]
    tries = throttle.PASSWORD_ON_DEVICE.at_once + 1
    body = {"email": office.client_email, "password": "guess", "device": device}
    answers = await asyncio.gather(*(stranger.post(SESSIONS, json=body) for _ in range(tries)))
    assert [one.status_code for one in answers].count(HTTPStatus.TOO_MANY_REQUESTS) == 1


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip"])
async def test_a_header_does_not_make_a_caller_somebody_else(
    stranger: httpx2.AsyncClient, office: Office, header: str
) -> None:
    tries = throttle.PASSWORD_HERE.at_once + 1
    spoofed = (guess(stranger, office.client_email, **{header: f"198.51.100.{number}"}) for number in range(tries))
    assert (await asyncio.gather(*spoofed)).count(HTTPStatus.TOO_MANY_REQUESTS) == 1


async def test_one_password_tried_on_many_accounts_is_held_up(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me = {"email": office.client_email, "password": PASSWORD}
    async with caller(str(api.base_url)) as stranger:
        network = network_of(stranger._transport._pool._local_address)  # type: ignore[attr-defined]
        for _ in range(throttle.PASSWORDS_FROM_NETWORK.at_once):
            await throttle.spend(database, throttle.PASSWORDS_FROM_NETWORK.of(network))
        assert (await stranger.post(SESSIONS, json=me)).status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert (await api.post(SESSIONS, json=me)).status_code == HTTPStatus.CREATED


async def test_two_processes_hold_up_as_one(stranger: httpx2.AsyncClient, configured: Settings, office: Office) -> None:
    second = configured.model_copy(update={"api_port": free_port()})
    local = stranger._transport
    async with (
        serving(second),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{second.api_port}", transport=local, timeout=PATIENCE) as other,
    ):
        half = throttle.PASSWORD_HERE.at_once // 2
        for client in (stranger, other):
            answers = await asyncio.gather(*(guess(client, office.client_email) for _ in range(half)))
            assert answers == [HTTPStatus.FORBIDDEN] * half
        for client in (stranger, other):
            assert await guess(client, office.client_email) == HTTPStatus.TOO_MANY_REQUESTS


async def test_tries_come_back_with_time_and_with_the_right_password(
    stranger: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me = {"email": office.client_email, "password": PASSWORD}
    await use_up(stranger, office.client_email)
    async with database.anyone() as transaction:
        await transaction.execute("update throttle set spent_until = spent_until - interval '5 minutes'")
    for _ in range(throttle.PASSWORD_HERE.at_once + 1):
        assert (await stranger.post(SESSIONS, json=me)).status_code == HTTPStatus.CREATED


async def test_an_unknown_account_costs_and_answers_what_a_known_one_does(
    stranger: httpx2.AsyncClient, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[bool] = []
    matches = password._matches

    def counted(password_hash: str | None, given: str) -> bool:
        looked_at.append(password_hash is None)
        return matches(password_hash, given)

    monkeypatch.setattr(password, "_matches", counted)
    answers: dict[str, list[tuple[int, str]]] = {}
    for email in (office.client_email, f"{uuid4().hex}@demo.example"):
        looked_at.clear()
        for _ in range(throttle.PASSWORD_HERE.at_once + 1):
            answer = await stranger.post(SESSIONS, json={"email": email, "password": "guess"})
            answers.setdefault(email, []).append((answer.status_code, answer.text))
        assert len(looked_at) == throttle.PASSWORD_HERE.at_once
    known, unknown = answers.values()
    assert known == unknown


async def test_a_wrong_password_at_an_invitation_is_a_try_to_sign_in(
    stranger: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    """Whoever holds an invitation to an address that has an account may not guess its password without end."""
    async with database.practice(office.practice) as transaction:
        invitation = await account.invite(
            transaction,
            office.practice,
            office.unregistered,
            email=office.client_email,
            name="Jordan Canaryname",
            relationship="partner",
        )
    answers = []
    for _ in range(throttle.PASSWORD_HERE.at_once + 1):
        body = {"token": invitation.token, "password": "guess guess guess"}
        answers.append((await stranger.post("/api/v1/portal/registrations", json=body)).status_code)
    assert answers[0] == HTTPStatus.CONFLICT
    assert answers[-1] == HTTPStatus.TOO_MANY_REQUESTS


async def test_guessed_invitations_are_held_up(stranger: httpx2.AsyncClient) -> None:
    tries = throttle.REGISTRATIONS.at_once + 1
    bodies = ({"token": str(uuid4()), "password": PASSWORD} for _ in range(tries))
    answers = await asyncio.gather(*(stranger.post("/api/v1/portal/registrations", json=body) for body in bodies))
    assert [one.status_code for one in answers].count(HTTPStatus.TOO_MANY_REQUESTS) == 1


async def test_strangers_who_verify_files_are_held_up_and_hold_up_nobody_who_signs_in(
    stranger: httpx2.AsyncClient, office: Office
) -> None:
    file = {"file": ("x.pdf", paper("long", pages=20), "application/pdf")}
    tries = throttle.VERIFICATIONS.at_once + 5
    verifying = [asyncio.create_task(stranger.post("/api/v1/verifications", files=file)) for _ in range(tries)]
    await asyncio.sleep(0)
    signed_in = await stranger.post(SESSIONS, json={"email": office.client_email, "password": PASSWORD})
    assert signed_in.status_code == HTTPStatus.CREATED
    answers = [one.status_code for one in await asyncio.gather(*verifying)]
    assert HTTPStatus.OK in answers
    assert HTTPStatus.TOO_MANY_REQUESTS in answers
    assert set(answers) <= {HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


async def test_a_refused_sign_in_is_in_the_audit_log_without_what_was_typed(
    stranger: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    await stranger.post(SESSIONS, json={"email": office.client_email, "password": "Canaryguess"})
    async with database.practice(office.practice) as transaction:
        (entry,) = await transaction.fetch("select actor, detail from audit where action = 'sign-in refused'")
        assert entry["actor"] == "stranger"
        assert f"account:{office.account}" in entry["detail"]
        assert "Canary" not in entry["detail"]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:12:34ff:1::1", "2001:db8:12:3400::/56"),
        ("testclient", UNKNOWN.network),
    ],
)
def test_a_network_is_what_one_household_calls_from(address: str, network: str) -> None:
    assert network_of(address) == network
