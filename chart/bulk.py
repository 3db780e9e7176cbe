"""Many documents shared at once: the wish, and what became of each (SPEC S10)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from chart import audit
from chart.audit import Action, Actor
from chart.document import Kind, type_label
from chart.ids import ClientId, DocumentId, PracticeId, RequestId
from chart.refusals import NotFound, Unacceptable
from gateways.postgres import SQL, Transaction

BulkId = NewType("BulkId", UUID)
"""The run id of its workflow's first run."""

MOST = 500
"""Documents at once; the history of the workflow stays far below the engine's limits."""


class BulkAct(StrEnum):
    SHARE = "share"
    SHARE_TO_SIGN = "share_to_sign"


class ItemOutcome(StrEnum):
    WAITING = "waiting"
    SHARED = "shared"
    ASKED = "asked"
    """A signature is asked for; so it is too if that was so before."""
    PARKED = "parked"
    """It waits until somebody registers for the client."""
    REFUSED = "refused"


@dataclass(frozen=True)
class Item:
    document_id: DocumentId
    outcome: ItemOutcome
    reason: str | None = field(repr=False)
    """Why it was refused, and what to do."""
    request_id: RequestId | None


@dataclass(frozen=True)
class Bulk:
    id: BulkId
    act: BulkAct
    created_at: datetime
    items: tuple[Item, ...]
    nothing_of: tuple[ClientId, ...] = ()
    """Clients with no document of the kind that was asked for, or none that is not shared yet."""

    @property
    def done(self) -> int:
        """How many have their result."""
        return sum(one.outcome is not ItemOutcome.WAITING for one in self.items)

    @property
    def finished(self) -> bool:
        return self.done == len(self.items)


@dataclass(frozen=True)
class Concerned:
    """Which document an item is about, for the practice's eyes."""

    client_id: ClientId
    client_name: str = field(repr=False)
    type: str = field(repr=False)
    service_on: date = field(repr=False)


def check_count(documents: Sequence[DocumentId]) -> None:
    if not 1 <= len(documents) <= MOST:
        raise Unacceptable(
            "Name 1 to {most} documents. There may be none of this kind that is not shared yet.", most=MOST
        )


async def new_id(transaction: Transaction) -> UUID:
    """For the id of its workflow."""
    made: UUID = await transaction.fetchval(NEW_ID)
    return made


async def newest_unshared(
    transaction: Transaction, clients: Sequence[ClientId], kind: Kind, note_name: str | None
) -> dict[ClientId, DocumentId]:
    """Of each of these charts the newest document of the kind that is not shared yet, in the order of the charts."""
    rows = await transaction.fetch(NEWEST_UNSHARED, clients, kind, note_name)
    return {ClientId(row["client_id"]): DocumentId(row["id"]) for row in rows}


async def open_bulk(
    transaction: Transaction,
    practice: PracticeId,
    bulk_id: BulkId,
    act: BulkAct,
    by: Actor,
    documents: Sequence[DocumentId],
    nothing_of: Sequence[ClientId] = (),
) -> None:
    """Write the wish, and of whom there is nothing to share; once, however often."""
    if await transaction.fetchval(OPEN, bulk_id, practice, act, by, nothing_of) is None:
        return
    await transaction.execute(ITEMS, bulk_id, practice, documents)
    for one in sorted(nothing_of):  # in one order, since each entry holds its chart's chain
        await audit.record(
            transaction,
            practice,
            by,
            Action.NOT_FOUND,
            chart=await audit.chart_of(transaction, client=one, document=None, request=None),
            asked_for=f"bulk {act}",
        )


async def note(
    transaction: Transaction,
    bulk_id: BulkId,
    position: int,
    outcome: ItemOutcome,
    *,
    reason: str | None = None,
    request_id: RequestId | None = None,
) -> bool:
    """Keep what became of an item; False if that stands there already."""
    noted = await transaction.fetchval(NOTE, bulk_id, position, outcome, reason, request_id)
    return noted is not None


async def find(transaction: Transaction, bulk_id: BulkId) -> Bulk:
    row = await transaction.fetchrow(FIND, bulk_id)
    if row is None:
        raise NotFound("There is no such bulk share in this practice, or it has not begun yet.")
    items = tuple(
        Item(one["document_id"], ItemOutcome(one["outcome"]), one["reason"], one["request_id"])
        for one in await transaction.fetch(FIND_ITEMS, bulk_id)
    )
    return Bulk(row["id"], BulkAct(row["act"]), row["created_at"], items, tuple(row["nothing_of"]))


async def concerned(transaction: Transaction, bulk_id: BulkId) -> dict[DocumentId, Concerned]:
    """What its items are about; nothing of charts that are closed to whoever asks."""
    return {
        DocumentId(row["id"]): Concerned(
            row["client_id"], row["client_name"], type_label(Kind(row["kind"]), row["note_name"]), row["service_on"]
        )
        for row in await transaction.fetch(CONCERNED, bulk_id)
    }


async def names_of_nothing(transaction: Transaction, bulk_id: BulkId) -> dict[ClientId, str]:
    """Who the clients are of whom there was nothing; nobody whose chart is closed to whoever asks."""
    return {ClientId(row["id"]): row["name"] for row in await transaction.fetch(NAMES_OF_NOTHING, bulk_id)}


NEW_ID = SQL("select uuidv7()")

NEWEST_UNSHARED = SQL("""
select wanted.client_id, d.id from unnest($1::uuid[]) with ordinality wanted(client_id, position)
join lateral (
    select d.id from document d
    join lateral (
        select id from version where document_id = d.id and signed_by_request is null order by number desc limit 1
    ) v on true
    where d.client_id = wanted.client_id and d.kind = $2 and ($3::text is null or d.note_name = $3)
    and not exists (select from share s where s.version_id = v.id and s.hidden_at is null)
    order by d.service_on desc, d.id desc limit 1
) d on true
order by wanted.position
""")

OPEN = SQL("""
insert into bulk_share (id, practice_id, act, requested_by, nothing_of) values ($1, $2, $3, $4, $5)
on conflict (id) do nothing returning id
""")

ITEMS = SQL("""
insert into bulk_item (bulk_id, practice_id, position, document_id)
select $1, $2, position - 1, id from unnest($3::uuid[]) with ordinality documents(id, position)
on conflict (bulk_id, position) do nothing
""")

NOTE = SQL("""
update bulk_item set outcome = $3, reason = $4, request_id = $5
where bulk_id = $1 and position = $2 and (outcome, reason, request_id) is distinct from ($3, $4, $5)
returning position
""")

FIND = SQL("select id, act, created_at, nothing_of from bulk_share where id = $1")

FIND_ITEMS = SQL("select document_id, outcome, reason, request_id from bulk_item where bulk_id = $1 order by position")

CONCERNED = SQL("""
select d.id, d.client_id, c.given_name || ' ' || c.family_name as client_name, d.kind, d.note_name, d.service_on
from bulk_item i join document d on d.id = i.document_id join client c on c.id = d.client_id
where i.bulk_id = $1
""")

NAMES_OF_NOTHING = SQL("""
select c.id, c.given_name || ' ' || c.family_name as name
from bulk_share b join client c on c.id = any(b.nothing_of)
where b.id = $1 and c.id not in (select * from closed_charts())
""")
