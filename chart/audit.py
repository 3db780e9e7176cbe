"""The audit log: append-only, hash-chained for each chart (45 CFR 164.312(b), SPEC A6).

Written in the same transaction as what it records. The chain is computed by the database (migration 0001),
so no writer can forget it.
"""

import json
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
    SIGNED = "signed"
    EXPIRED = "expired"
    NEEDS_ATTENTION = "needs attention"
    RESUMED = "resumed"


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


async def head(transaction: Transaction, chart: UUID) -> str:
    """Hash of the chain's last entry, hexadecimal: it commits to everything before it. Empty for a new chain."""
    return await transaction.fetchval(HEAD, chart) or ""


RECORD = SQL("""
insert into audit (practice_id, chart_id, actor, action, document_id, request_id, detail)
values ($1, $2, $3, $4, $5, $6, $7::jsonb)
""")

HEAD = SQL("select encode(hash, 'hex') from audit where chart_id = $1 order by number desc limit 1")
