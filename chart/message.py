"""Messages in the client's portal inbox, the emails that tell of them, and notices for staff."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from chart.audit import Actor
from chart.document import CLIENT_NAME, Kind, type_label
from chart.ids import AccountId, ClientId, DocumentId, MessageId, PracticeId, RequestId
from chart.lifecycle import RequestState, SeatState
from chart.refusals import NotFound
from chart.request import LATE, MY_TURN
from chart.text import N_, Sentence
from gateways.postgres import SQL, Record, Transaction


class MessageAbout(StrEnum):
    """What a portal message says."""

    RECORD_REQUEST = "record_request"
    RECALLED = "recalled"
    REPLACED = "replaced"
    DECLINED = "declined"
    """By another signer, which ends it."""
    EXPIRED = "expired"


@dataclass(frozen=True)
class Message:
    """Somebody of the practice asks for a signature, or no longer does."""

    id: MessageId
    about: MessageAbout
    request_id: RequestId
    document_id: DocumentId
    type: str = field(repr=False)
    """Of the document, as lists of documents have it."""
    service_on: date = field(repr=False)
    practice_name: str = field(repr=False)
    created_at: datetime
    read_at: datetime | None
    request_state: RequestState
    """As it is now, not as it was when the message was written."""
    my_seat: SeatState | None
    """What the reader has answered; None for whoever is not asked."""
    my_turn: bool
    late: bool = False
    """The last moment of the request has passed, and the engine has not ended it yet."""
    client_name: str | None = field(default=None, repr=False)
    """Whose the document is, for whoever acts for somebody else."""

    @property
    def new(self) -> bool:
        """Not what it asked for and was done, as from My Documents, nor what a later message has taken back."""
        answered = self.my_seat in {SeatState.SIGNED, SeatState.DECLINED}
        over = answered or self.request_state in _TOLD_ANEW
        return self.read_at is None and not (self.about is MessageAbout.RECORD_REQUEST and over)


_TOLD_ANEW = {RequestState.RECALLED, RequestState.REPLACED, RequestState.DECLINED}
"""Of these endings a message of its own tells whoever had not answered."""


class About(StrEnum):
    """What staff is told."""

    SIGNED = "signed"
    DECLINED = "declined"
    EXPIRED = "expired"
    COUNTER_SIGNATURE = "waits for a counter-signature"
    MAIL_REFUSED = "mail refused"
    MAIL_FAILED = "mail failed"
    NEEDS_ATTENTION = "needs attention"
    INVITATION_REFUSED = "invitation refused"
    """Told of a chart, as is what follows."""
    INVITATION_FAILED = "invitation failed"
    BROKE_GLASS = "opened a restricted chart in an emergency"
    """Told to administrators."""

    @property
    def words(self) -> str:
        """As the practice reads it."""
        return _WORDS[self]


_WORDS: dict[About, Sentence] = {
    About.SIGNED: "A document was signed",
    About.DECLINED: "A client declined to sign a document",
    About.EXPIRED: "A request for a signature expired",
    About.COUNTER_SIGNATURE: "A document waits for a counter-signature",
    About.MAIL_REFUSED: "A client’s email address was refused",
    About.MAIL_FAILED: "An email could not be sent for days",
    About.NEEDS_ATTENTION: "A request needs attention",
    About.INVITATION_REFUSED: "The email address of an invitation was refused",
    About.INVITATION_FAILED: "An invitation could not be sent for days",
    About.BROKE_GLASS: "A restricted chart was opened in an emergency",
}


class MailState(StrEnum):
    """What became of an email."""

    SENT = "sent"
    DELAYED = "delayed"
    """The relay has not taken it yet; it is tried again with growing pauses."""
    REFUSED = "refused"
    """The address is wrong (5xx); somebody must correct it."""
    FAILED = "failed"
    """Given up after days without a relay that takes it."""


@dataclass(frozen=True)
class Letter:
    """An email that tells of a message."""

    message_id: MessageId
    party: Actor
    email: str = field(repr=False)
    language: str
    created_at: datetime
    state: MailState | None
    """Of this occasion; nothing yet if it was not tried."""


@dataclass(frozen=True)
class StaffNotice:
    request_id: RequestId | None
    """None for what concerns a chart as a whole."""
    document_id: DocumentId | None
    client_id: ClientId
    client_name: str = field(repr=False)
    concerns: str = field(repr=False)
    """The type of the document; of a chart who did it, or its part that tells more."""
    about: About
    created_at: datetime

    @property
    def of_invitation(self) -> bool:
        return self.about in {About.INVITATION_REFUSED, About.INVITATION_FAILED}


async def deliver(
    transaction: Transaction, practice: PracticeId, to: AccountId, request_id: RequestId, about: MessageAbout
) -> bool:
    """Put a message into the inbox; False if it is there already."""
    return await transaction.fetchval(DELIVER, practice, to, request_id, about) is not None


async def holders(transaction: Transaction, request_id: RequestId) -> list[Actor]:
    """Whoever has the record request in the inbox."""
    return [Actor(row["party"]) for row in await transaction.fetch(HOLDERS, request_id)]


async def letters(
    transaction: Transaction, request_id: RequestId, about: MessageAbout, occasion: str, parties: Sequence[Actor]
) -> list[Letter]:
    """The emails that tell these parties of their message, on one occasion; none of a request that has ended."""
    rows = await transaction.fetch(LETTERS, request_id, about, occasion, parties)
    return [
        Letter(**{**row, "party": Actor(row["party"]), "state": MailState(row["state"]) if row["state"] else None})
        for row in rows
    ]


async def inbox(transaction: Transaction, account_id: AccountId) -> list[Message]:
    """Newest first."""
    return [_message(row) for row in await transaction.fetch(INBOX, account_id)]


async def find(transaction: Transaction, account_id: AccountId, message_id: MessageId) -> Message:
    row = await transaction.fetchrow(FIND, account_id, message_id)
    if row is None:
        raise NotFound("There is no such message, or it is not yours.")
    return _message(row)


def _message(row: Record) -> Message:
    known = {
        "about": MessageAbout(row["about"]),
        "request_state": RequestState(row["request_state"]),
        "my_seat": SeatState(row["my_seat"]) if row["my_seat"] else None,
    }
    named = type_label(Kind(row["kind"]), row["note_name"])
    kept = {name: value for name, value in row.items() if name not in {"kind", "note_name"}}
    return Message(**{**kept, **known, "type": named})


async def read(transaction: Transaction, message_id: MessageId) -> bool:
    """Note that it was opened; True the first time."""
    return await transaction.fetchval(READ, message_id) is not None


async def note_mail(
    transaction: Transaction, practice: PracticeId, message_id: MessageId, occasion: str, state: MailState
) -> bool:
    """Keep what became of an email; False if that is known already: sent and refused are final."""
    return await transaction.fetchval(NOTE_MAIL, practice, message_id, occasion, state) is not None


async def tell_staff(transaction: Transaction, practice: PracticeId, request_id: RequestId, about: About) -> None:
    """Put a notice before the practice's staff; what is told again stands once, at its new time."""
    await transaction.execute(TELL_STAFF, practice, request_id, about)


async def tell_of_chart(transaction: Transaction, practice: PracticeId, client_id: ClientId, about: About) -> None:
    """Put a notice that concerns a chart before the practice's staff, as `tell_staff` does of a request."""
    await transaction.execute(TELL_OF_CHART, practice, client_id, about)


async def tell_administrators(
    transaction: Transaction, practice: PracticeId, client_id: ClientId, about: About, by: Actor
) -> None:
    """Put a notice that concerns a chart before the practice's administrators."""
    await transaction.execute(TELL_ADMINISTRATORS, practice, client_id, about, by)


async def staff_notices(transaction: Transaction, *, administrator: bool = False, limit: int = 20) -> list[StaffNotice]:
    """The newest notices of the practice, with those for administrators only if one asks."""
    return [
        StaffNotice(
            row["request_id"],
            row["document_id"],
            row["client_id"],
            row["client_name"],
            type_label(Kind(row["kind"]), row["note_name"]) if row["kind"] else row["actor"] or N_("Portal access"),
            About(row["about"]),
            row["created_at"],
        )
        # what a newer release tells of, an older one leaves out
        for row in await transaction.fetch(NOTICES, limit, administrator, [*About])
    ]


_SELECT = (
    """
select m.id, m.about, m.request_id, q.document_id, d.kind, d.note_name, d.service_on, p.name as practice_name,
    m.created_at, m.read_at,
    q.state as request_state, mine.state as my_seat,
"""
    + MY_TURN
    + " as my_turn, "
    + LATE
    + " as late, "
    + CLIENT_NAME
    + """ as client_name
from message m join signature_request q on q.id = m.request_id join practice p on p.id = m.practice_id
join document d on d.id = q.document_id
-- what the account may not open any more is not listed
join reaches on reaches.account_id = $1 and reaches.document_id = q.document_id
left join signer mine on mine.request_id = q.id and mine.account_id = $1
where m.account_id = $1
and not exists (select from document_block b where b.document_id = q.document_id and b.account_id = $1)
"""
)

DELIVER = SQL("""
insert into message (practice_id, account_id, request_id, about) values ($1, $2, $3, $4)
on conflict (request_id, account_id, about) do nothing returning id
""")

HOLDERS = SQL("""
select 'account:' || account_id as party from message where request_id = $1 and about = 'record_request' order by id
""")

LETTERS = SQL("""
select m.id as message_id, 'account:' || a.id as party, a.email, a.language, m.created_at, l.state
from message m join portal_account a on a.id = m.account_id
left join mail l on l.message_id = m.id and l.occasion = $3
join signature_request q on q.id = m.request_id
where m.request_id = $1 and m.about = $2 and 'account:' || a.id = any($4::text[])
and (m.about <> 'record_request' or q.ended_at is null)
-- whoever may not open it any more is not written to either
and exists (select from reaches where reaches.account_id = a.id and reaches.document_id = q.document_id)
and not exists (select from document_block b where b.document_id = q.document_id and b.account_id = a.id)
-- nor is whoever wants no reminders, where the practice lets them choose; of the request itself everybody is told
and ($3 not like 'reminder%' or a.reminders
    or not (select p.reminders_optional from practice p where p.id = m.practice_id))
order by m.created_at, m.id
""")

INBOX = SQL(_SELECT + "order by m.created_at desc, m.id desc")

FIND = SQL(_SELECT + "and m.id = $2")

READ = SQL("update message set read_at = now() where id = $1 and read_at is null returning id")

NOTE_MAIL = SQL("""
insert into mail (practice_id, message_id, occasion, state) values ($1, $2, $3, $4)
on conflict (message_id, occasion) do update set state = excluded.state, at = now()
where mail.state not in ('sent', 'refused') and mail.state <> excluded.state returning message_id
""")

TELL_STAFF = SQL("""
insert into staff_notice (practice_id, request_id, about) values ($1, $2, $3)
on conflict (request_id, about) do update set created_at = now(), read_at = null
""")

TELL_OF_CHART = SQL("""
insert into staff_notice (practice_id, client_id, about) values ($1, $2, $3)
on conflict (client_id, about) where client_id is not null and actor is null
do update set created_at = now(), read_at = null
""")

TELL_ADMINISTRATORS = SQL("insert into staff_notice (practice_id, client_id, about, actor) values ($1, $2, $3, $4)")

# every page of the practice asks: newest first and one by one until there are enough, and not a join of all years
NOTICES = SQL("""
select n.request_id, q.document_id, c.id as client_id, c.given_name || ' ' || c.family_name as client_name, q.kind,
    q.note_name, n.about, n.created_at,
    case when n.actor is not null then coalesce(t.name, 'somebody who is no longer here') end as actor
from (select * from staff_notice where (actor is null or $2) and about = any($3) order by created_at desc) n
left join lateral (
    select q.document_id, q.client_id, d.kind, d.note_name
    from signature_request q join document d on d.id = q.document_id where q.id = n.request_id limit 1
) q on true
join client c on c.id = coalesce(q.client_id, n.client_id)
left join staff t on 'staff:' || t.id = n.actor
-- of a closed chart only that its glass was broken
where n.actor is not null or c.id not in (select * from closed_charts())
order by n.created_at desc limit $1
""")
