"""Every ending of a request over the API, and what steers it (SPEC S5 to S7, G6, G7, G9, N4, O2)."""

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx2
import pytest
from temporalio.client import Client

from activities.ask import workflow_id
from chart.request import CHANNEL
from gateways.postgres import Database
from gateways.storage import Storage
from identity import account
from local.postgres import Cluster
from tests.conftest import Mailbox, owner
from tests.office import PASSWORD, Office
from tests.papers import paper
from tests.sign_ins import sign_in_staff
from tests.test_sharing import document
from tests.test_signing import portal, reviewed, signature
from workflows.share_to_sign import ShareToSign

pytestmark = pytest.mark.usefixtures("worker")

Json = dict[str, Any]


async def ask(api: httpx2.AsyncClient, office: Office, document_id: object = None, **terms: object) -> Json:
    """Share to Sign; the request."""
    path = f"/api/v1/documents/{document_id or office.note.id}/share-to-sign"
    asked = await api.post(path, json=terms, headers=office.bearer)
    assert asked.status_code == HTTPStatus.ACCEPTED, asked.text
    return await read(api, office, asked.json()["request_id"])


async def read(api: httpx2.AsyncClient, office: Office, request_id: object) -> Json:
    found = await api.get(f"/api/v1/requests/{request_id}", headers=office.bearer)
    assert found.status_code == HTTPStatus.OK, found.text
    request: Json = found.json()
    return request


async def steer(
    api: httpx2.AsyncClient, office: Office, request: Json, way: str, body: object = None
) -> httpx2.Response:
    return await api.post(f"/api/v1/requests/{request['id']}/{way}", json=body, headers=office.bearer)


SOON = str((datetime.now(UTC) + timedelta(days=40)).date())
WHY = {"reason": "It was shared by mistake."}
UNABLE = {"reason": "The client has moved away.", "attempts": [{"on": "2026-11-20", "how": "Called twice."}]}
PAPER = {"reason": "Signed in the office; folder 12.", "signed_on": "2026-11-20"}


async def test_a_recall_ends_the_request_tells_the_signer_and_leaves_the_share(
    api: httpx2.AsyncClient, office: Office, mailbox: Mailbox
) -> None:
    request = await ask(api, office)
    recalled = await steer(api, office, request, "recall", WHY)
    assert recalled.status_code == HTTPStatus.OK, recalled.text
    assert (recalled.json()["state"], recalled.json()["end_reason"]) == ("recalled", WHY["reason"])
    found = await document(api, office, office.note.id)
    assert (found["share_status"], found["waits_for"]) == ("Shared", "Recalled")
    me = await portal(api, office)
    about = [one["about"] for one in (await api.get("/api/v1/portal/messages", headers=me)).json()["messages"]]
    assert about == ["recalled", "record_request"]
    assert await soon(lambda: len(mailbox.to(office.client_email)) == 2)
    late = await api.post(f"/api/v1/portal/documents/{office.note.id}/signature", json=signature(office), headers=me)
    assert late.status_code == HTTPStatus.CONFLICT
    assert "recalled" in late.json()["detail"]


async def test_a_new_version_is_filed_although_an_operator_has_terminated_the_request(
    api: httpx2.AsyncClient, office: Office, engine: Client
) -> None:
    request = await ask(api, office)
    await engine.get_workflow_handle(workflow_id(office.note.id)).terminate()
    filed = await api.post(
        f"/api/v1/documents/{office.note.id}/versions",
        files={"file": ("n.pdf", paper("Corrected"), "application/pdf")},
        data={"reason": "Corrected."},
        headers=office.bearer,
    )
    assert filed.status_code == HTTPStatus.CREATED, filed.text
    assert (await read(api, office, request["id"]))["state"] == "recalled"


async def soon(true: Any, seconds: float = 20) -> bool:
    for _ in range(int(seconds * 20)):
        if true():
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("way", "body", "state"),
    [("unable-to-obtain", UNABLE, "unable_to_obtain"), ("signed-on-paper", PAPER, "signed_on_paper")],
)
async def test_staff_records_what_became_of_it(
    api: httpx2.AsyncClient, office: Office, way: str, body: Json, state: str
) -> None:
    request = await ask(api, office)
    recorded = (await steer(api, office, request, way, body)).json()
    assert (recorded["state"], recorded["end_reason"]) == (state, body["reason"])
    assert recorded["record"] == {key: value for key, value in body.items() if key != "reason"}


async def test_paper_from_before_the_date_of_service_is_taken_when_that_is_meant(
    api: httpx2.AsyncClient, office: Office
) -> None:
    request, me = await ask(api, office), {"accept": "text/html"} | await sign_in_staff(api, office.provider_email)
    early = PAPER | {"signed_on": "2025-11-20"}
    refused = await steer(api, office, request, "signed-on-paper", early)
    assert (refused.status_code, "before the date of service" in refused.json()["detail"]) == (422, True)
    page = f"/charts/{office.client}/requests/{request['id']}/signed-on-paper"
    form = {"reason": early["reason"], "on": early["signed_on"]}
    asked = await api.post(page, data=form, headers=me)
    assert (asked.status_code, 'name="before_service"' in asked.text) == (422, True)
    done = await api.post(page, data=form | {"before_service": "yes"}, headers=me)
    assert done.status_code == HTTPStatus.SEE_OTHER, done.text
    assert (await read(api, office, request["id"]))["record"] == {"signed_on": early["signed_on"]}


async def test_a_client_declines_or_asks_for_a_correction_and_the_practice_is_told(
    api: httpx2.AsyncClient, office: Office
) -> None:
    request, me = await ask(api, office), await portal(api, office)
    body = {"reason": "Goal 2 is not mine.", "correction": True}
    declined = await api.post(f"/api/v1/portal/documents/{office.note.id}/decline", json=body, headers=me)
    assert (declined.status_code, declined.json()) == (HTTPStatus.OK, {"state": "declined"})
    found = await read(api, office, request["id"])
    assert (found["label"], found["correction"], found["signers"][0]["reason"]) == (
        "Correction requested",
        True,
        body["reason"],
    )
    again = await api.post(f"/api/v1/portal/documents/{office.note.id}/decline", json=body, headers=me)
    assert again.status_code == HTTPStatus.CONFLICT
    late = await steer(api, office, request, "recall", WHY)
    assert (late.status_code, late.json()["detail"]) == (
        HTTPStatus.CONFLICT,
        "The signature was declined. The practice can share the document again.",
    )


async def test_a_signature_and_a_recall_at_once_have_one_winner_and_both_are_told(
    api: httpx2.AsyncClient, office: Office
) -> None:
    path, me = await reviewed(api, office)
    request_id = (await document(api, office, office.note.id))["request_id"]
    signed, recalled = await asyncio.gather(
        api.post(f"{path}/signature", json=signature(office), headers=me),
        steer(api, office, {"id": request_id}, "recall", WHY),
    )
    state = (await read(api, office, request_id))["state"]
    assert {signed.status_code, recalled.status_code} == {HTTPStatus.OK, HTTPStatus.CONFLICT}
    assert state == ("signed" if signed.status_code == HTTPStatus.OK else "recalled")
    lost = recalled if state == "signed" else signed
    assert state in lost.json()["detail"]


async def test_an_expiry_is_extended_live_within_a_year(api: httpx2.AsyncClient, office: Office) -> None:
    request = await ask(api, office, days=3)
    day = (datetime.now(UTC) + timedelta(days=90)).date()
    extended = (await steer(api, office, request, "extend", {"until": str(day)})).json()
    # the end of that day in Chicago
    assert extended["expires_at"].startswith(str(day + timedelta(days=1)))
    for wrong in (datetime.now(UTC).date() + timedelta(days=400), datetime.now(UTC).date() - timedelta(days=2)):
        refused = await steer(api, office, request, "extend", {"until": str(wrong)})
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_reminders_follow_the_schedule_and_can_be_changed_live(api: httpx2.AsyncClient, office: Office) -> None:
    request = await ask(api, office, reminder_days=[2, 5])
    assert len(request["reminders"]) == 2
    for days in ([10], []):
        changed = await steer(api, office, request, "reminders", {"days": days})
        assert changed.is_success
        for _ in range(100):  # 202 where the worker was slow
            if len((await read(api, office, request["id"]))["reminders"]) == len(days):
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("not changed")
    refused = await steer(api, office, request, "reminders", {"days": [9, 3]})
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_a_reminder_by_hand_waits_five_minutes(api: httpx2.AsyncClient, office: Office) -> None:
    request = await ask(api, office)
    refused = await steer(api, office, request, "remind")
    assert refused.status_code == HTTPStatus.CONFLICT
    assert "minutes" in refused.json()["detail"]


async def test_an_unregistered_client_is_invited_and_the_request_waits_for_the_registration(
    api: httpx2.AsyncClient, office: Office, mailbox: Mailbox
) -> None:
    email = f"priya-{office.unregistered}@demo.example"
    request = await ask(
        api, office, office.notes_of_unregistered.id, invite={"email": email, "name": "Priya Natarajan"}
    )
    assert (request["state"], request["signers"][0]["party"]) == ("awaiting_registration", None)
    found = await document(api, office, office.notes_of_unregistered.id)
    assert (found["share_status"], found["waits_for"]) == ("Not Shared", "Waits for registration")
    assert await soon(lambda: mailbox.to(email))
    token = mailbox.token(email)
    registered = await api.post("/api/v1/portal/registrations", json={"token": token, "password": PASSWORD})
    assert registered.status_code == HTTPStatus.CREATED, registered.text
    for _ in range(100):
        request = await read(api, office, request["id"])
        if request["state"] == "pending":
            break
        await asyncio.sleep(0.05)
    assert (request["state"], request["signers"][0]["name"]) == ("pending", "Priya Natarajan")
    assert (await document(api, office, office.notes_of_unregistered.id))["share_status"] == "Shared"
    assert await soon(lambda: len(mailbox.to(email)) == 2)


async def test_a_refused_invitation_is_told_to_staff(api: httpx2.AsyncClient, office: Office) -> None:
    path = f"/api/v1/clients/{office.unregistered}/invitations"
    for email in ("refused-priya@demo.example", f"priya-{office.unregistered}@demo.example"):
        await api.post(path, json={"email": email, "name": "Priya Natarajan"}, headers=office.bearer)
    for _ in range(100):
        listed = (await api.get(path, headers=office.bearer)).json()["invitations"]
        if all(one["mail"] for one in listed):
            break
        await asyncio.sleep(0.05)
    assert [one["mail"] for one in listed] == ["sent", "refused"]


async def test_a_refused_invitation_rings_the_bell_once_and_leads_to_the_portal_access(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    path = f"/api/v1/clients/{office.unregistered}/invitations"
    heard: list[str] = []
    async with database.listening({CHANNEL: heard.append}):
        for number in range(2):
            body = {"email": f"refused-{number}@demo.example", "name": "Priya Natarajan"}
            await api.post(path, json=body, headers=office.bearer)
        assert await soon(lambda: len([one for one in heard if f"/{office.unregistered}/" in one]) == 2)
    page = await api.get("/charts", headers={"accept": "text/html"} | await sign_in_staff(api, office.provider_email))
    assert page.text.count("The email address of an invitation was refused</strong>") == 1
    assert f'<a href="/charts/{office.unregistered}#invite">' in page.text


async def test_a_registration_is_found_even_if_only_the_first_knock_came(
    api: httpx2.AsyncClient, office: Office, database: Database, mailbox: Mailbox, engine: Any
) -> None:
    """The API may die between the registration and the second knock."""
    email = f"priya-{office.unregistered}@demo.example"
    request = await ask(
        api, office, office.notes_of_unregistered.id, invite={"email": email, "name": "Priya Natarajan"}
    )
    assert await soon(lambda: mailbox.to(email))
    token = mailbox.token(email)
    handle = engine.get_workflow_handle(workflow_id(office.notes_of_unregistered.id))
    await handle.signal(ShareToSign.registered)
    await asyncio.sleep(0.5)
    await account.register(database, token, PASSWORD)
    for _ in range(100):
        if (await read(api, office, request["id"]))["state"] == "pending":
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not delivered")


async def new_version(api: httpx2.AsyncClient, office: Office, text: str = "A second version") -> httpx2.Response:
    return await api.post(
        f"/api/v1/documents/{office.note.id}/versions",
        files={"file": ("note.pdf", paper(text), "application/pdf")},
        data={"reason": "The date was wrong."},
        headers=office.bearer,
    )


async def test_a_new_version_voids_the_request_on_the_old_one(api: httpx2.AsyncClient, office: Office) -> None:
    request, me = await ask(api, office), await portal(api, office)
    uploaded = await new_version(api, office)
    assert uploaded.status_code == HTTPStatus.CREATED, uploaded.text
    assert (uploaded.json()["share_status"], uploaded.json()["waits_for"]) == ("Not Shared", None)
    assert (await read(api, office, request["id"]))["state"] == "replaced"
    gone = await api.get(f"/api/v1/portal/documents/{office.note.id}", headers=me)
    assert gone.status_code == HTTPStatus.NOT_FOUND
    messages = (await api.get("/api/v1/portal/messages", headers=me)).json()["messages"]
    assert [one["about"] for one in messages] == ["replaced", "record_request"]
    assert (await ask(api, office))["sha256"] == uploaded.json()["sha256"]


async def test_the_same_file_once_more_is_no_new_version_and_the_request_goes_on(
    api: httpx2.AsyncClient, office: Office
) -> None:
    sent: Json = {"files": {"file": ("note.pdf", paper(), "application/pdf")}, "data": {"reason": "It was wrong."}}
    path, page = f"/api/v1/documents/{office.note.id}", f"/charts/{office.client}/documents/{office.note.id}"
    assert (await api.post(f"{path}/versions", headers=office.bearer, **sent)).status_code == HTTPStatus.CREATED
    request, me = await ask(api, office), {"accept": "text/html"} | await sign_in_staff(api, office.provider_email)
    for address, headers in ((path, office.bearer), (page, me)):
        refused = await api.post(f"{address}/versions", headers=headers, **sent)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, refused.text
        assert "This is the same file as the version in the chart" in refused.text
    assert (await read(api, office, request["id"]))["state"] == "pending"
    # once it is signed there is no other way to ask for another signature
    assert (await steer(api, office, request, "signed-on-paper", PAPER)).is_success
    assert (await api.post(f"{path}/versions", headers=office.bearer, **sent)).status_code == HTTPStatus.CREATED


async def test_a_signed_version_stays_for_ever_behind_its_correction(
    api: httpx2.AsyncClient, office: Office, storage: Storage
) -> None:
    path, me = await reviewed(api, office)
    assert (await api.post(f"{path}/signature", json=signature(office), headers=me)).status_code == HTTPStatus.OK
    signed = (await api.get(f"{path}/file", headers=me)).content
    uploaded = await new_version(api, office)
    assert uploaded.json()["share_status"] == "Not Shared"
    listed = await api.get(f"/api/v1/documents/{office.note.id}/versions", headers=office.bearer)
    corrected, first = listed.json()["versions"]
    assert (corrected["reason"], corrected["signed_sha256"]) == ("The date was wrong.", None)
    copy = await api.get(f"/api/v1/documents/{office.note.id}/versions/{first['number']}/signed", headers=office.bearer)
    assert copy.content == signed
    assert (await api.get(f"{path}/file", headers=me)).content == signed
    copies = (await api.get(f"{path}/signed", headers=me)).json()["signed_copies"]
    assert [one["number"] for one in copies] == [first["number"]]
    assert (await api.get(f"{path}/signed/{first['number']}", headers=me)).content == signed
    hidden = await api.post(f"/api/v1/documents/{office.note.id}/hide", json=PRIVATE, headers=office.bearer)
    assert (await api.get(f"{path}/file", headers=me)).content == signed, hidden.text


PRIVATE = WHY | {"exception": "privacy"}


async def test_a_plain_share_is_taken_back_with_a_reason_and_a_signed_copy_never(
    api: httpx2.AsyncClient, office: Office
) -> None:
    me, path = await portal(api, office), f"/api/v1/documents/{office.superbill.id}"
    await api.post(f"{path}/share", headers=office.bearer)
    hidden = await api.post(f"{path}/hide", json=PRIVATE, headers=office.bearer)
    assert hidden.json()["share_status"] == "Not Shared"
    assert (await api.get(f"/api/v1/portal/documents/{office.superbill.id}", headers=me)).status_code == 404
    assert (await api.post(f"{path}/share", headers=office.bearer)).json()["share_status"] == "Shared"
    await ask(api, office)
    refused = await api.post(f"/api/v1/documents/{office.note.id}/hide", json=PRIVATE, headers=office.bearer)
    assert (refused.status_code, "Recall" in refused.json()["detail"]) == (HTTPStatus.CONFLICT, True)


async def test_while_a_request_is_open_the_same_terms_find_it_and_others_are_refused(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    request = await ask(api, office)
    mine = {"signers": [{"account_id": str(office.account)}]}
    assert (await ask(api, office, **mine))["id"] == request["id"]
    async with database.practice(office.practice) as transaction:
        staff = await transaction.fetchval("select id from staff where email = $1", office.provider_email)
    both = {"signers": [*mine["signers"], {"staff_id": str(staff)}]}
    path = f"/api/v1/documents/{office.note.id}/share-to-sign"
    other = await api.post(path, json=both, headers=office.bearer)
    assert other.status_code == HTTPStatus.CONFLICT
    assert "recall it and share again" in other.json()["detail"]


async def test_a_share_is_upgraded_to_share_to_sign(api: httpx2.AsyncClient, office: Office) -> None:
    await api.post(f"/api/v1/documents/{office.note.id}/share", headers=office.bearer)
    request = await ask(api, office)
    found = await document(api, office, office.note.id)
    assert (found["share_status"], found["waits_for"], request["state"]) == ("Shared", "Pending signature", "pending")


async def test_what_has_ended_is_asked_for_again_in_one_step(api: httpx2.AsyncClient, office: Office) -> None:
    request = await ask(api, office, days=20, reminder_days=[4])
    await steer(api, office, request, "recall", WHY)
    again = await steer(api, office, request, "reissue")
    assert again.status_code == HTTPStatus.ACCEPTED, again.text
    new = await read(api, office, again.json()["request_id"])
    assert new["id"] != request["id"]
    assert (new["state"], len(new["reminders"])) == ("pending", 1)
    lasts = datetime.fromisoformat(new["expires_at"]) - datetime.fromisoformat(new["created_at"])
    assert timedelta(days=19) < lasts < timedelta(days=21)


async def test_a_signed_request_is_not_asked_for_again(api: httpx2.AsyncClient, office: Office) -> None:
    path, me = await reviewed(api, office)
    await api.post(f"{path}/signature", json=signature(office), headers=me)
    request_id = (await document(api, office, office.note.id))["request_id"]
    for way, body in (("reissue", None), ("recall", WHY), ("extend", {"until": SOON}), ("remind", None)):
        refused = await steer(api, office, {"id": request_id}, way, body)
        assert (refused.status_code, "signed" in refused.json()["detail"]) == (HTTPStatus.CONFLICT, True), way


async def test_a_request_is_overdue_when_half_of_its_few_days_have_gone_and_no_reminder_comes_behind_its_end(
    api: httpx2.AsyncClient, postgres: Cluster, office: Office
) -> None:
    request = await ask(api, office, days=4, reminder_days=[3, 7])

    async def line() -> tuple[bool, bool]:
        (waiting,) = (await api.get("/api/v1/requests", headers=office.bearer)).json()["requests"]
        return waiting["overdue"], waiting["next_reminder_at"] is not None

    assert await line() == (False, True)
    async with owner(postgres) as connection:
        await connection.execute(
            "update signature_request set created_at = created_at - interval '3 days', "
            "expires_at = expires_at - interval '3 days' where id = $1",
            UUID(request["id"]),
        )
    assert await line() == (True, False)


async def test_the_queue_and_the_timeline_tell_what_waits_and_what_happened(
    api: httpx2.AsyncClient, office: Office
) -> None:
    request = await ask(api, office)
    queue = (await api.get("/api/v1/requests", params={"show": "unsigned"}, headers=office.bearer)).json()["requests"]
    assert [(one["request_id"], one["label"], one["overdue"]) for one in queue] == [
        (request["id"], "Pending signature", False)
    ]
    for show in ("overdue", "needs_attention", "not_registered", "counter_signature"):
        assert (await api.get("/api/v1/requests", params={"show": show}, headers=office.bearer)).json() == {
            "requests": [],
            "next": None,
        }
    await steer(api, office, request, "recall", WHY)
    timeline = await api.get(f"/api/v1/requests/{request['id']}/timeline", headers=office.bearer)
    actions = [entry["action"] for entry in timeline.json()["entries"]]
    assert [one for one in actions if one != "mailed"] == ["asked to sign", "recalled"]
    assert timeline.json()["entries"][0]["name"] == "test"


async def test_the_queue_says_that_nobody_is_invited_whom_it_could_wait_for(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    await ask(api, office, office.notes_of_unregistered.id, when_registered=True)

    async def uninvited() -> bool:
        (waiting,) = (await api.get("/api/v1/requests", headers=office.bearer)).json()["requests"]
        found: bool = waiting["uninvited"]
        return found

    assert await uninvited()
    invitation = {"email": f"priya-{office.unregistered}@demo.example", "name": "Priya Natarajan"}
    await api.post(f"/api/v1/clients/{office.unregistered}/invitations", json=invitation, headers=office.bearer)
    assert not await uninvited()

    async def refused() -> object:
        """Once the worker has written what became of the email."""
        async with database.practice(office.practice) as transaction:
            return await transaction.fetchval(
                "update invitation set mail = 'refused' where mail is not null returning true"
            )

    for _ in range(400):
        if await refused():
            break
        await asyncio.sleep(0.05)
    assert await uninvited()


async def test_the_queue_is_read_on_page_after_page(api: httpx2.AsyncClient, office: Office) -> None:
    later = await ask(api, office, days=30)
    asked = [later, await ask(api, office, office.notes_of_unregistered.id, days=20, when_registered=True)]

    async def look(**more: str) -> httpx2.Response:
        return await api.get("/api/v1/requests", params={"limit": 1, **more}, headers=office.bearer)

    first = (await look()).json()
    second = (await look(after=first["next"])).json()
    assert [one["request_id"] for page in (first, second) for one in page["requests"]] == [
        request["id"] for request in reversed(asked)
    ]
    assert second["next"] is None
    # what has ended meanwhile leaves the place where it stood
    await steer(api, office, asked[1], "recall", WHY)
    assert (await look(after=first["next"])).json() == second
    assert (await look(after="1-20261125T000000-x")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_who_reads_may_not_steer_and_strangers_find_nothing(
    api: httpx2.AsyncClient, office: Office, other_office: Office
) -> None:
    request = await ask(api, office)
    ways: list[tuple[str, object]] = [
        ("recall", WHY),
        ("extend", {"until": SOON}),
        ("reminders", {"days": [1]}),
        ("remind", None),
        ("unable-to-obtain", UNABLE),
        ("signed-on-paper", PAPER),
        ("resume", None),
        ("skip", None),
        ("reissue", None),
    ]
    me = await portal(api, office)
    for way, body in ways:
        path = f"/api/v1/requests/{request['id']}/{way}"
        assert (await api.post(path, json=body, headers=other_office.bearer)).status_code == 404, way
        assert (await api.post(path, json=body, headers=me)).status_code == 401, way
        assert (await api.post(path, json=body)).status_code == 401, way
    for path in (f"/api/v1/requests/{request['id']}/timeline", f"/api/v1/documents/{office.note.id}/versions"):
        assert (await api.get(path, headers=other_office.bearer)).status_code == 404
    assert (await api.get("/api/v1/requests", headers=other_office.bearer)).json()["requests"] == []
    foreign = await api.post(
        f"/api/v1/documents/{office.note.id}/versions",
        files={"file": ("n.pdf", paper("x"), "application/pdf")},
        data={"reason": "x"},
        headers=other_office.bearer,
    )
    assert foreign.status_code == 404
    assert (await read(api, office, request["id"]))["state"] == "pending"


async def test_signers_are_checked_before_anything_starts(
    api: httpx2.AsyncClient, office: Office, other_office: Office
) -> None:
    path = f"/api/v1/documents/{office.note.id}/share-to-sign"
    mine = {"account_id": str(office.account)}
    wrong: list[list[Json]] = [
        [{"account_id": str(other_office.account)}],
        [mine, mine],
        [{"staff_id": str(office.account)}],
        [{}],
    ]
    for signers in wrong:
        refused = await api.post(path, json={"signers": signers}, headers=office.bearer)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, refused.text
    assert (await document(api, office, office.note.id))["request_id"] is None
