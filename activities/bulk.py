"""Bulk: each of many documents is shared as it would be alone; then one email tells each client (SPEC S10)."""

from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client

from activities.ask import ask
from activities.notify import FIRST, Notification
from activities.order import Terms, new_order, share
from chart import audit, bulk, request
from chart.audit import Action, Actor
from chart.bulk import BulkAct, BulkId, ItemOutcome
from chart.ids import ClientId, DocumentId, PracticeId, RequestId
from chart.lifecycle import STATES, RequestState
from chart.message import MessageAbout
from chart.refusals import NotInThisState, Refusal
from gateways.postgres import Database


@dataclass(frozen=True)
class BulkOrder:
    practice: PracticeId
    requested_by: Actor
    act: BulkAct
    documents: tuple[DocumentId, ...]
    days: int | None = None
    reminder_days: tuple[int, ...] | None = None
    when_registered: bool = False
    nothing_of: tuple[ClientId, ...] = ()
    """Clients of whom there is no such document, which the result says too."""


@dataclass(frozen=True)
class BulkItem:
    bulk_id: BulkId
    order: BulkOrder
    position: int


@dataclass(frozen=True)
class ItemResult:
    outcome: ItemOutcome
    mail: Notification | None = None
    """What tells the signers of it."""


class NotDeliveredYet(Exception):
    """The request's own workflow has not put it into the chart, or is the one before, which is just ending.

    The engine tries this again.
    """


@dataclass(frozen=True)
class Bulk:
    """The activities of a bulk share."""

    database: Database
    engine: Client
    task_queue: str

    @activity.defn(name="open_bulk")
    async def open(self, item: BulkItem) -> None:
        order = item.order
        async with self.database.practice(order.practice) as transaction:
            await bulk.open_bulk(
                transaction,
                order.practice,
                item.bulk_id,
                order.act,
                order.requested_by,
                order.documents,
                order.nothing_of,
            )

    @activity.defn(name="share_item")
    async def share(self, item: BulkItem) -> ItemResult:
        """By the rules of a single Share or Share to Sign; a refusal is the item's result and no error."""
        order, document_id = item.order, item.order.documents[item.position]
        try:
            if order.act is BulkAct.SHARE:
                async with self.database.practice(order.practice, order.requested_by) as transaction:
                    await share(transaction, order.practice, order.requested_by, document_id)
                return await self._note(item, ItemResult(ItemOutcome.SHARED))
            return await self._share_to_sign(item, document_id)
        except Refusal as why:
            return await self._note(item, ItemResult(ItemOutcome.REFUSED), reason=str(why))

    async def _share_to_sign(self, item: BulkItem, document_id: DocumentId) -> ItemResult:
        order = item.order
        terms = Terms(
            days=order.days, reminder_days=order.reminder_days, when_registered=order.when_registered, mails=False
        )
        async with self.database.practice(order.practice, order.requested_by) as transaction:
            wanted = await new_order(transaction, order.practice, order.requested_by, document_id, terms)
        request_id = await ask(self.engine, self.task_queue, wanted)
        async with self.database.practice(order.practice) as transaction:
            if not await request.exists(transaction, request_id):
                raise NotDeliveredYet
            found = await request.find(transaction, request_id)
        if found.state is RequestState.SEALING:
            raise NotInThisState(found.attention or STATES[found.state].too_late)
        if found.state.ended:
            raise NotDeliveredYet
        if found.state is RequestState.AWAITING_REGISTRATION:
            return await self._note(item, ItemResult(ItemOutcome.PARKED), request_id=request_id)
        mail = Notification(
            wanted, request_id, MessageAbout.RECORD_REQUEST, FIRST, found.life.waits_for, wanted.asked_at
        )
        return await self._note(item, ItemResult(ItemOutcome.ASKED, mail), request_id=request_id)

    async def _note(
        self, item: BulkItem, result: ItemResult, *, reason: str | None = None, request_id: RequestId | None = None
    ) -> ItemResult:
        order, document_id = item.order, item.order.documents[item.position]
        async with self.database.practice(order.practice) as transaction:
            noted = await bulk.note(
                transaction, item.bulk_id, item.position, result.outcome, reason=reason, request_id=request_id
            )
            if noted and result.outcome is ItemOutcome.REFUSED:
                await audit.record(
                    transaction,
                    order.practice,
                    order.requested_by,
                    Action.REFUSED,
                    chart=await audit.chart_of(transaction, client=None, document=document_id, request=None),
                    document=document_id,
                    asked_for=f"bulk {order.act}",
                )
        return result
