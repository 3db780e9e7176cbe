"""Sessions: opaque tokens whose SHA-256 is kept in Postgres, so that they can be ended at once (SPEC A3)."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NewType

from chart import audit
from chart.ids import AccountId, PracticeId
from chart.refusals import Refusal
from gateways.postgres import SQL, Database, Transaction
from identity import password as passwords
from identity import throttle
from identity import visitor as visitors
from identity.caller import PortalUser, Role, StaffMember, Surface
from identity.visitor import Visitor

Token = NewType("Token", str)
"""256 random bits; held by the browser or the app alone."""

LONGEST = timedelta(hours=12)
STAFF_IDLE = timedelta(hours=2)
CLIENT_IDLE = timedelta(minutes=15)

REFUSED_AFTER = timedelta(seconds=0.3)
"""Longer than looking at the passwords of an address takes on an idle machine (75 ms each)."""


class SignInFailed(Refusal):
    """Wrong address or wrong password; which one is not told (SPEC A4)."""

    def __init__(self) -> None:
        super().__init__("The email address or the password is wrong.")


@dataclass(frozen=True)
class SignedIn:
    token: Token = field(repr=False)
    device: str = field(repr=False)
    """For the browser or app to keep: strangers who guess cannot keep its owner out."""


async def sign_in(database: Database, surface: Surface, visitor: Visitor, email: str, password: str) -> SignedIn:
    """Start a session for whoever has this address and password.

    Raises `SignInFailed`, or `TooManyTries` without a look at the password.
    """
    found = await _verified(database, surface, visitor, email, password)
    async with database.practice(found.practice) as transaction:
        await audit.record(transaction, found.practice, found.party, audit.Action.SIGNED_IN)
        return SignedIn(
            await _start(transaction, found),
            await visitors.remember(transaction, found.practice, found.party, visitor),
        )


async def authenticate_again(database: Database, user: PortalUser | StaffMember, token: Token, password: str) -> None:
    """Make the session fresh for signing, by the password of its own account."""
    of = ACCOUNT_PASSWORD if isinstance(user, PortalUser) else STAFF_PASSWORD
    purse = throttle.PASSWORD_AGAIN.of(user.actor)
    await throttle.spend(database, purse)
    async with database.practice(user.practice) as transaction:
        password_hash = await transaction.fetchval(of, user.id)
    if not await passwords.matches(password_hash, password):
        raise SignInFailed
    await throttle.give_back(database, purse)
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
    practice: PracticeId
    party: audit.Actor
    password_hash: str = field(repr=False)


async def _verified(database: Database, surface: Surface, visitor: Visitor, email: str, password: str) -> _Found:
    """One address may have an account in several practices; the password says which."""
    async with database.anyone() as transaction:
        rows = await transaction.fetch(BY_EMAIL[surface], email.strip())
        people = [_Found(row["practice_id"], surface.party(row["id"]), row["password_hash"]) for row in rows]
        known_device = await visitors.is_known(transaction, visitor, [one.party for one in people])
    purses = throttle.for_password(surface, email, visitor, known_device=known_device)
    await throttle.spend(database, *purses)
    async with _refused_alike():
        for one in people:
            if await passwords.matches(one.password_hash, password):
                await throttle.give_back(database, *purses)
                return one
        if not people:
            await passwords.matches(None, password)
        for one in people:
            async with database.practice(one.practice) as transaction:
                await audit.record(
                    transaction,
                    one.practice,
                    audit.STRANGER,
                    audit.Action.SIGN_IN_REFUSED,
                    account=one.party,
                    network=visitor.network,
                )
        raise SignInFailed


@asynccontextmanager
async def _refused_alike() -> AsyncIterator[None]:
    """A refusal takes the same time, however many accounts were looked at and whatever was written of it."""
    clock = asyncio.get_running_loop().time
    until = clock() + REFUSED_AFTER.total_seconds()
    try:
        yield
    except Refusal:
        await asyncio.sleep(until - clock())
        raise


async def _practice(database: Database, token: str) -> PracticeId | None:
    async with database.anyone() as transaction:
        practice: PracticeId | None = await transaction.fetchval(PRACTICE_OF_SESSION, _digest(token))
        return practice


async def _start(transaction: Transaction, found: _Found) -> Token:
    token = Token(secrets.token_urlsafe(32))
    await transaction.execute(START, _digest(token), found.practice, found.party)
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


STAFF_BY_EMAIL = SQL("select id, practice_id, password_hash from staff_by_email($1)")

ACCOUNT_BY_EMAIL = SQL("select id, practice_id, password_hash from account_by_email($1)")

BY_EMAIL = {Surface.CHART: STAFF_BY_EMAIL, Surface.PORTAL: ACCOUNT_BY_EMAIL}

ACCOUNT_PASSWORD = SQL("select password_hash from portal_account where id = $1")

STAFF_PASSWORD = SQL("select password_hash from staff where id = $1")

PRACTICE_OF_SESSION = SQL("select practice_of_session($1)")

START = SQL("""
insert into session (token_sha256, practice_id, staff_id, account_id) values (
    $1, $2, substring($3::text from '^staff:(.*)')::uuid, substring($3::text from '^account:(.*)')::uuid
)
""")

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
