"""SPEC A6: everything that happens is in the log, nothing leaves it, and whoever changes it is told on."""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pypdf import PdfReader

from api import trail
from api.exports import defused
from chart import anchor, audit, proof
from chart.audit import Action
from chart.ids import PracticeId
from gateways.envelope import HEADER
from gateways.keys import read_keys
from gateways.postgres import Database
from gateways.storage import Storage
from identity import account, throttle
from identity.caller import Role
from local.postgres import Cluster
from settings import Settings
from tests.conftest import KEY, owner
from tests.office import Office, add_staff
from tests.papers import paper
from tests.sign_ins import sign_in_staff
from tests.test_bulk import finished
from tests.test_counter_sign import staff_id
from tests.test_portal import shown
from tests.test_portal import sign_in as sign_in_to_portal
from tests.test_signing import portal, reviewed, signature

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Line:
    chart: UUID
    actor: str
    action: str
    document: UUID | None
    detail: dict[str, Any]


async def log(database: Database, office: Office) -> list[Line]:
    """The whole log of the practice, oldest first."""
    async with database.practice(office.practice) as transaction:
        rows = await transaction.fetch(
            "select chart_id, actor, action, document_id, detail from audit order by at, number"
        )
    return [
        Line(row["chart_id"], row["actor"], row["action"], row["document_id"], json.loads(row["detail"]))
        for row in rows
    ]


async def staff(api: httpx2.AsyncClient, email: str) -> dict[str, str]:
    """The cookie of somebody of the practice, for pages."""
    return {"accept": "text/html"} | await sign_in_staff(api, email)


async def admin(database: Database, configured: Settings, office: Office) -> str:
    email = f"admin-{uuid4().hex[:12]}@demo.example"
    async with database.practice(office.practice) as transaction:
        await add_staff(transaction, configured, office.practice, email=email, name="=Ada Admin", role=Role.ADMIN)
    return email


# -- what is refused is in the log, although its transaction is rolled back


async def test_a_foreign_id_is_in_the_log_of_who_asked_and_not_of_whom_it_belongs_to(
    api: httpx2.AsyncClient, database: Database, office: Office, other_office: Office
) -> None:
    before = await log(database, other_office)
    foreign = await api.get(f"/api/v1/documents/{other_office.note.id}/file", headers=office.bearer)
    assert foreign.status_code == HTTPStatus.NOT_FOUND
    last = (await log(database, office))[-1]
    assert (last.chart, last.action, last.document) == (office.practice, Action.NOT_FOUND, other_office.note.id)
    assert last.actor.startswith("key:")
    assert last.detail["asked_for"] == "GET /api/v1/documents/{document_id}/file"
    assert await log(database, other_office) == before


async def test_what_a_client_may_not_see_is_in_the_log_of_its_chart(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    for path, headers in (
        ("/api/v1/portal/documents/", await portal(api, office)),
        ("/portal/documents/", await sign_in_to_portal(api, office.client_email)),
    ):
        answer = await api.get(f"{path}{office.notes_of_unregistered.id}", headers=headers)
        assert answer.status_code == HTTPStatus.NOT_FOUND
        last = (await log(database, office))[-1]
        assert (last.chart, last.action, last.actor) == (office.unregistered, Action.NOT_FOUND, office.party)


async def test_a_refused_act_is_in_the_log_of_the_chart_from_api_and_page(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    share = f"/documents/{office.psychotherapy_note.id}/share"
    refused = await api.post(f"/api/v1{share}", headers=office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    page = await api.post(f"/charts/{office.client}{share}", headers=await staff(api, office.provider_email))
    assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    lines = [line for line in await log(database, office) if line.action == Action.REFUSED]
    assert [line.chart for line in lines] == [office.client] * 2
    assert [line.document for line in lines] == [office.psychotherapy_note.id] * 2
    assert lines[0].detail["problem"] == "kind-refused"
    assert lines[1].detail["asked_for"] == "POST /charts/{client_id:uuid}/documents/{document_id:uuid}/share"


async def test_who_has_not_the_right_is_in_the_log(api: httpx2.AsyncClient, database: Database, office: Office) -> None:
    me = await staff(api, office.auditor_email)
    for path in (f"/charts/{office.client}/documents/{office.superbill.id}/share", "/api/v1/documents/no-id/share"):
        answer = await api.post(path, headers=me)
        assert answer.status_code == HTTPStatus.FORBIDDEN
        last = (await log(database, office))[-1]
        assert (last.action, last.detail["problem"]) == (Action.REFUSED, "not-allowed")


async def test_what_does_not_fit_the_route_is_no_refusal(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    answer = await api.get("/api/v1/documents/not-an-id", headers=office.bearer)
    assert answer.json()["type"] == f"/problems/{trail.INVALID}"
    assert not [line for line in await log(database, office) if line.action in (Action.REFUSED, Action.NOT_FOUND)]


async def test_a_refused_sign_in_is_in_the_log_of_the_practice(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    wrong = {"password": "not the password"}
    await api.post("/api/v1/portal/sessions", json={"email": office.client_email, **wrong})
    await api.post("/sign-in", data={"email": office.provider_email, **wrong})
    await api.post("/sign-in", data={"email": f"{uuid4()}@demo.example", **wrong})
    lines = [line for line in await log(database, office) if line.action == Action.SIGN_IN_REFUSED]
    assert [line.chart for line in lines] == [office.practice] * 2
    assert [line.actor for line in lines] == [audit.STRANGER] * 2
    assert lines[0].detail["account"] == office.party
    assert str(lines[1].detail["account"]).startswith("staff:")


async def test_of_sign_ins_that_are_held_up_some_are_in_the_log(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    wrong = {"email": office.provider_email, "password": "not the password"}
    tries = throttle.PASSWORD_HERE.at_once + 2 * throttle.NOTES.at_once
    answers = [(await api.post("/sign-in", data=wrong)).status_code for _ in range(tries)]
    assert answers.count(HTTPStatus.TOO_MANY_REQUESTS) == 2 * throttle.NOTES.at_once
    lines = [line for line in await log(database, office) if line.action == Action.SIGN_IN_REFUSED]
    told = Counter(line.detail["what"] for line in lines)
    assert told == {"password": throttle.PASSWORD_HERE.at_once, "password, held up": throttle.NOTES.at_once}
    assert {line.actor for line in lines} == {audit.STRANGER}
    assert {line.detail["network"] for line in lines} == {"127.0.0.1"}


async def test_a_wrong_password_at_an_invitation_is_in_the_log_of_the_practice(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    async with database.practice(office.practice) as transaction:
        invited = await account.invite(
            transaction,
            office.practice,
            office.unregistered,
            email=office.client_email,
            name="Jordan",
            relationship="partner",
        )
    wrong = {"token": invited.token, "password": "not the password"}
    tries = throttle.PASSWORD_HERE.at_once + 2 * throttle.NOTES.at_once
    answers = [(await api.post("/api/v1/portal/registrations", json=wrong)).status_code for _ in range(tries)]
    assert answers.count(HTTPStatus.TOO_MANY_REQUESTS) == 2 * throttle.NOTES.at_once
    lines = [line for line in await log(database, office) if line.action == Action.SIGN_IN_REFUSED]
    told = Counter(line.detail["what"] for line in lines)
    what = "password at an invitation"
    assert told == {what: throttle.PASSWORD_HERE.at_once, f"{what}, held up": throttle.NOTES.at_once}
    assert {(line.actor, line.detail["account"]) for line in lines} == {(audit.STRANGER, office.party)}
    assert invited.token not in str(lines)


async def test_a_key_that_has_ended_is_in_its_practices_log_and_an_unknown_one_is_counted(
    api: httpx2.AsyncClient, database: Database, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.practice(office.practice) as transaction:
        key_id = await transaction.fetchval("update api_key set revoked_at = now() returning id")
    for _ in range(2 * throttle.NOTES.at_once):
        assert (await api.get("/api/v1/practice", headers=office.bearer)).status_code == HTTPStatus.UNAUTHORIZED
    noted = [line for line in await log(database, office) if line.action == Action.SIGN_IN_REFUSED]
    told = [(line.actor, line.detail["account"], line.detail["network"]) for line in noted]
    assert told == [(audit.STRANGER, f"key:{key_id}", "127.0.0.1")] * throttle.NOTES.at_once
    assert office.key not in str(noted)

    def counted(kind: str) -> float:
        return REGISTRY.get_sample_value("sts_unknown_keys_total", {"kind": kind}) or 0

    before = counted("key"), counted("other")
    caplog.clear()
    for token in ("sts_" + "x" * 43, "y" * 43):
        answer = await api.get("/api/v1/practice", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert token not in caplog.text
    assert (counted("key"), counted("other")) == (before[0] + 1, before[1] + 1)
    assert caplog.text.count("an API key was refused that no practice has made") == 2


async def test_what_somebody_signed_in_is_refused_is_one_entry_in_their_name(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me = await staff(api, office.provider_email)
    wrong = {"password": "not the password"}
    while (await api.post("/account/again", data=wrong, headers=me)).status_code == HTTPStatus.FORBIDDEN:
        pass
    code = await api.post("/account/authenticator", data={"code": "000000"}, headers=me)
    assert code.status_code == HTTPStatus.FORBIDDEN
    lines = [line for line in await log(database, office) if "refused" in line.action]
    assert {line.action for line in lines} == {Action.REFUSED}
    assert {line.actor for line in lines} == {f"staff:{await staff_id(database, office, office.provider_email)}"}
    assert [line.detail["problem"] for line in lines[:-1]][-2:] == ["Forbidden", "Too Many Requests"]
    assert [line.detail["asked_for"] for line in lines][-2:] == ["POST /account/again", "POST /account/authenticator"]
    assert {line.detail["network"] for line in lines} == {"127.0.0.1"}
    assert "not the password" not in str(lines)


@pytest.mark.usefixtures("worker")
async def test_a_refusal_within_a_bulk_share_is_in_the_log_of_the_chart(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    body = {"act": "share", "documents": [str(office.psychotherapy_note.id), str(uuid4())]}
    await finished(api, office, await api.post("/api/v1/bulk-shares", json=body, headers=office.bearer))
    lines = [line for line in await log(database, office) if line.action == Action.REFUSED]
    assert {line.chart for line in lines} == {office.client, office.practice}


# -- every view


@pytest.mark.usefixtures("worker")
async def test_every_look_at_a_document_is_one_view_however_many_pages_are_drawn(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me = await staff(api, office.provider_email)
    page = f"/charts/{office.client}/documents/{office.note.id}"
    for path in ("", "/pages/1.webp", "/pages/1.webp?width=1600", "/pages/1.txt"):
        assert (await api.get(page + path, headers=me)).status_code == HTTPStatus.OK
    await reviewed(api, office)
    client = await sign_in_to_portal(api, office.client_email)
    for path in ("", "/pages/1.webp"):
        await api.get(f"/portal/documents/{office.note.id}{path}", headers=client)
    viewed = [line for line in await log(database, office) if line.action == Action.VIEWED]
    assert [line.actor.split(":")[0] for line in viewed] == ["staff", "account"]
    assert {line.document for line in viewed} == {office.note.id}

    async with database.practice(office.practice) as transaction:
        later = await transaction.fetchval(
            audit.JUST_VIEWED, office.note.id, office.party, office.note.sha256, None, timedelta(0)
        )
    assert later is None, "after a while it is another view"


async def test_a_page_that_is_drawn_without_its_document_is_a_view(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me = await staff(api, office.auditor_email)
    await api.get(f"/charts/{office.client}/documents/{office.note.id}/pages/1.webp", headers=me)
    assert (await log(database, office))[-1].action == Action.VIEWED


@pytest.mark.usefixtures("worker")
async def test_messages_requests_and_the_chart_room_are_viewed_too(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    await reviewed(api, office)
    me = await portal(api, office)
    (message,) = (await api.get("/api/v1/portal/messages", headers=me)).json()["messages"]
    for _ in range(2):
        await api.get(f"/api/v1/portal/messages/{message['id']}", headers=me)
    asked = (await api.get(f"/api/v1/documents/{office.note.id}", headers=office.bearer)).json()["request_id"]
    for path in (f"/api/v1/requests/{asked}", f"/api/v1/requests/{asked}/timeline"):
        await api.get(path, headers=office.bearer)
    for path in (
        "requests",
        f"documents/{office.superbill.id}/versions",
        f"documents/{office.notes_of_unregistered.id}/blocks",
    ):
        await api.get(f"/api/v1/{path}", headers=office.bearer)
    await api.post("/api/v1/clients/search", json={"words": "Canaryname"}, headers=office.bearer)
    actions = [line.action for line in await log(database, office)]
    assert actions.count(Action.READ_MESSAGE) == 1
    assert actions[-6:] == [
        Action.VIEWED_REQUEST,
        Action.VIEWED_REQUEST,
        Action.VIEWED_REQUESTS,
        Action.VIEWED,
        Action.VIEWED,
        Action.VIEWED_CHART_ROOM,
    ]
    assert "Canaryname" not in json.dumps([line.detail for line in await log(database, office)])
    timeline = (await api.get(f"/api/v1/requests/{asked}/timeline", headers=office.bearer)).json()["entries"]
    assert Action.VIEWED_REQUEST not in [entry["action"] for entry in timeline]


async def test_what_became_of_a_bulk_share_is_viewed_and_a_page_that_reads_itself_again_once(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    sent = {"act": "share", "documents": [str(office.superbill.id)]}
    begun = await api.post("/api/v1/bulk-shares", json=sent, headers=office.bearer)
    me = await staff(api, office.provider_email)
    for _ in range(2):
        page = await api.get(f"/bulk/{begun.json()['id']}", headers=me)
        assert "data-unfinished" in page.text
    await api.get(begun.headers["location"], headers=office.bearer)
    viewed = [line for line in await log(database, office) if line.action == Action.VIEWED_BULK]
    assert [line.actor.split(":")[0] for line in viewed] == ["staff", "key"]
    assert {line.chart for line in viewed} == {office.practice}


# -- nothing leaves it


async def test_an_entry_goes_into_a_chain_of_its_own_practice_only(
    database: Database, office: Office, other_office: Office
) -> None:
    async with database.practice(office.practice) as transaction:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await audit.record(
                transaction, office.practice, audit.SERVICE, Action.VIEWED_CHART, chart=other_office.client
            )


async def examined(database: Database, storage: Storage, office: Office) -> proof.Examined:
    async with database.practice(office.practice) as transaction:
        return await proof.examine(transaction, storage, office.practice)


async def keep(database: Database, storage: Storage, office: Office) -> None:
    async with database.practice(office.practice) as transaction:
        await anchor.keep(transaction, storage, office.practice, datetime.now(UTC))


async def some_history(api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office) -> None:
    """Several chains with entries of all kinds and characters, and two anchors, the second of the very last entries."""
    await api.get(f"/api/v1/clients/{office.client}", headers=office.bearer)
    await keep(database, storage, office)
    await api.get(f"/api/v1/documents/{office.note.id}/file", headers=office.bearer)
    await api.get(f"/api/v1/documents/{uuid4()}/file", headers=office.bearer)
    async with database.practice(office.practice) as transaction:
        await audit.record(
            transaction,
            office.practice,
            audit.SERVICE,
            Action.NEEDS_ATTENTION,
            chart=office.unregistered,
            reason='"quoted" \\ / \x01\x7f\u2028 Zoë 王 🙂 \t\n',
            number=3,
            nothing=None,
        )
    await keep(database, storage, office)


async def test_an_untouched_log_is_as_it_was_written(
    api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office
) -> None:
    await some_history(api, database, storage, office)
    found = await examined(database, storage, office)
    assert found.broken == []
    assert (found.chains, found.anchors) == (3, 2)
    assert found.entries == len(await log(database, office))
    assert str(found).endswith("all as they were written.")


@dataclass(frozen=True)
class Tampering:
    """One change of one row: `row` and `at` are taken modulo what there is."""

    column: str
    row: int
    at: int
    bit: int


COLUMNS = (
    *("practice_id", "chart_id", "number", "at", "actor", "action", "document_id", "request_id", "detail"),
    *("previous", "hash", "delete"),
)


async def test_no_column_of_the_log_is_left_out(database: Database) -> None:
    async with database.anyone() as transaction:
        rows = await transaction.fetch(
            "select column_name as name from information_schema.columns where table_name = 'audit'"
        )
    assert {row["name"] for row in rows} == set(COLUMNS) - {"delete"}


def drawn(of_each: int) -> list[Tampering]:
    """So many of each column."""
    return [one for column in COLUMNS for one in _drawn(column, of_each)]


def _drawn(column: str, count: int) -> list[Tampering]:
    number = st.integers(0, 10_000)
    made: list[Tampering] = []

    @examples(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.builds(Tampering, column=st.just(column), row=number, at=number, bit=st.integers(0, 7)))
    def collect(one: Tampering) -> None:
        made.append(one)

    collect()
    return made


def flipped(value: Any, how: Tampering) -> Any:
    """The value with one bit of one of its bytes turned over; of nothing something."""
    match value:
        case None:
            return uuid4()
        case UUID():
            return UUID(bytes=flipped(value.bytes, how))
        case bytes():
            content = bytearray(value or b"\0")
            content[how.at % len(content)] ^= 1 << how.bit
            return bytes(content)
        case int():
            return value ^ (1 << (8 + how.at % 24))
        case datetime():
            return value + timedelta(microseconds=1 << (how.at % 40))
        case str():
            at = how.at % len(value)
            return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    raise AssertionError(value)


async def tamper(
    connection: "asyncpg.Connection[asyncpg.Record]", how: Tampering, office: Office, other_office: Office
) -> None:
    """As the owner of the database, who can do anything to it."""
    rows = await connection.fetch(
        "select * from audit where practice_id = $1 order by chart_id, number", office.practice
    )
    row = rows[how.row % len(rows)]
    here = row["chart_id"], row["number"]
    if how.column == "delete":
        await connection.execute("delete from audit where chart_id = $1 and number = $2", *here)
        return
    new = other_office.practice if how.column == "practice_id" else flipped(row[how.column], how)
    update = f"update audit set {how.column} = $3 where chart_id = $1 and number = $2"
    try:
        async with connection.transaction():
            await connection.execute(update, *here, new)
    except asyncpg.DataError:  # what was turned over is no JSON any more
        await connection.execute(update, *here, json.dumps({"another": how.at}))


async def test_whoever_flips_any_byte_of_the_log_or_takes_any_entry_out_is_told_on(
    api: httpx2.AsyncClient,
    database: Database,
    storage: Storage,
    postgres: Cluster,
    office: Office,
    other_office: Office,
) -> None:
    await some_history(api, database, storage, office)
    async with owner(postgres) as connection:
        for how in drawn(34):
            undone = connection.transaction()
            await undone.start()
            await tamper(connection, how, office, other_office)
            found = await proof.examine(connection, storage, office.practice)  # type: ignore[arg-type]
            await undone.rollback()
            assert found.broken, how
            assert "Canary" not in str(found)
    assert (await examined(database, storage, office)).broken == []


@pytest.mark.parametrize("what", ["chart_id = $2", "chart_id = $1", "chart_id is not null"])
async def test_a_chain_that_is_gone_as_a_whole_is_told(
    api: httpx2.AsyncClient, database: Database, storage: Storage, postgres: Cluster, office: Office, what: str
) -> None:
    await some_history(api, database, storage, office)
    async with owner(postgres) as connection:
        undone = connection.transaction()
        await undone.start()
        await connection.execute(
            f"delete from audit where practice_id = $1 and $2::uuid is not null and {what}",
            office.practice,
            office.client,
        )
        found = await proof.examine(connection, storage, office.practice)  # type: ignore[arg-type]
        await undone.rollback()
    assert any("it is missing" in one for one in found.broken), found.broken


async def test_a_chain_that_was_written_anew_from_its_first_entry_is_told(
    api: httpx2.AsyncClient, database: Database, storage: Storage, postgres: Cluster, office: Office
) -> None:
    await some_history(api, database, storage, office)
    async with owner(postgres) as connection:
        undone = connection.transaction()
        await undone.start()
        await connection.execute(
            "create temporary table kept as select * from audit where chart_id = $1", office.client
        )
        await connection.execute("delete from audit where chart_id = $1", office.client)
        await connection.execute("update kept set actor = 'service'")
        await connection.execute(
            "insert into audit (practice_id, chart_id, actor, action, document_id, request_id, detail)"
            " select practice_id, chart_id, actor, action, document_id, request_id, detail from kept order by number"
        )
        found = await proof.examine(connection, storage, office.practice)  # type: ignore[arg-type]
        await undone.rollback()
    assert [one for one in found.broken if "another one than was anchored" in one]


# -- anchors and stored files


async def time_stamped(database: Database, storage: Storage, office: Office) -> None:
    """Files of every kind: an upload that was made fit, the version made from it, and that with a time stamp."""
    made = {name: await storage.put(paper(f"{name} {uuid4()}")) for name in ("upload", "sealed", "time-stamped")}
    async with database.practice(office.practice) as transaction:
        version = await transaction.fetchval(
            "insert into version (practice_id, document_id, number, sha256, upload_sha256, size, pages)"
            " values ($1, $2, 2, $3, $4, 1, 1) returning id",
            *(office.practice, office.note.id, made["sealed"], made["upload"]),
        )
        await transaction.execute(
            "insert into time_stamp (practice_id, version_id, sha256, size, at, authority)"
            " values ($1, $2, $3, 1, now(), 'an authority')",
            *(office.practice, version, made["time-stamped"]),
        )


async def files_of(database: Database, storage: Storage, office: Office) -> list[Path]:
    """Whatever the chart of this practice names by its hash, in whichever table, and its anchors."""
    found: set[str] = set()
    async with database.practice(office.practice) as transaction:
        for row in await transaction.fetch(HASHES):
            found |= {
                each["sha256"] for each in await transaction.fetch(f"select {row['name']} as sha256 from {row['of']}")
            }
    anchors = storage._folder / anchor.folder(office.practice)
    return sorted(storage.path(sha256) for sha256 in found - {None}) + sorted(anchors.iterdir())


HASHES = """
select c.table_name as of, c.column_name as name from information_schema.columns c
join information_schema.tables t using (table_schema, table_name)
where t.table_type = 'BASE TABLE' and t.table_schema = 'public'
and c.column_name in ('sha256', 'upload_sha256') and c.data_type = 'text'
"""


async def test_whoever_changes_or_removes_any_stored_file_is_told_on(
    api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office
) -> None:
    await some_history(api, database, storage, office)
    await time_stamped(database, storage, office)
    files = await files_of(database, storage, office)
    assert len(files) >= 9
    for number, how in enumerate(drawn(5)):
        # each file is spoiled in some way; which one does not come by chance
        path = files[number % len(files)]
        content = path.read_bytes()
        match how.column:
            case "delete" | "previous":
                path.unlink()
            case "hash":
                path.write_bytes(content + b"\n")
            case _:
                # behind the header, whose unused bytes say nothing
                path.write_bytes(content[:HEADER] + flipped(content[HEADER:], how))
        found = await examined(database, storage, office)
        path.write_bytes(content)
        assert found.broken, (how, path)
    assert (await examined(database, storage, office)).broken == []


def without_its_key(storage: Storage) -> Storage:
    """The same store for a process whose settings lack the key."""
    return Storage(storage._folder, {"another": read_keys(KEY, "STS_STORAGE_KEYS")["test"]})


async def test_a_file_whose_key_is_not_at_hand_is_told_and_so_is_an_anchor(
    api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office
) -> None:
    await some_history(api, database, storage, office)
    found = await examined(database, without_its_key(storage), office)
    of_anchors = [line for line in found.broken if line.startswith("anchor ")]
    assert len(of_anchors) == 2
    assert all(line.endswith(".json: its key is not in STS_STORAGE_KEYS.") for line in of_anchors)
    of_files = [line for line in found.broken if line not in of_anchors]
    assert len(of_files) == found.files
    locked = f"the key of the stored file {office.note.sha256} is not in STS_STORAGE_KEYS."
    assert f"document {office.note.id}, version 1: {locked}" in of_files


async def test_an_anchor_whose_key_is_not_at_hand_waits_for_it_and_holds_up_no_other_practice(
    database: Database,
    storage: Storage,
    office: Office,
    other_office: Office,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with database.practice(office.practice) as transaction:
        made = anchor.Anchor(office.practice, datetime.now(UTC), await anchor.heads(transaction))
    unfinished = f"{anchor.folder(office.practice)}/20261103T020000.000000.json"
    await storage.put_named(unfinished, made.content())
    locked = without_its_key(storage)

    async def these(_: Database) -> list[PracticeId]:
        return [office.practice, other_office.practice]

    monkeypatch.setattr(anchor, "practices", these)  # those of other tests keep their key
    keeping = asyncio.create_task(anchor.keep_daily(database, locked))
    for _ in range(200):
        if await locked.names(anchor.folder(other_office.practice)):
            break
        await asyncio.sleep(0.05)
    keeping.cancel()
    assert len(await locked.names(anchor.folder(other_office.practice))) == 1
    assert "restore it, or its key" in caplog.text
    assert await storage.names(anchor.folder(office.practice)) == [unfinished]
    assert await anchor.keep_if_due(database, storage, office.practice), "with the key again"
    assert (await examined(database, storage, office)).broken == []


async def test_an_anchor_is_kept_once_a_day(database: Database, storage: Storage, office: Office) -> None:
    assert await anchor.keep_if_due(database, storage, office.practice)
    assert not await anchor.keep_if_due(database, storage, office.practice)
    assert office.practice in await anchor.practices(database)
    assert len(await storage.names(anchor.folder(office.practice))) == 1


async def test_the_worker_anchors_what_is_due_by_itself(database: Database, storage: Storage, office: Office) -> None:
    keeping = asyncio.create_task(anchor.keep_daily(database, storage))
    for _ in range(200):
        if await storage.names(anchor.folder(office.practice)):
            break
        await asyncio.sleep(0.05)
    keeping.cancel()
    assert len(await storage.names(anchor.folder(office.practice))) == 1


async def test_an_anchor_whose_process_died_before_its_entry_is_entered_by_the_next(
    database: Database, storage: Storage, office: Office
) -> None:
    async with database.practice(office.practice) as transaction:
        made = anchor.Anchor(office.practice, datetime.now(UTC), await anchor.heads(transaction))
    await storage.put_named(f"{anchor.folder(office.practice)}/20261103T020000.000000.json", made.content())
    assert "no entry in the chain" in str(await examined(database, storage, office))
    await keep(database, storage, office)
    found = await examined(database, storage, office)
    assert (found.anchors, found.broken) == (1, [])


async def test_the_log_goes_on_after_an_anchor(
    api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office
) -> None:
    await some_history(api, database, storage, office)
    await api.get(f"/api/v1/clients/{office.client}", headers=office.bearer)
    assert (await examined(database, storage, office)).broken == []


async def test_the_command_tells_the_first_broken_link_and_nothing_personal(
    api: httpx2.AsyncClient,
    configured: Settings,
    database: Database,
    storage: Storage,
    postgres: Cluster,
    office: Office,
) -> None:
    await some_history(api, database, storage, office)
    async with owner(postgres) as connection:
        changed = "update audit set actor = $2 where chart_id = $1 and number = 2 returning number"
        was = await connection.fetchval("select actor from audit where chart_id = $1 and number = 2", office.client)
        await connection.execute(changed, office.client, "service")
        told = verify(configured)
        await connection.execute(changed, office.client, was)
    assert told.returncode == 1
    assert f"chart {office.client}, entry 2: it was changed." in told.stdout
    assert "Canary" not in told.stdout + told.stderr


def verify(configured: Settings) -> "subprocess.CompletedProcess[str]":
    environment = {
        "STS_DATABASE_URL": configured.database_url.get_secret_value(),
        "STS_STORAGE_FOLDER": str(configured.storage_folder),
        "STS_PAYLOAD_KEYS": KEY,
    }
    return subprocess.run(
        [sys.executable, "-m", "chart.proof", "verify"],
        cwd=ROOT,
        env=dict(os.environ) | {f"STS_{name.upper()}": _said(value) for name, value in configured} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _said(value: Any) -> str:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)


# -- who reads it, and how it is taken along


async def test_auditor_and_admin_read_the_log_and_nobody_else(
    api: httpx2.AsyncClient, database: Database, configured: Settings, office: Office
) -> None:
    paths = ("/audit", f"/audit?chart={office.client}", f"/charts/{office.client}/audit.csv")
    for email, status in (
        (office.auditor_email, HTTPStatus.OK),
        (await admin(database, configured, office), HTTPStatus.OK),
        (office.provider_email, HTTPStatus.FORBIDDEN),
    ):
        me = await staff(api, email)
        assert {(await api.get(path, headers=me)).status_code for path in paths} == {status}


async def test_another_practices_log_is_not_there(
    api: httpx2.AsyncClient, office: Office, other_office: Office
) -> None:
    chart = other_office.client
    for path in (
        f"/api/v1/audit?client_id={chart}",
        *(f"/api/v1/clients/{chart}/audit/{form}" for form in ("csv", "pdf")),
    ):
        assert (await api.get(path, headers=office.bearer)).status_code == HTTPStatus.NOT_FOUND
    me = await staff(api, office.auditor_email)
    assert (await api.get(f"/charts/{chart}/audit.json", headers=me)).status_code == HTTPStatus.NOT_FOUND
    everything = (await api.get("/api/v1/audit?limit=500", headers=office.bearer)).json()["entries"]
    assert {entry["client_id"] for entry in everything} <= {None, str(office.client)}


async def test_the_log_is_read_page_by_page_and_by_filters(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    for _ in range(3):
        await api.get(f"/api/v1/clients/{office.client}", headers=office.bearer)
    everything = (await api.get("/api/v1/audit?limit=500", headers=office.bearer)).json()["entries"]
    until = f"until={datetime.fromisoformat(everything[0]['at']) + timedelta(microseconds=1):%Y-%m-%dT%H:%M:%S.%fZ}"
    read: list[dict[str, Any]] = []
    following = "first"
    while following:
        after = "" if following == "first" else f"&after={following}"
        page = (await api.get(f"/api/v1/audit?limit=3&{until}{after}", headers=office.bearer)).json()
        read += page["entries"]
        following = page["next"]
    assert read == everything
    viewed = (
        await api.get(f"/api/v1/audit?client_id={office.client}&action=viewed chart", headers=office.bearer)
    ).json()["entries"]
    assert len(viewed) == 3
    actor = viewed[0]["actor"]
    assert (
        await api.get(f"/api/v1/audit?actor={actor}&since={viewed[0]['at'][:-1]}Z", headers=office.bearer)
    ).is_success
    by_client = (await api.get(f"/api/v1/audit?actor={office.party}", headers=office.bearer)).json()["entries"]
    assert {entry["actor"] for entry in by_client} == {office.party}
    wrong = await api.get("/api/v1/audit?after=nonsense", headers=office.bearer)
    assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_the_page_filters_pages_and_offers_the_files_of_a_chart(api: httpx2.AsyncClient, office: Office) -> None:
    me = await staff(api, office.auditor_email)
    for _ in range(55):
        await api.get(f"/api/v1/clients/{office.client}", headers=office.bearer)
    first = (await api.get(f"/audit?chart={office.client}&action=viewed+chart", headers=me)).text
    assert f"/charts/{office.client}/audit.pdf" in first
    older = first.split('rel="next"')[0].rpartition('href="')[2].rstrip('" ').replace("&amp;", "&")
    assert (await shown(api, older, me)).count("Viewed chart") >= 5
    refused = (await api.get("/audit?chart=1&action=viewed+chart&since=2026-11-01", headers=me)).text
    assert "This is not the id of a chart." in refused
    assert 'value="viewed chart" selected' in refused
    assert 'value="2026-11-01"' in refused
    assert "<table" not in refused
    assert "Choose a day" in (await api.get("/audit?until=9999-12-31", headers=me)).text
    assert (await api.get("/audit?since=2026-11-01&until=2026-10-01", headers=me)).text.count("Nothing fits") == 1
    assert f'href="/audit?chart={office.client}"' in (await api.get(f"/charts/{office.client}", headers=me)).text


async def test_the_export_of_a_chart_proves_itself_in_every_format(
    api: httpx2.AsyncClient, database: Database, configured: Settings, office: Office
) -> None:
    me = await staff(api, await admin(database, configured, office))
    await api.get(f"/charts/{office.client}", headers=me)
    path = f"/api/v1/clients/{office.client}/audit"
    taken = (await api.get(f"{path}/json", headers=office.bearer)).json()["entries"]
    assert [entry["number"] for entry in taken] == list(range(1, len(taken) + 1))
    assert all(after["previous"] == before["hash"] for before, after in pairwise(taken))
    assert taken[-1]["action"] == Action.EXPORTED_AUDIT

    answer = await api.get(f"{path}/csv", headers=office.bearer)
    assert answer.headers["content-disposition"] == f'attachment; filename="audit-{str(office.client)[-12:]}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["hash"] for row in rows[:-1]] == [entry["hash"] for entry in taken]
    assert "'=Ada Admin" in {row["name"] for row in rows}

    printed = PdfReader(io.BytesIO((await api.get(f"{path}/pdf", headers=office.bearer)).content))
    text = "".join(page.extract_text() for page in printed.pages)
    assert "exported the audit log" in text
    assert taken[0]["hash"][:16] in text


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_calculate_is_defused(cell: str) -> None:
    assert defused(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Ana Ruiz", "2026-11-03", "{}"])
def test_any_other_cell_stays_as_it_is(cell: str) -> None:
    assert defused(cell) == cell


@pytest.mark.usefixtures("worker")
async def test_the_whole_main_job_is_in_the_log_and_verifies(
    api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office
) -> None:
    path, me = await reviewed(api, office)
    assert (await api.post(f"{path}/signature", json=signature(office), headers=me)).is_success
    await api.get(f"{path}/file", headers=me)
    actions = [line.action for line in await log(database, office)]
    for action in (
        Action.ASKED_TO_SIGN,
        Action.MAILED,
        Action.VIEWED,
        Action.CONSENTED,
        Action.SIGNED,
        Action.DOWNLOADED,
    ):
        assert action in actions
    await keep(database, storage, office)
    assert (await examined(database, storage, office)).broken == []
