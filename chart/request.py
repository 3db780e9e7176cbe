"""Signature requests: their states, who may sign and when, and the rows that say so.

The state of a request is written by activities only, each write in one transaction with its audit entry.
A NOTIFY on `CHANNEL` tells whoever watches; it carries ids only and is a hint to read the row again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chart.ids import AccountId, ClientId, DocumentId, PracticeId, RequestId, VersionId
from chart.refusals import FreshSignInNeeded, NotFound, NotInThisState, NotReadyToSign
from gateways.postgres import SQL, Transaction

CHANNEL = "chart"
"""NOTIFY channel; the text is `practice/client/request`."""

FRESH_FOR = timedelta(minutes=5)
"""How old the sign-in may be when somebody signs (SPEC G1)."""


class RequestState(StrEnum):
    PENDING = "pending"
    NEEDS_ATTENTION = "needs_attention"
    SIGNED = "signed"
    EXPIRED = "expired"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def ended(self) -> bool:
        return self in {RequestState.SIGNED, RequestState.EXPIRED}


_LABELS = {
    RequestState.PENDING: "Pending signature",
    RequestState.NEEDS_ATTENTION: "Needs attention",
    RequestState.SIGNED: "Signed",
    RequestState.EXPIRED: "Expired",
}


@dataclass(frozen=True)
class Order:
    """What a Share to Sign asks for: the input of the workflow. Ids and times only."""

    practice: PracticeId
    client: ClientId
    document: DocumentId
    version: VersionId
    sha256: str
    """Of the version that is shared; a signature for any other is refused."""
    signer: AccountId
    requested_by: str
    """The audit's actor."""
    expires_at: datetime


@dataclass(frozen=True)
class Request:
    id: RequestId
    practice_id: PracticeId
    client_id: ClientId
    document_id: DocumentId
    version_id: VersionId
    account_id: AccountId
    state: RequestState
    attention: str | None
    created_at: datetime
    expires_at: datetime
    viewed_at: datetime | None
    signed_at: datetime | None
    ended_at: datetime | None
    sha256: str
    signed_sha256: str | None
    notice: str | None
    """What became of the client's email: `sent`, `refused` or nothing yet."""


@dataclass(frozen=True)
class Readiness:
    """What is known when somebody selects Sign Document."""

    now: datetime
    authenticated_at: datetime
    shown_sha256: str
    consented: bool
    intends: bool


def check_may_sign(request: Request, signer: AccountId, ready: Readiness) -> None:
    """SPEC G1, G5: who signs what, after having seen and accepted what. The workflow checks its part again."""
    if signer != request.account_id:
        raise NotFound("There is no such document, or it is not shared with you.")
    if request.state.ended or ready.now >= request.expires_at:
        raise NotInThisState(_ENDED[request.state])
    if request.viewed_at is None:
        raise NotReadyToSign("Open and review the document before you sign it.")
    if ready.shown_sha256 != request.sha256:
        raise NotReadyToSign("The document has changed. Open it again and review it before you sign.")
    if not ready.consented:
        raise NotReadyToSign("Agree to electronic records first, or ask the practice for paper.")
    if not ready.intends:
        raise NotReadyToSign("Tick the box that says you mean to sign this document.")
    if ready.now - ready.authenticated_at > FRESH_FOR:
        raise FreshSignInNeeded("For your safety, enter your password again to sign.")


_ENDED = {
    RequestState.PENDING: "This request has expired. Ask the practice to share the document again.",
    RequestState.NEEDS_ATTENTION: "This request has expired. Ask the practice to share the document again.",
    RequestState.EXPIRED: "This request has expired. Ask the practice to share the document again.",
    RequestState.SIGNED: "This document has been signed.",
}


async def open_request(transaction: Transaction, request_id: RequestId, order: Order) -> bool:
    """Write the row of a request that has just been delivered.

    False if the version has another request that is open or signed: then this one has nothing to do.
    """
    await transaction.execute(
        OPEN,
        request_id,
        order.practice,
        order.client,
        order.document,
        order.version,
        order.signer,
        order.requested_by,
        RequestState.PENDING,
        order.expires_at,
    )
    mine = await exists(transaction, request_id)
    if mine:
        await announce(transaction, order.practice, order.client, request_id)
    return mine


async def find(transaction: Transaction, request_id: RequestId) -> Request:
    row = await transaction.fetchrow(FIND, request_id)
    if row is None:
        raise NotFound("There is no such signature request in this practice, or it has not been delivered yet.")
    return Request(**{**row, "state": RequestState(row["state"])})


async def exists(transaction: Transaction, request_id: RequestId) -> bool:
    """Whether the request has been delivered."""
    return await transaction.fetchval(EXISTS, request_id) is not None


async def view(transaction: Transaction, opened: Request) -> bool:
    """Note that the signer has opened the document; True the first time."""
    first = await transaction.fetchval(VIEW, opened.id) is not None
    if first:
        await announce(transaction, opened.practice_id, opened.client_id, opened.id)
    return first


async def move(
    transaction: Transaction,
    order: Order,
    request_id: RequestId,
    state: RequestState,
    *,
    attention: str | None = None,
    signed_at: datetime | None = None,
) -> bool:
    """Set the state of a request that has not ended; False if it has: an ending is for ever."""
    moved = await transaction.fetchval(MOVE, request_id, state, attention, signed_at, state.ended) is not None
    if moved:
        await announce(transaction, order.practice, order.client, request_id)
    return moved


async def announce(transaction: Transaction, practice: PracticeId, client_id: ClientId, request_id: RequestId) -> None:
    """Tell the watchers; sent by Postgres when the transaction commits."""
    await transaction.execute(ANNOUNCE, CHANNEL, f"{practice}/{client_id}/{request_id}")


OPEN = SQL("""
insert into signature_request
    (id, practice_id, client_id, document_id, version_id, account_id, requested_by, state, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict do nothing
""")

EXISTS = SQL("select true from signature_request where id = $1")

FIND = SQL("""
select q.id, q.practice_id, q.client_id, q.document_id, q.version_id, q.account_id, q.state, q.attention, q.created_at,
    q.expires_at, q.viewed_at, q.signed_at, q.ended_at, v.sha256, signed.sha256 as signed_sha256, n.state as notice
from signature_request q
join version v on v.id = q.version_id
left join version signed on signed.signed_by_request = q.id
left join notice n on n.request_id = q.id
where q.id = $1
""")

VIEW = SQL("""
update signature_request set viewed_at = now() where id = $1 and viewed_at is null returning id
""")

MOVE = SQL("""
update signature_request
set state = $2, attention = $3, signed_at = coalesce($4, signed_at), ended_at = case when $5 then now() end
where id = $1 and ended_at is null and (state, attention) is distinct from ($2, $3) returning id
""")

ANNOUNCE = SQL("select pg_notify($1, $2)")
