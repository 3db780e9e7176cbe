"""Staff and portal accounts, and the invitation by which a client comes to have one (SPEC A1)."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from uuid import UUID

from chart import audit, client
from chart import practice as practices
from chart import relationship as relationships
from chart.audit import Actor
from chart.ids import AccountId, ClientId, InvitationId, PracticeId, StaffId
from chart.refusals import NotFound, NotInThisState, Refusal, Unacceptable
from gateways.postgres import SQL, Database, Record, Transaction
from identity import opaque, refused, reset, second_factor, throttle
from identity import password as passwords
from identity import visitor as visitors
from identity.caller import Role, Surface
from identity.reset import Reset
from identity.throttle import TooManyTries
from identity.visitor import UNKNOWN, Visitor

INVITATION_LASTS = timedelta(days=7)


class InvitationEnded(Refusal):
    """Unknown, used, revoked or older than seven days; which one is not told."""

    def __init__(self) -> None:
        super().__init__("This invitation has ended. Ask the practice to send a new one.")


class AccountExists(Refusal):
    """Of the invited address; made just now, or with another password than was given."""

    def __init__(self) -> None:
        super().__init__("You have an account already. Enter its password to connect it with this invitation.")


@dataclass(frozen=True)
class Invitation:
    """A single-use way to an account; `token` is in the mail's link only, the database keeps its SHA-256."""

    id: UUID
    token: str = field(repr=False)
    email: str = field(repr=False)


def check_address(email: str) -> None:
    """Raise `Unacceptable` unless mail can be sent to it as it stands (RFC 5322 3.4.1, ASCII; RFC 5321 4.5.3.1.3)."""
    fits = len(email) <= 254 and re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", email)
    try:
        address = Address(addr_spec=email) if fits else None
    except (ValueError, IndexError, HeaderParseError):
        address = None
    if not address or not address.username or not address.domain or address.addr_spec != email:
        raise Unacceptable("This is not an email address. It looks like name@example.org.")


async def add_staff(
    transaction: Transaction, practice: PracticeId, *, email: str, name: str, role: Role, password: str
) -> StaffId:
    staff_id: StaffId = await transaction.fetchval(
        ADD_STAFF, practice, email, name, role, await passwords.hash_new(password)
    )
    return staff_id


async def invite(
    transaction: Transaction,
    practice: PracticeId,
    client_id: ClientId,
    *,
    email: str,
    name: str,
    relationship: str,
) -> Invitation:
    """A new invitation; the ones sent before to the same address for this client end."""
    check_address(email)
    kind = relationships.named(relationship)
    await relationships.check_may_be_invited(transaction, client_id, kind)
    await transaction.execute(REVOKE, client_id, email)
    token = opaque.new()
    invitation_id = await transaction.fetchval(
        INVITE, practice, client_id, email, name, kind, opaque.digest(token), INVITATION_LASTS
    )
    return Invitation(invitation_id, token, email)


async def revoke_invitation(transaction: Transaction, client_id: ClientId, invitation_id: InvitationId) -> bool:
    """End an invitation of this client; False if it was ended before, `NotInThisState` once it was used."""
    row = await transaction.fetchrow(INVITATION, invitation_id, client_id)
    if row is None:
        raise NotFound("There is no such invitation for this client.")
    if row["used_at"]:
        raise NotInThisState("This invitation was used already. End the access instead.")
    return await transaction.fetchval(REVOKE_ONE, invitation_id) is not None


async def invited_for(database: Database, token: str) -> tuple[PracticeId, ClientId]:
    """For which client of which practice an invitation is that can be used now; or `InvitationEnded`."""
    practice, invited = await _invited(database, token)
    return practice, ClientId(invited["client_id"])


async def _invited(database: Database, token: str) -> tuple[PracticeId, Record]:
    async with database.anyone() as transaction:
        practice = await transaction.fetchval(PRACTICE_OF_INVITATION, opaque.digest(token))
    if practice is not None:
        async with database.practice(practice) as transaction:
            invited = await transaction.fetchrow(INVITED, opaque.digest(token))
        if invited is not None:
            return PracticeId(practice), invited
    raise InvitationEnded


@dataclass(frozen=True)
class Preferences:
    """How somebody wants to be written to."""

    language: str
    reminders: bool
    """Wants them."""
    reminders_optional: bool
    """The practice lets them choose."""


async def preferences(transaction: Transaction, account_id: AccountId) -> Preferences:
    row = await transaction.fetchrow(PREFERENCES, account_id)
    assert row is not None, "whoever is signed in has a row"
    return Preferences(**row)


async def set_reminders(transaction: Transaction, account_id: AccountId, wanted: bool) -> bool:
    """False if that was so before."""
    if not wanted and not (await preferences(transaction, account_id)).reminders_optional:
        raise Unacceptable("Your practice reminds everybody. Ask the practice if you want no reminders.")
    return await transaction.fetchval(SET_REMINDERS, account_id, wanted) is not None


async def offer_new_factors(transaction: Transaction, practice: PracticeId, account_id: AccountId) -> Reset:
    """A way to a new second factor for whoever has lost them all: through the password and then the link of this mail.

    The old ones count until the new one is set, so that neither a password alone nor a mailbox alone ever leads in.
    """
    party = Surface.PORTAL.party(account_id)
    if not (await second_factor.of(transaction, party)).any:
        raise NotInThisState("This person has no second factor. “Forgotten your password?” leads to a new password.")
    await visitors.forget_devices(transaction, party)
    return await reset.addressed(transaction, practice, party, await second_factor.make_link(transaction, party))


async def register(
    database: Database, token: str, password: str, visitor: Visitor = UNKNOWN, language: str = "en"
) -> AccountId:
    """Use an invitation: make the account, or let the existing one of this address act for one client more.

    Whoever has an account proves it with its password, which counts as a try to sign in; the invitation alone does not
    change it.
    """
    practice, invited = await _invited(database, token)
    email, name = invited["email"], invited["name"]
    async with database.practice(practice) as transaction:
        known = await transaction.fetchrow(ACCOUNT, email)
        practice_name = (await practices.current(transaction)).name
    # in no transaction: passwords take their time, and tries are counted on a connection of their own
    if known:
        party = Surface.PORTAL.party(known["id"])
        await _check_owner(database, practice, party, visitor, email, known["password_hash"], password)
    else:
        password_hash = await passwords.hash_new(password, (name, email, *email.split("@"), practice_name))
    async with database.practice(practice) as transaction:
        invitation = await transaction.fetchrow(USE, opaque.digest(token))
        if invitation is None:
            raise InvitationEnded
        await client.hold(transaction, invitation["client_id"])
        account_id: AccountId | None = (
            known["id"]
            if known
            else await transaction.fetchval(ADD_ACCOUNT, practice, email, name, password_hash, language)
        )
        if account_id is None:
            raise AccountExists
        await transaction.execute(RELATE, practice, account_id, invitation["client_id"], invitation["relationship"])
        await audit.record(
            transaction,
            practice,
            Actor(f"account:{account_id}"),
            audit.Action.REGISTERED,
            chart=invitation["client_id"],
            relationship=invitation["relationship"],
        )
    return account_id


async def _check_owner(
    database: Database,
    practice: PracticeId,
    party: Actor,
    visitor: Visitor,
    email: str,
    password_hash: str,
    password: str,
) -> None:
    purses = throttle.for_password(Surface.PORTAL, email, visitor, known_device=False)
    try:
        await throttle.spend(database, *purses)
    except TooManyTries:
        await refused.note_some(database, practice, party, visitor, "password at an invitation, held up")
        raise
    if not await passwords.matches(password_hash, password):
        await refused.note(database, practice, party, visitor, "password at an invitation")
        raise AccountExists
    await throttle.give_back(database, *purses)


ADD_STAFF = SQL("""
insert into staff (practice_id, email, name, role, password_hash) values ($1, $2, $3, $4, $5) returning id
""")

REVOKE = SQL("""
update invitation set revoked_at = now()
where client_id = $1 and lower(email) = lower($2) and used_at is null and revoked_at is null
""")

# locked: somebody may be registering with it
INVITATION = SQL("select used_at from invitation where id = $1 and client_id = $2 for update")

REVOKE_ONE = SQL("update invitation set revoked_at = now() where id = $1 and revoked_at is null returning id")

INVITE = SQL("""
insert into invitation (practice_id, client_id, email, name, relationship, token_sha256, expires_at)
values ($1, $2, $3, $4, $5, $6, now() + $7::interval) returning id
""")

PRACTICE_OF_INVITATION = SQL("select practice_of_invitation($1)")

INVITED = SQL("""
select client_id, email, name from invitation
where token_sha256 = $1 and used_at is null and revoked_at is null and expires_at > now()
""")

PREFERENCES = SQL("""
select a.language, a.reminders, p.reminders_optional
from portal_account a join practice p on p.id = a.practice_id where a.id = $1
""")

SET_REMINDERS = SQL("update portal_account set reminders = $2 where id = $1 and reminders <> $2 returning id")

# one statement, so that an invitation cannot be used twice at once
USE = SQL("""
update invitation set used_at = now()
where token_sha256 = $1 and used_at is null and revoked_at is null and expires_at > now()
returning client_id, email, name, relationship
""")

ACCOUNT = SQL("select id, password_hash from portal_account where lower(email) = lower($1)")

ADD_ACCOUNT = SQL("""
insert into portal_account (practice_id, email, name, password_hash, language) values ($1, $2, $3, $4, $5)
on conflict (practice_id, lower(email)) do nothing returning id
""")

# one that has ended begins anew today; one that holds keeps its beginning
RELATE = SQL("""
insert into relationship (practice_id, account_id, client_id, kind, starts_on) values ($1, $2, $3, $4, practice_today())
on conflict (account_id, client_id) do update set kind = excluded.kind,
    starts_on = case
        when relationship.ends_on <= excluded.starts_on then excluded.starts_on
        else least(relationship.starts_on, excluded.starts_on)
    end,
    ends_on = null, ended_by = null, end_reason = null
""")
