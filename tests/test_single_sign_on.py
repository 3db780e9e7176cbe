"""SPEC A2: staff signs in through the OpenID provider of its organisation, and nobody else does."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from api.access import COOKIE, SIGN_ON_COOKIE
from gateways.postgres import Database
from identity import single_sign_on
from identity.caller import Role, Surface
from settings import Settings
from tests.conftest import PATIENCE, free_port, serving
from tests.office import Office, add_staff
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, providing
from tests.sign_ins import cookie_of

HTML = {"accept": "text/html"}


@pytest.fixture
async def provider(office: Office) -> AsyncIterator[OpenIdProvider]:
    async with providing() as started:
        started.claims = {"email": office.provider_email, "amr": ["pwd", "mfa"]}
        yield started


@pytest.fixture
def signing_on(configured: Settings, provider: OpenIdProvider) -> Settings:
    port = free_port()
    return configured.model_copy(
        update={
            "api_port": port,
            "chart_url": f"http://127.0.0.1:{port}",
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": SecretStr(CLIENT_SECRET),
            "oidc_second_factors": "mfa, https://example.org/loa3",
        }
    )


@pytest.fixture
async def chart(signing_on: Settings, engine: object) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        serving(signing_on),
        httpx2.AsyncClient(base_url=signing_on.chart_url, headers=HTML, timeout=PATIENCE) as client,
    ):
        yield client


async def leave(chart: httpx2.AsyncClient, following: str = "") -> tuple[str, dict[str, str]]:
    """Where the provider sends the browser back to, and what the browser keeps."""
    sent = await chart.get(f"/sign-in/sso?next={following}")
    assert sent.status_code == HTTPStatus.SEE_OTHER, sent.text
    kept = {"cookie": sent.headers["set-cookie"].split(";")[0]}
    async with httpx2.AsyncClient(timeout=PATIENCE) as elsewhere:
        back = await elsewhere.get(sent.headers["location"])
    return back.headers["location"], kept


async def sign_on(chart: httpx2.AsyncClient) -> httpx2.Response:
    back, kept = await leave(chart)
    return await chart.get(back, headers=kept)


def is_refused(answer: httpx2.Response) -> bool:
    assert COOKIE[Surface.CHART] not in str(answer.headers)
    return answer.status_code == HTTPStatus.FORBIDDEN and "sign-in did not lead here" in answer.text


async def happened(database: Database, office: Office) -> list[str]:
    async with database.practice(office.practice) as transaction:
        rows = await transaction.fetch(
            "select detail from audit where action = 'signed in' and chart_id = $1", office.practice
        )
    return [row["detail"] for row in rows]


async def test_staff_signs_in_with_what_the_organisation_has_seen(
    chart: httpx2.AsyncClient, provider: OpenIdProvider, database: Database, office: Office
) -> None:
    assert "Sign in with your organisation" in (await chart.get("/sign-in")).text
    assert "Sign in with your organisation" not in (await chart.get("/portal/sign-in")).text
    back, kept = await leave(chart, "/requests")
    signed_in = await chart.get(back, headers=kept)
    assert signed_in.headers["location"] == "/requests"
    cookie = cookie_of(signed_in, Surface.CHART)
    assert (await chart.get("/requests", headers=cookie)).status_code == HTTPStatus.OK
    assert any("single sign-on" in detail for detail in await happened(database, office))
    # the code was exchanged with the verifier of the challenge and our secret
    (exchanged,) = provider.exchanged
    assert exchanged["client_secret"] == CLIENT_SECRET


async def test_what_counts_as_a_second_factor_is_set_and_else_it_is_shown_here(
    chart: httpx2.AsyncClient, provider: OpenIdProvider
) -> None:
    for shown in ({"amr": ["pwd"]}, {"amr": None}, {"amr": None, "acr": "https://example.org/loa1"}, {"amr": "mfa"}):
        provider.claims |= shown
        assert (await sign_on(chart)).headers["location"] == "/sign-in/second-factor"
    provider.claims |= {"amr": None, "acr": "https://example.org/loa3"}
    assert (await sign_on(chart)).headers["location"] == "/charts"


async def test_the_answer_counts_once(chart: httpx2.AsyncClient) -> None:
    back, kept = await leave(chart)
    assert (await chart.get(back, headers=kept)).status_code == HTTPStatus.SEE_OTHER
    assert is_refused(await chart.get(back, headers=kept))


async def test_the_answer_counts_in_the_browser_that_asked(chart: httpx2.AsyncClient) -> None:
    """Or somebody could sign another person in as themselves."""
    back, _ = await leave(chart)
    _, other = await leave(chart)
    assert is_refused(await chart.get(back))
    assert is_refused(await chart.get(back, headers=other))
    assert is_refused(await chart.get("/sign-in/sso/callback", headers={"cookie": f"{SIGN_ON_COOKIE}="}))


async def test_a_code_of_another_sign_in_is_worth_nothing(chart: httpx2.AsyncClient) -> None:
    """The verifier of this browser does not fit it (PKCE)."""
    (mine, kept), (theirs, _) = await leave(chart), await leave(chart)
    stolen = parse_qs(urlsplit(theirs).query)["code"][0]
    state = parse_qs(urlsplit(mine).query)["state"][0]
    assert is_refused(await chart.get(f"/sign-in/sso/callback?code={stolen}&state={state}", headers=kept))


OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"aud": "another service"},
        {"aud": ["another service"]},
        {"aud": [CLIENT_ID, "another service"]},
        {"azp": "another service"},
        {"iss": "https://evil.example"},
        {"exp": 1},  # 1970
        {"exp": None},
        {"iat": 4_102_444_800},  # 2100
        {"sub": None},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email": "nobody@demo.example"},
        {"email": None},
    ],
    ids=str,
)
async def test_a_token_that_does_not_fit_is_refused(
    chart: httpx2.AsyncClient, provider: OpenIdProvider, wrong: dict[str, Any]
) -> None:
    provider.claims |= wrong
    assert is_refused(await sign_on(chart))


async def test_a_token_that_the_provider_has_not_signed_is_refused(
    chart: httpx2.AsyncClient, provider: OpenIdProvider
) -> None:
    provider.signs_with = OTHER_KEY
    assert is_refused(await sign_on(chart))


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_signature_that_anybody_could_make_is_none(algorithm: str) -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    published = OTHER_KEY.as_dict(private=False)
    claims = {"iss": "i", "aud": "c", "sub": "s", "nonce": "n", "iat": 1, "exp": int(time.time()) + 60}
    signed = f"{part({'alg': algorithm, 'kid': 'one'})}.{part(claims)}"
    # with the public key as if it were a shared secret
    digest = hmac.new(OTHER_KEY.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    signature = "" if algorithm == "none" else base64.urlsafe_b64encode(digest).decode().rstrip("=")
    with pytest.raises(single_sign_on.SignOnFailed):
        single_sign_on.verified(f"{signed}.{signature}", {"keys": [published]}, issuer="i", client_id="c", nonce="n")


async def test_somebody_is_known_by_the_subject_and_not_by_an_address_that_has_a_new_owner(
    chart: httpx2.AsyncClient, provider: OpenIdProvider, office: Office
) -> None:
    assert (await sign_on(chart)).status_code == HTTPStatus.SEE_OTHER
    provider.claims |= {"email": "renamed@demo.example", "email_verified": None}
    assert (await sign_on(chart)).status_code == HTTPStatus.SEE_OTHER
    provider.claims |= {"email": office.provider_email, "email_verified": True, "sub": "another"}
    assert is_refused(await sign_on(chart))


async def test_an_address_of_staff_in_two_practices_is_nobodys(
    chart: httpx2.AsyncClient,
    provider: OpenIdProvider,
    database: Database,
    configured: Settings,
    office: Office,
    other_office: Office,
) -> None:
    email = f"both-{uuid4().hex}@demo.example"
    for one in (office, other_office):
        async with database.practice(one.practice) as transaction:
            await add_staff(transaction, configured, one.practice, email=email, name="Ann", role=Role.PROVIDER)
    provider.claims |= {"email": email}
    assert is_refused(await sign_on(chart))


async def test_no_account_is_made_for_a_stranger_of_the_organisation(
    chart: httpx2.AsyncClient, provider: OpenIdProvider, database: Database, office: Office
) -> None:
    async with database.practice(office.practice) as transaction:
        before = await transaction.fetchval("select count(*) from staff")
    provider.claims |= {"email": "stranger@demo.example"}
    assert is_refused(await sign_on(chart))
    async with database.practice(office.practice) as transaction:
        assert await transaction.fetchval("select count(*) from staff") == before


async def test_a_provider_that_is_away_is_said_to_be(signing_on: Settings, engine: object) -> None:
    gone = signing_on.model_copy(update={"oidc_issuer": f"http://127.0.0.1:{free_port()}"})
    async with serving(gone), httpx2.AsyncClient(base_url=gone.chart_url, headers=HTML, timeout=PATIENCE) as chart:
        answer = await chart.get("/sign-in/sso")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "does not answer" in answer.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"oidc_issuer": "http://login.example.org"}, "https://"),
        ({"oidc_client_id": ""}, "STS_OIDC_CLIENT_ID"),
        ({"oidc_client_secret": SecretStr("")}, "STS_OIDC_CLIENT_SECRET"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(
    signing_on: Settings, change: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        single_sign_on.of(signing_on.model_copy(update=change))


async def test_without_a_provider_there_is_no_single_sign_on(api: httpx2.AsyncClient) -> None:
    assert (await api.get("/sign-in/sso")).status_code == HTTPStatus.NOT_FOUND
    assert (await api.get("/sign-in/sso/callback")).status_code == HTTPStatus.NOT_FOUND
    assert "Sign in with your organisation" not in (await api.get("/sign-in")).text
