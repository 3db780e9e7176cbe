"""The Client Portal over HTTP, on real parts: the ways not to sign, what waits for a registration, what is damaged."""

import asyncio
import re
from collections.abc import Callable
from html import unescape
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.access import PORTAL_COOKIE
from chart import document
from chart.document import Document
from chart.lifecycle import SeatState
from gateways.postgres import Database
from gateways.storage import Storage
from tests.conftest import Mailbox, WorkerMaker
from tests.office import PASSWORD, Office
from tests.papers import changed
from tests.test_counter_sign import says_of_it, staff_id
from tests.test_endings import WHY, ask, new_version, read, steer
from tests.test_signing import portal, reviewed, signature

HTML = {"accept": "text/html"}


async def sign_in(api: httpx2.AsyncClient, email: str) -> dict[str, str]:
    answer = await api.post("/portal/sign-in", data={"email": email, "password": PASSWORD})
    assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
    return HTML | {"cookie": f"{PORTAL_COOKIE}={answer.headers['set-cookie'].split('=', 1)[1].split(';')[0]}"}


async def shown(api: httpx2.AsyncClient, path: str, me: dict[str, str]) -> str:
    """What a reader sees of a page."""
    answer = await api.get(path, headers=me)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def page_of(office: Office) -> str:
    return f"/portal/documents/{office.note.id}"


CORRECTION = {"choice": "correction", "reason": "Goal 2 is not mine.", "step": "send"}


@pytest.mark.usefixtures("worker")
async def test_a_client_asks_for_a_correction_without_a_script_and_reads_what_happens_next(
    api: httpx2.AsyncClient, office: Office
) -> None:
    request, me, page = await ask(api, office), await sign_in(api, office.client_email), page_of(office)
    assert f'href="{page}/decline"' in (await api.get(page, headers=me)).text
    checked = await api.post(f"{page}/decline", data=CORRECTION | {"step": "check"}, headers=me)
    assert "Goal 2 is not mine." in checked.text
    assert (await read(api, office, request["id"]))["state"] == "pending"
    sent = await api.post(f"{page}/decline", data=CORRECTION, headers=me)
    assert (sent.status_code, sent.headers["location"]) == (HTTPStatus.SEE_OTHER, f"{page}/declined")
    told = await read(api, office, request["id"])
    assert (told["label"], told["signers"][0]["reason"]) == ("Correction requested", "Goal 2 is not mine.")
    assert "The practice has been told." in await shown(api, f"{page}/declined", me)
    assert "You have asked for a correction." in await shown(api, page, me)
    # of a request that waits again, the old page says nothing
    await ask(api, office)
    assert (await api.get(f"{page}/declined", headers=me)).headers["location"] == page
    assert "Add Signature" in await shown(api, page, me)


@pytest.mark.usefixtures("worker")
async def test_a_decline_that_comes_late_is_told_what_happened_and_what_was_written_is_shown(
    api: httpx2.AsyncClient, office: Office
) -> None:
    request, me = await ask(api, office), await sign_in(api, office.client_email)
    await steer(api, office, request, "recall", WHY)
    late = await api.post(f"{page_of(office)}/decline", data=CORRECTION, headers=me)
    assert late.status_code == HTTPStatus.CONFLICT
    assert "The practice has recalled this request." in late.text
    assert "Goal 2 is not mine." in late.text
    assert (await api.get(f"{page_of(office)}/decline", headers=me)).headers["location"] == page_of(office)


@pytest.mark.usefixtures("worker")
async def test_strangers_find_no_form_to_decline(api: httpx2.AsyncClient, office: Office, other_office: Office) -> None:
    request = await ask(api, office)
    stranger = await sign_in(api, other_office.client_email)
    page = page_of(office)
    for path in (f"{page}/decline", f"{page}/declined", f"{page}/signed/1"):
        assert (await api.get(path, headers=stranger)).status_code == HTTPStatus.NOT_FOUND, path
        assert (await api.get(path)).headers["location"].startswith("/portal/sign-in")
    assert (await api.post(f"{page}/decline", data=CORRECTION, headers=stranger)).status_code == HTTPStatus.NOT_FOUND
    assert (await api.post(f"{page}/decline", data=CORRECTION)).headers["location"].startswith("/portal/sign-in")
    assert (await read(api, office, request["id"]))["state"] == "pending"


async def test_a_decline_that_waits_for_a_worker_is_said_to_be_received(
    api: httpx2.AsyncClient, office: Office, make_one_worker: WorkerMaker
) -> None:
    async with make_one_worker():
        request = await ask(api, office)
    me, page = await sign_in(api, office.client_email), page_of(office)
    sent = await api.post(f"{page}/decline", data=CORRECTION, headers=me)
    assert sent.status_code == HTTPStatus.SEE_OTHER
    for _ in range(300):  # what comes while a worker dies is in the history once its task has timed out, after 10 s
        if (await api.get(f"{page}/declined", headers=me)).status_code == HTTPStatus.OK:
            break
        await asyncio.sleep(0.05)
    assert "We are telling the practice." in await shown(api, f"{page}/declined", me)
    assert "Add Signature" not in await shown(api, page, me)
    async with make_one_worker():
        for _ in range(100):
            if (await read(api, office, request["id"]))["state"] == "declined":
                break
            await asyncio.sleep(0.05)
    assert "You have asked for a correction." in await shown(api, page, me)


async def test_past_its_last_moment_nothing_is_to_be_signed_and_what_was_signed_in_time_counts(
    api: httpx2.AsyncClient, office: Office, database: Database, make_one_worker: WorkerMaker
) -> None:
    async with make_one_worker():
        path, app = await reviewed(api, office)
    me, documents = await sign_in(api, office.client_email), "/portal/documents?show=to-be-signed"
    assert "Pending Review" in await shown(api, documents, me)
    async with database.practice(office.practice) as transaction:
        (request_id,) = await transaction.fetch(
            "update signature_request set expires_at = now() where document_id = $1 returning id", office.note.id
        )
    assert "Nothing waits for your signature." in await shown(api, documents, me)
    for page in ("/portal/documents", "/portal/inbox", page_of(office)):
        said = await shown(api, page, me)
        assert "he time to sign" in said
        assert not re.search("Pending Review|asks for your signature|Add Signature", said), page
    (listed,) = (await api.get("/api/v1/portal/documents", headers=app)).json()["documents"]
    assert listed["tag"] is None
    await says_of_it(api, office, request_id["id"], "Expired")
    late = await api.post(f"{path}/signature", json=signature(office), headers=app)
    assert (late.status_code, "has expired" in late.json()["detail"]) == (HTTPStatus.CONFLICT, True)
    # that of before it
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update signature_request set expires_at = now() + interval '1 day'")
    assert (await api.post(f"{path}/signature", json=signature(office), headers=app)).status_code == HTTPStatus.ACCEPTED
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update signature_request set expires_at = now()")
    assert "Received. We are sealing your document" in await shown(api, page_of(office), me)


@pytest.mark.usefixtures("worker")
async def test_of_two_answers_of_one_signer_the_second_is_told_of_the_first(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    """Two tabs; the request goes on, since others sign too."""
    provider = str(await staff_id(database, office, office.provider_email))
    signers = [{"account_id": str(office.account)}, {"staff_id": provider}]
    request = await ask(api, office, signers=signers, on_decline="continues")
    path, me = f"/api/v1/portal/documents/{office.note.id}", await portal(api, office)
    await api.get(path, headers=me)
    await api.post("/api/v1/portal/consent", headers=me)
    signed, declined = await asyncio.gather(
        api.post(f"{path}/signature", json=signature(office), headers=me),
        api.post(f"{path}/decline", json={}, headers=me),
    )
    assert {signed.status_code, declined.status_code} == {HTTPStatus.OK, HTTPStatus.CONFLICT}
    mine = (await read(api, office, request["id"]))["signers"][0]
    first, second = (signed, declined) if mine["state"] == SeatState.SIGNED else (declined, signed)
    assert first.status_code == HTTPStatus.OK
    said = "You have signed" if first is signed else "You have declined"
    assert said in second.json()["detail"]
    assert (await api.get(path, headers=me)).json()["document"]["tag"] == ("Signed" if first is signed else None)


@pytest.mark.usefixtures("worker")
async def test_messages_say_what_became_of_their_own_request(api: httpx2.AsyncClient, office: Office) -> None:
    request, me = await ask(api, office), await sign_in(api, office.client_email)
    await steer(api, office, request, "recall", WHY)
    inbox = await shown(api, "/portal/inbox", me)
    assert f"No signature needed {office.note.type}" in inbox
    assert "Nobody needs to sign this document any more." in inbox
    assert "Taken back by the practice" in inbox
    await ask(api, office)
    messages = (await api.get("/api/v1/portal/messages", headers=await portal(api, office))).json()["messages"]
    newest, *_, oldest = [await shown(api, f"/portal/inbox/{one['id']}", me) for one in messages]
    assert "asks you to read this document and sign it" in newest
    assert "The practice has taken its request back." in oldest


@pytest.mark.usefixtures("worker")
async def test_what_is_recalled_while_a_page_is_read_is_shown_as_one_thing_or_the_other(
    api: httpx2.AsyncClient, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document was read before the recall, and its request after it."""
    request, me = await ask(api, office), await sign_in(api, office.client_email)
    find, recalls = document.find_for_account, [request]

    async def and_recalled(*of: Any) -> Document:
        found = await find(*of)
        while recalls:
            await steer(api, office, recalls.pop(), "recall", WHY)
        return found

    monkeypatch.setattr(document, "find_for_account", and_recalled)
    text = await shown(api, page_of(office), me)
    assert "Nobody needs to sign this document any more." in text
    assert "Pending Review" not in text


@pytest.mark.usefixtures("worker")
async def test_the_message_of_a_replaced_document_opens_though_the_document_does_not(
    api: httpx2.AsyncClient, office: Office
) -> None:
    await ask(api, office)
    me = await sign_in(api, office.client_email)
    assert (await new_version(api, office)).status_code == HTTPStatus.CREATED
    messages = (await api.get("/api/v1/portal/messages", headers=await portal(api, office))).json()["messages"]
    assert [one["about"] for one in messages] == ["replaced", "record_request"]
    for one in messages:
        text = await shown(api, f"/portal/inbox/{one['id']}", me)
        assert "The practice has replaced this document by a new version." in text
        assert "Progress Note of Nov 2, 2026" in text


@pytest.mark.usefixtures("worker")
async def test_a_signature_on_a_request_that_was_recalled_is_said_not_to_be_used(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    provider = str(await staff_id(database, office, office.provider_email))
    request = await ask(api, office, signers=[{"account_id": str(office.account)}, {"staff_id": provider}])
    path, token = f"/api/v1/portal/documents/{office.note.id}", await portal(api, office)
    await api.get(path, headers=token)
    await api.post("/api/v1/portal/consent", headers=token)
    taken = await api.post(f"{path}/signature", json=signature(office), headers=token)
    assert taken.json() == {"outcome": "taken"}
    me = await sign_in(api, office.client_email)
    assert "Thank you, you have signed. Others still have to sign." in await shown(api, page_of(office), me)
    await steer(api, office, request, "recall", WHY)
    assert "your signature is not used" in await shown(api, page_of(office), me)
    assert (await api.get(path, headers=token)).json()["document"]["tag"] is None


@pytest.mark.usefixtures("worker")
async def test_earlier_signed_copies_are_listed_and_downloaded(api: httpx2.AsyncClient, office: Office) -> None:
    path, token = await reviewed(api, office)
    assert (await api.post(f"{path}/signature", json=signature(office), headers=token)).status_code == HTTPStatus.OK
    signed = (await api.get(f"{path}/file", headers=token)).content
    me, page = await sign_in(api, office.client_email), page_of(office)
    assert "igned copies" not in await shown(api, page, me)
    await new_version(api, office)
    await ask(api, office)
    assert "Signed copies" in await shown(api, page, me)
    copy = await api.get(f"{page}/signed/1", headers=me)
    assert copy.content == signed
    assert "Canary" not in copy.headers["content-disposition"]
    assert (await api.get(f"{page}/signed/99", headers=me)).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.usefixtures("worker")
async def test_a_parked_request_is_in_my_documents_at_once_after_registration(
    api: httpx2.AsyncClient, office: Office, mailbox: Mailbox
) -> None:
    email = f"priya-{office.unregistered}@demo.example"
    await ask(api, office, office.notes_of_unregistered.id, invite={"email": email, "name": "Priya Natarajan"})
    for _ in range(100):
        if mailbox.to(email):
            break
        await asyncio.sleep(0.05)
    token = mailbox.token(email)
    registered = await api.post("/portal/register", data={"token": token, "new_password": PASSWORD})
    assert registered.headers["location"] == "/portal/sign-in?done=registered", registered.text
    me = await sign_in(api, email)
    for _ in range(20):
        listed = await shown(api, "/portal/documents", me)
        if "Pending Review" in listed:
            break
        await asyncio.sleep(0.1)
    assert "Progress Note" in listed
    assert "Pending Review" in listed


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [(lambda path: path.unlink(), "missing"), (lambda path: path.write_bytes(changed(path.read_bytes())), "changed")],
    ids=["missing", "changed"],
)
async def test_a_shared_file_that_is_not_what_was_shared_is_given_to_nobody(
    api: httpx2.AsyncClient,
    office: Office,
    storage: Storage,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], object],
    problem: str,
) -> None:
    """SPEC S3: every read is held against the hash, and fails loudly."""
    await api.post(f"/api/v1/documents/{office.superbill.id}/share", headers=office.bearer)
    path = storage.path(office.superbill.sha256)
    spoil(path)
    me = await portal(api, office)
    page = await sign_in(api, office.client_email)
    for reader, address in (
        (office.bearer, f"/api/v1/documents/{office.superbill.id}/file"),
        (me, f"/api/v1/portal/documents/{office.superbill.id}/file"),
        (page, f"/portal/documents/{office.superbill.id}/file"),
        (page, f"/portal/documents/{office.superbill.id}/pages/1.webp"),
    ):
        caplog.clear()
        answer = await api.get(address, headers=reader)
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, address
        assert str(path.name) in caplog.text, address
    told = await api.get(f"/api/v1/documents/{office.superbill.id}/file", headers=office.bearer)
    assert told.json()["type"] == f"/problems/stored-file-{problem}"
