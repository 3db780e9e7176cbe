"""SPEC G: signing over the portal's API."""

import asyncio
from http import HTTPStatus

import httpx2
import pytest

import pdf
from gateways.postgres import Database
from gateways.storage import Storage
from pdf.earlier import are_kept
from settings import Settings
from tests.conftest import WorkerMaker
from tests.office import PASSWORD, Office, open_office
from tests.papers import drawing_json, paper
from tests.pdf.paper import signed_before


async def portal(api: httpx2.AsyncClient, office: Office) -> dict[str, str]:
    """The client's credentials."""
    session = await api.post("/api/v1/portal/sessions", json={"email": office.client_email, "password": PASSWORD})
    assert session.status_code == HTTPStatus.CREATED, session.text
    return {"authorization": f"Bearer {session.json()['token']}"}


async def shared_to_sign(api: httpx2.AsyncClient, office: Office) -> str:
    """Share the note to sign; the path of its document in the portal."""
    asked = await api.post(f"/api/v1/documents/{office.note.id}/share-to-sign", headers=office.bearer)
    assert asked.json()["delivered"] is True, asked.text
    return f"/api/v1/portal/documents/{office.note.id}"


async def reviewed(api: httpx2.AsyncClient, office: Office) -> tuple[str, dict[str, str]]:
    """Shared, opened and consented to: ready to sign."""
    path, client = await shared_to_sign(api, office), await portal(api, office)
    assert (await api.get(path, headers=client)).status_code == HTTPStatus.OK
    assert (await api.post("/api/v1/portal/consent", headers=client)).status_code == HTTPStatus.NO_CONTENT
    return path, client


def signature(office: Office, **change: object) -> dict[str, object]:
    return {"sha256": office.note.sha256, "drawing": drawing_json(), "intends": True} | change


@pytest.mark.usefixtures("worker")
async def test_the_client_reviews_signs_and_downloads(
    api: httpx2.AsyncClient, office: Office, storage: Storage
) -> None:
    path, client = await reviewed(api, office)
    assert (await api.get(path, headers=client)).json()["document"]["tag"] == "Pending Review"
    signed = await api.post(f"{path}/signature", json=signature(office), headers=client)
    assert (signed.status_code, signed.json()) == (HTTPStatus.OK, {"outcome": "signed"})
    assert (await api.get(path, headers=client)).json()["document"]["tag"] == "Signed"
    clients_copy = await api.get(f"{path}/file", headers=client)
    staffs_copy = await api.get(f"/api/v1/documents/{office.note.id}/signed", headers=office.bearer)
    assert clients_copy.content == staffs_copy.content
    assert clients_copy.content.startswith(await storage.get(office.note.sha256))
    assert "Canary" not in clients_copy.headers["content-disposition"]


@pytest.mark.usefixtures("worker")
async def test_a_document_that_others_have_signed_is_signed_in_a_field_of_its_own(
    api: httpx2.AsyncClient, office: Office, configured: Settings
) -> None:
    upload = await asyncio.to_thread(signed_before, paper())
    filed = await api.post(
        f"/api/v1/documents/{office.note.id}/versions",
        files={"file": ("note.pdf", upload, "application/pdf")},
        data={"reason": "The supervisor has signed it."},
        headers=office.bearer,
    )
    assert filed.status_code == HTTPStatus.CREATED, filed.text
    assert "digital signature already" in filed.json()["notes"][0]
    path, client = await reviewed(api, office)
    await api.post(f"{path}/signature", json=signature(office, sha256=filed.json()["sha256"]), headers=client)
    signed = (await api.get(f"{path}/file", headers=client)).content
    assert signed.startswith(upload)
    assert await asyncio.to_thread(are_kept, upload, signed)
    assert pdf.verify(signed, configured.seal_certificate_file.read_bytes()).valid


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "strokes",
    [[], [[]], [[{"x": 10, "y": 10, "t": 0, "pressure": 0.5}]]],
    ids=["no stroke", "empty stroke", "a single dot"],
)
async def test_a_meaningless_drawing_is_refused(api: httpx2.AsyncClient, office: Office, strokes: list[object]) -> None:
    path, client = await reviewed(api, office)
    body = signature(office, drawing={"width": 400, "height": 150, "strokes": strokes})
    refused = await api.post(f"{path}/signature", json=body, headers=client)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert refused.json()["type"] == "/problems/meaningless-signature"


@pytest.mark.usefixtures("worker")
async def test_a_blank_typed_name_is_refused(api: httpx2.AsyncClient, office: Office) -> None:
    path, client = await reviewed(api, office)
    refused = await api.post(f"{path}/signature", json=signature(office, drawing=None, typed_name="  "), headers=client)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("field", ["signer", "at", "ip_address", "relationship", "method"])
async def test_a_body_that_tells_who_when_or_how_is_refused(
    api: httpx2.AsyncClient, office: Office, field: str
) -> None:
    path, client = await reviewed(api, office)
    refused = await api.post(f"{path}/signature", json=signature(office, **{field: "x"}), headers=client)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert field in refused.json()["detail"]


@pytest.mark.usefixtures("worker")
async def test_signing_needs_review_consent_intent_and_the_version_that_was_shown(
    api: httpx2.AsyncClient, office: Office
) -> None:
    path, client = await shared_to_sign(api, office), await portal(api, office)

    async def detail(**change: object) -> str:
        refused = await api.post(f"{path}/signature", json=signature(office, **change), headers=client)
        assert refused.status_code == HTTPStatus.CONFLICT, refused.text
        return str(refused.json()["detail"])

    assert await detail() == "Open and review the document before you sign it."
    await api.get(path, headers=client)
    assert await detail() == "Agree to electronic records first, or ask the practice for paper."
    await api.post("/api/v1/portal/consent", headers=client)
    assert await detail(intends=False) == "Tick the box that says you mean to sign this document."
    assert await detail(sha256="0" * 64) == "The document has changed. Open it again and review it before you sign."


@pytest.mark.usefixtures("worker")
async def test_an_older_sign_in_has_to_be_renewed(api: httpx2.AsyncClient, office: Office, database: Database) -> None:
    path, client = await reviewed(api, office)
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update session set authenticated_at = now() - interval '6 minutes'")
    stale = await api.post(f"{path}/signature", json=signature(office), headers=client)
    assert (stale.status_code, stale.json()["type"]) == (HTTPStatus.FORBIDDEN, "/problems/fresh-sign-in-needed")
    again = "/api/v1/portal/session/authentication"
    assert (await api.post(again, json={"password": "wrong"}, headers=client)).status_code == HTTPStatus.FORBIDDEN
    assert (await api.post(again, json={"password": PASSWORD}, headers=client)).status_code == HTTPStatus.NO_CONTENT
    signed = await api.post(f"{path}/signature", json=signature(office), headers=client)
    assert signed.json() == {"outcome": "signed"}


@pytest.mark.usefixtures("worker")
async def test_signing_again_is_told_that_it_is_signed(api: httpx2.AsyncClient, office: Office) -> None:
    path, client = await reviewed(api, office)
    await api.post(f"{path}/signature", json=signature(office), headers=client)
    again = await api.post(f"{path}/signature", json=signature(office), headers=client)
    assert (again.status_code, again.json()["detail"]) == (HTTPStatus.CONFLICT, "This document has been signed.")


@pytest.mark.usefixtures("worker")
async def test_a_signed_document_is_not_asked_for_again(api: httpx2.AsyncClient, office: Office) -> None:
    path, client = await reviewed(api, office)
    await api.post(f"{path}/signature", json=signature(office), headers=client)
    again = await api.post(f"/api/v1/documents/{office.note.id}/share-to-sign", headers=office.bearer)
    assert again.status_code == HTTPStatus.CONFLICT
    assert again.json()["type"] == "/problems/already-done"


async def test_with_the_worker_down_the_signature_is_received_and_signed_later(
    api: httpx2.AsyncClient, office: Office, make_one_worker: WorkerMaker
) -> None:
    async with make_one_worker():
        path, client = await reviewed(api, office)
    received = await api.post(f"{path}/signature", json=signature(office), headers=client)
    assert (received.status_code, received.json()) == (HTTPStatus.ACCEPTED, {"outcome": "received"})
    assert (await api.get(path, headers=client)).json()["received"] is True
    async with make_one_worker():
        assert await becomes_signed(api, path, client)
    assert (await api.get(path, headers=client)).json()["received"] is False


@pytest.mark.usefixtures("worker")
async def test_another_clients_document_is_not_there(
    api: httpx2.AsyncClient, office: Office, configured: Settings, database: Database, storage: Storage
) -> None:
    path, _ = await reviewed(api, office)
    stranger = await portal(api, await open_office(configured, database, storage, mail="stranger"))
    for method, suffix in (("GET", ""), ("GET", "/file"), ("POST", "/signature")):
        body = signature(office) if method == "POST" else None
        answer = await api.request(method, path + suffix, json=body, headers=stranger)
        assert answer.status_code == HTTPStatus.NOT_FOUND


async def becomes_signed(api: httpx2.AsyncClient, path: str, client: dict[str, str]) -> bool:
    for _ in range(100):
        if (await api.get(path, headers=client)).json()["document"]["tag"] == "Signed":
            return True
        await asyncio.sleep(0.1)
    return False
