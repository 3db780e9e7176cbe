"""The audit log: append-only, hash-chained for each chart (45 CFR 164.312(b), SPEC A6).

Written in the same transaction as what it records; what is refused in a transaction of its own, since that one is
rolled back. The chain is computed by the database (migration 0001), so no writer can forget it. Nothing is ever
removed, so also not within the six years of 45 CFR 164.316(b)(2)(i): no command purges it, and the application may
neither change nor delete nor truncate (docs/decisions/030). `chart.proof` verifies it.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from chart import cursor
from chart.ids import ClientId, DocumentId, PracticeId, RequestId
from gateways.postgres import SQL, Record, Transaction

Actor = NewType("Actor", str)
"""Who did it: `staff:<id>`, `account:<id>`, `key:<id>`, `service` or `stranger`."""

SERVICE = Actor("service")
STRANGER = Actor("stranger")
"""Somebody who is not signed in."""


class Action(StrEnum):
    """What happened."""

    SIGNED_IN = "signed in"
    SIGN_IN_REFUSED = "sign-in refused"
    SIGNED_OUT = "signed out"
    SIGNED_OUT_ELSEWHERE = "signed out elsewhere"
    CHANGED_PASSWORD = "changed the password"  # noqa: S105 - an event, not a password
    RESET_PASSWORD = "chose a new password by email"  # noqa: S105
    ADDED_FACTOR = "added a second factor"
    REMOVED_FACTOR = "removed a second factor"
    MADE_RECOVERY_CODES = "made recovery codes"
    MADE_KEY = "made an API key"
    REVOKED_KEY = "revoked an API key"
    INVITED_COLLEAGUE = "invited a colleague"
    CHANGED_ROLE = "changed a colleague's role"
    ENDED_COLLEAGUE = "ended a colleague's access"
    READMITTED_COLLEAGUE = "let a colleague back in"
    TOOK_FACTORS = "removed a colleague's second factors"
    OFFERED_FACTORS = "let somebody who lost every second factor set a new one"
    REPLACED_FACTORS = "replaced every second factor"
    KEPT_FACTORS = "signed in with a second factor that was said to be lost"
    CREATED_CLIENT = "created client"
    REVOKED_INVITATION = "took an invitation back"
    INVITED = "invited"
    REGISTERED = "registered"
    RECORDED_CONSENT = "recorded a consent to disclose"
    REVOKED_CONSENT = "revoked a consent to disclose"
    DISCLOSED = "disclosed"
    EXPORTED_DISCLOSURES = "exported the disclosures"
    RESTRICTED = "restricted the chart"
    LIFTED_RESTRICTION = "lifted the restriction of the chart"
    BROKE_GLASS = "opened a restricted chart in an emergency"
    ENDED_ACCESS = "ended access"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    UPLOADED = "uploaded"
    VIEWED_CHART = "viewed chart"
    VIEWED_CHART_ROOM = "viewed the Chart Room"
    VIEWED_REQUEST = "viewed the request"
    VIEWED_REQUESTS = "viewed the requests that wait"
    VIEWED_BULK = "viewed a bulk share"
    VIEWED_CALENDAR = "viewed the calendar"
    MADE_APPOINTMENT = "made an appointment"
    MOVED_APPOINTMENT = "moved an appointment"
    CANCELLED_APPOINTMENT = "cancelled an appointment"
    VIEWED_AUDIT = "viewed the audit log"
    EXPORTED_AUDIT = "exported the audit log"
    READ_MESSAGE = "read the message"
    VIEWED = "viewed"
    DOWNLOADED = "downloaded"
    SHARED = "shared"
    ASKED_TO_SIGN = "asked to sign"
    MAILED = "mailed"
    MAIL_REFUSED = "mail refused"
    CONSENTED = "consented to electronic records"
    WITHDREW_CONSENT = "withdrew the consent to electronic records"
    REGISTRATION_AWAITED = "waits for registration"
    MAIL_DELAYED = "mail delayed"
    MAIL_FAILED = "mail failed"
    SIGNATURE_TAKEN = "signature taken"
    SIGNED = "signed"
    TIME_STAMPED = "time-stamped"
    TIME_STAMP_WAITS = "waits for its time stamp"
    TIME_STAMP_GIVEN_UP = "stays without a time stamp"
    DECLINED = "declined"
    RECALLED = "recalled"
    EXPIRED = "expired"
    REPLACED = "replaced by a new version"
    UNABLE_TO_OBTAIN = "unable to obtain a signature"
    SIGNED_ON_PAPER = "signed on paper"
    EXTENDED = "extended"
    RESCHEDULED = "reminders changed"
    NEEDS_ATTENTION = "needs attention"
    RESUMED = "resumed"
    SKIPPED = "skipped"
    REISSUED = "re-issued"
    CAME_TOO_LATE = "came too late"
    CHANGED_PRACTICE = "changed the practice's settings"
    CHANGED_LANGUAGE = "changed the language"
    CHANGED_REMINDERS = "changed whether reminders come"
    CHANGED_TIMEZONE = "changed the time zone"
    ADDED_VERSION = "added a version"
    HID = "taken out of the portal"
    REFUSED = "was refused"
    """An act, a document or a chart; `problem` says which kind of refusal."""
    NOT_FOUND = "asked for what is not there"
    """Or is somebody else's: whoever asks is told the same (SPEC A5)."""
    ANCHORED = "anchored the audit log"


async def record(
    transaction: Transaction,
    practice: PracticeId,
    actor: Actor,
    action: Action,
    *,
    chart: ClientId | None = None,
    document: DocumentId | None = None,
    request: RequestId | None = None,
    **detail: str | int | None,
) -> None:
    """Append one entry to the chart's chain, or to the practice's own where no chart is concerned."""
    await transaction.execute(
        RECORD, practice, chart or practice, actor, action.value, document, request, json.dumps(detail)
    )


async def view(
    transaction: Transaction,
    practice: PracticeId,
    actor: Actor,
    chart: ClientId,
    document: DocumentId,
    *,
    request: RequestId | None = None,
    sha256: str,
    relationship: str | None = None,
    consent: str | None = None,
) -> None:
    """Record that somebody looks at a version of a document. Its pages come one by one: within `ONE_VIEW` it is one.

    Of a portal account with its relationship to the client, and the consent without which it might not look: the
    ledger of disclosures reads them (`chart.disclosure`).
    """
    if request or await transaction.fetchval(JUST_VIEWED, document, actor, sha256, consent, ONE_VIEW) is None:
        await record(
            transaction,
            practice,
            actor,
            Action.VIEWED,
            chart=chart,
            document=document,
            request=request,
            sha256=sha256,
            relationship=relationship,
            consent=consent,
        )


async def view_bulk(transaction: Transaction, practice: PracticeId, actor: Actor, bulk_id: str) -> None:
    """Record that somebody looks at what became of a bulk share; its page reads itself again until all is done."""
    if await transaction.fetchval(JUST_VIEWED_BULK, practice, actor, bulk_id, ONE_VIEW) is None:
        await record(transaction, practice, actor, Action.VIEWED_BULK, bulk_share=bulk_id)


ONE_VIEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Entry:
    """A line of the log, as a timeline shows it."""

    at: datetime
    actor: Actor
    action: Action
    detail: dict[str, str | int | None] = field(repr=False)


async def of_request(transaction: Transaction, request: RequestId) -> list[Entry]:
    """What happened to a request, oldest first."""
    return [
        Entry(row["at"], Actor(row["actor"]), Action(row["action"]), json.loads(row["detail"]))
        for row in await transaction.fetch(OF_REQUEST, request)
    ]


@dataclass(frozen=True)
class Place:
    """Where an entry stands in the whole log of a practice, newest first; as a text it is a page's cursor."""

    at: datetime
    chart: UUID
    number: int

    def __str__(self) -> str:
        return f"{cursor.written(self.at)}-{self.chart.hex}-{self.number}"

    @classmethod
    def read(cls, text: str) -> "Place":
        at, chart, number = cursor.read(cursor.MOMENT + r"-([0-9a-f]{32})-(\d{1,18})", text)
        return cls(cursor.moment(at), UUID(chart), int(number))


@dataclass(frozen=True)
class Line:
    """An entry with its place in its chain."""

    practice_id: PracticeId
    chart_id: UUID
    """The client whose chart it concerns; of what concerns none, the practice."""
    number: int
    at: datetime
    actor: Actor
    action: Action
    document_id: DocumentId | None
    request_id: RequestId | None
    detail: dict[str, str | int | None] = field(repr=False)
    previous: str
    """Hash of the entry before, hexadecimal; empty for the first."""
    hash: str

    @property
    def chart(self) -> ClientId | None:
        """None where no chart is concerned."""
        return None if self.chart_id == self.practice_id else ClientId(self.chart_id)

    @property
    def place(self) -> Place:
        return Place(self.at, self.chart_id, self.number)


@dataclass(frozen=True)
class Wanted:
    """Which entries: all that fit everything that is named."""

    chart: ClientId | None = None
    actor: str | None = field(default=None, repr=False)
    action: Action | None = None
    since: datetime | None = None
    until: datetime | None = None
    """The first instant that is not wanted any more."""


async def lines(transaction: Transaction, wanted: Wanted, *, after: Place | None, limit: int) -> list[Line]:
    """Newest first, of all charts of the practice and its own chain; only those behind `after`."""
    rows = await transaction.fetch(
        LINES,
        wanted.chart,
        wanted.actor,
        wanted.action,
        wanted.since,
        wanted.until,
        after.at if after else None,
        after.chart if after else None,
        after.number if after else None,
        limit,
    )
    return [_line(row) for row in rows]


async def chain(transaction: Transaction, chart: UUID) -> list[Line]:
    """The whole chain of a chart, oldest first."""
    return [_line(row) for row in await transaction.fetch(CHAIN, chart)]


def _line(row: Record) -> Line:
    known = {
        "actor": Actor(row["actor"]),
        "action": Action(row["action"]),
        "detail": json.loads(row["detail"]),
    }
    return Line(**{**row, **known})


async def colleagues(transaction: Transaction) -> dict[str, str]:
    """Staff and API keys as actors, by name."""
    return {row["actor"]: row["name"] for row in await transaction.fetch(COLLEAGUES)}


async def chart_of(
    transaction: Transaction, *, client: UUID | None, document: UUID | None, request: UUID | None
) -> ClientId | None:
    """Which chart of the practice is meant by these ids; None if none is."""
    found: ClientId | None = await transaction.fetchval(CHART_OF, document, request, client)
    return found


async def names(transaction: Transaction, actors: Collection[Actor]) -> dict[str, str]:
    """Who the actors are, for the practice's own eyes."""
    return {row["actor"]: row["name"] for row in await transaction.fetch(NAMES, list(actors))}


async def head(transaction: Transaction, chart: UUID) -> str:
    """Hash of the chain's last entry, hexadecimal: it commits to everything before it. Empty for a new chain."""
    return await transaction.fetchval(HEAD, chart) or ""


RECORD = SQL("""
insert into audit (practice_id, chart_id, actor, action, document_id, request_id, detail)
values ($1, $2, $3, $4, $5, $6, $7::jsonb)
""")

JUST_VIEWED = SQL("""
select true from audit where action = 'viewed' and document_id = $1 and actor = $2 and detail->>'sha256' = $3
and detail->>'consent' is not distinct from $4::text and at > now() - $5::interval limit 1
""")

JUST_VIEWED_BULK = SQL("""
select true from audit where practice_id = $1 and actor = $2 and action = 'viewed a bulk share'
and detail->>'bulk_share' = $3 and at > now() - $4::interval limit 1
""")

OF_REQUEST = SQL("select at, actor, action, detail from audit where request_id = $1 order by number")

_LINE = """
select practice_id, chart_id, number, at, actor, action, document_id, request_id, detail,
    encode(previous, 'hex') as previous, encode(hash, 'hex') as hash
from audit where practice_id = current_practice()
"""

LINES = SQL(
    _LINE
    + """
and ($1::uuid is null or chart_id = $1) and ($2::text is null or actor = $2) and ($3::text is null or action = $3)
and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)
and ($6::timestamptz is null or (at, chart_id, number) < ($6, $7::uuid, $8::bigint))
order by at desc, chart_id desc, number desc limit $9
"""
)

CHAIN = SQL(_LINE + "and chart_id = $1 order by number")

CHART_OF = SQL("""
select client_id from document where id = $1
union all select client_id from signature_request where id = $2
union all select id from client where id = $3
limit 1
""")

COLLEAGUES = SQL("""
select actor, name from (
    select 'staff:' || id as actor, name from staff union all select 'key:' || id, name from api_key
) colleagues order by lower(name), actor
""")

NAMES = SQL("""
select 'staff:' || id as actor, name from staff where 'staff:' || id = any($1::text[])
union all select 'account:' || id, name from portal_account where 'account:' || id = any($1::text[])
union all select 'key:' || id, name from api_key where 'key:' || id = any($1::text[])
""")

HEAD = SQL("select encode(hash, 'hex') from audit where chart_id = $1 order by number desc limit 1")
