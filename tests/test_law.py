"""Law as code: psychotherapy notes, 42 CFR Part 2, 15 USC 7001(c), 45 CFR 171 (SPEC S6, S8, S9, G1)."""

import asyncio
import csv
import io
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from pypdf import PdfReader
from temporalio.client import Client

import pdf
from chart import consent, disclosure, document, request
from chart.audit import SERVICE
from chart.disclosure import ConsentId, Holds
from chart.document import Document, HideException, Kind
from chart.ids import AccountId, RequestId
from chart.lifecycle import Life, Order
from chart.relationship import Relationship
from gateways.postgres import Database
from gateways.storage import Storage
from identity import account, api_key
from identity.caller import Right
from local.postgres import Cluster
from tests.conftest import owner
from tests.engine import request_id, start
from tests.office import PASSWORD, Office, add_document
from tests.papers import drawing_json
from tests.test_audit import staff
from tests.test_bulk import finished
from tests.test_endings import PRIVATE, WHY, ask
from tests.test_portal import shown, sign_in
from tests.test_relationships import invited
from tests.test_signing import portal, reviewed, signature

Json = dict[str, Any]


# -- psychotherapy notes (45 CFR 164.501, 164.508(a)(2); SPEC S8)


@pytest.mark.parametrize("way", ["share", "share-to-sign"])
async def test_a_psychotherapy_note_is_refused_by_api_and_page(
    api: httpx2.AsyncClient, office: Office, way: str
) -> None:
    path, me = f"documents/{office.psychotherapy_note.id}/{way}", await staff(api, office.provider_email)
    for refused in (
        await api.post(f"/api/v1/{path}", headers=office.bearer),
        await api.post(f"/charts/{office.client}/{path}", headers=me),
        await api.get(f"/charts/{office.client}/documents/{office.psychotherapy_note.id}/share-to-sign", headers=me),
    ):
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "45 CFR 164.501" in refused.text


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("terms", [{"when_registered": True}, {"invite": {"email": "a@demo.example", "name": "Ana"}}])
async def test_a_psychotherapy_note_is_not_parked_until_somebody_registers(
    api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office, terms: Json
) -> None:
    note = await add_document(database, storage, office.practice, office.unregistered, Kind.PSYCHOTHERAPY_NOTE, None)
    refused = await api.post(f"/api/v1/documents/{note.id}/share-to-sign", json=terms, headers=office.bearer)
    assert refused.json()["type"] == "/problems/kind-refused"


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("act", ["share", "share_to_sign"])
@pytest.mark.parametrize("by_kind", [True, False])
async def test_a_psychotherapy_note_is_refused_in_bulk(
    api: httpx2.AsyncClient, office: Office, act: str, by_kind: bool
) -> None:
    body: Json = {"act": act, "documents": [str(office.psychotherapy_note.id)]}
    if by_kind:
        body = {"act": act, "kind": "psychotherapy_note", "clients": [str(office.client)]}
    (item,) = await finished(api, office, await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer))
    assert item["outcome"] == "refused"
    assert "45 CFR 164.501" in item["reason"]


def of_psychotherapy(office: Office) -> Order:
    note = office.psychotherapy_note
    return replace(office.order(), document=note.id, version=note.version_id, sha256=note.sha256)


@pytest.mark.usefixtures("worker")
async def test_a_request_that_came_past_every_check_never_reaches_the_portal(
    api: httpx2.AsyncClient, engine: Client, database: Database, office: Office
) -> None:
    """As an order of an older release, or one asked for once more, would come: straight to the engine."""
    order = of_psychotherapy(office)
    handle = await start(engine, order)
    for _ in range(200):
        steps = (await handle.describe()).raw_description.pending_activities
        if any(step.attempt > 1 for step in steps):
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("it was not even tried")
    async with database.practice(office.practice) as transaction:
        assert not await request.exists(transaction, request_id(handle))
        assert (await document.find(transaction, order.document)).shared is False
    assert (await api.get("/api/v1/portal/messages", headers=await portal(api, office))).json()["messages"] == []
    await handle.terminate()


async def test_the_database_itself_keeps_psychotherapy_notes_apart(
    database: Database, postgres: Cluster, api: httpx2.AsyncClient, office: Office
) -> None:
    order = of_psychotherapy(office)
    async with database.practice(office.practice) as transaction:
        with pytest.raises(asyncpg.CheckViolationError):
            async with transaction.transaction():
                await document.share(transaction, office.practice, order.version, SERVICE)
        with pytest.raises(asyncpg.CheckViolationError):
            await request.open_request(transaction, RequestId(uuid4()), order, Life.of(order), (), ())
    # and whoever gets round that still shows it to nobody
    async with owner(postgres) as connection, connection.transaction():
        await connection.execute("alter table share disable trigger is_kept_apart")
        await connection.execute(
            "insert into share (practice_id, version_id, shared_by) values ($1, $2, 'service')",
            office.practice,
            order.version,
        )
        await connection.execute("alter table share enable trigger is_kept_apart")
    me = await portal(api, office)
    assert (await api.get("/api/v1/portal/documents", headers=me)).json()["documents"] == []
    for path in ("", "/file"):
        answer = await api.get(f"/api/v1/portal/documents/{order.document}{path}", headers=me)
        assert answer.status_code == HTTPStatus.NOT_FOUND


async def test_a_request_of_before_is_not_asked_for_once_more(
    api: httpx2.AsyncClient, database: Database, postgres: Cluster, office: Office
) -> None:
    order, before = of_psychotherapy(office), RequestId(uuid4())
    async with owner(postgres) as connection, connection.transaction():
        await connection.execute("alter table signature_request disable trigger is_kept_apart")
        await connection.execute("select set_config('app.practice', $1, true)", str(office.practice))
        await request.open_request(connection, before, order, Life.of(order), (), ())  # type: ignore[arg-type]
        await connection.execute(
            "update signature_request set state = 'recalled', ended_at = now(), ended_by = 'service' where id = $1",
            before,
        )
        await connection.execute("alter table signature_request enable trigger is_kept_apart")
    refused = await api.post(f"/api/v1/requests/{before}/reissue", headers=office.bearer)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/kind-refused")


# -- substance use disorder records (42 CFR Part 2; SPEC S9)


@dataclass(frozen=True)
class Partner:
    """Acts for the office's client in the portal, and is not the client."""

    office: Office
    account: AccountId
    plan: Document
    headers: dict[str, str]
    page: dict[str, str]

    @property
    def path(self) -> str:
        return f"/api/v1/portal/documents/{self.plan.id}"

    @property
    def consents(self) -> str:
        return f"/api/v1/clients/{self.office.client}/disclosure-consents"


@pytest.fixture
async def partner(api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office) -> Partner:
    plan = await add_document(
        database, storage, office.practice, office.client, Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN, None
    )
    email = f"partner-{uuid4().hex[:12]}@demo.example"
    invitation = await invited(database, office, office.client, Relationship.PARTNER, email=email)
    account_id = await account.register(database, invitation.token, PASSWORD)
    session = await api.post("/api/v1/portal/sessions", json={"email": email, "password": PASSWORD})
    headers = {"authorization": f"Bearer {session.json()['token']}"}
    return Partner(office, account_id, plan, headers, await sign_in(api, email))


def terms(**change: Any) -> Json:
    day = datetime.now(UTC).date()
    return {
        "what": "The treatment plan, with its substance use disorder information.",
        "purpose": "Taking part in the treatment.",
        "starts_on": str(day - timedelta(days=2)),
        "ends_when": "The treatment ends.",
        "signed_on": str(day - timedelta(days=2)),
        "signed_how": "on_paper",
        **change,
    }


async def consented(api: httpx2.AsyncClient, partner: Partner, **change: Any) -> Json:
    body = terms(**{"account_id": str(partner.account), **change})
    made = await api.post(partner.consents, json=body, headers=partner.office.bearer)
    assert made.status_code == HTTPStatus.CREATED, made.text
    found: Json = made.json()
    return found


async def share(api: httpx2.AsyncClient, partner: Partner) -> None:
    shared = await api.post(f"/api/v1/documents/{partner.plan.id}/share", headers=partner.office.bearer)
    assert shared.status_code == HTTPStatus.OK, shared.text


async def sees(api: httpx2.AsyncClient, partner: Partner) -> bool:
    """Whether the plan is there for the partner: alike in every way."""
    listed = (await api.get("/api/v1/portal/documents", headers=partner.headers)).json()["documents"]
    answers = {str(partner.plan.id) in {one["id"] for one in listed}}
    for path in (partner.path, f"{partner.path}/file"):
        answers.add((await api.get(path, headers=partner.headers)).status_code == HTTPStatus.OK)
    for path in ("", "/pages/1.webp", "/pages/1.txt", "/file"):
        page = await api.get(f"/portal/documents/{partner.plan.id}{path}", headers=partner.page)
        answers.add(page.status_code == HTTPStatus.OK)
    (answer,) = answers
    return answer


async def test_a_chemical_dependency_plan_goes_to_the_client_freely_and_to_others_under_a_consent_only(
    api: httpx2.AsyncClient, partner: Partner
) -> None:
    await share(api, partner)
    me = await portal(api, partner.office)
    assert (await api.get(f"{partner.path}/file", headers=me)).status_code == HTTPStatus.OK
    assert (await api.get(partner.path, headers=me)).json()["notice"] is None
    assert not await sees(api, partner)
    await consented(api, partner)
    assert await sees(api, partner)
    assert (await api.get(partner.path, headers=partner.headers)).json()["notice"] == pdf.REDISCLOSURE
    assert pdf.REDISCLOSURE in await shown(api, f"/portal/documents/{partner.plan.id}", partner.page)


@pytest.mark.parametrize(
    ("starts", "ends", "holds"),
    [(0, None, Holds.HOLDS), (0, 1, Holds.HOLDS), (1, None, Holds.NOT_YET), (-2, 0, Holds.EXPIRED)],
)
async def test_a_consent_opens_from_its_first_day_until_its_last(
    api: httpx2.AsyncClient, database: Database, partner: Partner, starts: int, ends: int | None, holds: Holds
) -> None:
    async with database.practice(partner.office.practice) as transaction:
        today: date = await transaction.fetchval("select practice_today()")
    await share(api, partner)
    made = await consented(
        api,
        partner,
        starts_on=str(today + timedelta(days=starts)),
        ends_on=None if ends is None else str(today + timedelta(days=ends)),
    )
    assert made["holds"] == holds
    assert await sees(api, partner) is (holds is Holds.HOLDS)


async def test_revoking_bars_listing_reading_and_downloading_at_once(api: httpx2.AsyncClient, partner: Partner) -> None:
    await share(api, partner)
    made = await consented(api, partner)
    assert await sees(api, partner)
    path = f"{partner.consents}/{made['id']}/revoke"
    revoked = await api.post(path, json=WHY, headers=partner.office.bearer)
    assert (revoked.json()["holds"], revoked.json()["revoke_reason"]) == (Holds.REVOKED, WHY["reason"])
    assert not await sees(api, partner)
    assert (await api.post(path, json=WHY, headers=partner.office.bearer)).status_code == HTTPStatus.CONFLICT


async def test_a_consent_for_one_document_or_one_person_opens_no_other(
    api: httpx2.AsyncClient, database: Database, storage: Storage, partner: Partner
) -> None:
    office = partner.office
    other = await add_document(
        database, storage, office.practice, office.client, Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN, None
    )
    await share(api, partner)
    await consented(api, partner, document_id=str(other.id))
    await consented(api, partner, account_id=None, recipient="County Probation Office")
    assert not await sees(api, partner)
    await consented(api, partner, document_id=str(partner.plan.id))
    assert await sees(api, partner)


@pytest.mark.parametrize(
    "wrong",
    [
        {"account_id": None},
        {"recipient": "Both"},
        {"ends_when": None},
        {"ends_on": "2020-01-01"},
        {"signed_on": "2999-01-01"},
        {"what": " "},
        {"recipient": "two\nlines", "account_id": None},
    ],
)
async def test_a_consent_that_lacks_what_the_regulation_asks_for_is_refused(
    api: httpx2.AsyncClient, partner: Partner, wrong: Json
) -> None:
    body = terms(**{"account_id": str(partner.account), **wrong})
    refused = await api.post(partner.consents, json=body, headers=partner.office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, refused.text


async def test_a_consent_names_people_and_plans_of_this_chart_only(
    api: httpx2.AsyncClient, partner: Partner, other_office: Office
) -> None:
    for wrong, status in (
        ({"account_id": str(other_office.account)}, HTTPStatus.NOT_FOUND),
        ({"document_id": str(other_office.note.id)}, HTTPStatus.NOT_FOUND),
        ({"document_id": str(partner.office.note.id)}, HTTPStatus.UNPROCESSABLE_ENTITY),
    ):
        body = terms(**{"account_id": str(partner.account), **wrong})
        assert (await api.post(partner.consents, json=body, headers=partner.office.bearer)).status_code == status


@pytest.mark.usefixtures("worker")
async def test_without_a_consent_it_is_refused_and_not_warned_about(
    api: httpx2.AsyncClient, database: Database, partner: Partner
) -> None:
    office = partner.office
    sign = f"/api/v1/documents/{partner.plan.id}/share-to-sign"
    body = {"signers": [{"account_id": str(partner.account)}]}
    refused = await api.post(sign, json=body, headers=office.bearer)
    assert (refused.status_code, refused.json()["detail"]) == (422, disclosure.NEEDS_CONSENT)
    page = await api.get(
        f"/charts/{office.client}/documents/{partner.plan.id}/share-to-sign",
        headers=await staff(api, office.provider_email),
    )
    assert "42 CFR Part 2" in page.text
    # nobody but the partner: then plain Share is refused too, alone and in bulk
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update relationship set ends_on = starts_on where account_id = $1", office.account)
    alone = await api.post(f"/api/v1/documents/{partner.plan.id}/share", headers=office.bearer)
    assert (alone.status_code, alone.json()["detail"]) == (422, disclosure.NEEDS_CONSENT)
    bulk: Json = {"act": "share", "documents": [str(partner.plan.id)]}
    (item,) = await finished(api, office, await api.post("/api/v1/bulk-shares", json=bulk, headers=office.bearer))
    assert (item["outcome"], item["reason"]) == ("refused", disclosure.NEEDS_CONSENT)
    await consented(api, partner)
    await share(api, partner)


@pytest.mark.usefixtures("worker")
async def test_under_a_consent_the_recipient_signs_and_after_it_cannot(
    api: httpx2.AsyncClient, partner: Partner
) -> None:
    made = await consented(api, partner)
    asked = await ask(
        api,
        partner.office,
        partner.plan.id,
        signers=[{"account_id": str(partner.account)}, {"account_id": str(partner.office.account)}],
    )
    for headers in (partner.headers, me := await portal(api, partner.office)):
        await api.get(partner.path, headers=headers)
        await api.post("/api/v1/portal/consent", headers=headers)
    body = {"sha256": partner.plan.sha256, "drawing": drawing_json(), "intends": True}
    await api.post(f"{partner.consents}/{made['id']}/revoke", json=WHY, headers=partner.office.bearer)
    late = await api.post(f"{partner.path}/signature", json=body, headers=partner.headers)
    assert late.status_code == HTTPStatus.NOT_FOUND
    assert (await api.get("/api/v1/portal/messages", headers=partner.headers)).json()["messages"] == []
    found = (await api.get(f"/api/v1/requests/{asked['id']}", headers=partner.office.bearer)).json()
    assert [one["barred"] for one in found["signers"]] == ["no consent", None]
    await consented(api, partner)
    for headers in (partner.headers, me):
        signed = await api.post(f"{partner.path}/signature", json=body, headers=headers)
        assert signed.is_success, signed.text
    copy = (await api.get(f"{partner.path}/file", headers=partner.headers)).content
    assert copy == (await api.get(f"{partner.path}/file", headers=me)).content
    assert pdf.REDISCLOSURE in words_of(copy)


def words_of(content: bytes) -> str:
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return re.sub(r"\s+", " ", text)


async def test_the_copy_of_a_recipient_carries_the_notice_and_the_clients_does_not(
    api: httpx2.AsyncClient, storage: Storage, partner: Partner
) -> None:
    await share(api, partner)
    await consented(api, partner)
    original = await storage.get(partner.plan.sha256)
    mine = await api.get(f"{partner.path}/file", headers=await portal(api, partner.office))
    assert mine.content == original
    theirs = (await api.get(f"{partner.path}/file", headers=partner.headers)).content
    assert theirs.startswith(original)
    assert pdf.REDISCLOSURE in words_of(theirs)
    assert len(PdfReader(io.BytesIO(theirs)).pages) == partner.plan.pages + 1


async def test_the_ledger_says_what_went_to_whom_when_and_under_which_consent(
    api: httpx2.AsyncClient, partner: Partner
) -> None:
    office = partner.office
    await share(api, partner)
    made = await consented(api, partner)
    await api.get(partner.path, headers=partner.headers)
    await api.get(f"{partner.path}/file", headers=partner.headers)
    await api.get(f"{partner.path}/file", headers=await portal(api, office))
    outside = await consented(api, partner, account_id=None, recipient="=County Probation Office")
    copy = f"/api/v1/documents/{partner.plan.id}/disclosures"
    given = await api.post(copy, json={"consent_id": outside["id"]}, headers=office.bearer)
    assert pdf.REDISCLOSURE in words_of(given.content)
    # an ordinary note to the partner is in the ledger too, under no consent
    await api.post(f"/api/v1/documents/{office.superbill.id}/share", headers=office.bearer)
    await api.get(f"/api/v1/portal/documents/{office.superbill.id}/file", headers=partner.headers)
    ledger = f"/api/v1/clients/{office.client}/disclosures"
    lines = (await api.get(ledger, headers=office.bearer)).json()["disclosures"]
    assert [(line["act"], line["recipient"], line["consent_id"]) for line in lines] == [
        ("viewed", "Rosa Rivera", made["id"]),
        ("downloaded", "Rosa Rivera", made["id"]),
        ("disclosed", "=County Probation Office", outside["id"]),
        ("downloaded", "Rosa Rivera", None),
    ]
    assert lines[0]["purpose"] == made["purpose"]
    for path in (f"{ledger}/csv", f"/charts/{office.client}/disclosures.csv"):
        headers = office.bearer if path.startswith("/api") else await staff(api, office.auditor_email)
        file = await api.get(path, headers=headers)
        rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
        assert [row["recipient"] for row in rows][2:3] == ["'=County Probation Office"]
    await api.post(f"{partner.consents}/{outside['id']}/revoke", json=WHY, headers=office.bearer)
    refused = await api.post(copy, json={"consent_id": outside["id"]}, headers=office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert len((await api.get(ledger, headers=office.bearer)).json()["disclosures"]) == 4


async def test_an_invitation_with_a_plan_is_for_the_client_only(
    api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office
) -> None:
    plan = await add_document(
        database, storage, office.practice, office.unregistered, Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN, None
    )
    invite = {"email": "a@demo.example", "name": "Ana", "relationship": "partner"}
    refused = await api.post(
        f"/api/v1/documents/{plan.id}/share-to-sign", json={"invite": invite}, headers=office.bearer
    )
    assert refused.json()["detail"] == disclosure.NEEDS_CONSENT


async def test_staff_records_and_revokes_a_consent_on_the_page_and_takes_a_copy(
    api: httpx2.AsyncClient, partner: Partner
) -> None:
    page, me = f"/charts/{partner.office.client}/consents", await staff(api, partner.office.provider_email)
    assert "No consent is recorded." in await shown(api, page, me)
    looked = await api.get("/api/v1/audit", params={"action": "viewed chart"}, headers=partner.office.bearer)
    assert len(looked.json()["entries"]) == 1  # one look, one entry
    typed = terms(recipient="County Probation Office", document=str(partner.plan.id))
    wrong = await api.post(page, data=typed | {"ends_when": ""}, headers=me)
    assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "A consent ends on a day, or with an event" in wrong.text
    assert "County Probation Office" in wrong.text
    assert (await api.post(page, data=typed, headers=me)).headers["location"] == f"{page}?done=consent-recorded"
    (made,) = (await api.get(partner.consents, headers=partner.office.bearer)).json()["consents"]
    copy = await api.post(f"{page}/{made['id']}/copy", data={"document": str(partner.plan.id)}, headers=me)
    assert pdf.REDISCLOSURE in words_of(copy.content)
    assert "Was given a copy of Treatment Plan" in await shown(api, page, me)
    assert (await api.post(f"{page}/{made['id']}/copy", data={"document": ""}, headers=me)).status_code == 422
    assert (await api.post(f"{page}/{made['id']}/revoke", data={"reason": ""}, headers=me)).status_code == 422
    revoked = await api.post(f"{page}/{made['id']}/revoke", data=WHY, headers=me)
    assert revoked.headers["location"] == f"{page}?done=consent-revoked"
    assert f"“{WHY['reason']}”" in await shown(api, page, me)


async def test_consents_and_ledger_need_their_rights(
    api: httpx2.AsyncClient, database: Database, partner: Partner, other_office: Office
) -> None:
    made = await consented(api, partner)
    chart = f"/api/v1/clients/{partner.office.client}"
    writing = (
        ("POST", partner.consents, terms(account_id=str(partner.account))),
        ("POST", f"{partner.consents}/{made['id']}/revoke", WHY),
        ("POST", f"/api/v1/documents/{partner.plan.id}/disclosures", {"consent_id": made["id"]}),
    )
    reading = tuple(
        ("GET", f"{chart}/{path}", None) for path in ("disclosure-consents", "disclosures", "disclosures/pdf")
    )
    auditor = {**(await staff(api, partner.office.auditor_email)), "accept": "application/json"}
    blind = await a_key(database, partner.office, frozenset(Right) - {Right.READ_CHARTS})
    weak = await a_key(database, partner.office, frozenset(Right) - {Right.SHARE})
    for method, path, body in (*writing, *reading):
        foreign = await api.request(method, path, json=body, headers=other_office.bearer)
        assert foreign.status_code == HTTPStatus.NOT_FOUND, path
    for method, path, body in writing:
        for headers in (auditor, weak):
            assert (await api.request(method, path, json=body, headers=headers)).status_code == HTTPStatus.FORBIDDEN
    for method, path, body in reading:
        assert (await api.request(method, path, json=body, headers=auditor)).status_code == HTTPStatus.OK
        assert (await api.request(method, path, json=body, headers=blind)).status_code == HTTPStatus.FORBIDDEN


async def a_key(database: Database, office: Office, scopes: frozenset[Right]) -> dict[str, str]:
    async with database.practice(office.practice) as transaction:
        key = await api_key.make(transaction, office.practice, "some", scopes, lasts=timedelta(days=1))
    return {"authorization": f"Bearer {key}"}


async def test_a_consent_of_another_chart_covers_nothing(api: httpx2.AsyncClient, partner: Partner) -> None:
    office = partner.office
    other = f"/api/v1/clients/{office.unregistered}/disclosure-consents"
    body = terms(recipient="County Probation Office")
    foreign = (await api.post(other, json=body, headers=office.bearer)).json()["id"]
    copy = await api.post(
        f"/api/v1/documents/{partner.plan.id}/disclosures", json={"consent_id": foreign}, headers=office.bearer
    )
    assert copy.status_code == HTTPStatus.NOT_FOUND


async def test_the_rule_of_the_consents_in_python_is_the_rule_in_the_database(
    api: httpx2.AsyncClient, database: Database, partner: Partner
) -> None:
    async with database.practice(partner.office.practice) as transaction:
        today: date = await transaction.fetchval("select practice_today()")
    days = [-2, -1, 0, 1, 2]
    for starts in days:
        for ends in [None, *(day for day in days if day > starts)]:
            made = await consented(
                api,
                partner,
                starts_on=str(today + timedelta(days=starts)),
                ends_on=None if ends is None else str(today + timedelta(days=ends)),
            )
            async with database.practice(partner.office.practice) as transaction:
                holds = await transaction.fetchval("select true from consented where id = $1", made["id"])
                found = await disclosure.find(transaction, partner.office.client, ConsentId(UUID(made["id"])))
            assert (found.holds is Holds.HOLDS) is bool(holds)


# -- consent to electronic records (15 USC 7001(c); SPEC G1)


async def electronic(api: httpx2.AsyncClient, me: dict[str, str]) -> Json:
    found: Json = (await api.get("/api/v1/portal/consent", headers=me)).json()
    return found


@pytest.mark.parametrize("said", ["web browser", "paper", "withdraw", "email address", "now and later"])
async def test_the_text_says_what_the_statute_asks_for(api: httpx2.AsyncClient, office: Office, said: str) -> None:
    assert said in " ".join((await electronic(api, await portal(api, office)))["paragraphs"])


@pytest.mark.usefixtures("worker")
async def test_a_consent_is_withdrawn_in_the_portal_and_asked_for_again_before_the_next_signature(
    api: httpx2.AsyncClient, storage: Storage, office: Office
) -> None:
    page, shared = await sign_in(api, office.client_email), f"/portal/documents/{office.note.id}"
    path, me = await reviewed(api, office)
    assert (await electronic(api, me))["given_at"]
    assert "You have agreed" in await shown(api, "/portal/preferences", page)
    withdrawn = await api.post("/portal/preferences/consent/withdraw", headers=page)
    assert withdrawn.headers["location"] == "/portal/preferences?done=withdrawn"
    assert (await electronic(api, me))["given_at"] is None
    assert "If a document waits for your signature, ask the practice for paper" in await shown(
        api, withdrawn.headers["location"], page
    )
    # paper is offered before Add Signature asks for the consent
    said, dialog = (await shown(api, shared, page)).split("Download the PDF")
    assert "You need not do this electronically. Ask the practice for a paper copy" in said
    assert "You need not do this electronically." in dialog
    refused = await api.post(f"{path}/signature", json=signature(office), headers=me)
    assert (refused.status_code, refused.json()["type"]) == (HTTPStatus.CONFLICT, "/problems/consent-needed")
    assert (await api.get(path, headers=me)).json()["consented"] is False
    version = (await electronic(api, me))["version"]
    await api.post("/portal/preferences/consent", data={"version": version}, headers=page)
    assert "You need not" not in (await shown(api, shared, page)).split("Download")[0]
    signed = await api.post(f"{path}/signature", json=signature(office), headers=me)
    assert signed.is_success, signed.text
    copy = (await api.get(f"{path}/file", headers=me)).content
    assert version in words_of(copy)
    # what is signed stays signed
    assert (await api.delete("/api/v1/portal/consent", headers=me)).status_code == HTTPStatus.NO_CONTENT
    assert (await api.delete("/api/v1/portal/consent", headers=me)).status_code == HTTPStatus.NO_CONTENT
    assert (await api.get(path, headers=me)).json()["document"]["tag"] == "Signed"
    assert (await api.get(f"{path}/file", headers=me)).content == copy


@pytest.mark.usefixtures("worker")
async def test_other_words_about_paper_are_another_version_and_asked_for_anew(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    path, me = await reviewed(api, office)
    old = await electronic(api, me)
    words = {"paper_option": "Call 555-0100 {and} ask for paper; it is free."}
    assert (await api.patch("/api/v1/practice", json=words, headers=office.bearer)).json()["paper_option"] == words[
        "paper_option"
    ]
    new = await electronic(api, me)
    assert new["version"] != old["version"]
    assert words["paper_option"] in " ".join(new["paragraphs"])
    assert new["given_at"] is None
    assert (await api.post(f"{path}/signature", json=signature(office), headers=me)).status_code == HTTPStatus.CONFLICT
    stale = await api.post("/api/v1/portal/consent", json={"version": old["version"]}, headers=me)
    assert (stale.status_code, "has changed" in stale.json()["detail"]) == (HTTPStatus.CONFLICT, True)
    page = await api.post(
        "/portal/preferences/consent",
        data={"version": old["version"]},
        headers=await sign_in(api, office.client_email),
    )
    assert page.status_code == HTTPStatus.CONFLICT
    assert (await api.post("/api/v1/portal/consent", json={"version": new["version"]}, headers=me)).is_success
    assert (await api.post(f"{path}/signature", json=signature(office), headers=me)).is_success
    async with database.practice(office.practice) as transaction:
        kept = {row["version"]: row["text"] for row in await transaction.fetch("select * from consent_text")}
    assert kept == {one["version"]: "\n\n".join(one["paragraphs"]) for one in (old, new)}


async def test_consents_given_at_once_are_one(api: httpx2.AsyncClient, database: Database, office: Office) -> None:
    me = await portal(api, office)
    answers = await asyncio.gather(*(api.post("/api/v1/portal/consent", headers=me) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {HTTPStatus.NO_CONTENT}
    async with database.practice(office.practice) as transaction:
        assert await transaction.fetchval("select count(*) from consent where account_id = $1", office.account) == 1
        given = "select count(*) from audit where action = 'consented to electronic records'"
        assert await transaction.fetchval(given) == 1


async def test_the_review_page_asks_with_the_present_text(api: httpx2.AsyncClient, office: Office) -> None:
    await api.post(f"/api/v1/documents/{office.note.id}/share", headers=office.bearer)
    me = await portal(api, office)
    assert consent.EDITION in (await electronic(api, me))["version"]
    assert (await api.get("/portal/preferences", headers=await sign_in(api, office.client_email))).text.count(
        "I agree"
    ) == 1


# -- what is withheld (45 CFR 171; SPEC S6)


@pytest.mark.parametrize(
    "body", [WHY, WHY | {"exception": "because"}, {"exception": "privacy"}, PRIVATE | {"reason": " "}]
)
async def test_hiding_needs_an_exception_of_the_regulation_and_words(
    api: httpx2.AsyncClient, office: Office, body: Json
) -> None:
    path = f"/api/v1/documents/{office.superbill.id}"
    await api.post(f"{path}/share", headers=office.bearer)
    refused = await api.post(f"{path}/hide", json=body, headers=office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await api.get(path, headers=office.bearer)).json()["share_status"] == "Shared"


@pytest.mark.parametrize("exception", HideException)
async def test_what_was_hidden_keeps_exception_and_words_until_it_is_shared_again(
    api: httpx2.AsyncClient, database: Database, office: Office, exception: HideException
) -> None:
    path = f"/api/v1/documents/{office.superbill.id}"
    await api.post(f"{path}/share", headers=office.bearer)
    await api.post(f"{path}/hide", json=WHY | {"exception": exception}, headers=office.bearer)
    kept = "select hide_exception, hide_reason from share where version_id = $1"
    async with database.practice(office.practice) as transaction:
        row = await transaction.fetchrow(kept, office.superbill.version_id)
        assert row
        assert tuple(row) == (exception, WHY["reason"])
        detail = await transaction.fetchval("select detail from audit where action = 'taken out of the portal'")
        assert json.loads(detail)["exception"] == exception
    await api.post(f"{path}/share", headers=office.bearer)
    async with database.practice(office.practice) as transaction:
        row = await transaction.fetchrow(kept, office.superbill.version_id)
        assert row
        assert tuple(row) == (None, None)


async def test_the_page_asks_for_the_exception_and_keeps_what_was_typed(
    api: httpx2.AsyncClient, office: Office
) -> None:
    me, page = await staff(api, office.provider_email), f"/charts/{office.client}/documents/{office.superbill.id}"
    await api.post(f"{page}/share", headers=me)
    shown_ = (await api.get(page, headers=me)).text
    assert all(f'value="{one.value}"' in shown_ for one in HideException)
    refused = await api.post(f"{page}/hide", data={"reason": "It names another person."}, headers=me)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Choose the exception." in refused.text
    assert "It names another person." in refused.text
    done = await api.post(f"{page}/hide", data=PRIVATE, headers=me)
    assert done.headers["location"] == f"{page}?done=hidden"
