"""Two APIs and two workers at once, as processes of their own, pass the same tests: nothing is kept in a process.

Each request goes to the other API than the one before. The tests imported here run once more, against these.
"""

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
from pydantic import SecretStr
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from gateways.postgres import Database
from identity import throttle
from identity.caller import Surface
from settings import Settings
from tests.conftest import OPERATOR_TOKEN, Mailbox, free_port
from tests.office import PASSWORD, Office
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, providing
from tests.sign_ins import code_of, cookie_of, sign_in_staff
from tests.soft_passkey import SoftPasskey
from tests.test_access import (  # noqa: F401
    test_a_session_ends_with_sign_out_and_after_idle_minutes,
    test_an_invitation_works_once,
    test_the_audit_log_is_a_chain,
)
from tests.test_bulk import test_each_document_has_its_result_and_each_client_one_email  # noqa: F401
from tests.test_counter_sign import (  # noqa: F401
    provider,
    seats,
    test_the_client_signs_then_the_provider_and_the_document_bears_both,
)
from tests.test_endings import (  # noqa: F401
    soon,
    test_a_recall_ends_the_request_tells_the_signer_and_leaves_the_share,
)
from tests.test_sharing import (  # noqa: F401
    test_share_makes_a_document_downloadable_at_once,
    test_share_to_sign_twice_is_one_request,
    test_share_to_sign_waits_for_a_signature_and_stands_beside_the_status,
)
from tests.test_signing import (  # noqa: F401
    portal,
    reviewed,
    signature,
    test_an_older_sign_in_has_to_be_renewed,
    test_signing_again_is_told_that_it_is_signed,
    test_the_client_reviews_signs_and_downloads,
)

CLONE = Path(__file__).parent.parent

Api = httpx2.AsyncClient


class Alternating(httpx2.AsyncHTTPTransport):
    """Sends each request to the next of two servers, which see the same address asked for."""

    def __init__(self, ports: tuple[int, int]) -> None:
        super().__init__()
        self._ports = itertools.cycle(ports)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(port=next(self._ports))
        return await super().handle_async_request(request)


def environment(configured: Settings) -> dict[str, str]:
    """The variables that say what `configured` says."""
    told = {
        f"STS_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in configured
        if value is not None
    }
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(CLONE), **told}


@contextmanager
def running(*words: str, told: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, *words], cwd=CLONE, env=told, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
async def organisation() -> AsyncIterator[OpenIdProvider]:
    """The provider of single sign-on."""
    async with providing() as started:
        yield started


@pytest.fixture(scope="module")
def ports(configured: Settings, engine: Client, organisation: OpenIdProvider) -> Iterator[tuple[int, int]]:
    """Of two APIs."""
    chosen = free_port(), free_port()
    signing_on = {
        "STS_OIDC_ISSUER": organisation.issuer,
        "STS_OIDC_CLIENT_ID": CLIENT_ID,
        "STS_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "STS_OIDC_SECOND_FACTORS": "mfa",
    }
    told = environment(configured) | signing_on
    first, second = ({**told, "STS_API_PORT": str(port)} for port in chosen)
    with running("-m", "api", told=first), running("-m", "api", told=second):
        yield chosen


@pytest.fixture(scope="module")
def two_workers(configured: Settings, engine: Client) -> Iterator[tuple[int, int]]:
    """Their processes' numbers."""
    told = environment(configured)
    with running("worker.py", told=told) as first, running("worker.py", told=told) as second:
        yield first.pid, second.pid


@pytest.fixture(scope="module")
async def worker(configured: Settings, engine: Client, two_workers: tuple[int, int]) -> None:
    """Both of them ask for work."""

    async def polling(kind: TaskQueueType.ValueType) -> set[int]:
        request = DescribeTaskQueueRequest(
            namespace=configured.temporal_namespace,
            task_queue=TaskQueue(name=configured.temporal_task_queue),
            task_queue_type=kind,
        )
        pollers = (await engine.workflow_service.describe_task_queue(request)).pollers
        return {int(poller.identity.partition("@")[0]) for poller in pollers}

    for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY):
        for _ in range(600):
            if set(two_workers) <= await polling(kind):
                break
            await asyncio.sleep(0.1)
        else:
            pytest.fail("the workers do not ask for work after a minute")


@pytest.fixture(scope="module")
async def api(ports: tuple[int, int]) -> AsyncIterator[Api]:
    for port in ports:
        await ready(port)
    base = f"http://127.0.0.1:{ports[0]}"
    async with httpx2.AsyncClient(base_url=base, transport=Alternating(ports), timeout=30) as client:
        yield client


async def ready(port: int) -> None:
    async with httpx2.AsyncClient() as client:
        for _ in range(600):
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == HTTPStatus.OK:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.1)
    pytest.fail("an API is not ready after a minute")


@pytest.fixture
async def first(ports: tuple[int, int], api: Api) -> AsyncIterator[Api]:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}", timeout=30) as client:
        yield client


@pytest.fixture
async def second(ports: tuple[int, int], api: Api) -> AsyncIterator[Api]:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{ports[1]}", timeout=30) as client:
        yield client


# -- sessions, and what is begun on one and finished on the other


def me(office: Office) -> dict[str, str]:
    return {"email": office.client_email, "password": PASSWORD}


async def test_who_signs_in_at_one_is_known_to_the_other_and_out_at_both(
    first: Api, second: Api, office: Office
) -> None:
    cookie = cookie_of(await first.post("/portal/sign-in", data=me(office)), Surface.PORTAL)
    assert (await second.get("/portal/inbox", headers=cookie)).status_code == HTTPStatus.OK
    assert (await second.post("/portal/sign-out", headers=cookie)).status_code == HTTPStatus.SEE_OTHER
    assert (await first.get("/portal/inbox", headers=cookie)).status_code == HTTPStatus.SEE_OTHER


async def test_a_code_is_shown_at_the_other_than_the_password(first: Api, second: Api, office: Office) -> None:
    entered = {"email": office.provider_email, "password": PASSWORD}
    half = cookie_of(await first.post("/sign-in", data=entered), Surface.CHART)
    code = {"code": await code_of(office.provider_email)}
    whole = cookie_of(await second.post("/sign-in/second-factor", data=code, headers=half), Surface.CHART)
    assert (await first.get("/charts", headers=whole)).status_code == HTTPStatus.OK
    again = await first.post("/sign-in/second-factor", data=code, headers=half)
    assert again.status_code != HTTPStatus.SEE_OTHER, "its token is used up at both"


async def test_a_passkey_answers_at_the_other_what_one_has_asked(
    first: Api, second: Api, office: Office, configured: Settings
) -> None:
    passkey = SoftPasskey(configured.portal_url, "portal.localhost")
    cookie = cookie_of(await first.post("/portal/sign-in", data=me(office)), Surface.PORTAL)
    asked = (await first.post("/portal/account/passkeys/question", headers=cookie)).json()
    added = await second.post("/portal/account/passkeys", json=passkey.make(asked), headers=cookie)
    assert added.status_code == HTTPStatus.OK, added.text
    answer = passkey.answer((await second.post("/portal/sign-in/passkey/question")).json())
    json = {"accept": "application/json"}
    assert (await first.post("/portal/sign-in/passkey", json=answer, headers=json)).status_code == HTTPStatus.OK
    replayed = await second.post("/portal/sign-in/passkey", json=answer, headers=json)
    assert replayed.status_code == HTTPStatus.FORBIDDEN


async def test_single_sign_on_comes_back_to_the_other(
    first: Api, second: Api, office: Office, organisation: OpenIdProvider
) -> None:
    organisation.claims = {"sub": uuid4().hex, "email": office.provider_email, "amr": ["pwd", "mfa"]}
    sent = await first.get("/sign-in/sso?next=/requests")
    kept = {"cookie": sent.headers["set-cookie"].split(";")[0]}
    async with httpx2.AsyncClient() as elsewhere:
        back = urlsplit((await elsewhere.get(sent.headers["location"])).headers["location"])
    came = await second.get(f"{back.path}?{back.query}", headers=kept)
    assert came.headers["location"] == "/requests"
    assert (await first.get("/requests", headers=cookie_of(came, Surface.CHART))).status_code == HTTPStatus.OK
    again = await first.get(f"{back.path}?{back.query}", headers=kept)
    assert again.status_code == HTTPStatus.FORBIDDEN


@pytest.mark.usefixtures("worker")
async def test_a_link_that_one_has_sent_works_at_the_other_and_once(
    first: Api, second: Api, office: Office, mailbox: Mailbox
) -> None:
    await first.post("/portal/sign-in/forgotten", data={"email": office.client_email})
    assert await soon(lambda: mailbox.to(office.client_email))
    token = mailbox.to(office.client_email)[0].split("/portal/sign-in/reset#")[1].split()[0]
    used = await second.post("/portal/sign-in/reset", data={"token": token})
    assert used.headers["location"] == "/portal/sign-in/new-password"
    assert "This link has ended" in (await first.post("/portal/sign-in/reset", data={"token": token})).text
    half = cookie_of(used, Surface.PORTAL)
    new = {"new_password": "seven boats under the quiet bridge"}
    chosen = await first.post("/portal/sign-in/new-password", data=new, headers=half)
    assert chosen.status_code == HTTPStatus.SEE_OTHER, chosen.text


async def test_an_operators_pass_of_one_is_good_at_the_other(first: Api, second: Api) -> None:
    entered = await first.post("/codec", data={"token": OPERATOR_TOKEN})
    cookie = {"cookie": entered.headers["set-cookie"].partition(";")[0]}
    assert "maya" in (await second.get("/codec", headers=cookie)).text


async def test_guesses_at_both_are_counted_together(first: Api, second: Api, office: Office) -> None:
    guess = me(office) | {"password": "guess"}
    half = throttle.PASSWORD_HERE.at_once // 2
    for api in (first, second):
        answers = await asyncio.gather(*(api.post("/api/v1/portal/sessions", json=guess) for _ in range(half)))
        assert {answer.status_code for answer in answers} == {HTTPStatus.FORBIDDEN}
    for api in (first, second):
        held_up = await api.post("/api/v1/portal/sessions", json=me(office))
        assert held_up.status_code == HTTPStatus.TOO_MANY_REQUESTS


# -- the same at both at once


@pytest.mark.usefixtures("worker")
async def test_what_is_signed_at_one_is_news_at_the_other(first: Api, second: Api, office: Office) -> None:
    """The live events of pages, over Postgres."""
    cookie = await sign_in_staff(second, office.provider_email)
    path, bearer = await reviewed(first, office)
    async with second.stream("GET", "/live", headers=cookie) as live:
        assert live.status_code == HTTPStatus.OK
        signed = await first.post(f"{path}/signature", json=signature(office), headers=bearer)
        assert signed.json() == {"outcome": "signed"}
        lines = live.aiter_lines()
        async with asyncio.timeout(20):
            async for line in lines:
                if str(office.client) in line:
                    break
            else:
                pytest.fail("the stream ended without the news")
        # and it ends with the session, wherever that was ended
        await first.post("/sign-out", headers=cookie)
        async with asyncio.timeout(20):
            async for _ in lines:
                pass


@pytest.mark.usefixtures("worker")
async def test_the_same_signature_at_both_at_once_counts_once(
    first: Api, second: Api, office: Office, database: Database
) -> None:
    path, bearer = await reviewed(first, office)
    body = signature(office)
    answers = await asyncio.gather(
        *(api.post(f"{path}/signature", json=body, headers=bearer) for api in (first, second, first, second))
    )
    assert {answer.status_code for answer in answers} <= {HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT}
    assert HTTPStatus.OK in {answer.status_code for answer in answers}
    versions = (await second.get(f"/api/v1/documents/{office.note.id}/versions", headers=office.bearer)).json()
    assert [version["signed_sha256"] is not None for version in versions["versions"]] == [True]
    async with database.practice(office.practice) as transaction:
        signed = "select count(*) from audit where document_id = $1 and action = 'signed'"
        assert await transaction.fetchval(signed, office.note.id) == 1


@pytest.mark.usefixtures("worker")
async def test_shared_at_both_at_once_it_is_one_request(
    first: Api, second: Api, office: Office, mailbox: Mailbox
) -> None:
    path = f"/api/v1/documents/{office.note.id}/share-to-sign"
    asked = await asyncio.gather(*(api.post(path, headers=office.bearer) for api in (first, second) * 3))
    assert len({answer.json()["request_id"] for answer in asked}) == 1
    assert await soon(lambda: mailbox.to(office.client_email))
    assert len(mailbox.to(office.client_email)) == 1
