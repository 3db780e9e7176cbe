"""Anchors: once a day the heads of all chains of a practice are kept outside of the database (SPEC A6).

A chain tells when an entry in its midst was changed or taken out. It cannot tell that its newest entries, or all of
it, are gone: what is left is a chain too. An anchor in the store says how long each chain was, and its entry in the
practice's own chain says which anchors there must be (docs/decisions/030).
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chart import audit
from chart.audit import SERVICE, Action
from chart.ids import PracticeId
from gateways.postgres import SQL, Database, Transaction
from gateways.storage import Storage, StoredBytesChanged, StoredBytesLocked

logger = logging.getLogger(__name__)

EVERY = timedelta(days=1)
LOOK_EVERY = timedelta(minutes=15)


@dataclass(frozen=True)
class Head:
    """The last entry of a chain."""

    number: int
    hash: str


@dataclass(frozen=True)
class Anchor:
    """What stands in the store."""

    practice: PracticeId
    at: datetime
    heads: Mapping[UUID, Head]
    """By chart; by the practice's id its own chain, up to the entry before the anchor's own."""

    def content(self) -> bytes:
        heads = {str(chart): [head.number, head.hash] for chart, head in sorted(self.heads.items())}
        said = {"practice": str(self.practice), "at": self.at.isoformat(), "heads": heads}
        return json.dumps(said, indent=0).encode()

    @classmethod
    def read(cls, content: bytes) -> "Anchor":
        """Raises `ValueError` for what is no anchor."""
        try:
            said = json.loads(content)
            heads = {UUID(chart): Head(int(number), str(hash_)) for chart, (number, hash_) in said["heads"].items()}
            return cls(PracticeId(UUID(said["practice"])), datetime.fromisoformat(said["at"]), heads)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not an anchor") from error


def folder(practice: PracticeId) -> str:
    """Of the practice's anchors in the store."""
    return f"anchors/{practice}"


async def practices(database: Database) -> list[PracticeId]:
    """All of them: this is looked after for everybody alike."""
    async with database.anyone() as transaction:
        return [PracticeId(row["id"]) for row in await transaction.fetch(EVERY_PRACTICE)]


async def keep_daily(database: Database, storage: Storage) -> None:
    """Anchor whatever is due, for as long as the process lives; when that is stands in the chart, not in a process."""
    while True:
        try:
            for practice in await practices(database):
                await _keep_if_readable(database, storage, practice)
        except Exception:  # whatever it is: a log that is no longer anchored would be noticed by nobody
            logger.exception("the audit log could not be anchored; it is tried again")
        await asyncio.sleep(LOOK_EVERY.total_seconds())


async def _keep_if_readable(database: Database, storage: Storage, practice: PracticeId) -> None:
    """What is wrong with one practice's anchors keeps nobody else's from being made."""
    try:
        await keep_if_due(database, storage, practice)
    except (StoredBytesChanged, StoredBytesLocked):
        logger.exception("an anchor in the store cannot be read: restore it, or its key; it is tried again")


async def keep_if_due(database: Database, storage: Storage, practice: PracticeId) -> bool:
    """Anchor the practice's chains unless that was done within `EVERY`; several workers may try at once."""
    async with database.practice(practice) as transaction:
        await hold(transaction, practice)
        if await transaction.fetchval(FRESH, practice, EVERY):
            return False
        await keep(transaction, storage, practice, datetime.now(UTC))
        return True


async def keep(transaction: Transaction, storage: Storage, practice: PracticeId, at: datetime) -> None:
    """Anchor now. The anchor is in the store before its entry is in the chart.

    If the process dies in between, the next one enters the anchor that stands in the store.
    """
    await hold(transaction, practice)
    unfinished = await _unfinished(transaction, storage, practice)
    name = unfinished or f"{folder(practice)}/{at:%Y%m%dT%H%M%S.%f}.json"
    content = await storage.named(name) if unfinished else Anchor(practice, at, await heads(transaction)).content()
    await storage.put_named(name, content)
    await audit.record(
        transaction, practice, SERVICE, Action.ANCHORED, name=name, sha256=hashlib.sha256(content).hexdigest()
    )


async def hold(transaction: Transaction, practice: PracticeId) -> None:
    """Hold the practice's anchors until the transaction ends, so that nobody sees half of one."""
    await transaction.execute(HOLD, practice)


async def heads(transaction: Transaction) -> dict[UUID, Head]:
    """Of every chain of the practice that has an entry."""
    return {row["chart_id"]: Head(row["number"], row["hash"]) for row in await transaction.fetch(HEADS)}


async def _unfinished(transaction: Transaction, storage: Storage, practice: PracticeId) -> str | None:
    """An anchor that stands in the store without its entry."""
    known = {row["name"] for row in await transaction.fetch(KNOWN, practice)}
    return next((name for name in await storage.names(folder(practice)) if name not in known), None)


EVERY_PRACTICE = SQL("select id from every_practice()")

HOLD = SQL("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 3))")

FRESH = SQL("""
select true from audit
where chart_id = $1 and practice_id = $1 and action = 'anchored the audit log' and at > now() - $2::interval limit 1
""")

KNOWN = SQL("""
select detail->>'name' as name from audit
where chart_id = $1 and practice_id = $1 and action = 'anchored the audit log'
""")

HEADS = SQL("""
select head.chart_id, head.number, encode(head.hash, 'hex') as hash
from (select id from client union all select current_practice()) chain
join lateral (
    select chart_id, number, hash from audit where chart_id = chain.id order by number desc limit 1
) head on true
""")
