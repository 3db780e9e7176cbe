"""Many documents to one client, or one kind to many clients (SPEC S10)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from temporalio.common import SearchAttributePair

from activities.bulk import BulkOrder
from api import engine
from api.resources import Resources
from api.stories import charts
from chart import audit, bulk, client
from chart.bulk import Bulk, BulkAct, BulkId, Concerned
from chart.client import Client
from chart.document import Kind
from chart.ids import ClientId, DocumentId
from gateways import temporal
from identity.caller import PracticeSide
from workflows.bulk import ShareInBulk


@dataclass(frozen=True)
class OfKind:
    """What is there to share of one kind."""

    documents: list[DocumentId]
    nothing_of: list[ClientId]
    """Those who have none that is not shared yet."""


async def of_kind(
    resources: Resources, caller: PracticeSide, clients: Sequence[ClientId], kind: Kind, note_name: str | None
) -> OfKind:
    """The newest document of this kind in each chart that is not shared yet."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await bulk.newest_unshared(transaction, clients, kind, note_name)
    return OfKind(list(found.values()), [one for one in dict.fromkeys(clients) if one not in found])


async def share(
    resources: Resources,
    caller: PracticeSide,
    act: BulkAct,
    documents: Sequence[DocumentId],
    *,
    days: int | None,
    reminder_days: tuple[int, ...] | None,
    when_registered: bool,
    nothing_of: Sequence[ClientId] = (),
) -> BulkId:
    """Start it; each document's result is read with `look`."""
    bulk.check_count(documents)
    order = BulkOrder(
        practice=caller.practice,
        requested_by=caller.actor,
        act=act,
        documents=tuple(dict.fromkeys(documents)),
        days=days,
        reminder_days=reminder_days,
        when_registered=when_registered,
        nothing_of=tuple(nothing_of),
    )
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        bulk_id = await bulk.new_id(transaction)
    started = await engine.start(
        resources,
        ShareInBulk.run,
        order,
        id=f"share-in-bulk/{bulk_id}",
        summary=f"{act.value.replace('_', ' ').capitalize()}: {len(order.documents)} documents",
        known=[SearchAttributePair(temporal.PRACTICE, str(caller.practice))],
    )
    # the workflow does the same; so it can be looked at from now on, also while no worker is up
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await bulk.open_bulk(
            transaction, caller.practice, BulkId(started), act, caller.actor, order.documents, order.nothing_of
        )
    return BulkId(started)


@dataclass(frozen=True)
class Looked:
    bulk: Bulk
    concerned: dict[DocumentId, Concerned] = field(repr=False)
    names: dict[ClientId, str] = field(repr=False)
    """Of clients of whom there was nothing to share."""


async def look(resources: Resources, caller: PracticeSide, bulk_id: BulkId) -> Looked:
    """What has become of it so far, and of what."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        looked = Looked(
            await bulk.find(transaction, bulk_id),
            await bulk.concerned(transaction, bulk_id),
            await bulk.names_of_nothing(transaction, bulk_id),
        )
        await audit.view_bulk(transaction, caller.practice, caller.actor, str(bulk_id))
        return looked


AT_ONCE = bulk.MOST
"""Clients in one list: no more than one bulk share takes."""


@dataclass(frozen=True)
class Possible:
    """With whom something may be shared, by family name."""

    clients: list[Client] = field(repr=False)
    next: ClientId | None
    """Behind whom the next list begins; None where this is the last."""
    besides: dict[ClientId, str] = field(repr=False)
    """The names of those who were chosen before and are not in this list."""


async def possible_clients(
    resources: Resources, caller: PracticeSide, words: str, after: ClientId | None, chosen: Sequence[ClientId] = ()
) -> Possible:
    """Those whose name or id holds all the words, behind `after`."""
    found = await charts.search_clients(resources, caller, words, after=after, limit=AT_ONCE + 1)
    listed = [one for one in found[:AT_ONCE] if not one.closed]
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        besides = await client.names(transaction, set(chosen) - {one.id for one in listed})
    return Possible(listed, found[AT_ONCE - 1].id if len(found) > AT_ONCE else None, besides)
