"""Proof that nothing was changed or taken away: every chain of the audit log, every anchor, every stored file.

`./sts audit verify` tells the first broken link of each chain (45 CFR 164.312(c), SPEC A6, S3). What it says holds ids
and counts only. The hashes are computed here and not by the database, which is what is examined.
"""

import argparse
import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from chart import anchor
from chart.anchor import Anchor, Head
from chart.audit import Action
from chart.document import SignedVersion
from chart.ids import ClientId, PracticeId
from gateways import postgres
from gateways.postgres import SQL, Database, Record, Transaction
from gateways.storage import Storage, StoredBytesChanged, StoredBytesLocked, StoredBytesMissing
from gateways.telemetry import log_to_stderr
from settings import settings


@dataclass
class Examined:
    """What was looked at, and what is wrong with it, in plain words."""

    chains: int = 0
    entries: int = 0
    anchors: int = 0
    files: int = 0
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        looked = f"{self.chains} chains with {self.entries} entries, {self.anchors} anchors, {self.files} stored files"
        if not self.broken:
            return f"{looked}: all as they were written."
        return "\n".join([f"{looked}. Not as they were written:", *self.broken])


async def examine(transaction: Transaction, storage: Storage, practice: PracticeId) -> Examined:
    """Everything of one practice. Takes the transaction of whoever may see its rows."""
    found = Examined()
    held = await _held(transaction, storage, practice, found)
    await _chains(transaction, practice, held, found)
    await _files(transaction, storage, practice, found)
    return found


async def tells_of(transaction: Transaction, signed: SignedVersion) -> bool:
    """Whether the log of the chart is whole and says that this was signed: of these bytes, for that version.

    Anchors are not looked at, since whoever verifies a file waits for it; `examine` does.
    """
    async for _, entries in _by_chart(transaction, signed.practice_id, signed.client_id):
        said = {"sha256": signed.shared_sha256, "signed_sha256": signed.sha256}
        return not await asyncio.to_thread(_first_broken, entries, {}) and any(
            row["action"] == Action.SIGNED
            and row["request_id"] == signed.request_id
            and said.items() <= json.loads(row["detail"]).items()
            for row in entries
        )
    return False


def hash_of(row: Record) -> bytes:
    """What the entry's hash must be, as `audit_hash` of migration 0001 says; jsonb puts shorter keys first."""
    said = {
        "at": row["at"],
        "actor": row["actor"],
        "chart": str(row["chart_id"]),
        "action": row["action"],
        "detail": _DETAIL,
        "number": row["number"],
        "request": _text(row["request_id"]),
        "document": _text(row["document_id"]),
        "practice": str(row["practice_id"]),
    }
    text = json.dumps(said, ensure_ascii=False).replace(json.dumps(_DETAIL), row["detail"], 1)
    return hashlib.sha256(row["previous"] + text.encode()).digest()


_DETAIL = "\x00"
"""Stands where the detail comes, as the database prints it; no text in Postgres holds it."""


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None


# -- the chains

Chains = dict[UUID, dict[int, str]]
"""Of each chain the hashes that its entries must have, by number, as anchors say."""


async def _chains(transaction: Transaction, practice: PracticeId, held: Chains, found: Examined) -> None:
    """Entry by entry; of each chain the first thing that is wrong."""
    async for chart, entries in _by_chart(transaction, practice):
        found.chains += 1
        found.entries += len(entries)
        if wrong := _first_broken(entries, held.pop(chart, {})):
            found.broken.append(f"{_named(chart, practice)}, {wrong}")
    for chart, hashes in held.items():
        found.broken.append(f"{_named(chart, practice)}, entry 1: it is missing, and {max(hashes) - 1} behind it.")


def _named(chart: UUID, practice: PracticeId) -> str:
    return f"practice {practice}" if chart == practice else f"chart {chart}"


async def _by_chart(
    transaction: Transaction, practice: PracticeId, only: ClientId | None = None
) -> AsyncIterator[tuple[UUID, list[Record]]]:
    entries: list[Record] = []
    async for row in transaction.cursor(ENTRIES, practice, only, prefetch=1000):
        if entries and entries[0]["chart_id"] != row["chart_id"]:
            yield entries[0]["chart_id"], entries
            entries = []
        entries.append(row)
    if entries:
        yield entries[0]["chart_id"], entries


def _first_broken(entries: list[Record], held: dict[int, str]) -> str | None:
    previous = b""
    for number, row in enumerate(entries, start=1):
        if row["number"] != number:
            return f"entry {number}: it is missing."
        if row["previous"] != previous:
            return f"entry {number}: it does not follow the entry before it."
        if row["hash"] != hash_of(row):
            return f"entry {number}: it was changed."
        if held.get(number, row["hash"].hex()) != row["hash"].hex():
            return f"entry {number}: it is another one than was anchored."
        previous = row["hash"]
    last = max(held, default=0)
    return f"entry {len(entries) + 1}: it is missing, and so are all up to {last}." if last > len(entries) else None


# -- the anchors


async def _held(transaction: Transaction, storage: Storage, practice: PracticeId, found: Examined) -> Chains:
    """What the anchors say; of those that do not fit their entries what is wrong."""
    held: Chains = {}
    await anchor.hold(transaction, practice)
    entered = {row["name"]: row["sha256"] for row in await transaction.fetch(ANCHORED, practice)}
    stored = set(await storage.names(anchor.folder(practice)))
    for name in sorted(entered.keys() | stored):
        found.anchors += 1
        if name not in stored:
            found.broken.append(f"anchor {name}: it is missing in the store.")
            continue
        try:
            content = await storage.named(name)
        except StoredBytesChanged:
            found.broken.append(f"anchor {name}: it was changed.")
            continue
        except StoredBytesLocked:
            found.broken.append(f"anchor {name}: its key is not in STS_STORAGE_KEYS.")
            continue
        if name not in entered:
            found.broken.append(f"anchor {name}: it has no entry in the chain of its practice.")
        elif hashlib.sha256(content).hexdigest() != entered[name]:
            found.broken.append(f"anchor {name}: it was changed.")
            continue
        try:
            _add(held, Anchor.read(content).heads)
        except ValueError:
            found.broken.append(f"anchor {name}: it cannot be read.")
    return held


def _add(held: Chains, heads: Mapping[UUID, Head]) -> None:
    for chart, head in heads.items():
        held.setdefault(chart, {}).setdefault(head.number, head.hash)


# -- the stored files


async def _files(transaction: Transaction, storage: Storage, practice: PracticeId, found: Examined) -> None:
    """Every version as it is shown or was signed, the upload that it was made from, and what has a time stamp."""
    for row in await transaction.fetch(FILES, practice):
        found.files += 1
        which = f"document {row['document_id']}, version {row['number']}"
        try:
            await storage.get(row["sha256"])
        except StoredBytesMissing:
            found.broken.append(f"{which}: the stored file {row['sha256']} is missing.")
        except StoredBytesChanged:
            found.broken.append(f"{which}: the stored file {row['sha256']} was changed.")
        except StoredBytesLocked:
            found.broken.append(f"{which}: the key of the stored file {row['sha256']} is not in STS_STORAGE_KEYS.")


# -- the command


async def examine_all(database: Database, storage: Storage) -> Examined:
    whole = Examined()
    for practice in await anchor.practices(database):
        async with database.practice(practice) as transaction:
            one = await examine(transaction, storage, practice)
        whole.chains += one.chains
        whole.entries += one.entries
        whole.anchors += one.anchors
        whole.files += one.files
        whole.broken += one.broken
    return whole


async def _main(act: str) -> int:
    configured = settings()
    log_to_stderr(configured.log_level)
    storage = Storage.of(configured)
    async with postgres.connect(configured.database_url.get_secret_value(), most=2) as database:
        if act == "anchor":
            for practice in await anchor.practices(database):
                async with database.practice(practice) as transaction:
                    await anchor.keep(transaction, storage, practice, datetime.now(UTC))
        examined = await examine_all(database, storage)
    print(examined)
    return 1 if examined.broken else 0


ENTRIES = SQL("""
select practice_id, chart_id, number, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
    actor, action, document_id, request_id, detail, previous, hash
from audit where practice_id = $1 and ($2::uuid is null or chart_id = $2) order by chart_id, number
""")

ANCHORED = SQL("""
select coalesce(detail->>'name', 'without a name') as name, detail->>'sha256' as sha256 from audit
where practice_id = $1 and chart_id = $1 and action = 'anchored the audit log'
""")

FILES = SQL("""
select document_id, number, sha256 from version where practice_id = $1
union all
select document_id, number, upload_sha256 from version where practice_id = $1 and upload_sha256 <> sha256
union all
select v.document_id, v.number, t.sha256 from time_stamp t join version v on v.id = t.version_id
where t.practice_id = $1 and t.sha256 is not null
order by document_id, number
""")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="sts audit", description=__doc__)
    parser.add_argument("act", choices=("verify", "anchor"), help="verify; or anchor every chain now, then verify")
    raise SystemExit(asyncio.run(_main(parser.parse_args().act)))
