"""Sessions: opaque tokens whose SHA-256 is kept in Postgres, so that they can be ended at once (SPEC A3)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import NewType
from uuid import UUID

from chart import audit
from chart.ids import AccountId, PracticeId, StaffId
from chart.refusals import Refusal
from gateways.postgres import SQL, Database, Transaction
from identity import password as passwords
from identity.caller import PortalUser, Role, StaffMember

Token = NewType("Token", str)
"""256 random bits; held by the browser or the app alone."""

LONGEST = timedelta(hours=12)
STAFF_IDLE = timedelta(hours=2)
CLIENT_IDLE = timedelta(minutes=15)


class SignInFailed(Refusal):
    """Wrong address or wrong password; which one is not told (SPEC A4)."""

    def __init__(self) -> None:
        super().__init__("The email address or the password is wrong.")


async def sign_in_staff(database: Database, email: str, password: str) -> Token:
    """Start a session for the staff member with this address and password."""
    found = await _verified(database, STAFF_BY_EMAIL, email, password, "staff")
    async with database.practice(found.practice) as transaction:
        actor = audit.Actor(f"staff:{found.id}")
        await audit.record(transaction, found.practice, actor, audit.Action.SIGNED_IN)
        return await _start(transaction, found.practice, staff=StaffId(found.id))


async def sign_in_account(database: Database, email: str, password: str) -> Token:
    """Start a session for the portal account with this address and password."""
    found = await _verified(database, ACCOUNT_BY_EMAIL, email, password, "account")
    async with database.practice(found.practice) as transaction:
        actor = audit.Actor(f"account:{found.id}")
        await audit.record(transaction, found.practice, actor, audit.Action.SIGNED_IN)
        return await _start(transaction, found.practice, account=AccountId(found.id))


async def authenticate_again(database: Database, user: PortalUser | StaffMember, token: Token, password: str) -> None:
    """Make the session fresh for signing, by the password of its own account."""
    of = ACCOUNT_PASSWORD if isinstance(user, PortalUser) else STAFF_PASSWORD
    async with database.practice(user.practice) as transaction:
        password_hash = await transaction.fetchval(of, user.id)
    if not await passwords.matches(password_hash, password):
        raise SignInFailed
    async with database.practice(user.practice) as transaction:
        await transaction.execute(MAKE_FRESH, _digest(token))


async def staff_member(database: Database, token: str) -> StaffMember | None:
    """Whose session it is, or None for a foreign, ended or expired token."""
    practice = await _practice(database, token)
    if practice is None:
        return None
    async with database.practice(practice) as transaction:
        row = await transaction.fetchrow(STAFF_OF_SESSION, _digest(token), LONGEST, STAFF_IDLE)
        return StaffMember(**{**row, "role": Role(row["role"])}) if row else None


async def portal_user(database: Database, token: str) -> PortalUser | None:
    """Whose session it is, or None for a foreign, ended or expired token."""
    practice = await _practice(database, token)
    if practice is None:
        return None
    async with database.practice(practice) as transaction:
        row = await transaction.fetchrow(ACCOUNT_OF_SESSION, _digest(token), LONGEST, CLIENT_IDLE)
        return PortalUser(**row) if row else None


async def end(database: Database, who: StaffMember | PortalUser, token: str) -> None:
    """Sign out."""
    async with database.practice(who.practice) as transaction:
        await transaction.execute(END, _digest(token))
        await audit.record(transaction, who.practice, who.actor, audit.Action.SIGNED_OUT)


async def end_all(transaction: Transaction, account_id: AccountId) -> None:
    """Sign a portal account out everywhere, because what it may has changed (SPEC A3)."""
    await transaction.execute(END_ALL, account_id)


@dataclass(frozen=True)
class _Found:
    id: UUID
    practice: PracticeId


async def _verified(database: Database, by_email: SQL, email: str, password: str, kind: str) -> _Found:
    async with database.anyone() as transaction:
        rows = await transaction.fetch(by_email, email.strip())
    # one address may have an account in several practices
    for row in rows:
        if await passwords.matches(row["password_hash"], password):
            return _Found(row["id"], PracticeId(row["practice_id"]))
    if not rows:
        await passwords.matches(None, password)
    await _audit_refusal(database, [(row["practice_id"], audit.Actor(f"{kind}:{row['id']}")) for row in rows])
    raise SignInFailed


async def _audit_refusal(database: Database, meant: list[tuple[PracticeId, audit.Actor]]) -> None:
    """Into the log of every practice where the address has an account; as slow for an unknown one (SPEC A4)."""
    for practice, actor in meant:
        async with database.practice(practice) as transaction:
            await audit.record(transaction, practice, actor, audit.Action.SIGN_IN_REFUSED)
    if not meant:
        async with database.anyone() as transaction:
            # what has a transaction id is waited for until it is on disk, like an entry
            await transaction.execute(WRITE_NOTHING)


async def _practice(database: Database, token: str) -> PracticeId | None:
    async with database.anyone() as transaction:
        practice: PracticeId | None = await transaction.fetchval(PRACTICE_OF_SESSION, _digest(token))
        return practice


async def _start(
    transaction: Transaction, practice: PracticeId, *, staff: StaffId | None = None, account: AccountId | None = None
) -> Token:
    token = Token(secrets.token_urlsafe(32))
    await transaction.execute(START, _digest(token), practice, staff, account)
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


STAFF_BY_EMAIL = SQL("select id, practice_id, password_hash from staff_by_email($1)")

ACCOUNT_BY_EMAIL = SQL("select id, practice_id, password_hash from account_by_email($1)")

WRITE_NOTHING = SQL("select pg_current_xact_id()")

ACCOUNT_PASSWORD = SQL("select password_hash from portal_account where id = $1")

STAFF_PASSWORD = SQL("select password_hash from staff where id = $1")

PRACTICE_OF_SESSION = SQL("select practice_of_session($1)")

START = SQL("insert into session (token_sha256, practice_id, staff_id, account_id) values ($1, $2, $3, $4)")

MAKE_FRESH = SQL("update session set authenticated_at = now(), seen_at = now() where token_sha256 = $1")

END = SQL("delete from session where token_sha256 = $1")

END_ALL = SQL("delete from session where account_id = $1")

# seen_at moves at most every half minute, so that reading a page does not write a row each time
_SEEN = """
with seen as (
    update session set seen_at = now() where token_sha256 = $1 and created_at > now() - $2::interval
    and seen_at > now() - $3::interval and seen_at < now() - interval '30 seconds'
)
"""
_ALIVE = "s.token_sha256 = $1 and s.created_at > now() - $2::interval and s.seen_at > now() - $3::interval"

STAFF_OF_SESSION = SQL(
    _SEEN
    + "select s.practice_id as practice, t.id, t.role, s.authenticated_at, t.name from session s "
    + "join staff t on t.id = s.staff_id where "
    + _ALIVE
)

ACCOUNT_OF_SESSION = SQL(
    _SEEN
    + "select s.practice_id as practice, a.id, s.authenticated_at, a.name from session s "
    + "join portal_account a on a.id = s.account_id where "
    + _ALIVE
)
