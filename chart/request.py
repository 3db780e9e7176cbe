"""Signature requests in the chart: the rows that say what `chart.lifecycle` has decided.

The state of a request is written by activities only, each write in one transaction with its audit entry.
A NOTIFY on `CHANNEL` tells whoever watches; it carries ids only and is a hint to read the row again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from chart import audit
from chart.audit import Actor
from chart.ids import AccountId, ClientId, DocumentId, PracticeId, RequestId, StaffId, VersionId
from chart.lifecycle import STATES, Act, Life, OnDecline, Order, RequestState, Seat, SeatState, offers
from chart.refusals import ConsentNeeded, FreshSignInNeeded, NotFound, NotInThisState, NotReadyToSign
from chart.text import N_, Text
from gateways.postgres import SQL, Record, Transaction

CHANNEL = "chart"
"""NOTIFY channel; the text is `practice/client/request`."""

FRESH_FOR = timedelta(minutes=5)
"""How old the sign-in may be when somebody signs (SPEC G1)."""


class Barred(StrEnum):
    """Why somebody who is still asked cannot sign any more."""

    NO_ACCESS = "no access"
    """The account does not act for the client today."""
    NO_CONSENT = "no consent"
    """It does, but no consent holds under which this document may go to it (42 CFR Part 2)."""
    BLOCKED = "blocked"
    """Staff keeps this document from the account."""
    LEFT = "left"
    """A colleague whose access to the chart has ended."""


@dataclass(frozen=True)
class Signer:
    """A line of the request: whom it asks, and what they have answered."""

    position: int
    party: Actor | None
    """None while it waits for somebody to register for the client."""
    name: str | None = field(repr=False)
    relationship: str | None
    """To the client; `provider`, `supervisor` … for a counter-signature."""
    state: SeatState
    viewed_at: datetime | None
    answered_at: datetime | None
    reason: str | None = field(repr=False)
    """Of a decline."""
    correction: bool
    """Declined with the wish for a correction."""
    notice: str | None
    """What became of the latest email: `sent`, `delayed`, `refused`, `failed`, or nothing yet."""
    barred: Barred | None = None
    """Of an open request that waits for this answer: it cannot come while this stands here."""


@dataclass(frozen=True)
class Request:
    id: RequestId
    practice_id: PracticeId
    client_id: ClientId
    document_id: DocumentId
    version_id: VersionId
    state: RequestState
    attention: str | None
    """Why it needs attention, in plain words; the state is what it was."""
    attention_skippable: bool
    in_order: bool
    on_decline: OnDecline
    requested_by: Actor
    created_at: datetime
    delivered_at: datetime | None
    expires_at: datetime
    reminder_days: tuple[int, ...]
    """The schedule as it was asked for, in days after the delivery."""
    reminders: tuple[datetime, ...]
    """Those planned at delivery or since; the ones behind us have gone out."""
    reminded_at: datetime | None
    signed_at: datetime | None
    ended_at: datetime | None
    ended_by: Actor | None
    end_reason: str | None = field(repr=False)
    correction: bool
    """Declined with the wish for a correction."""
    record: dict[str, Any] | None = field(repr=False)
    """Attempts and dates of *unable to obtain* and *signed on paper*."""
    sha256: str
    signed_sha256: str | None
    signers: tuple[Signer, ...]
    time_stamped_at: datetime | None = None
    """By the clock of the authority that has stamped the signed copy."""
    time_stamp_waits: str | None = None
    """Why it is not time-stamped yet, in plain words; the request is signed all the same."""
    late: bool = False
    """As `LATE` says it."""

    @property
    def life(self) -> Life:
        """What is decided, as far as the chart knows; the workflow may be a step ahead."""
        seats = tuple(Seat(signer.party, signer.state) for signer in self.signers)
        return Life(self.state, seats, self.expires_at, self.in_order, self.on_decline)

    @property
    def label(self) -> str:
        """What it waits for or how it ended, as it stands beside the Share Status (SPEC S2)."""
        return label(
            self.state,
            attention=self.attention is not None,
            # the practice's own look at it is not what the practice waits for
            viewed=any(signer.viewed_at and signer.party and account_of(signer.party) for signer in self.signers),
            correction=self.correction,
            signed=sum(signer.state is SeatState.SIGNED for signer in self.signers),
            seats=len(self.signers),
            late=self.late,
        )

    @property
    def whose_turn(self) -> tuple[Actor, ...]:
        """Who can answer now."""
        return () if self.late else self.life.waits_for

    @property
    def notice(self) -> str | None:
        """The worst that became of the signers' latest emails: somebody has to look at that one."""
        known = {signer.notice for signer in self.signers}
        return next((state for state in ("refused", "failed", "delayed", "sent") if state in known), None)

    @property
    def barred(self) -> tuple[Signer, ...]:
        """Those who are asked and cannot sign any more; each says why."""
        return tuple(signer for signer in self.signers if signer.barred)

    @property
    def can_be_reminded(self) -> tuple[Signer, ...]:
        """Whose turn it is, with an account that mail goes to and that may still see the document."""
        waiting = [one for one in self.signers if one.party in self.whose_turn and not one.barred]
        return tuple(one for one in waiting if one.party and account_of(one.party))

    @property
    def offers(self) -> frozenset[Act]:
        may = offers(self.state, attention=self.attention is not None, skippable=self.attention_skippable)
        return may if self.can_be_reminded else may - {Act.REMIND}

    def signer(self, party: Actor) -> Signer | None:
        return next((signer for signer in self.signers if signer.party == party), None)


def label(
    state: RequestState, *, attention: bool, viewed: bool, correction: bool, signed: int, seats: int, late: bool
) -> str:
    """In the words of SPEC S2."""
    if attention and not state.ended:
        return N_("Needs attention")
    if late:
        return RequestState.EXPIRED.label
    if state is RequestState.DECLINED and correction:
        return N_("Correction requested")
    if state is RequestState.PENDING and seats > 1 and signed:
        return Text("Pending signature ({signed} of {seats} signed)", signed=signed, seats=seats)
    if state is RequestState.PENDING and viewed:
        return N_("Viewed")
    return state.label


@dataclass(frozen=True)
class Readiness:
    """What is known when somebody selects Sign Document."""

    now: datetime
    authenticated_at: datetime
    shown_sha256: str
    consented: bool
    intends: bool


def check_may_sign(request: Request, party: Actor, ready: Readiness) -> None:
    """SPEC G1, G5: who signs what, after having seen and accepted what. The workflow decides again."""
    asked = request.signer(party)
    if asked is None:
        raise NotFound("There is no such document, or nobody asks you to sign it.")
    request.life.signed(party, ready.now)
    if asked.viewed_at is None:
        raise NotReadyToSign("Open and review the document before you sign it.")
    if ready.shown_sha256 != request.sha256:
        raise NotReadyToSign("The document has changed. Open it again and review it before you sign.")
    if not ready.consented:
        raise ConsentNeeded("Agree to electronic records first, or ask the practice for paper.")
    if not ready.intends:
        raise NotReadyToSign("Tick the box that says you mean to sign this document.")
    if ready.now - ready.authenticated_at > FRESH_FOR:
        raise FreshSignInNeeded("For your safety, enter your password again to sign.")


def check_offers(request: Request, act: Act) -> None:
    """Raise `NotInThisState`, saying what happened, unless the practice may do this to the request now."""
    if act in request.offers:
        return
    if act in {Act.RESUME, Act.SKIP, Act.REISSUE} and not request.state.ended:
        raise NotInThisState("This request does not need attention, so there is nothing to mend.")
    raise NotInThisState(STATES[RequestState.EXPIRED if request.late else request.state].too_late)


def party_of(account_id: AccountId) -> Actor:
    return Actor(f"account:{account_id}")


async def open_request(
    transaction: Transaction,
    request_id: RequestId,
    order: Order,
    life: Life,
    reminder_days: Sequence[int],
    reminders: Sequence[datetime],
) -> bool:
    """Write the row of a request, or what registration has changed; False if nothing is to be done.

    That is so if the version was signed, or a newer version stands in the chart.
    """
    await hold(transaction, order.document)
    stands = await state_of(transaction, request_id)
    if stands and stands.ended:
        return False
    newest = await transaction.fetchval(NEWEST_VERSION, order.document)
    if newest != order.version or await transaction.fetchval(SIGNED_ALREADY, order.version, request_id):
        return False
    if stands is None:
        await close_orphans(transaction, order.practice, order.client, order.document, order.asked_at)
    await transaction.execute(
        OPEN,
        request_id,
        order.practice,
        order.client,
        order.document,
        order.version,
        order.requested_by,
        life.state,
        life.expires_at,
        order.in_order,
        order.on_decline,
        reminder_days,
        reminders,
    )
    if await state_of(transaction, request_id) is None:
        return False  # another request holds the document
    if life.waits_for:
        await transaction.execute(DELIVERED, request_id, life.state, reminder_days, reminders)
    for position, seat in enumerate(life.seats):
        await transaction.execute(SEAT, request_id, order.practice, position, _account(seat), _staff(seat))
    await announce(transaction, order.practice, order.client, request_id)
    return True


def _account(seat: Seat) -> UUID | None:
    return _id_of(seat.party, "account")


def _staff(seat: Seat) -> UUID | None:
    return _id_of(seat.party, "staff")


def _id_of(party: Actor | None, kind: str) -> UUID | None:
    which, _, identity = (party or "").partition(":")
    return UUID(identity) if which == kind else None


def account_of(party: Actor) -> AccountId | None:
    """The portal account of a signer; None for staff."""
    found = _id_of(party, "account")
    return AccountId(found) if found else None


def staff_of(party: Actor) -> StaffId | None:
    found = _id_of(party, "staff")
    return StaffId(found) if found else None


async def find(transaction: Transaction, request_id: RequestId) -> Request:
    row = await transaction.fetchrow(FIND, request_id)
    if row is None:
        raise NotFound("There is no such signature request in this practice, or it has not been delivered yet.")
    return _request(row)


async def newest_of(transaction: Transaction, document_id: DocumentId) -> Request | None:
    """The document's latest request, open or ended."""
    row = await transaction.fetchrow(NEWEST_OF, document_id)
    return _request(row) if row else None


async def awaiting_registration(transaction: Transaction, client_id: ClientId) -> list[Request]:
    """Requests that can be delivered once somebody registers for the client."""
    return [_request(row) for row in await transaction.fetch(AWAITING, client_id)]


def _request(row: Record) -> Request:
    signers = tuple(
        Signer(
            position=line["position"],
            party=Actor(line["party"]) if line["party"] else None,
            name=line["name"],
            relationship=line["relationship"],
            state=SeatState(line["state"]),
            viewed_at=_time(line["viewed_at"]),
            answered_at=_time(line["answered_at"]),
            reason=line["reason"],
            correction=line["correction"],
            notice=line["notice"],
            barred=Barred(line["barred"]) if line["barred"] else None,
        )
        for line in json.loads(row["signers"])
    )
    known = {
        "state": RequestState(row["state"]),
        "on_decline": OnDecline(row["on_decline"]),
        "reminder_days": tuple(row["reminder_days"]),
        "reminders": tuple(row["reminders"]),
        "record": json.loads(row["record"]) if row["record"] else None,
        "signers": signers,
    }
    return Request(**{**row, **known})


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


async def exists(transaction: Transaction, request_id: RequestId) -> bool:
    """Whether the request stands in the chart."""
    return await transaction.fetchval(EXISTS, request_id) is not None


async def view(transaction: Transaction, opened: Request, party: Actor) -> bool:
    """Note that a signer has opened the document; True the first time."""
    first = await transaction.fetchval(VIEW, opened.id, party) is not None
    if first:
        await announce(transaction, opened.practice_id, opened.client_id, opened.id)
    return first


async def answer(
    transaction: Transaction,
    request_id: RequestId,
    party: Actor,
    state: SeatState,
    at: datetime,
    *,
    reason: str | None = None,
    correction: bool = False,
) -> bool:
    """Write what a signer has answered; False if that stands there already."""
    return await transaction.fetchval(ANSWER, request_id, party, state, at, reason, correction) is not None


async def end(
    transaction: Transaction,
    order: Order,
    request_id: RequestId,
    state: RequestState,
    *,
    by: Actor,
    reason: str | None = None,
    correction: bool = False,
    record: dict[str, Any] | None = None,
    signed_at: datetime | None = None,
) -> bool:
    """Write how the request ended; False if it has ended before: an ending is for ever."""
    kept = json.dumps(record) if record else None
    row = await transaction.fetchval(END, request_id, state, by, reason, correction, kept, signed_at)
    if row is None:
        return False
    await announce(transaction, order.practice, order.client, request_id)
    return True


async def attend(
    transaction: Transaction,
    practice: PracticeId,
    client_id: ClientId,
    request_id: RequestId,
    state: RequestState,
    *,
    attention: str | None,
    skippable: bool = False,
) -> bool:
    """Say why a request needs attention, or that it does no more; False if that stands there already.

    `state` shows whether it is being sealed; an ending is not shown before `end` has written it.
    """
    shown = state if state is RequestState.SEALING else None
    moved = await transaction.fetchval(ATTEND, request_id, shown, attention, skippable) is not None
    if moved:
        await announce(transaction, practice, client_id, request_id)
    return moved


async def set_term(
    transaction: Transaction,
    order: Order,
    request_id: RequestId,
    *,
    expires_at: datetime,
    reminder_days: Sequence[int] | None,
    reminders: Sequence[datetime],
) -> bool:
    """Write a new expiry or new reminders; False if they stand there already. Without days these stay."""
    changed = await transaction.fetchval(SET_TERM, request_id, expires_at, reminders, reminder_days) is not None
    if changed:
        await announce(transaction, order.practice, order.client, request_id)
    return changed


async def state_of(transaction: Transaction, request_id: RequestId) -> RequestState | None:
    """None if the request does not stand in the chart."""
    state = await transaction.fetchval(STATE_OF, request_id)
    return RequestState(state) if state else None


async def close_orphans(
    transaction: Transaction, practice: PracticeId, client_id: ClientId, document_id: DocumentId, until: datetime
) -> bool:
    """Recall open requests on the document that were made until then; False if there are none.

    Whoever runs under the document's workflow id is alone, so the workflow of an older one was ended by an operator.
    """
    closed = await transaction.fetch(CLOSE_ORPHANS, document_id, ORPHANED, until)
    for row in closed:
        await audit.record(
            transaction,
            practice,
            audit.SERVICE,
            audit.Action.RECALLED,
            chart=client_id,
            document=document_id,
            request=row["id"],
        )
        await announce(transaction, practice, client_id, row["id"])
    return bool(closed)


async def note_reminder(transaction: Transaction, request_id: RequestId, at: datetime) -> None:
    """Keep when the latest reminder went out."""
    await transaction.execute(NOTE_REMINDER, request_id, at)


async def hold(transaction: Transaction, document_id: DocumentId) -> None:
    """Hold the document until the transaction ends, so that a new version and a request cannot miss each other."""
    await transaction.execute(HOLD, document_id)


async def announce_those_asking(
    transaction: Transaction, practice: PracticeId, client_id: ClientId, account_id: AccountId
) -> None:
    """Tell the watchers of the open requests that ask this account, and of the chart: what it may do has changed."""
    for row in await transaction.fetch(ASKING, client_id, account_id):
        await announce(transaction, practice, client_id, row["id"])
    await announce_chart(transaction, practice, client_id)


async def announce_chart(transaction: Transaction, practice: PracticeId, client_id: ClientId) -> None:
    """Tell the watchers of a chart that something else than a request has moved: a plain share, an invitation."""
    await announce(transaction, practice, client_id, client_id)


async def announce(
    transaction: Transaction, practice: PracticeId, client_id: ClientId, about: RequestId | ClientId
) -> None:
    """Tell the watchers; sent by Postgres when the transaction commits."""
    await transaction.execute(ANNOUNCE, CHANNEL, f"{practice}/{client_id}/{about}")


ORPHANED = "Its workflow was ended in the engine by an operator."

ORPHANED_SIGNED = N_(
    "An operator has ended its workflow in the engine, where the signatures are kept. "
    "Let the operator reset the workflow, or ask again."
)

NOTE_REMINDER = SQL("update signature_request set reminded_at = $2 where id = $1")

HOLD = SQL("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 1))")

NEWEST_VERSION = SQL("""
select id from version where document_id = $1 and signed_by_request is null order by number desc limit 1
""")

SIGNED_ALREADY = SQL("""
select true from signature_request where version_id = $1 and state in ('signed', 'signed_on_paper') and id <> $2
""")

STATE_OF = SQL("select state from signature_request where id = $1")

CLOSE_ORPHANS = SQL("""
update signature_request
set state = 'recalled', attention = null, ended_at = now(), ended_by = 'service', end_reason = $2
where document_id = $1 and ended_at is null and created_at <= $3 returning id
""")

OPEN = SQL("""
insert into signature_request (
    id, practice_id, client_id, document_id, version_id, requested_by, state, expires_at, in_order, on_decline,
    reminder_days, reminders
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict do nothing
""")

DELIVERED = SQL("""
update signature_request set state = $2, reminder_days = $3, reminders = $4, delivered_at = now()
where id = $1 and ended_at is null and delivered_at is null
""")

SEAT = SQL("""
insert into signer (request_id, practice_id, position, account_id, staff_id) values ($1, $2, $3, $4, $5)
on conflict (request_id, position) do update set account_id = excluded.account_id
where signer.account_id is null and signer.staff_id is null
""")

EXISTS = SQL("select true from signature_request where id = $1")

_PARTY = """
    case when s.account_id is not null then 'account:' || s.account_id
         when s.staff_id is not null then 'staff:' || s.staff_id end
"""

BARRED = """
    case when q.ended_at is not null or s.state <> 'waiting' then null
         when s.staff_id is not null then (
             select 'left' from staff gone where gone.id = s.staff_id and gone.ended_at is not null
         )
         when s.account_id is null then null
         when not exists (
             select from reaches where reaches.account_id = s.account_id and reaches.document_id = q.document_id
         ) then case when exists (
             select from acting where acting.account_id = s.account_id and acting.client_id = q.client_id
         ) then 'no consent' else 'no access' end
         when exists (select from document_block b where b.document_id = q.document_id and b.account_id = s.account_id)
         then 'blocked' end
"""
"""Why the signer `s` cannot answer the request `q` any more, in SQL."""

LATE = "(q.state in ('awaiting_registration', 'pending') and q.expires_at <= now())"
"""Whether the last moment of the request `q` has passed and the engine has not ended it yet, in SQL.

It reads as expired and nobody can answer it any more, but what was signed in time counts (`lifecycle.ON_ITS_WAY`).
"""

_SELECT = (
    """
select q.id, q.practice_id, q.client_id, q.document_id, q.version_id, q.state, q.attention, q.attention_skippable,
    q.in_order, q.on_decline, q.requested_by, q.created_at, q.delivered_at, q.expires_at, q.reminder_days, q.reminders,
    q.reminded_at, q.signed_at, q.ended_at, q.ended_by, q.end_reason, q.correction, q.record, v.sha256,
    signed.sha256 as signed_sha256, signed.time_stamped_at, signed.time_stamp_waits, """
    + LATE
    + """ as late,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
            'position', s.position, 'party', """
    + _PARTY
    + """, 'name', coalesce(a.name, t.name),
            'relationship', coalesce(r.kind, t.role), 'state', s.state, 'viewed_at', s.viewed_at,
            'answered_at', s.answered_at, 'reason', s.reason, 'correction', s.correction, 'notice', (
                select l.state from mail l join message m on m.id = l.message_id
                where m.request_id = q.id and m.account_id = s.account_id order by l.at desc limit 1
            ), 'barred', """
    + BARRED
    + """
        ) order by s.position), '[]')
        from signer s left join portal_account a on a.id = s.account_id left join staff t on t.id = s.staff_id
        left join relationship r on r.account_id = s.account_id and r.client_id = q.client_id
        where s.request_id = q.id
    ) as signers
from signature_request q
join version v on v.id = q.version_id
left join signed_copy signed on signed.signed_by_request = q.id
"""
)

MY_TURN = """
    coalesce(mine.state = 'waiting' and q.state = 'pending' and q.expires_at > now() and not (q.in_order and exists (
        select from signer before
        where before.request_id = q.id and before.state = 'waiting' and before.position < mine.position
    )), false)
"""
"""Whether a request `q` waits for the signer `mine` now, in SQL; as `Request.whose_turn` says it."""

FIND = SQL(_SELECT + "where q.id = $1")

NEWEST_OF = SQL(_SELECT + "where q.document_id = $1 order by q.created_at desc limit 1")

ASKING = SQL("""
select distinct q.id from signature_request q join signer s on s.request_id = q.id
where q.client_id = $1 and s.account_id = $2 and q.ended_at is null
""")

AWAITING = SQL(_SELECT + "where q.client_id = $1 and q.state = 'awaiting_registration'")

VIEW = SQL(
    "update signer s set viewed_at = now() where s.request_id = $1 and s.viewed_at is null and "
    + _PARTY
    + " = $2 returning position"
)

ANSWER = SQL(
    "update signer s set state = $3, answered_at = $4, reason = $5, correction = $6 "
    "where s.request_id = $1 and s.state = 'waiting' and " + _PARTY + " = $2 returning position"
)

END = SQL("""
update signature_request
set state = $2, attention = null, ended_at = now(), ended_by = $3, end_reason = $4, correction = $5,
    record = $6::jsonb, signed_at = $7
where id = $1 and ended_at is null returning id
""")

ATTEND = SQL("""
update signature_request set state = coalesce($2::text, state), attention = $3, attention_skippable = $4
where id = $1 and ended_at is null and (coalesce($2::text, state), attention) is distinct from (state, $3) returning id
""")

SET_TERM = SQL("""
update signature_request set expires_at = $2, reminders = $3, reminder_days = coalesce($4, reminder_days)
where id = $1 and ended_at is null and (expires_at, reminders) is distinct from ($2, $3) returning id
""")

ANNOUNCE = SQL("select pg_notify($1, $2)")
