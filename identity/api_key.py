"""API keys of integrations: shown once, kept as SHA-256, with scopes and an end."""

import hashlib
import secrets
from datetime import timedelta

from chart.ids import PracticeId
from gateways.postgres import SQL, Database, Transaction
from identity.caller import Integration, Right

PREFIX = "sts_"
"""Lets secret scanners recognise a key."""


async def make(
    transaction: Transaction, practice: PracticeId, name: str, scopes: frozenset[Right], *, lasts: timedelta
) -> str:
    """A new key; this is the only time that it can be read."""
    key = PREFIX + secrets.token_urlsafe(32)
    await transaction.execute(MAKE, practice, name, _digest(key), sorted(scopes), lasts)
    return key


async def integration(database: Database, key: str) -> Integration | None:
    """Whose key it is, or None for an unknown, revoked or expired one."""
    async with database.anyone() as transaction:
        practice = await transaction.fetchval(PRACTICE_OF_API_KEY, _digest(key))
    if practice is None:
        return None
    async with database.practice(practice) as transaction:
        row = await transaction.fetchrow(FIND, _digest(key))
    return Integration(practice, row["id"], frozenset(row["scopes"])) if row else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


PRACTICE_OF_API_KEY = SQL("select practice_of_api_key($1)")

MAKE = SQL("""
insert into api_key (practice_id, name, key_sha256, scopes, expires_at) values ($1, $2, $3, $4, now() + $5::interval)
""")

FIND = SQL("select id, scopes from api_key where key_sha256 = $1 and revoked_at is null and expires_at > now()")
