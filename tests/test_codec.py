"""SPEC O1: payloads are readable through the codec endpoint only, and for operators only: nobody of a practice may."""

import base64
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx2
import pytest
from google.protobuf import json_format
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.client import Client

from api.codec import COOKIE, origins
from gateways.postgres import Database
from gateways.temporal import EncryptingCodec, payload_keys
from identity.operator import PASS_LASTS, operators
from settings import Settings
from tests.conftest import KEY, OPERATOR, OPERATOR_TOKEN, PATIENCE, TEMPORAL_UI, free_port, serving
from tests.office import PASSWORD, Office
from tests.sign_ins import sign_in_staff

SECRET = "Jordan Rivera"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(SECRET).encode())
BEARER = {"authorization": f"Bearer {OPERATOR_TOKEN}"}
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,x-namespace"}


async def encrypted(keys: str = KEY) -> Payload:
    (payload,) = await EncryptingCodec(payload_keys(keys)).encode([PLAIN])
    return payload


def body(*payloads: Payload) -> dict[str, Any]:
    """As the Temporal UI sends it."""
    return {"payloads": [json_format.MessageToDict(payload) for payload in payloads]}


async def decode(api: httpx2.AsyncClient, *payloads: Payload, **headers: str) -> httpx2.Response:
    """As the Temporal UI calls it; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"x-namespace": "default"}
    return await api.post("/codec/decode?preserveStorageRefs=true", json=body(*payloads), headers=named)


@pytest.fixture
async def browser(api: httpx2.AsyncClient) -> AsyncIterator[str]:
    """The cookie of a browser in which an operator entered the token."""
    entered = await api.post("/codec", data={"token": OPERATOR_TOKEN})
    assert entered.status_code == HTTPStatus.SEE_OTHER
    cookie = entered.headers["set-cookie"]
    for bound in (f"{COOKIE}=", "Secure", "HttpOnly", "Path=/codec", "SameSite=strict", "Max-Age=3600"):
        assert bound in cookie
    assert OPERATOR_TOKEN not in cookie
    yield cookie.partition(";")[0]
    api.cookies.clear()


async def test_an_operators_token_reads_payloads(api: httpx2.AsyncClient) -> None:
    answer = await decode(api, await encrypted(), await encrypted(), **BEARER)
    assert answer.status_code == HTTPStatus.OK
    assert answer.json() == body(PLAIN, PLAIN)
    assert answer.headers["cache-control"] == "no-store"


async def test_an_operators_browser_reads_payloads_on_the_temporal_ui_and_nowhere_else(
    api: httpx2.AsyncClient, browser: str
) -> None:
    good = {"cookie": browser, "origin": TEMPORAL_UI, "sec_fetch_site": "same-site"}
    answer = await decode(api, await encrypted(), **good)
    assert answer.json() == body(PLAIN)
    assert answer.headers["access-control-allow-origin"] == TEMPORAL_UI
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]

    for origin in ("https://evil.example", "null", TEMPORAL_UI + ":8443", TEMPORAL_UI.replace("https", "http")):
        refused = await decode(api, await encrypted(), **good | {"origin": origin})
        assert (refused.status_code, refused.json()["type"]) == (HTTPStatus.FORBIDDEN, "/problems/cross-site")
        assert "Origin" in refused.headers["vary"]
        assert not [name for name in refused.headers if name.startswith("access-control")]
    ours = await decode(api, await encrypted(), **good | {"origin": str(api.base_url), "sec_fetch_site": "same-origin"})
    assert ours.status_code == HTTPStatus.UNAUTHORIZED
    assert (await decode(api, await encrypted(), cookie=browser)).status_code == HTTPStatus.UNAUTHORIZED


async def test_the_temporal_ui_may_write_to_the_codec_endpoint_and_nothing_else(
    api: httpx2.AsyncClient, browser: str
) -> None:
    for path in ("/codec", "/codec/end", "/codec/decode/", "/sign-in", "/portal/sign-in", "/api/v1/verifications"):
        answer = await api.post(path, headers={"origin": TEMPORAL_UI, "sec-fetch-site": "same-site", "cookie": browser})
        assert answer.status_code == HTTPStatus.FORBIDDEN, path
        assert "access-control-allow-origin" not in answer.headers


async def test_nobody_else_reads_payloads(api: httpx2.AsyncClient, office: Office) -> None:
    staff = await sign_in_staff(api, office.provider_email)
    portal = await api.post("/portal/sign-in", data={"email": office.client_email, "password": PASSWORD})
    api.cookies.clear()
    token = await api.post("/api/v1/portal/sessions", json={"email": office.client_email, "password": PASSWORD})
    shown: list[dict[str, str]] = [
        {},
        staff,
        {"cookie": portal.headers["set-cookie"].partition(";")[0]},
        {"cookie": f"{COOKIE}={OPERATOR_TOKEN}"},
        {"cookie": f"{COOKIE}=9999999999.{'0' * 64}.{OPERATOR}"},
        {"authorization": f"Bearer {token.json()['token']}"},
        office.bearer,
        {"authorization": f"Bearer {OPERATOR_TOKEN}x"},
        {"authorization": f"Bearer {OPERATOR}:{OPERATOR_TOKEN}"},
        {"authorization": f"Basic {base64.b64encode(BEARER['authorization'].encode()).decode()}"},
    ]
    for headers in shown:
        for origin in ({}, {"origin": TEMPORAL_UI}):
            answer = await decode(api, await encrypted(), **headers, **origin)
            assert (answer.status_code, answer.json()["type"]) == (HTTPStatus.UNAUTHORIZED, "/problems/sign-in-needed")
            assert "/codec" in answer.json()["detail"]
            assert answer.headers.get("access-control-allow-origin") == origin.get("origin")


async def test_a_wrong_token_gives_a_browser_no_pass(api: httpx2.AsyncClient) -> None:
    for token in ("", "wrong", OPERATOR):
        answer = await api.post("/codec", data={"token": token})
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert "set-cookie" not in answer.headers
        assert "not an operator&#39;s token" in answer.text


async def test_a_pass_ends(api: httpx2.AsyncClient, browser: str) -> None:
    assert OPERATOR in (await api.get("/codec", headers={"cookie": browser})).text
    assert OPERATOR not in (await api.get("/codec", headers={"cookie": ""})).text
    forgotten = (await api.post("/codec/end", headers={"cookie": browser})).headers["set-cookie"]
    assert forgotten.startswith(f'{COOKIE}=""')
    assert "Max-Age=0" in forgotten


def test_a_pass_is_of_one_operator_one_token_and_one_hour() -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    ours = operators(f"maya:{'m' * 32},lee:{'l' * 32}")
    given = ours.give_pass("maya", now)
    found = ours.by_pass(given, now + PASS_LASTS - timedelta(seconds=1))
    assert found
    assert (found.operator, found.until) == ("maya", now + PASS_LASTS)
    assert ours.by_pass(given, now + PASS_LASTS) is None
    assert ours.by_pass(given.replace("maya", "lee"), now) is None
    until, rest = given.split(".", 1)
    assert ours.by_pass(f"{int(until) + 1}.{rest}", now) is None
    assert operators(f"maya:{'n' * 32}").by_pass(given, now) is None
    assert operators(f"lee:{'l' * 32}").by_pass(given, now) is None
    assert operators("").by_pass(given, now) is None


@pytest.mark.parametrize(
    "text", ["maya", f"maya:{'m' * 31}", f":{'m' * 32}", f"a b:{'m' * 32}", f"a:{'m' * 32},a:{'n' * 32}"]
)
def test_operators_without_a_name_or_with_a_weak_token_are_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="STS_CODEC_TOKENS: ") as refused:
        operators(text)
    assert "m" * 31 not in str(refused.value)


@pytest.mark.parametrize("text", ["*", "null", "https://*.example.org", "https://a.example/", "HTTPS://a.example", "a"])
def test_what_is_no_origin_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="STS_TEMPORAL_UI_ORIGINS"):
        origins(f"https://good.example, {text}")


async def test_a_preflight_is_answered_to_the_temporal_ui_only(api: httpx2.AsyncClient) -> None:
    good = await api.options("/codec/decode", headers=PREFLIGHT | {"origin": TEMPORAL_UI})
    assert good.status_code == HTTPStatus.NO_CONTENT
    assert good.headers["access-control-allow-origin"] == TEMPORAL_UI
    assert good.headers["access-control-allow-credentials"] == "true"
    assert good.headers["access-control-allow-headers"] == "content-type, x-namespace"
    assert good.headers["access-control-allow-methods"] == "POST"
    assert "Origin" in good.headers["vary"]
    for path, origin in (("/codec/decode", "https://evil.example"), ("/codec", TEMPORAL_UI), ("/sign-in", TEMPORAL_UI)):
        refused = await api.options(path, headers=PREFLIGHT | {"origin": origin})
        assert not [name for name in refused.headers if name.startswith("access-control")]


async def test_what_was_never_encrypted_comes_back_as_it_is(api: httpx2.AsyncClient) -> None:
    engines_own = Payload(metadata={"encoding": b"json/plain"}, data=b'{"seq": 1}')
    answer = await decode(api, engines_own, await encrypted(), **BEARER)
    assert answer.json() == body(engines_own, PLAIN)
    assert (await decode(api, **BEARER)).json() == {"payloads": []}


async def test_payloads_may_be_as_large_as_temporal_allows(api: httpx2.AsyncClient) -> None:
    large = Payload(metadata={"encoding": b"json/plain"}, data=b" " * 1_900_000 + b"1")
    (sealed,) = await EncryptingCodec(payload_keys(KEY)).encode([large])
    assert (await decode(api, sealed, sealed, **BEARER)).json() == body(large, large)
    refused = await decode(api, *[sealed] * 7, **BEARER)
    assert (refused.status_code, refused.json()["type"]) == (413, "/problems/too-large")


async def test_a_payload_of_an_unknown_key_names_the_key_and_the_remedy(api: httpx2.AsyncClient) -> None:
    retired = await encrypted("retired:" + KEY.partition(":")[2])
    answer = await decode(api, await encrypted(), retired, **BEARER)
    assert (answer.status_code, answer.json()["type"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "/problems/unacceptable")
    assert "'retired', which is not in STS_PAYLOAD_KEYS" in answer.json()["detail"]


async def test_a_payload_that_is_not_ours_is_told(api: httpx2.AsyncClient) -> None:
    ours = await encrypted()
    elsewhere = await encrypted("test:" + base64.b64encode(bytes(32)).decode())
    changed = Payload(metadata=ours.metadata, data=ours.data[:-1] + bytes([ours.data[-1] ^ 1]))
    short = Payload(metadata=ours.metadata, data=b"short")
    for payload in (elsewhere, changed, short):
        answer = await decode(api, payload, **BEARER)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unacceptable")
        assert "does not fit the key 'test'" in answer.json()["detail"]
    nameless = Payload(metadata={"encoding": b"binary/encrypted", "key": b"\xff"}, data=ours.data)
    assert (await decode(api, nameless, **BEARER)).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    "garbage", [b"", b"x", b"[]", b'"Jordan"', b'{"payloads": [{"data": 1}]}', b"\xff", b"[" * 100_000]
)
async def test_a_body_that_is_no_payloads_is_a_problem_that_does_not_quote_it(
    api: httpx2.AsyncClient, garbage: bytes
) -> None:
    answer = await api.post("/codec/decode", content=garbage, headers=BEARER)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unacceptable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "The body is not the JSON of Temporal's `Payloads`."


async def test_a_stranger_is_refused_before_the_body_is_read(api: httpx2.AsyncClient) -> None:
    assert (await api.post("/codec/decode", content=b"x")).status_code == HTTPStatus.UNAUTHORIZED


async def test_nothing_encodes_for_anybody(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/codec/encode", json=body(PLAIN), headers=BEARER)
    assert answer.status_code == HTTPStatus.NOT_FOUND


async def test_every_reading_and_refusal_is_logged_without_content(
    api: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "api.codec"):
        await decode(api, await encrypted(), await encrypted(), **BEARER)
        await decode(api, await encrypted(), authorization="Bearer guessed-token")
        await api.post("/codec", data={"token": "guessed-token"})
    lines = [record.getMessage() for record in caplog.records if record.name == "api.codec"]
    assert lines == [
        "operator maya reads 2 payloads, at 127.0.0.1",
        "payloads refused to somebody who is no operator, at 127.0.0.1",
        "a wrong operator's token was entered, at 127.0.0.1",
    ]


async def test_without_operators_there_is_nothing_to_read_with(
    configured: Settings, engine: Client, database: Database
) -> None:
    port = free_port()
    nobody = configured.model_copy(update={"codec_tokens": SecretStr(""), "api_port": port})
    async with serving(nobody), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as api:
        for answer in (await decode(api, await encrypted(), **BEARER), await api.get("/codec")):
            assert answer.status_code == HTTPStatus.NOT_FOUND
            assert "STS_CODEC_TOKENS" in answer.json()["detail"]
