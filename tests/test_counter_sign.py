"""SPEC G8: the counter-signature of a provider or supervisor over HTTP, and who may not give it."""

import io
from http import HTTPStatus
from typing import Any

import httpx2
import pytest
from pypdf import PdfReader

import pdf
from activities.stamp import COUNTER_MEANING, MEANING
from chart.ids import StaffId
from gateways.postgres import Database
from identity.caller import Role
from settings import Settings
from tests.office import PASSWORD, Office, add_staff
from tests.papers import drawing_json
from tests.sign_ins import code_of, sign_in_staff
from tests.test_endings import ask, read
from tests.test_signing import portal, signature

pytestmark = pytest.mark.usefixtures("worker")

Cookie = dict[str, str]


async def staff_id(database: Database, office: Office, email: str) -> StaffId:
    async with database.practice(office.practice) as transaction:
        found: StaffId = await transaction.fetchval("select id from staff where email = $1", email)
        return found


@pytest.fixture
async def provider(api: httpx2.AsyncClient, office: Office) -> Cookie:
    return await sign_in_staff(api, office.provider_email)


@pytest.fixture
async def seats(database: Database, office: Office) -> list[dict[str, str]]:
    """The client first, then the provider."""
    provider = await staff_id(database, office, office.provider_email)
    return [{"account_id": str(office.account)}, {"staff_id": str(provider)}]


def page_of(office: Office) -> str:
    return f"/charts/{office.client}/documents/{office.note.id}/sign"


def path_of(office: Office) -> str:
    return f"/api/v1/documents/{office.note.id}/counter-signature"


async def client_signs(api: httpx2.AsyncClient, office: Office) -> httpx2.Response:
    path, me = f"/api/v1/portal/documents/{office.note.id}", await portal(api, office)
    await api.get(path, headers=me)
    await api.post("/api/v1/portal/consent", headers=me)
    return await api.post(f"{path}/signature", json=signature(office), headers=me)


async def next_reminder(api: httpx2.AsyncClient, office: Office) -> object:
    """As the queue says it."""
    (waiting,) = (await api.get("/api/v1/requests", headers=office.bearer)).json()["requests"]
    return waiting["next_reminder_at"]


async def says_of_it(api: httpx2.AsyncClient, office: Office, request_id: str, label: str) -> None:
    """The request itself, its document and the queue say the same."""
    document = (await api.get(f"/api/v1/documents/{office.note.id}", headers=office.bearer)).json()
    (waiting,) = (await api.get("/api/v1/requests", headers=office.bearer)).json()["requests"]
    request = await read(api, office, request_id)
    assert (request["label"], document["waits_for"], waiting["label"]) == (label, label, label)


async def test_the_client_signs_then_the_provider_and_the_document_bears_both(
    api: httpx2.AsyncClient, office: Office, provider: Cookie, seats: list[dict[str, str]], configured: Settings
) -> None:
    request = await ask(api, office, signers=seats, in_order=True)
    too_early = await api.get(page_of(office), headers=provider)
    assert "Somebody else signs before you" in too_early.text
    assert "Add Signature" not in too_early.text
    await says_of_it(api, office, request["id"], "Pending signature")  # a colleague's look is not the client's
    await api.get(f"/api/v1/portal/documents/{office.note.id}", headers=await portal(api, office))
    await says_of_it(api, office, request["id"], "Viewed")
    assert await next_reminder(api, office)
    to_counter_sign = "/api/v1/requests?show=counter_signature"
    assert (await api.get(to_counter_sign, headers=office.bearer)).json()["requests"] == []  # not yet
    assert (await client_signs(api, office)).json() == {"outcome": "taken"}
    (now,) = (await api.get(to_counter_sign, headers=office.bearer)).json()["requests"]
    assert (now["request_id"], now["service_on"]) == (request["id"], str(office.note.service_on))
    assert not await next_reminder(api, office)  # of colleagues nobody is reminded

    mine = await api.get(page_of(office), headers=provider)
    assert COUNTER_MEANING in mine.text
    signed = await api.post(path_of(office), json=signature(office), headers=provider)
    assert (signed.status_code, signed.json()) == (HTTPStatus.OK, {"outcome": "signed"})
    assert "signed and sealed" in (await api.get(page_of(office), headers=provider)).text
    assert [one["state"] for one in (await read(api, office, request["id"]))["signers"]] == ["signed", "signed"]

    content = (await api.get(f"/api/v1/documents/{office.note.id}/signed", headers=office.bearer)).content
    assert configured.seal_certificate_file
    assert pdf.verify(content, configured.seal_certificate_file.read_bytes()).valid
    certificate = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    for fact in ("Jordan Canaryname", "Maya Chen", "provider", MEANING, COUNTER_MEANING):
        assert fact in certificate


async def test_a_counter_signature_needs_review_intent_a_meaning_and_a_fresh_sign_in(
    api: httpx2.AsyncClient, office: Office, provider: Cookie, seats: list[dict[str, str]], database: Database
) -> None:
    await ask(api, office, signers=seats)

    async def refused(**change: object) -> tuple[int, str]:
        answer = await api.post(path_of(office), json=signature(office, **change), headers=provider)
        return answer.status_code, answer.json()["detail"]

    assert await refused() == (409, "Open and review the document before you sign it.")
    await api.get(page_of(office), headers=provider)
    assert await refused(intends=False) == (409, "Tick the box that says you mean to sign this document.")
    assert (await refused(sha256="0" * 64))[1].startswith("The document has changed.")
    assert (await refused(drawing=None, typed_name=" "))[0] == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await refused(drawing={**drawing_json(), "strokes": []}))[0] == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await refused(signer="somebody"))[0] == HTTPStatus.UNPROCESSABLE_ENTITY

    async with database.practice(office.practice) as transaction:
        await transaction.execute("update session set authenticated_at = now() - interval '6 minutes'")
    assert await refused() == (403, "For your safety, enter your password again to sign.")
    assert 'data-fresh="false"' in (await api.get(page_of(office), headers=provider)).text
    again = "/api/v1/session/authentication"
    wrong = await api.post(again, json={"password": "wrong"}, headers=provider)
    assert (wrong.status_code, wrong.json()["type"]) == (HTTPStatus.FORBIDDEN, "/problems/sign-in-failed")
    half = await api.post(again, json={"password": PASSWORD}, headers=provider)
    assert (half.status_code, half.json()["type"]) == (HTTPStatus.FORBIDDEN, "/problems/wrong-code")
    whole = {"password": PASSWORD, "code": await code_of(office.provider_email)}
    assert (await api.post(again, json=whole, headers=provider)).status_code == HTTPStatus.NO_CONTENT
    signed = await api.post(path_of(office), json=signature(office), headers=provider)
    assert signed.json() == {"outcome": "taken"}


async def test_an_api_key_cannot_sign_and_is_told_why(
    api: httpx2.AsyncClient, office: Office, seats: list[dict[str, str]]
) -> None:
    await ask(api, office, signers=seats)
    for path, body in ((path_of(office), signature(office)), ("/api/v1/session/authentication", {"password": "x"})):
        refused = await api.post(path, json=body, headers=office.bearer)
        assert (refused.status_code, refused.json()["type"]) == (HTTPStatus.FORBIDDEN, "/problems/not-allowed")
        assert "takes a person" in refused.json()["detail"]


async def test_nobody_but_the_named_one_counter_signs(
    api: httpx2.AsyncClient,
    office: Office,
    other_office: Office,
    seats: list[dict[str, str]],
    configured: Settings,
    database: Database,
) -> None:
    request = await ask(api, office, signers=seats)
    async with database.practice(office.practice) as transaction:
        colleague = f"colleague-{office.provider_email}"
        await add_staff(transaction, configured, office.practice, email=colleague, name="Ann Lee", role=Role.SUPERVISOR)
    for email in (colleague, office.auditor_email, other_office.provider_email, other_office.auditor_email):
        foreign = await sign_in_staff(api, email)
        assert (await api.get(page_of(office), headers=foreign)).status_code == HTTPStatus.NOT_FOUND, email
        answer = await api.post(path_of(office), json=signature(office), headers=foreign)
        assert answer.status_code == HTTPStatus.NOT_FOUND, email

    # a client has no key to this door: the page asks staff to sign in, the route knows nobody
    me = await portal(api, office)
    assert (await api.post(path_of(office), json=signature(office), headers=me)).status_code == HTTPStatus.UNAUTHORIZED
    cookie = {"cookie": f"__Host-sts-portal={me['authorization'].split()[1]}"}
    assert (await api.get(page_of(office), headers=cookie)).headers["location"].startswith("/sign-in?")
    assert (await api.post(path_of(office), json=signature(office), headers=cookie)).status_code == 401
    assert (await api.post(path_of(office), json=signature(office))).status_code == HTTPStatus.UNAUTHORIZED
    assert {one["state"] for one in (await read(api, office, request["id"]))["signers"]} == {"waiting"}


async def test_the_page_is_found_in_its_own_chart_and_for_a_request_only(
    api: httpx2.AsyncClient, office: Office, provider: Cookie, seats: list[dict[str, str]]
) -> None:
    assert (await api.get(page_of(office), headers=provider)).status_code == HTTPStatus.NOT_FOUND
    await ask(api, office, signers=seats)
    elsewhere = page_of(office).replace(str(office.client), str(office.unregistered))
    assert (await api.get(elsewhere, headers=provider)).status_code == HTTPStatus.NOT_FOUND
    assert (await api.get(page_of(office), headers=provider)).status_code == HTTPStatus.OK


async def test_another_site_cannot_counter_sign_with_the_cookies_of_staff(
    api: httpx2.AsyncClient, office: Office, provider: Cookie, seats: list[dict[str, str]]
) -> None:
    await ask(api, office, signers=seats)
    await api.get(page_of(office), headers=provider)
    forged = provider | {"sec-fetch-site": "cross-site"}
    assert (await api.post(path_of(office), json=signature(office), headers=forged)).status_code == HTTPStatus.FORBIDDEN


async def test_after_a_recall_the_provider_is_told_so(
    api: httpx2.AsyncClient, office: Office, provider: Cookie, seats: list[dict[str, str]]
) -> None:
    request = await ask(api, office, signers=seats)
    await api.get(page_of(office), headers=provider)
    why = {"reason": "Shared by mistake."}
    await api.post(f"/api/v1/requests/{request['id']}/recall", json=why, headers=office.bearer)
    late: Any = await api.post(path_of(office), json=signature(office), headers=provider)
    assert (late.status_code, "recalled" in late.json()["detail"]) == (HTTPStatus.CONFLICT, True)
    shown = await api.get(page_of(office), headers=provider)
    assert "The practice has recalled this request." in shown.text
    assert "Add Signature" not in shown.text


async def test_signing_twice_is_told_that_it_is_signed(
    api: httpx2.AsyncClient, office: Office, provider: Cookie, seats: list[dict[str, str]]
) -> None:
    await ask(api, office, signers=seats)
    await api.get(page_of(office), headers=provider)
    assert (await api.post(path_of(office), json=signature(office), headers=provider)).json() == {"outcome": "taken"}
    again = await api.post(path_of(office), json=signature(office), headers=provider)
    assert (again.status_code, again.json()["detail"]) == (409, "You have signed this document already.")
    shown = await api.get(page_of(office), headers=provider)
    assert "Others still have to sign" in shown.text
