"""API keys of integrations: shown once, kept as SHA-256, with scopes and an end."""

import logging
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chart import audit
from chart.audit import SERVICE, Action, Actor
from chart.ids import PracticeId
from chart.refusals import NotFound, Unacceptable
from gateways import metrics
from gateways.postgres import SQL, Database, Transaction
from identity import opaque, refused
from identity.caller import Integration, Right
from identity.visitor import UNKNOWN, Visitor

logger = logging.getLogger(__name__)

PREFIX = "sts_"
"""Lets secret scanners recognise a key."""

SCOPES = tuple(right for right in Right if right not in {Right.MANAGE_KEYS, Right.MANAGE_STAFF})
"""What a key may be made for: a key that makes keys or staff would never end."""

LONGEST = timedelta(days=366)


@dataclass(frozen=True)
class ApiKey:
    """As its practice sees it; the key itself nobody sees again."""

    id: UUID
    name: str = field(repr=False)
    scopes: tuple[str, ...]
    made_by: str | None
    """The audit's actor."""
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def works(self) -> bool:
        return self.revoked_at is None and datetime.now(UTC) < self.expires_at


def check(name: str, scopes: Set[Right], lasts: timedelta) -> None:
    """Raise `Unacceptable` unless a practice may make such a key."""
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Unacceptable("Give the key a name of 1 to 100 characters that tells which program uses it.")
    if not scopes or not scopes <= set(SCOPES):
        raise Unacceptable("Choose what the key may do: {scopes}.", scopes=", ".join(SCOPES))
    if not timedelta(days=1) <= lasts <= LONGEST:
        raise Unacceptable("A key works for 1 to {most} days. Make a new one in time.", most=LONGEST.days)


async def make(
    transaction: Transaction,
    practice: PracticeId,
    name: str,
    scopes: Set[Right],
    *,
    lasts: timedelta,
    by: Actor = SERVICE,
) -> str:
    """A new key; this is the only time that it can be read."""
    key = PREFIX + opaque.new()
    made = await transaction.fetchval(MAKE, practice, name, opaque.digest(key), sorted(scopes), lasts, by)
    await audit.record(transaction, practice, by, Action.MADE_KEY, key=str(made), scopes=" ".join(sorted(scopes)))
    return key


async def of_practice(transaction: Transaction) -> list[ApiKey]:
    """Those that work first, then the others; the newest first."""
    found = [ApiKey(**{**row, "scopes": tuple(row["scopes"])}) for row in await transaction.fetch(OF_PRACTICE)]
    return sorted(found, key=lambda one: not one.works)


async def revoke(transaction: Transaction, practice: PracticeId, key_id: UUID, *, by: Actor) -> None:
    """From now on it is refused. Doing it again changes nothing."""
    if not await transaction.fetchval(EXISTS, key_id):
        raise NotFound("There is no such key in this practice.")
    if await transaction.fetchval(REVOKE, key_id) is not None:
        await audit.record(transaction, practice, by, Action.REVOKED_KEY, key=str(key_id))


async def integration(database: Database, key: str, visitor: Visitor = UNKNOWN) -> Integration | None:
    """Whose key it is, or None for an unknown, revoked or expired one.

    One that its practice has made is refused in that practice's log. An unknown one is nobody's: it is counted, and
    the service's own log has a line, neither with anything of the key.
    """
    async with database.anyone() as transaction:
        practice = await transaction.fetchval(PRACTICE_OF_API_KEY, opaque.digest(key))
    if practice is None:
        metrics.UNKNOWN_KEYS.labels("key" if key.startswith(PREFIX) else "other").inc()
        logger.warning("an API key was refused that no practice has made")
        return None
    async with database.practice(practice) as transaction:
        row = await transaction.fetchrow(FIND, opaque.digest(key))
        ended = None if row else await transaction.fetchval(ENDED, opaque.digest(key))
    if ended:
        await refused.note_some(database, practice, Actor(f"key:{ended}"), visitor, "API key that has ended")
    return Integration(practice, row["id"], frozenset(row["scopes"])) if row else None


PRACTICE_OF_API_KEY = SQL("select practice_of_api_key($1)")

MAKE = SQL("""
insert into api_key (practice_id, name, key_sha256, scopes, expires_at, made_by)
values ($1, $2, $3, $4, now() + $5::interval, $6) returning id
""")

OF_PRACTICE = SQL("""
select id, name, scopes, made_by, created_at, expires_at, last_used_at, revoked_at from api_key
order by created_at desc
""")

EXISTS = SQL("select exists (select from api_key where id = $1)")

REVOKE = SQL("update api_key set revoked_at = now() where id = $1 and revoked_at is null returning id")

ENDED = SQL("select id from api_key where key_sha256 = $1")

# last_used_at moves at most every minute, so that a busy program does not write a row each time
FIND = SQL("""
with used as (
    update api_key set last_used_at = now() where key_sha256 = $1 and revoked_at is null and expires_at > now()
    and (last_used_at is null or last_used_at < now() - interval '1 minute')
)
select id, scopes from api_key where key_sha256 = $1 and revoked_at is null and expires_at > now()
""")
