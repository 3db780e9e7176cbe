"""The audit log: append-only, hash-chained for each chart (45 CFR 164.312(b), SPEC A6).

Written in the same transaction as what it records. The chain is computed by the database (migration 0001),
so no writer can forget it.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from chart.ids import ClientId, DocumentId, PracticeId, RequestId
from gateways.postgres import SQL, Transaction

Actor = NewType("Actor", str)
"""Who did it: `staff:<id>`, `account:<id>`, `key:<id>` or `service`."""

SERVICE = Actor("service")


class Action(StrEnum):
    """What happened."""

    SIGNED_IN = "signed in"
    SIGNED_OUT = "signed out"
    CREATED_CLIENT = "created client"
    INVITED = "invited"
    REGISTERED = "registered"
    ENDED_ACCESS = "ended access"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    UPLOADED = "uploaded"
    VIEWED_CHART = "viewed chart"
    VIEWED = "viewed"
    DOWNLOADED = "downloaded"
    SHARED = "shared"
    ASKED_TO_SIGN = "asked to sign"
    MAILED = "mailed"
    MAIL_REFUSED = "mail refused"
    CONSENTED = "consented to electronic records"
    REGISTRATION_AWAITED = "waits for registration"
    MAIL_DELAYED = "mail delayed"
    MAIL_FAILED = "mail failed"
    SIGNATURE_TAKEN = "signature taken"
    SIGNED = "signed"
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
    CHANGED_TIMEZONE = "changed the time zone"
    ADDED_VERSION = "added a version"
    HID = "taken out of the portal"


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

OF_REQUEST = SQL("select at, actor, action, detail from audit where request_id = $1 order by number")

NAMES = SQL("""
select 'staff:' || id as actor, name from staff where 'staff:' || id = any($1::text[])
union all select 'account:' || id, name from portal_account where 'account:' || id = any($1::text[])
union all select 'key:' || id, name from api_key where 'key:' || id = any($1::text[])
""")

HEAD = SQL("select encode(hash, 'hex') from audit where chart_id = $1 order by number desc limit 1")
