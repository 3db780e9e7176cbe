"""SPEC S: sharing over the API."""

import asyncio
from http import HTTPStatus
from uuid import uuid4

import httpx2
import pytest

from chart.request import CHANNEL
from gateways.postgres import Database
from tests.office import Office

pytestmark = pytest.mark.usefixtures("worker")


async def document(api: httpx2.AsyncClient, office: Office, document_id: object) -> dict[str, object]:
    answer = await api.get(f"/api/v1/documents/{document_id}", headers=office.bearer)
    assert answer.status_code == HTTPStatus.OK, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_share_makes_a_document_downloadable_at_once(api: httpx2.AsyncClient, office: Office) -> None:
    assert (await document(api, office, office.superbill.id))["share_status"] == "Not Shared"
    shared = await api.post(f"/api/v1/documents/{office.superbill.id}/share", headers=office.bearer)
    assert shared.json()["share_status"] == "Shared"
    assert shared.json()["waits_for"] is None


async def test_open_pages_hear_of_what_becomes_of_a_plain_share(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    path, why = f"/documents/{office.superbill.id}", {"reason": "It names another person."}
    acts: tuple[tuple[str, str, object], ...] = (
        ("POST", f"{path}/share", None),
        ("POST", f"{path}/blocks", why | {"account_id": str(office.account)}),
        ("DELETE", f"{path}/blocks/{office.account}", None),
        ("POST", f"{path}/hide", why | {"exception": "privacy"}),
    )
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with database.listening({CHANNEL: heard.put_nowait}):
        for method, act, body in acts:
            answer = await api.request(method, f"/api/v1{act}", json=body, headers=office.bearer)
            assert answer.is_success, answer.text
            news = f"{office.practice}/{office.client}/{office.client}"
            while await asyncio.wait_for(heard.get(), 5) != news:
                pass


async def test_share_to_sign_waits_for_a_signature_and_stands_beside_the_status(
    api: httpx2.AsyncClient, office: Office
) -> None:
    asked = await api.post(f"/api/v1/documents/{office.note.id}/share-to-sign", headers=office.bearer)
    assert asked.status_code == HTTPStatus.ACCEPTED
    assert asked.json()["delivered"] is True
    found = await document(api, office, office.note.id)
    assert (found["share_status"], found["waits_for"]) == ("Shared", "Pending signature")
    request = (await api.get(asked.headers["location"], headers=office.bearer)).json()
    assert (request["state"], request["document_id"]) == ("pending", str(office.note.id))


async def test_share_to_sign_twice_is_one_request(api: httpx2.AsyncClient, office: Office) -> None:
    path = f"/api/v1/documents/{office.note.id}/share-to-sign"
    first = await api.post(path, headers=office.bearer)
    second = await api.post(path, headers=office.bearer)
    assert first.json()["request_id"] == second.json()["request_id"]


async def test_share_to_sign_of_a_superbill_is_refused_with_the_reason(api: httpx2.AsyncClient, office: Office) -> None:
    refused = await api.post(f"/api/v1/documents/{office.superbill.id}/share-to-sign", headers=office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json() == {
        "type": "/problems/kind-refused",
        "title": "This kind of document cannot be shared in this way",
        "status": 422,
        "detail": "Only clinical notes and treatment plans can be shared for signature. Use Share for this document.",
    }


@pytest.mark.parametrize("way", ["share", "share-to-sign"])
async def test_for_an_unregistered_client_the_problem_names_the_remedy(
    api: httpx2.AsyncClient, office: Office, way: str
) -> None:
    refused = await api.post(f"/api/v1/documents/{office.notes_of_unregistered.id}/{way}", headers=office.bearer)
    assert refused.status_code == HTTPStatus.CONFLICT
    assert refused.json()["type"] == "/problems/client-not-registered"
    assert "/invitations" in refused.json()["detail"]


@pytest.mark.parametrize("path", ["", "/file", "/signed", "/share", "/share-to-sign"])
async def test_another_practices_document_is_not_there(
    api: httpx2.AsyncClient, office: Office, other_office: Office, path: str
) -> None:
    method = "POST" if path.startswith("/share") else "GET"
    foreign = await api.request(method, f"/api/v1/documents/{other_office.note.id}{path}", headers=office.bearer)
    unknown = await api.request(method, f"/api/v1/documents/{uuid4()}{path}", headers=office.bearer)
    assert foreign.status_code == unknown.status_code == HTTPStatus.NOT_FOUND
    assert foreign.json() == unknown.json()


async def test_a_new_client_is_found_by_every_word_of_the_search(api: httpx2.AsyncClient, office: Office) -> None:
    new = {"given_name": "Zoë", "family_name": "Müller-Łukaszewicz", "birth_date": "1995-11-02"}
    made = await api.post("/api/v1/clients", json=new, headers=office.bearer)
    assert made.status_code == HTTPStatus.CREATED
    found = await api.post("/api/v1/clients/search", json={"words": "MÜLLER zoë"}, headers=office.bearer)
    assert [one["id"] for one in found.json()["clients"]] == [made.json()["id"]]


async def test_the_client_list_is_read_page_by_page(api: httpx2.AsyncClient, office: Office) -> None:
    first = (await api.post("/api/v1/clients/search", json={"limit": 1}, headers=office.bearer)).json()
    rest = (await api.post("/api/v1/clients/search", json={"after": first["next"]}, headers=office.bearer)).json()
    assert [one["family_name"] for one in first["clients"] + rest["clients"]] == ["Canaryname", "Natarajan"]
    assert rest["next"] is None


async def test_a_body_with_fields_that_are_not_asked_for_is_refused(api: httpx2.AsyncClient, office: Office) -> None:
    new = {"given_name": "A", "family_name": "B", "birth_date": "1990-01-01", "practice_id": str(uuid4())}
    refused = await api.post("/api/v1/clients", json=new, headers=office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "practice_id" in refused.json()["detail"]
    assert str(new["practice_id"]) not in refused.text


@pytest.mark.parametrize(("birth_date", "says"), [("2090-01-01", "in the future"), ("1871-04-02", "130 years ago")])
async def test_a_date_on_which_no_client_was_born_is_refused(
    api: httpx2.AsyncClient, office: Office, birth_date: str, says: str
) -> None:
    new = {"given_name": "Ana", "family_name": "Ruiz", "birth_date": birth_date}
    refused = await api.post("/api/v1/clients", json=new, headers=office.bearer)
    assert (refused.status_code, says in refused.json()["detail"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, True)
