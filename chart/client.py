"""Clients: the people whom the charts are about, and who acts for them in the Client Portal."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from chart.audit import Actor
from chart.ids import AccountId, ClientId, InvitationId, PracticeId
from chart.refusals import ChartRestricted, ClientNotRegistered, NotFound, Unacceptable
from chart.relationship import Relationship
from chart.schedule import check_zone
from chart.text import Sentence
from gateways.postgres import SQL, Transaction


@dataclass(frozen=True)
class Client:
    id: ClientId
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    birth_date: date = field(repr=False)
    external_id: str | None = field(repr=False)
    """The client's id in the practice's other system."""
    created_at: datetime
    registered: bool
    """Somebody can act for this client in the Client Portal."""
    waiting: int
    """Signature requests that wait for a signature."""
    restricted: bool = False
    """Only its care team opens the chart (`chart.care`)."""
    closed: bool = False
    """It is restricted, and not open to whoever asks."""

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True)
class PortalAccess:
    """A portal account that acts for a client today."""

    account_id: AccountId
    name: str = field(repr=False)
    email: str = field(repr=False)
    relationship: Relationship


async def add(
    transaction: Transaction,
    practice: PracticeId,
    *,
    given_name: str,
    family_name: str,
    birth_date: date,
    external_id: str | None,
) -> Client:
    """Open a chart."""
    client_id = await transaction.fetchval(ADD, practice, given_name, family_name, birth_date, external_id)
    if client_id is None:
        raise Unacceptable("Another client of this practice has this external_id. Use that client, or another id.")
    return await find(transaction, client_id)


async def find(transaction: Transaction, client_id: ClientId) -> Client:
    row = await transaction.fetchrow(FIND, client_id)
    if row is None:
        raise NotFound("There is no such client in this practice.")
    found = Client(**row)
    if found.closed:
        raise ChartRestricted(
            "This chart is restricted to its care team. In an emergency, open it in the Chart Room and give the reason."
        )
    return found


async def check_holds(transaction: Transaction, client_id: ClientId, thing: UUID) -> None:
    """Raise `NotFound` for a document, a request or a consent of another chart; what is nowhere, its own noun tells."""
    stands_in = await transaction.fetchval(STANDS_IN, thing)
    if stands_in not in {None, client_id}:
        raise NotFound("There is no such document, request or consent in this chart.")


OLDEST = timedelta(days=130 * 366)
"""Nobody has become 130 yet: a year that was mistyped."""


def check_birth_date(birth_date: date, today: date) -> None:
    """Raise `Unacceptable` for a day on which no client was born."""
    if birth_date > today:
        raise Unacceptable("The date of birth is in the future. Check the year.")
    if today - birth_date > OLDEST:
        raise Unacceptable("The date of birth is more than 130 years ago. Check the year.")


async def search(transaction: Transaction, words: str, *, after: ClientId | None, limit: int) -> list[Client]:
    """Clients whose name or external id holds every one of `words`, by family name; only those behind `after`."""
    rows = await transaction.fetch(SEARCH, words.split(), after, limit)
    return [Client(**row) for row in rows]


async def recent(transaction: Transaction, actor: Actor, limit: int) -> list[Client]:
    """Whose charts somebody opened last, newest first, as the audit log has it; none that is closed to them now."""
    return [Client(**row) for row in await transaction.fetch(RECENT, actor, limit)]


async def names(transaction: Transaction, clients: Collection[ClientId]) -> dict[ClientId, str]:
    """Of these clients."""
    return {row["id"]: row["name"] for row in await transaction.fetch(NAMES, list(clients))}


async def access(transaction: Transaction, client_id: ClientId) -> list[PortalAccess]:
    """Who acts for the client today; the client's own account first."""
    rows = await transaction.fetch(ACCESS, client_id)
    return [PortalAccess(**{**row, "relationship": Relationship(row["relationship"])}) for row in rows]


@dataclass(frozen=True)
class OpenInvitation:
    """Somebody who is invited and has not registered yet."""

    id: InvitationId
    name: str = field(repr=False)
    email: str = field(repr=False)
    relationship: Relationship
    created_at: datetime
    expires_at: datetime
    mail: str | None
    """What became of the email: `sent`, `delayed`, `refused`, `failed`, or nothing yet."""

    @property
    def mail_words(self) -> str:
        """The same for staff, with what to do."""
        return _MAIL_WORDS[self.mail]


_MAIL_WORDS: dict[str | None, Sentence] = {
    None: "The email is on its way.",
    "sent": "Invited; has not registered yet.",
    "delayed": "The mail server does not take the email yet; it is tried again.",
    "refused": "The email address was refused. Correct it and invite again.",
    "failed": "The email could not be sent. Invite again.",
}


async def invitations(transaction: Transaction, client_id: ClientId) -> list[OpenInvitation]:
    """Those that can still be used, newest first."""
    rows = await transaction.fetch(INVITATIONS, client_id)
    return [OpenInvitation(**{**row, "relationship": Relationship(row["relationship"])}) for row in rows]


async def lapsed(transaction: Transaction, client_id: ClientId) -> list[OpenInvitation]:
    """Those that nobody used in time and that were not sent again, of the last three months, newest first."""
    rows = await transaction.fetch(LAPSED, client_id)
    return [OpenInvitation(**{**row, "relationship": Relationship(row["relationship"])}) for row in rows]


NOT_REGISTERED: Sentence = (
    "This client is not registered for the Client Portal. Invite the client first "
    "(Invite to the Client Portal on the chart, or POST /api/v1/clients/{id}/invitations) "
    "and share again when the client has registered."
)


async def signer(transaction: Transaction, client_id: ClientId) -> PortalAccess:
    """The account that a signature request waits for."""
    accounts = await access(transaction, client_id)
    if not accounts:
        raise ClientNotRegistered(NOT_REGISTERED)
    return accounts[0]


async def hold(transaction: Transaction, client_id: ClientId) -> None:
    """Hold the client until the transaction ends, so that a registration and a request cannot miss each other."""
    await transaction.execute(HOLD, client_id)


async def set_timezone(transaction: Transaction, client_id: ClientId, timezone: str | None) -> None:
    """Note where the client lives, by IANA name; None for where the practice is."""
    if timezone is not None:
        check_zone(timezone)
    if await transaction.fetchval(SET_TIMEZONE, client_id, timezone) is None:
        raise NotFound("There is no such client in this practice.")


async def zone(transaction: Transaction, client_id: ClientId) -> ZoneInfo:
    """The time zone whose daytime the client's reminders keep to."""
    timezone = await transaction.fetchval(TIMEZONE, client_id)
    if timezone is None:
        raise NotFound("There is no such client in this practice.")
    return ZoneInfo(timezone)


# not `exists`: that one is answered by hashing who acts for any client of the practice, for a page of a few
_COLUMNS = """
    c.id, c.given_name, c.family_name, c.birth_date, c.external_id, c.created_at,
    (select true from acting where acting.client_id = c.id limit 1) is not null as registered,
    (
        select count(*)::int from signature_request q
        where q.client_id = c.id and q.ended_at is null
    ) as waiting, c.restricted_at is not null as restricted, c.id in (select * from closed_charts()) as closed
"""

# of two who open a chart for one external id at once, one does
ADD = SQL("""
insert into client (practice_id, given_name, family_name, birth_date, external_id)
values ($1, $2, $3, $4, $5) on conflict (practice_id, external_id) do nothing returning id
""")

FIND = SQL("select" + _COLUMNS + "from client c where c.id = $1")

STANDS_IN = SQL("""
select client_id from (
    select id, client_id from document union all select id, client_id from signature_request
    union all select id, client_id from disclosure_consent
) thing where id = $1
""")

SEARCH = SQL(
    "select"
    + _COLUMNS
    + """
from client c
where not exists (
    select from unnest($1::text[]) word
    where strpos(lower(c.given_name || ' ' || c.family_name || ' ' || coalesce(c.external_id, '')), lower(word)) = 0
)
and ($2::uuid is null or (lower(c.family_name), lower(c.given_name), c.id) > (
    select lower(family_name), lower(given_name), id from client where id = $2
))
order by lower(c.family_name), lower(c.given_name), c.id
limit $3
"""
)

RECENT = SQL(
    "select"
    + _COLUMNS
    + """
from (
    select chart_id, max(at) as at from (
        select chart_id, at from audit where actor = $1 and action = 'viewed chart' order by at desc limit 200
    ) views group by chart_id
) opened join client c on c.id = opened.chart_id
where c.id not in (select * from closed_charts())
order by opened.at desc limit $2
"""
)

NAMES = SQL("select id, given_name || ' ' || family_name as name from client where id = any($1::uuid[])")

ACCESS = SQL("""
select a.id as account_id, a.name, a.email, r.kind as relationship
from acting r join portal_account a on a.id = r.account_id
where r.client_id = $1
order by r.kind = 'self' desc, a.created_at
""")

HOLD = SQL("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 2))")

SET_TIMEZONE = SQL("update client set timezone = $2 where id = $1 returning id")

TIMEZONE = SQL("""
select coalesce(c.timezone, p.timezone) from client c join practice p on p.id = c.practice_id where c.id = $1
""")

INVITATIONS = SQL("""
select id, name, email, relationship, created_at, expires_at, mail from invitation
where client_id = $1 and used_at is null and revoked_at is null and expires_at > now()
order by created_at desc, id desc
""")

LAPSED = SQL("""
select id, name, email, relationship, created_at, expires_at, mail from invitation i
where client_id = $1 and used_at is null and revoked_at is null
and expires_at between now() - interval '90 days' and now()
and not exists (
    select from invitation later
    where later.client_id = i.client_id and lower(later.email) = lower(i.email) and later.created_at > i.created_at
)
order by created_at desc, id desc
""")
