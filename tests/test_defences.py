"""The web's defences, on every route there is (SPEC A3, A4, A5, D6, G4, N2)."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from statistics import median
from typing import Any, TypeAlias
from uuid import uuid4

import httpx2
import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from pydantic import ValidationError
from temporalio.client import Client

from api.app import make_app
from gateways.postgres import Database
from gateways.storage import Storage
from identity import password, session
from identity.caller import Role, Surface
from settings import Settings
from tests.conftest import PATIENCE, TEMPORAL_UI, free_port, serving
from tests.office import PASSWORD, Office, add_staff, open_office
from tests.papers import paper
from tests.routes import Route, routes
from tests.sign_ins import cookie_of, sign_in_staff
from tests.test_signing import portal, reviewed, signature
from worker import make_worker

Credentials: TypeAlias = dict[str, str]

HTML = {"accept": "text/html"}

ELSEWHERE: tuple[dict[str, str], ...] = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "null"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://["},
)
"""How a browser says that another site sends this."""

STREAMS = {"/live", "/portal/live"}
"""Do not end by themselves."""


@dataclass(frozen=True)
class Visitors:
    """Who is signed in, once for all of these tests, in a practice where a document was signed."""

    office: Office
    staff: Credentials
    """An administrator's: every page of the practice is theirs."""
    client: Credentials
    token: Credentials
    """The client's, as a program shows it."""
    set_cookies: tuple[str, ...]
    """What the sign-ins gave to browsers."""

    @property
    def both(self) -> Credentials:
        return {"cookie": f"{self.staff['cookie']}; {self.client['cookie']}"}

    def of(self, route: Route) -> Credentials:
        """What gets in there."""
        if route.is_api:
            return self.token if route.is_portal else self.office.bearer
        return HTML | (self.client if route.is_portal else self.staff)

    def own(self, route: Route) -> str:
        """Its address with ids that exist."""
        return route.at(client_id=self.office.client, document_id=self.office.note.id)


@pytest.fixture(scope="module")
def every(configured: Settings) -> list[Route]:
    return routes(configured)


@pytest.fixture(scope="module")
async def visitors(
    api: httpx2.AsyncClient, configured: Settings, engine: Client, database: Database, storage: Storage
) -> Visitors:
    office = await open_office(configured, database, storage)
    async with make_worker(configured, engine, database):
        path, token = await reviewed(api, office)
        signed = await api.post(f"{path}/signature", json=signature(office), headers=token)
        assert signed.json() == {"outcome": "signed"}, signed.text
    admin = f"admin-{uuid4().hex[:12]}@demo.example"
    async with database.practice(office.practice) as transaction:
        await add_staff(transaction, configured, office.practice, email=admin, name="Ada Admin", role=Role.ADMIN)
    staff = await sign_in_staff(api, admin)
    entered = await api.post("/portal/sign-in", data={"email": office.client_email, "password": PASSWORD})
    api.cookies.clear()
    given = tuple(entered.headers.get_list("set-cookie"))
    return Visitors(office, staff, cookie_of(entered, Surface.PORTAL), token, given)


@pytest.fixture(scope="session")
def storage(configured: Settings) -> Storage:
    return Storage.of(configured)


# -- from elsewhere


async def test_no_other_site_changes_anything_with_a_visitors_cookies(
    api: httpx2.AsyncClient, every: list[Route], visitors: Visitors
) -> None:
    other_port = {"origin": str(api.base_url.copy_with(port=1)).rstrip("/")}
    changing = [route for route in every if route.changes]
    assert len(changing) > 100
    for route in changing:
        for elsewhere in (*ELSEWHERE, other_port):
            answer = await api.request(route.method, route.at(), headers=visitors.both | elsewhere)
            assert answer.status_code == HTTPStatus.FORBIDDEN, (route, elsewhere)
            assert answer.json()["type"] == "/problems/cross-site", (route, elsewhere)


async def test_the_same_site_is_let_in(api: httpx2.AsyncClient, every: list[Route], visitors: Visitors) -> None:
    """So that it means something to be refused above: past this wall, each route says something of its own."""
    ours = (
        {"sec-fetch-site": "same-origin", "origin": "https://a.proxy.in.between"},
        {"origin": str(api.base_url).rstrip("/")},
    )
    for route in every:
        if route.changes:
            for here in ours:
                answer = await api.request(route.method, route.at(), headers=here)
                assert "/problems/cross-site" not in answer.text, (route, here)
    assert (await api.get("/charts", headers=visitors.staff)).status_code == HTTPStatus.OK


async def test_a_token_is_no_way_around_it_if_cookies_come_too(api: httpx2.AsyncClient, visitors: Visitors) -> None:
    sent = visitors.staff | visitors.office.bearer | {"origin": "https://evil.example"}
    assert (await api.post("/api/v1/clients", headers=sent)).status_code == HTTPStatus.FORBIDDEN


async def test_a_page_of_the_temporal_ui_reaches_one_address_and_no_other(
    api: httpx2.AsyncClient, every: list[Route], visitors: Visitors
) -> None:
    """It is the only other origin whose pages may send anything here."""
    guest = visitors.both | {"origin": TEMPORAL_UI, "sec-fetch-site": "same-site"}
    let_in = set()
    for route in every:
        if route.changes:
            answer = await api.request(route.method, route.at(), headers=guest)
            if answer.status_code != HTTPStatus.FORBIDDEN:
                let_in.add(str(route))
            if str(route) != "POST /codec/decode":
                assert "access-control-allow-origin" not in answer.headers, route
    assert let_in == {"POST /codec/decode"}


# -- every answer


def check_headers(answer: httpx2.Response, what: object) -> None:
    told = answer.headers
    policy = dict(part.strip().partition(" ")[::2] for part in told["content-security-policy"].split(";"))
    for directive in ("default-src", "base-uri", "object-src", "frame-ancestors"):
        assert policy[directive] == "'none'", what
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in told["content-security-policy"]
    assert told["x-content-type-options"] == "nosniff", what
    assert told["referrer-policy"] == "same-origin", what
    assert told["cross-origin-opener-policy"] == told["cross-origin-resource-policy"] == "same-origin", what
    assert int(told["strict-transport-security"].removeprefix("max-age=")) >= 365 * 24 * 3600, what
    assert "server" not in told, what
    assert "x-powered-by" not in told, what


def check_cookie(cookie: str) -> None:
    name = cookie.partition("=")[0]
    wanted = {"Secure", "HttpOnly", "Path=/"}
    if name == "__Secure-sts-operator":  # of one path, which `__Host-` does not allow
        wanted = {"Secure", "HttpOnly", "Path=/codec", "SameSite=strict"}
    else:
        assert name.startswith("__Host-"), cookie
    assert wanted <= set(cookie.split("; ")), cookie
    assert re.search("; SameSite=(lax|strict)", cookie), cookie
    assert "domain" not in cookie.lower(), cookie


async def test_every_answer_has_the_headers_and_is_kept_by_nobody(
    api: httpx2.AsyncClient, every: list[Route], visitors: Visitors
) -> None:
    """What is read and what is refused, signed in and not; cookies that are given out are bound to us."""
    good, cookies = set(), list(visitors.set_cookies)
    for route in every:
        if route.path in STREAMS:
            continue
        # what changes something is asked by nobody, or it would sign everybody out
        for sent in ({"accept": "application/json"}, HTML if route.changes else HTML | visitors.of(route)):
            answer = await api.request(route.method, visitors.own(route), headers=sent)
            assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, route
            check_headers(answer, route)
            static = route.path.startswith("/static/")
            kept = "public, max-age=31536000, immutable" if static else "no-store"
            assert answer.headers["cache-control"] == kept, route
            cookies += answer.headers.get_list("set-cookie")
            if answer.status_code == HTTPStatus.OK:
                good.add(str(route))
    api.cookies.clear()
    assert {"GET /charts/{client_id}", "GET /portal/inbox", "GET /portal/documents/{document_id}/file"} <= good
    assert len(good) > 60
    assert len(cookies) >= 3
    for cookie in cookies:
        check_cookie(cookie)


async def test_so_has_what_no_route_answers(api: httpx2.AsyncClient, visitors: Visitors) -> None:
    bearer, too_large = visitors.office.bearer, b"x" * 3_000_000
    for answer, status in (
        (await api.get("/nowhere"), HTTPStatus.NOT_FOUND),
        (await api.get("/nowhere", headers=HTML), HTTPStatus.NOT_FOUND),
        (await api.put("/charts", headers=HTML), HTTPStatus.METHOD_NOT_ALLOWED),
        (await api.post("/charts", headers=ELSEWHERE[0]), HTTPStatus.FORBIDDEN),
        (await api.post("/api/v1/clients", content=too_large, headers=bearer), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (await api.get("/charts"), HTTPStatus.SEE_OTHER),
        (await api.options("/codec/decode", headers={"origin": TEMPORAL_UI}), HTTPStatus.NO_CONTENT),
    ):
        assert answer.status_code == status
        check_headers(answer, answer.request.url)
        assert answer.headers["cache-control"] == "no-store"
    for path, who in (("/live", visitors.staff), ("/portal/live", visitors.client)):
        async with api.stream("GET", path, headers=who) as stream:
            assert stream.status_code == HTTPStatus.OK
            check_headers(stream, path)
            assert stream.headers["cache-control"] == "no-store"


async def test_a_head_is_answered_as_a_get_is(api: httpx2.AsyncClient, visitors: Visitors) -> None:
    """Mail gateways look so at the links of a mail before they let it through."""
    for path in ("/portal/register", "/portal/sign-in/reset", "/portal/documents", "/api/v1/openapi.json", "/nowhere"):
        looked, read = await api.head(path, headers=HTML), await api.get(path, headers=HTML)
        assert looked.status_code == read.status_code
        check_headers(looked, path)
        assert [looked.headers.get(one) for one in NAMED] == [read.headers.get(one) for one in NAMED]
    # whoever is signed in would be said to have seen what was not shown, and a stream of news would never end
    for path in ("/portal/documents", "/portal/live", visitors.own(Route("/portal/documents/{document_id}", "GET"))):
        refused = await api.head(path, headers=HTML | visitors.client)
        assert refused.status_code == HTTPStatus.METHOD_NOT_ALLOWED


NAMED = ("content-type", "content-length", "location", "cache-control")


async def test_what_is_turned_away_is_told_in_the_language_of_whoever_asks(api: httpx2.AsyncClient) -> None:
    refused = await api.post("/charts", headers=ELSEWHERE[0] | {"accept-language": "es"})
    assert refused.json()["title"] == "Enviado desde otro sitio"
    assert refused.headers["content-language"] == "es-US"
    assert (await api.post("/charts", headers=ELSEWHERE[0])).json()["title"] == "Sent from another site"


def test_so_has_an_error_that_nobody_expected_and_it_quotes_nothing(
    configured: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(configured)

    @app.get("/broken/{word}")
    async def broken(word: str) -> None:
        raise ValueError(f"{word} of Canaryname")

    with TestClient(app, base_url="http://127.0.0.1") as client:
        for accept in ("text/html", "application/json"):
            answer = client.get("/broken/Canaryword", headers={"accept": accept})
            assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
            check_headers(answer, accept)
            assert answer.headers["cache-control"] == "no-store"
            assert "Canary" not in answer.text
    assert "unexpected error at GET /broken/{word}" in caplog.messages


async def test_pages_load_nothing_from_elsewhere_and_run_no_script_in_the_page(
    api: httpx2.AsyncClient, every: list[Route], visitors: Visitors
) -> None:
    pages = 0
    for route in every:
        if route.method != "GET" or route.is_api or route.path in STREAMS:
            continue
        answer = await api.get(visitors.own(route), headers=visitors.of(route))
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        pages += 1
        assert not re.search(r'(src|href|action|srcset)="\s*(https?:)?//', answer.text), route
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:|<iframe|<base", answer.text), route
    assert pages > 30


async def test_downloads_are_attachments_under_names_that_tell_nothing(
    api: httpx2.AsyncClient, every: list[Route], visitors: Visitors
) -> None:
    """Whatever is no page and no answer to a program, and whatever the uploaded file was called (SPEC D6)."""
    office = visitors.office
    hostile = 'Canaryname";\r\nset-cookie: a=b\\../../etc/passwd\0.pdf'
    filed = await api.post(
        f"/api/v1/clients/{office.client}/documents",
        files={"file": (hostile, paper(str(uuid4())), "text/html")},
        data={"kind": "document"},
        headers=office.bearer,
    )
    assert filed.status_code == HTTPStatus.CREATED, filed.text
    await api.post(f"/api/v1/documents/{filed.json()['id']}/share", headers=office.bearer)
    seen = set()
    for route in every:
        if route.method != "GET" or route.path in STREAMS or route.path.startswith("/static/"):
            continue
        for document in (office.note.id, filed.json()["id"]):
            address = route.at(client_id=office.client, document_id=document)
            answer = await api.get(address, headers=visitors.of(route))
            kind = answer.headers.get("content-type", "").partition(";")[0]
            download = kind in {"application/pdf", "text/csv"} or "{form}" in route.path
            if answer.status_code != HTTPStatus.OK or not download:
                assert "content-disposition" not in answer.headers, route
                continue
            name = r'attachment; filename="(document|audit|disclosures)-[0-9a-f]{12}(-signed)?\.(pdf|csv)"'
            assert re.fullmatch(name, answer.headers["content-disposition"]), route
            assert "set-cookie" not in answer.headers
            seen.add(str(route))
    assert len(seen) >= 11
    assert {"GET /charts/{client_id}/documents/{document_id}/file", "GET /api/v1/documents/{document_id}/signed"} < seen


# -- who it was, and from where, is what the server knows


MADE_UP_ADDRESS = "203.0.113.66"


async def address_of_the_signature(database: Database, office: Office) -> str:
    async with database.practice(office.practice) as transaction:
        return str(await transaction.fetchval("select detail->>'ip_address' from audit where action = 'signed'"))


@pytest.mark.usefixtures("worker")
async def test_the_address_of_a_signer_is_the_connections_not_a_headers(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    made_up = dict.fromkeys(("x-forwarded-for", "x-real-ip", "forwarded", "client-ip"), MADE_UP_ADDRESS)
    path, bearer = await reviewed(api, office)
    signed = await api.post(f"{path}/signature", json=signature(office), headers=bearer | made_up)
    assert signed.status_code == HTTPStatus.OK, signed.text
    assert await address_of_the_signature(database, office) == "127.0.0.1"


@pytest.mark.usefixtures("worker")
async def test_of_a_trusted_proxy_the_last_stranger_is_believed_and_nobody_before(
    configured: Settings, office: Office, database: Database
) -> None:
    port = free_port()
    behind = configured.model_copy(update={"api_port": port, "trusted_proxies": "127.0.0.1, 10.1.0.0/16"})
    async with serving(behind), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as api:
        path, bearer = await reviewed(api, office)
        sent = bearer | {"x-forwarded-for": f"{MADE_UP_ADDRESS}, 198.51.100.7, 10.1.2.3"}
        signed = await api.post(f"{path}/signature", json=signature(office), headers=sent)
        assert signed.status_code == HTTPStatus.OK, signed.text
    assert await address_of_the_signature(database, office) == "198.51.100.7", "what the first of our proxies saw"


@pytest.mark.parametrize("told", ["*", "0.0.0.0/0", "10.0.0.1, ::/0", "proxy.example.org"])
def test_everybody_is_never_trusted(configured: Settings, told: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(configured.model_dump() | {"trusted_proxies": told})


@pytest.mark.parametrize("name", ["chart_url", "portal_url"])
@pytest.mark.parametrize("told", ["https://chart.example.org/", "chart.example.org", "https://example.org/chart", ""])
def test_a_surface_is_at_an_origin_and_at_nothing_below_it(configured: Settings, name: str, told: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(configured.model_dump() | {name: told})


MADE_UP: dict[str, Any] = {
    "signer": "account:someone",
    "account_id": str(uuid4()),
    "name": "Somebody Else",
    "relationship": "parent",
    "at": "2020-01-01T00:00:00Z",
    "signed_at": "2020-01-01T00:00:00Z",
    "ip_address": MADE_UP_ADDRESS,
    "method": "drawn",
    "request_id": str(uuid4()),
    "consent_version": "0",
    "practice_id": str(uuid4()),
    "actor": "service",
    "role": "admin",
}


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation's JSON body, as its schema says it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                if kind == "application/json":
                    yield f"{method} {path}", content["schema"]


async def test_no_json_body_takes_a_field_that_is_not_asked_for(api: httpx2.AsyncClient) -> None:
    document = (await api.get("/api/v1/openapi.json")).json()
    asked: list[str] = []

    known: set[str] = set()

    def closed(schema: dict[str, Any], where: str) -> None:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in known:
                return
            known.add(name)
            schema = document["components"]["schemas"][name]
        parts = (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("properties", {}).values())
        for part in (*parts, *filter(None, [schema.get("items")])):
            closed(part, where)
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, where

    for where, schema in bodies(document):
        closed(schema, where)
        asked.append(where)
    assert len(asked) > 25


@pytest.mark.usefixtures("worker")
async def test_who_signs_when_and_as_what_is_not_for_the_body_to_say(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    """On each route by which a client answers a request (SPEC G4, CVE-2026-24890)."""
    path, bearer = await reviewed(api, office)
    for field, made_up in MADE_UP.items():
        for route, body in (("signature", signature(office)), ("decline", {"reason": "I would rather not."})):
            refused = await api.post(f"{path}/{route}", json=body | {field: made_up}, headers=bearer)
            assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, (route, field)
        drawing = {"drawing": signature(office)["drawing"] | {field: made_up}}  # type: ignore[operator]
        refused = await api.post(f"{path}/signature", json=signature(office) | drawing, headers=bearer)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, field
    # what stands in the address or a header is not read
    signed = await api.post(f"{path}/signature", json=signature(office), headers=bearer, params=MADE_UP)
    assert signed.status_code == HTTPStatus.OK, signed.text
    async with database.practice(office.practice) as transaction:
        row = await transaction.fetchrow(
            "select actor, at > now() - interval '1 hour' as now, detail::text from audit where action = 'signed'"
        )
        assert row
        assert (row["actor"], row["now"]) == (office.party, True)
        for made_up in ("someone", "Somebody Else", "2020-01-01", MADE_UP_ADDRESS, "parent"):
            assert made_up not in row["detail"]


# -- what is not yours is not there


BODIES: dict[str, Any] = {
    "blocks": {"account_id": str(uuid4()), "reason": "why"},
    "break-glass": {"reason": "why it has to be"},
    "counter-signature": {"sha256": "0" * 64, "intends": True, "typed_name": "Maya Chen"},
    "decline": {},
    "disclosures": {"consent_id": str(uuid4())},
    "end": {"reason": "why"},
    "extend": {"until": "2099-01-01"},
    "hide": {"reason": "why", "exception": "privacy"},
    "invitations": {"email": "somebody@demo.example", "name": "Somebody"},
    "recall": {"reason": "why"},
    "reminders": {"days": [1]},
    "restriction": {"reason": "why", "care_team": []},
    "revoke": {"reason": "why"},
    "signature": {"sha256": "0" * 64, "intends": True, "typed_name": "Jordan Canaryname"},
    "signed-on-paper": {"reason": "why", "signed_on": "2026-01-01"},
    "timezone": {"timezone": "America/Chicago"},
    "unable-to-obtain": {"reason": "why", "attempts": [{"on": "2026-01-01", "how": "phone"}]},
}
"""By the last word of a path: what gets past the check of the body."""


@pytest.mark.usefixtures("worker")
async def test_a_guessed_id_of_another_practice_is_as_one_that_nobody_has(
    api: httpx2.AsyncClient, visitors: Visitors, other_office: Office, every: list[Route]
) -> None:
    """On every route with an id, read or written, answers do not tell whether it exists (SPEC A5)."""
    asked = await api.post(f"/api/v1/documents/{other_office.note.id}/share-to-sign", headers=other_office.bearer)
    inbox = await api.get("/api/v1/portal/messages", headers=await portal(api, other_office))
    staff = (await api.get("/api/v1/staff", headers=other_office.bearer)).json()["staff"]
    appointment = {
        "client_id": str(other_office.client),
        "staff_id": next(one["id"] for one in staff if one["role"] == "provider"),
        "starts_at": (datetime.now(UTC) + timedelta(days=2)).replace(second=0, microsecond=0).isoformat(),
    }
    planned = await api.post("/api/v1/appointments", json=appointment, headers=other_office.bearer)
    assert planned.is_success, planned.text
    foreign: dict[str, object] = {
        "appointment_id": planned.json()["id"],
        "client_id": other_office.client,
        "document_id": other_office.note.id,
        "request_id": asked.json()["request_id"],
        "account_id": other_office.account,
        "message_id": inbox.json()["messages"][0]["id"],
    }
    own = {"client_id": visitors.office.client}
    seen = 0
    for route in every:
        if not route.ids & foreign.keys():
            continue
        word = route.path.rpartition("/")[2]
        body: dict[str, Any] = {"json": BODIES[word]} if word in BODIES and route.is_api else {}
        # also the other's document below a client of one's own
        for given in ({}, own) if route.ids > {"client_id"} else ({},):
            unknown = {name: uuid4() for name in foreign}
            theirs = await api.request(route.method, route.at(**foreign | given), headers=visitors.of(route), **body)
            nobodys = await api.request(route.method, route.at(**unknown | given), headers=visitors.of(route), **body)
            assert theirs.status_code == nobodys.status_code, (route, theirs.text)
            assert neutral(theirs.text, foreign) == neutral(nobodys.text, unknown), route
            assert theirs.status_code >= HTTPStatus.BAD_REQUEST, route
            assert theirs.status_code != HTTPStatus.UNAUTHORIZED, route
            if route.method == "GET":
                assert theirs.status_code == HTTPStatus.NOT_FOUND, route
        seen += 1
    assert seen > 90
    untouched = (await api.get(f"/api/v1/requests/{asked.json()['request_id']}", headers=other_office.bearer)).json()
    assert untouched["state"] == "pending"


@pytest.mark.usefixtures("worker")
async def test_what_stands_in_another_chart_of_the_practice_is_not_acted_on_from_this_one(
    api: httpx2.AsyncClient, visitors: Visitors, every: list[Route]
) -> None:
    office = visitors.office
    other = (
        await api.post(
            "/api/v1/clients",
            json={"given_name": "Other", "family_name": "Chart", "birth_date": "1991-04-02"},
            headers=office.bearer,
        )
    ).json()["id"]
    signed = await api.get(f"/api/v1/documents/{office.note.id}", headers=office.bearer)
    consent = await api.post(
        f"/api/v1/clients/{office.client}/disclosure-consents",
        json={
            "account_id": str(office.account),
            "what": "The treatment plan.",
            "purpose": "Family therapy.",
            "starts_on": "2026-01-02",
            "ends_when": "The treatment ends.",
            "signed_on": "2026-01-02",
            "signed_how": "on_paper",
        },
        headers=office.bearer,
    )
    there = {
        "document_id": office.note.id,
        "request_id": signed.json()["request_id"],
        "consent_id": consent.json()["id"],
    }
    seen = 0
    for route in every:
        if route.is_api or "client_id" not in route.ids or not route.ids & there.keys():
            continue
        answer = await api.request(route.method, route.at(client_id=other, **there), headers=visitors.of(route))
        assert answer.status_code == HTTPStatus.NOT_FOUND, (route, answer.text)
        seen += 1
    assert seen > 14


def neutral(text: str, used: dict[str, Any]) -> str:
    """Without the ids that were asked for, which a page may repeat."""
    for one in used.values():
        text = text.replace(str(one), "ID")
    return text


# -- how long a refusal takes

TRIES = 5


async def refusals(api: httpx2.AsyncClient, address: str, email: str) -> float:
    """Known over unknown: the ratio of medians, tried in turn so that both have the same machine."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(TRIES):
        for known, seconds in taken.items():
            tried = email if known else f"{uuid4().hex}@demo.example"
            began = time.perf_counter()
            if address.startswith("/api/"):
                answer = await api.post(address, json={"email": tried, "password": "a wrong one"})
            else:
                answer = await api.post(address, data={"email": tried, "password": "a wrong one"})
            seconds.append(time.perf_counter() - began)
            assert answer.status_code == HTTPStatus.FORBIDDEN, answer.text
    return median(taken[True]) / median(taken[False])


@pytest.mark.parametrize(
    ("address", "surface"), [("/sign-in", Surface.CHART), ("/api/v1/portal/sessions", Surface.PORTAL)]
)
async def test_a_refused_sign_in_takes_as_long_for_a_known_account_as_for_an_unknown_one(
    api: httpx2.AsyncClient, office: Office, address: str, surface: Surface
) -> None:
    email = office.client_email if surface is Surface.PORTAL else office.provider_email
    assert 0.6 < await refusals(api, address, email) < 1.7


async def test_a_difference_would_be_told(
    api: httpx2.AsyncClient, database: Database, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measure above finds it where an unknown account is refused without a look at a password."""
    dear = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1).hash(PASSWORD)  # those of tests cost nothing
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update portal_account set password_hash = $2 where id = $1", office.account, dear)
    matches = password.matches

    async def hasty(password_hash: str | None, given: str) -> bool:
        return password_hash is not None and await matches(password_hash, given)

    monkeypatch.setattr(password, "matches", hasty)
    monkeypatch.setattr(session, "REFUSED_AFTER", session.REFUSED_AFTER * 0)
    assert await refusals(api, "/api/v1/portal/sessions", office.client_email) > 1.7
