"""Messages in the client's portal inbox, and notices for staff."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chart.ids import AccountId, ClientId, DocumentId, MessageId, PracticeId, RequestId
from chart.refusals import NotFound
from gateways.postgres import SQL, Transaction


@dataclass(frozen=True)
class Message:
    """A record request: somebody of the practice asks for a signature."""

    id: MessageId
    request_id: RequestId
    document_id: DocumentId
    practice_name: str
    created_at: datetime
    read_at: datetime | None


class About(StrEnum):
    """What staff is told."""

    SIGNED = "signed"
    EXPIRED = "expired"
    MAIL_REFUSED = "mail refused"
    NEEDS_ATTENTION = "needs attention"


@dataclass(frozen=True)
class StaffNotice:
    request_id: RequestId
    document_id: DocumentId
    client_id: ClientId
    about: About
    created_at: datetime


async def deliver(transaction: Transaction, practice: PracticeId, to: AccountId, request_id: RequestId) -> bool:
    """Put the record request into the inbox; False if it is there already."""
    return await transaction.fetchval(DELIVER, practice, to, request_id) is not None


async def inbox(transaction: Transaction, account_id: AccountId) -> list[Message]:
    """Newest first."""
    return [Message(**row) for row in await transaction.fetch(INBOX, account_id)]


async def find(transaction: Transaction, account_id: AccountId, message_id: MessageId) -> Message:
    row = await transaction.fetchrow(FIND, account_id, message_id)
    if row is None:
        raise NotFound("There is no such message, or it is not yours.")
    return Message(**row)


async def read(transaction: Transaction, message_id: MessageId) -> None:
    await transaction.execute(READ, message_id)


async def note_mail(transaction: Transaction, practice: PracticeId, request_id: RequestId, state: str) -> bool:
    """Keep what became of the email; False if that is known already."""
    return await transaction.fetchval(NOTE_MAIL, practice, request_id, state) is not None


async def tell_staff(transaction: Transaction, practice: PracticeId, request_id: RequestId, about: About) -> None:
    """Put a notice before the practice's staff; what is told again stands once, at its new time."""
    await transaction.execute(TELL_STAFF, practice, request_id, about)


async def staff_notices(transaction: Transaction, limit: int = 20) -> list[StaffNotice]:
    """The newest notices of the practice."""
    return [StaffNotice(**{**row, "about": About(row["about"])}) for row in await transaction.fetch(NOTICES, limit)]


_SELECT = """
select m.id, m.request_id, q.document_id, p.name as practice_name, m.created_at, m.read_at
from message m join signature_request q on q.id = m.request_id join practice p on p.id = m.practice_id
where m.account_id = $1
"""

DELIVER = SQL("""
insert into message (practice_id, account_id, request_id) values ($1, $2, $3)
on conflict (request_id) do nothing returning id
""")

INBOX = SQL(_SELECT + "order by m.created_at desc, m.id desc")

FIND = SQL(_SELECT + "and m.id = $2")

READ = SQL("update message set read_at = now() where id = $1 and read_at is null")

NOTE_MAIL = SQL("""
insert into notice (practice_id, request_id, state) values ($1, $2, $3)
on conflict (request_id) do nothing returning request_id
""")

TELL_STAFF = SQL("""
insert into staff_notice (practice_id, request_id, about) values ($1, $2, $3)
on conflict (request_id, about) do update set created_at = now(), read_at = null
""")

NOTICES = SQL("""
select n.request_id, q.document_id, q.client_id, n.about, n.created_at
from staff_notice n join signature_request q on q.id = n.request_id
order by n.created_at desc limit $1
""")
