"""Many documents at once (SPEC S10)."""

import asyncio
import re
from datetime import date
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from activities.bulk import BulkOrder
from api.stories import bulk as stories
from chart import audit, client
from chart.audit import SERVICE, Action
from chart.bulk import BulkAct
from chart.document import Kind
from chart.ids import ClientId
from gateways.postgres import Database
from gateways.storage import Storage
from identity import account
from tests.conftest import Mailbox, WorkerMaker
from tests.office import PASSWORD, Office, add_document
from tests.sign_ins import sign_in_staff
from tests.test_endings import soon
from tests.test_portal import shown
from tests.test_signing import portal, reviewed, signature
from workflows.bulk import AT_ONCE, ShareInBulk

Json = dict[str, Any]


async def finished(api: httpx2.AsyncClient, office: Office, started: httpx2.Response) -> list[Json]:
    """Its items, once none waits any more."""
    assert started.status_code == HTTPStatus.ACCEPTED, started.text
    for _ in range(400):
        found = await api.get(started.headers["location"], headers=office.bearer)
        items: list[Json] = found.json()["items"] if found.is_success else []
        if items and all(item["outcome"] != "waiting" for item in items):
            return items
        await asyncio.sleep(0.05)
    raise AssertionError("it does not end")


async def another_client(database: Database, office: Office) -> tuple[ClientId, str]:
    """Registered for the portal."""
    email = f"second-{uuid4().hex[:12]}@demo.example"
    async with database.practice(office.practice) as transaction:
        made = await client.add(
            transaction,
            office.practice,
            given_name="Zoë",
            family_name="Second",
            birth_date=date(1990, 1, 1),
            external_id=None,
        )
        invitation = await account.invite(
            transaction, office.practice, made.id, email=email, name="Zoë Second", relationship="self"
        )
    await account.register(database, invitation.token, PASSWORD)
    return made.id, email


@pytest.mark.usefixtures("worker")
async def test_each_document_has_its_result_and_each_client_one_email(
    api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office, mailbox: Mailbox
) -> None:
    second, email = await another_client(database, office)
    mine = [
        await add_document(database, storage, office.practice, one, Kind.TREATMENT_PLAN, None)
        for one in (office.client, office.client, office.client, second, second)
    ]
    documents = [*mine, office.superbill, office.psychotherapy_note, office.notes_of_unregistered]
    body = {"act": "share_to_sign", "documents": [str(one.id) for one in documents]}
    items = await finished(api, office, await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer))
    assert [item["outcome"] for item in items] == ["asked"] * 5 + ["refused"] * 3
    reasons = [item["reason"] for item in items[5:]]
    assert "Use Share" in reasons[0]
    assert "45 CFR 164.501" in reasons[1]
    assert "not registered" in reasons[2]
    assert await soon(lambda: mailbox.to(email) and mailbox.to(office.client_email))
    await asyncio.sleep(0.5)
    assert (len(mailbox.to(office.client_email)), len(mailbox.to(email))) == (1, 1)
    me = await portal(api, office)
    messages = (await api.get("/api/v1/portal/messages", headers=me)).json()["messages"]
    assert len(messages) == 3

    again = await finished(api, office, await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer))
    assert [item["request_id"] for item in again] == [item["request_id"] for item in items]


@pytest.mark.usefixtures("worker")
async def test_whoever_was_told_by_the_one_email_is_told_of_the_end_too(
    api: httpx2.AsyncClient, office: Office, mailbox: Mailbox
) -> None:
    body = {"act": "share_to_sign", "documents": [str(office.note.id)]}
    (item,) = await finished(api, office, await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer))
    assert await soon(lambda: len(mailbox.to(office.client_email)) == 1)
    request = f"/api/v1/requests/{item['request_id']}"
    recalled = await api.post(f"{request}/recall", json={"reason": "The wrong client."}, headers=office.bearer)
    assert recalled.status_code == HTTPStatus.OK, recalled.text
    assert await soon(lambda: len(mailbox.to(office.client_email)) == 2)


@pytest.mark.usefixtures("worker")
async def test_what_everybody_has_signed_already_is_refused_while_it_cannot_be_sealed(
    api: httpx2.AsyncClient, storage: Storage, office: Office
) -> None:
    path, me = await reviewed(api, office)
    content = await storage.get(office.note.sha256)
    storage.path(office.note.sha256).unlink()
    await api.post(f"{path}/signature", json=signature(office), headers=me)
    body = {"act": "share_to_sign", "documents": [str(office.note.id)]}
    (item,) = await finished(api, office, await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer))
    await storage.put(content)
    assert (item["outcome"], "being sealed" in item["reason"] or "Restore it" in item["reason"]) == ("refused", True)


@pytest.mark.usefixtures("worker")
async def test_one_kind_to_many_clients_shares_the_newest_and_parks_who_is_not_registered(
    api: httpx2.AsyncClient, office: Office
) -> None:
    body = {
        "act": "share_to_sign",
        "kind": "clinical_note",
        "note_name": "Progress Note",
        "clients": [str(office.client), str(office.unregistered)],
        "when_registered": True,
    }
    items = await finished(api, office, await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer))
    assert [(item["document_id"], item["outcome"]) for item in items] == [
        (str(office.note.id), "asked"),
        (str(office.notes_of_unregistered.id), "parked"),
    ]
    # once more, by itself or in bulk, it goes on waiting
    again = await api.post(f"/api/v1/documents/{office.notes_of_unregistered.id}/share-to-sign", headers=office.bearer)
    assert again.is_success
    assert again.json()["request_id"] == items[1]["request_id"]
    body = {"act": "share_to_sign", "documents": [str(office.notes_of_unregistered.id)]}
    items = await finished(api, office, await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer))
    assert [item["outcome"] for item in items] == ["parked"]


async def test_a_worker_that_dies_in_the_middle_repeats_nothing(
    api: httpx2.AsyncClient,
    engine: Client,
    make_one_worker: WorkerMaker,
    database: Database,
    storage: Storage,
    office: Office,
    mailbox: Mailbox,
) -> None:
    documents = [
        await add_document(database, storage, office.practice, office.client, Kind.TREATMENT_PLAN, None)
        for _ in range(15)
    ]
    body = {"act": "share_to_sign", "documents": [str(one.id) for one in documents]}
    started = await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer)
    async with make_one_worker():
        await asyncio.sleep(0.3)
    async with make_one_worker():
        items = await finished(api, office, started)
        assert {item["outcome"] for item in items} == {"asked"}
        assert await soon(lambda: mailbox.to(office.client_email), 20)
        await asyncio.sleep(1)
    me = await portal(api, office)
    assert len((await api.get("/api/v1/portal/messages", headers=me)).json()["messages"]) == 15
    assert len(mailbox.to(office.client_email)) == 1


@pytest.mark.usefixtures("worker")
async def test_operators_ask_for_the_progress_and_no_more_than_ten_run_at_once(
    engine: Client, database: Database, storage: Storage, office: Office
) -> None:
    documents = [
        await add_document(database, storage, office.practice, office.client, Kind.DOCUMENT, None) for _ in range(25)
    ]
    order = BulkOrder(office.practice, SERVICE, BulkAct.SHARE, tuple(one.id for one in documents))
    handle = await engine.start_workflow(
        ShareInBulk.run, order, id=f"share-in-bulk/{uuid4()}", task_queue="share-to-sign"
    )
    assert sum((await handle.query(ShareInBulk.progress)).values()) == 25
    assert await handle.result() == {"shared": 25} == await handle.query(ShareInBulk.progress)
    running = most = 0
    async for event in handle.fetch_history_events():
        running += event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
        running -= event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
        most = max(most, running)
    assert most == AT_ONCE


@pytest.mark.usefixtures("worker")
async def test_who_may_not(api: httpx2.AsyncClient, office: Office, other_office: Office) -> None:
    body = {"act": "share", "documents": [str(office.superbill.id)]}
    foreign = await finished(
        api, other_office, await api.post("/api/v1/bulk-shares", json=body, headers=other_office.bearer)
    )
    assert [(item["outcome"], item["reason"]) for item in foreign] == [
        ("refused", "There is no such document in this practice.")
    ]
    mine = await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer)
    await finished(api, office, mine)
    there = await api.get(mine.headers["location"], headers=other_office.bearer)
    assert there.status_code == HTTPStatus.NOT_FOUND
    me = await portal(api, office)
    assert (await api.post("/api/v1/bulk-shares", json=body, headers=me)).status_code == HTTPStatus.UNAUTHORIZED
    for wrong in ({"act": "share"}, {**body, "kind": "document", "clients": [str(office.client)]}):
        refused = await api.post("/api/v1/bulk-shares", json=wrong, headers=office.bearer)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


# -- on the pages, without a script


async def staff(api: httpx2.AsyncClient, email: str) -> dict[str, str]:
    return {"accept": "text/html"} | await sign_in_staff(api, email)


async def read_until_done(api: httpx2.AsyncClient, path: str, me: dict[str, str]) -> str:
    for _ in range(200):
        if "data-unfinished" not in (await api.get(path, headers=me)).text:
            return await shown(api, path, me)
        await asyncio.sleep(0.05)
    raise AssertionError("it does not end")


@pytest.mark.usefixtures("worker")
async def test_chosen_documents_of_a_chart_are_shared_with_a_result_for_each(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me, documents = await staff(api, office.provider_email), f"/charts/{office.client}/documents"
    page = (await api.get(documents, headers=me)).text
    offered = re.findall(r'form="bulk" name="documents" value="([0-9a-f-]{36})"', page)
    assert set(offered) == {str(office.note.id), str(office.superbill.id)}  # no psychotherapy note
    for wrong, says in (
        ({"act": "share"}, "Tick the documents first"),
        ({"act": "burn", "documents": offered}, "Choose what to do with them"),
        ({"act": "share", "documents": ["x"]}, "Choose documents of this chart"),
    ):
        refused = await api.post(f"{documents}/bulk", data=wrong, headers=me)
        assert (refused.status_code, says in refused.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True), wrong

    sent = {"act": "share_to_sign", "documents": [*offered, str(office.psychotherapy_note.id)]}
    begun = await api.post(f"{documents}/bulk", data=sent, headers=me)
    assert begun.status_code == HTTPStatus.SEE_OTHER, begun.text
    told = await read_until_done(api, begun.headers["location"], me)
    assert "Share to Sign: 3 documents" in told
    assert "3 of 3 done" in told
    assert "Shared for signature: 1 · Refused: 2" in told
    assert "45 CFR 164.501" in told

    auditor = await staff(api, office.auditor_email)
    assert 'form="bulk"' not in (await api.get(documents, headers=auditor)).text
    assert (await api.post(f"{documents}/bulk", data=sent, headers=auditor)).status_code == HTTPStatus.FORBIDDEN
    assert (await api.get("/bulk", headers=auditor)).status_code == HTTPStatus.FORBIDDEN
    assert "3 of 3 done" in await shown(api, begun.headers["location"], auditor)


@pytest.mark.usefixtures("worker")
async def test_a_client_of_whom_there_is_nothing_to_share_is_in_the_result(
    api: httpx2.AsyncClient, database: Database, office: Office, other_office: Office
) -> None:
    without, _ = await another_client(database, office)
    body = {
        "act": "share_to_sign",
        "kind": "clinical_note",
        "clients": [str(one) for one in (without, office.client, other_office.client)],
    }
    started = await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer)
    items = await finished(api, office, started)
    assert [item["outcome"] for item in items] == ["asked"]
    told = (await api.get(started.headers["location"], headers=office.bearer)).json()
    assert told["nothing_of"] == [str(without), str(other_office.client)]

    page = await shown(api, f"/bulk/{started.json()['id']}", await staff(api, office.provider_email))
    assert "Shared for signature: 1 · Nothing to share: 2" in page
    assert "Zoë Second Nothing to share There is no document of this type that is not shared yet." in page
    async with database.practice(office.practice) as transaction:
        entries = await audit.chain(transaction, without)
    assert (entries[-1].action, entries[-1].detail) == (Action.NOT_FOUND, {"asked_for": "bulk share_to_sign"})


@pytest.mark.usefixtures("worker")
async def test_one_kind_is_shared_with_everybody_who_is_listed(
    api: httpx2.AsyncClient, office: Office, other_office: Office
) -> None:
    me = await staff(api, office.provider_email)
    form = {"act": "share_to_sign", "kind": "clinical_note", "note_name": "Progress Note"}
    for wrong, says in (
        ({"act": ""}, "Choose what to do"),
        ({"kind": "psychotherapy_note"}, "Choose the type of the documents"),
        ({}, "Choose the clients"),
        ({"clients": ["x"]}, "Choose clients"),
        ({"clients": [str(office.client)], "note_name": "Group Note"}, "None of these clients has a document"),
        ({"clients": [str(other_office.client)]}, "None of these clients has a document"),
    ):
        refused = await api.post("/bulk", data=form | wrong, headers=me)
        assert (refused.status_code, says in refused.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True), wrong
    begun = await api.post("/bulk", data=form | {"everybody": "yes", "when_registered": "yes"}, headers=me)
    told = await read_until_done(api, begun.headers["location"], me)
    assert "Shared for signature: 1 · Waits until somebody registers: 1" in told
    assert "Priya Natarajan" in told
    elsewhere = await staff(api, other_office.provider_email)
    assert (await api.get(begun.headers["location"], headers=elsewhere)).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.usefixtures("worker")
async def test_more_clients_than_fit_a_list_are_found_by_name_and_page_by_page(
    api: httpx2.AsyncClient, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stories, "AT_ONCE", 1)
    me = await staff(api, office.provider_email)
    form: dict[str, Any] = {"act": "share", "kind": "clinical_note", "note_name": "", "listed": "", "after": ""}
    first = (await api.get("/bulk", headers=me)).text
    assert listed(first) == [office.client]
    behind = re.findall(r'name="find" value="([0-9a-f-]{36})"', first)
    assert behind == [str(office.client)]
    second = (await api.post("/bulk", data=form | {"find": behind[0], "clients": [behind[0]]}, headers=me)).text
    assert listed(second) == [office.client, office.unregistered]
    assert re.search(rf'value="{office.client}" checked><span>Jordan Canaryname', second)
    assert "Next clients" not in second

    # what was typed and not looked for yet is looked for, and nothing is shared
    unseen = await api.post("/bulk", data=form | {"search": "natarajan", "everybody": "yes"}, headers=me)
    assert (unseen.status_code, listed(unseen.text)) == (HTTPStatus.OK, [office.unregistered])
    none = await api.post("/bulk", data=form | {"search": "nobody at all", "find": "yes"}, headers=me)
    assert "No client has a name or id with" in none.text
    found = form | {"search": "natarajan", "listed": "natarajan", "everybody": "yes", "clients": [str(office.client)]}
    begun = await api.post("/bulk", data=found, headers=me)
    assert begun.status_code == HTTPStatus.SEE_OTHER, begun.text
    told = await read_until_done(api, begun.headers["location"], me)
    assert "2 of 2 done" in told


def listed(page: str) -> list[UUID]:
    return [UUID(one) for one in re.findall(r'name="clients" value="([0-9a-f-]{36})"', page)]


async def test_a_bulk_share_can_be_looked_at_before_any_worker_is_up(api: httpx2.AsyncClient, office: Office) -> None:
    me = await staff(api, office.provider_email)
    sent = {"act": "share", "documents": [str(office.superbill.id)]}
    begun = await api.post(f"/charts/{office.client}/documents/bulk", data=sent, headers=me)
    page = await api.get(begun.headers["location"], headers=me)
    assert "0 of 1 done" in page.text
    assert "data-unfinished" in page.text
    assert "Look again" in page.text
