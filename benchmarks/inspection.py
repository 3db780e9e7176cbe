"""What stands after a fault run, looked at from outside: SQL as the owner, the engine, HTTP, the mail catcher.

Lost: something that was acknowledged is not there. Doubled: something is there more often than it was asked for.
Stuck: something has not ended, and nothing moves it.
"""

import asyncio
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import TypeAlias

import asyncpg
import httpx2
from temporalio.client import Client, WorkflowExecutionStatus

import pdf
from activities.ask import WORKFLOW, workflow_id
from benchmarks.patient import SIGNED, Lifecycle
from chart.audit import Action
from chart.ids import DocumentId

ENDINGS = {
    "signed": Action.SIGNED,
    "declined": Action.DECLINED,
    "recalled": Action.RECALLED,
    "replaced": Action.REPLACED,
}
"""The audit entry of each ending."""

TOLD = {"recalled", "replaced"}
"""Endings of which the signer gets a message too; the others signers know of by themselves."""

Row: TypeAlias = "asyncpg.Record"


class Kind(StrEnum):
    LOST = "lost"
    DOUBLED = "doubled"
    STUCK = "stuck"


@dataclass(frozen=True)
class Finding:
    kind: Kind
    what: str
    evidence: tuple[str, ...] = ()
    """The request's lines in the audit log."""


@dataclass(frozen=True)
class Places:
    """Where to look."""

    owner_dsn: str
    engine: str
    staff: httpx2.AsyncClient
    mail: Path
    trusted: bytes
    """The seal's certificates, PEM."""


@dataclass
class Inspection:
    findings: list[Finding] = field(default_factory=list)
    repeated_mails: int = 0
    """Mails that came once more, with the same Message-ID (SPEC N3)."""
    verified: int = 0
    """Signed files that are what was signed."""

    def found(self, kind: Kind, what: str, *evidence: str) -> None:
        self.findings.append(Finding(kind, what, evidence))

    def count(self, what: str, count: int, *, wanted: int = 1, evidence: Sequence[str] = ()) -> None:
        """There have to be as many as `wanted`."""
        if count != wanted:
            kind = Kind.DOUBLED if count > wanted else Kind.LOST
            self.found(kind, f"{what}: {count} instead of {wanted}", *evidence)


async def settle(places: Places, within: float) -> bool:
    """Wait until no workflow and no request is open; whether that came true `within` so many seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while loop.time() < until:
        if await _open(places) == 0:
            return True
        await asyncio.sleep(0.25)
    return False


async def _open(places: Places) -> int | None:
    """Workflows and requests in flight; None while nobody answers."""
    try:
        connection = await asyncpg.connect(places.owner_dsn)
        try:
            rows: int = await connection.fetchval("select count(*) from signature_request where ended_at is null")
        finally:
            await connection.close()
        engine = await Client.connect(places.engine)
        workflows = (await engine.count_workflows("ExecutionStatus = 'Running'")).count
        queue = await places.staff.get("/requests")
        return rows + workflows if queue.is_success else None
    except (OSError, RuntimeError, asyncpg.PostgresError, httpx2.HTTPError):  # on its way back
        return None


async def inspect(places: Places, lifecycles: Sequence[Lifecycle]) -> Inspection:
    """Everything there is to find; the same lifecycle may be found several times."""
    made = Inspection()
    connection = await asyncpg.connect(places.owner_dsn)
    try:
        by_document: defaultdict[str, list[Row]] = defaultdict(list)
        for row in await connection.fetch(REQUESTS):
            by_document[str(row["document_id"])].append(row)
        sent = await connection.fetch(MAILS)
        for broken in await connection.fetch(BROKEN_CHAINS):
            made.found(Kind.LOST, f"audit entry {broken['number']} of chart {broken['chart_id']} breaks its chain")
    finally:
        await connection.close()
    for one in lifecycles:
        if one.gave_up:
            made.found(Kind.STUCK, f"{one.name}: whoever tried gave up: {one.gave_up}")
        if one.document:
            await _look_at(places, made, one, by_document.pop(one.document["id"], []))
    for document, rows in by_document.items():
        made.found(Kind.DOUBLED, f"document {document} has {len(rows)} requests that nobody asked for")
    await _look_at_workflows(places, made, lifecycles)
    _look_at_mails(places, made, sent)
    return made


async def _look_at(places: Places, made: Inspection, one: Lifecycle, rows: list[Row]) -> None:
    acknowledged = len(one.request_ids)
    if acknowledged > 1:
        made.found(Kind.DOUBLED, f"{one.name}: answered with {acknowledged} requests")
    made.count(f"{one.name}: requests", len(rows), wanted=min(acknowledged, 1))
    for row in rows:
        log = tuple(row["log"])
        if acknowledged and str(row["id"]) not in one.request_ids:
            made.found(Kind.LOST, f"{one.name}: its request is another than was acknowledged", *log)
        if row["ended_at"] is None or row["attention"] is not None:
            made.found(Kind.STUCK, f"{one.name}: is {row['state']}, {row['attention'] or 'open'}", *log)
        elif row["state"] != one.ending and one.acknowledged:
            made.found(Kind.LOST, f"{one.name}: was acknowledged and ended as {row['state']}", *log)
        for what, count, wanted in _counts(row):
            made.count(f"{one.name}: {what}", count, wanted=wanted, evidence=log)
        for again in row["mailed_again"]:
            made.found(Kind.DOUBLED, f"{one.name}: several entries for one mail ({again})", *log)
        if row["state"] == SIGNED:
            await _look_into_the_file(places, made, one, log)


def _counts(row: Row) -> Iterator[tuple[str, int, int]]:
    """What there has to be of each request, and how much."""
    state, actions = row["state"], Counter(row["actions"])
    signed = state == SIGNED
    yield "record requests in inboxes", row["record_requests"], row["signers"]
    yield "messages of its end", row["end_messages"], row["signers"] if state in TOLD else 0
    yield "signed versions", row["signed_versions"], int(signed)
    yield "signers who have signed", row["signed_seats"], row["signers"] if signed else 0
    yield "entries that it was asked for", actions[Action.ASKED_TO_SIGN], 1
    yield "entries of an ending", sum(actions[ending] for ending in ENDINGS.values()), 1
    if state in ENDINGS:
        yield "entries of its ending", actions[ENDINGS[state]], 1
    if state == "replaced":
        yield "versions besides the first, at least", int(row["uploaded_versions"] > 1), 1


async def _look_into_the_file(places: Places, made: Inspection, one: Lifecycle, log: tuple[str, ...]) -> None:
    assert one.document
    path, sha256 = f"/documents/{one.document['id']}", one.document["sha256"]
    signed, original = await places.staff.get(f"{path}/signed"), await places.staff.get(f"{path}/file")
    if signed.status_code != HTTPStatus.OK or original.status_code != HTTPStatus.OK:
        made.found(
            Kind.LOST, f"{one.name}: its files answer {original.status_code} and {signed.status_code}, signed", *log
        )
        return
    found = await asyncio.to_thread(pdf.verify, signed.content, places.trusted)
    whole = hashlib.sha256(original.content).hexdigest() == sha256 == found.original_sha256
    if found.valid and whole and signed.content.startswith(original.content):
        made.verified += 1
    else:
        made.found(Kind.LOST, f"{one.name}: the signed file is not what was signed ({found})", *log)


async def _look_at_workflows(places: Places, made: Inspection, lifecycles: Sequence[Lifecycle]) -> None:
    """One of each request, completed; and nothing else is open either."""
    engine = await Client.connect(places.engine)
    runs: defaultdict[str, list[WorkflowExecutionStatus | None]] = defaultdict(list)
    async for execution in engine.list_workflows():
        if execution.workflow_type == WORKFLOW:
            runs[execution.id].append(execution.status)
        elif execution.status is not WorkflowExecutionStatus.COMPLETED:
            made.found(Kind.STUCK, f"workflow {execution.id} is {_said(execution.status)}")
    for one in lifecycles:
        if one.document and one.request_ids:
            statuses = runs[workflow_id(DocumentId(one.document["id"]))]
            made.count(f"{one.name}: workflow runs", len(statuses))
            for status in statuses:
                if status is not WorkflowExecutionStatus.COMPLETED:
                    made.found(Kind.STUCK, f"{one.name}: its workflow is {_said(status)}")


def _said(status: WorkflowExecutionStatus | None) -> str:
    return status.name.lower() if status else "unknown"


def _look_at_mails(places: Places, made: Inspection, sent: Sequence[Row]) -> None:
    """What the catcher has: for each message and occasion one mail, which may have come again."""
    ids: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for file in places.mail.glob("*.eml"):
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        body = mail.get_body(("plain",))
        if body and (link := re.search(r"/portal/inbox/(\S+)", body.get_content())):
            ids[link.group(1), str(mail["Subject"])].append(str(mail["Message-ID"]))
    for (message_id, _), came in ids.items():
        made.repeated_mails += len(came) - len(set(came))
        if len(set(came)) > 1:
            made.found(Kind.DOUBLED, f"{len(set(came))} different mails for message {message_id}")
    arrived = Counter(message_id for message_id, _ in ids)
    for row in sent:
        if arrived[str(row["message_id"])] < row["occasions"]:
            made.found(Kind.LOST, f"the mail for message {row['message_id']} is noted as sent and never came")


REQUESTS = """
select q.id, q.document_id, q.state, q.attention, q.ended_at,
    (select count(*) from signer s where s.request_id = q.id) as signers,
    (select count(*) from signer s where s.request_id = q.id and s.state = 'signed') as signed_seats,
    (select count(*) from message m where m.request_id = q.id and m.about = 'record_request') as record_requests,
    (select count(*) from message m where m.request_id = q.id and m.about <> 'record_request') as end_messages,
    (select count(*) from version v where v.document_id = q.document_id and v.signed_by_request is not null)
        as signed_versions,
    (select count(*) from version v where v.document_id = q.document_id and v.signed_by_request is null)
        as uploaded_versions,
    array(select a.action from audit a where a.request_id = q.id) as actions,
    array(
        select to_char(a.at, 'HH24:MI:SS.MS ') || a.action from audit a where a.request_id = q.id order by a.number
    ) as log,
    array(
        select concat_ws(', ', a.detail->>'to', a.detail->>'about', a.detail->>'occasion') from audit a
        where a.request_id = q.id and a.action = 'mailed' group by 1 having count(*) > 1
    ) as mailed_again
from signature_request q
"""

MAILS = "select message_id, count(*) as occasions from mail where state = 'sent' group by message_id"

# as migration 0001 computes it
BROKEN_CHAINS = """
select chart_id, number from (
    select chart_id, number, hash <> audit_hash(a) or previous <> coalesce(lag(hash) over chain, '\\x'::bytea)
        or number <> coalesce(lag(number) over chain, 0) + 1 as broken
    from audit a window chain as (partition by chart_id order by number)
) entries where broken
"""
