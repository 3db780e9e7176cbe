"""Whoever looks after the practice reads its audit log, and takes a chart's part of it along (SPEC A6)."""

from dataclasses import dataclass, field

from api.exports import Register
from api.resources import Resources
from chart import audit, client
from chart.audit import Action, Actor, Line, Place, Wanted
from chart.ids import ClientId
from chart.refusals import NotFound
from gateways.postgres import Transaction
from identity.caller import PracticeSide


@dataclass(frozen=True)
class Read:
    """A page of the log."""

    lines: list[Line]
    next: Place | None
    """Where the following page begins."""
    names: dict[str, str] = field(repr=False)
    """Of the actors, and of whom mail went to."""
    clients: dict[ClientId, str] = field(repr=False)
    """Names of the clients whose charts are concerned."""
    colleagues: dict[str, str] = field(repr=False)
    """Staff and API keys, by whom the log can be read."""


async def read(
    resources: Resources, caller: PracticeSide, wanted: Wanted, *, after: Place | None = None, limit: int = 50
) -> Read:
    """Newest first. Reading the log is audited as well."""
    async with resources.database.practice(caller.practice) as transaction:
        if wanted.chart:
            await _check_is_here(transaction, wanted.chart)
        found = await audit.lines(transaction, wanted, after=after, limit=limit + 1)
        await audit.record(transaction, caller.practice, caller.actor, Action.VIEWED_AUDIT, chart=wanted.chart)
        shown = found[:limit]
        return Read(
            lines=shown,
            next=shown[-1].place if len(found) > limit else None,
            names=await _names(transaction, shown),
            clients=await client.names(transaction, {line.chart for line in shown if line.chart}),
            colleagues=await audit.colleagues(transaction),
        )


async def read_nothing(resources: Resources, caller: PracticeSide) -> Read:
    """No entry, only what can be chosen: for whoever has asked for what cannot be."""
    async with resources.database.practice(caller.practice) as transaction:
        return Read(lines=[], next=None, names={}, clients={}, colleagues=await audit.colleagues(transaction))


async def _check_is_here(transaction: Transaction, client_id: ClientId) -> None:
    """The log of a restricted chart is read like any other: that is what it is for."""
    if await audit.chart_of(transaction, client=client_id, document=None, request=None) is None:
        raise NotFound("There is no such client in this practice.")


async def _names(transaction: Transaction, lines: list[Line]) -> dict[str, str]:
    told = {Actor(str(line.detail["to"])) for line in lines if line.detail.get("to")}
    return await audit.names(transaction, told | {line.actor for line in lines})


async def export(resources: Resources, caller: PracticeSide, client_id: ClientId) -> Register:
    """The whole chain of a chart with its hashes, the export itself the last of it."""
    async with resources.database.practice(caller.practice) as transaction:
        await _check_is_here(transaction, client_id)
        await audit.record(transaction, caller.practice, caller.actor, Action.EXPORTED_AUDIT, chart=client_id)
        lines = await audit.chain(transaction, client_id)
        names = await _names(transaction, lines)
    return Register(
        title="Audit log",
        about=f"Chart {client_id}, entries 1 to {len(lines)}, oldest first. Times are UTC.",
        file_name=f"audit-{str(client_id)[-12:]}",
        columns=_COLUMNS,
        rows=[_row(line, names) for line in lines],
    )


_COLUMNS = ("number", "at", "action", "actor", "name", "document", "request", "detail", "previous", "hash")


def _row(line: Line, names: dict[str, str]) -> tuple[str | int | dict[str, str | int | None] | None, ...]:
    return (
        line.number,
        line.at.isoformat(),
        line.action.value,
        line.actor,
        names.get(Actor(line.actor)),
        str(line.document_id) if line.document_id else None,
        str(line.request_id) if line.request_id else None,
        line.detail,
        line.previous,
        line.hash,
    )
