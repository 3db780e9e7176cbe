"""Deliver: the request, the share and the inbox messages appear in the chart together; then the first emails go out.

A client who is not registered gets nothing yet: the request stands in the chart and waits (SPEC S5).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from temporalio import activity

from activities.notify import FIRST, Notification, Notify
from chart import audit, block, client, disclosure, document, message, practice, request, schedule
from chart.audit import Action, Actor
from chart.ids import RequestId
from chart.lifecycle import Life, Order
from chart.message import About, MessageAbout
from gateways.postgres import Database, Transaction


@dataclass(frozen=True)
class Delivery:
    order: Order
    request_id: RequestId
    at: datetime
    """The engine's time: from here the days of the reminders count."""
    expires_at: datetime
    """As it is by now; it may have been extended while the request was parked."""
    reminder_days: tuple[int, ...] | None
    """The same of the schedule; None: the practice's."""


class Outcome(StrEnum):
    DELIVERED = "delivered"
    PARKED = "parked"
    """Nobody is registered for the client yet."""
    NOTHING_TO_DO = "nothing to do"
    """A newer version has come, or this one was signed; nothing was written."""


@dataclass(frozen=True)
class Delivered:
    outcome: Outcome
    life: Life
    reminders: tuple[datetime, ...] = ()
    mailed: bool = True
    """False: an email is still to be sent."""


@activity.defn(name="deliver")
@dataclass(frozen=True)
class Deliver:
    database: Database
    notify: Notify

    async def __call__(self, delivery: Delivery) -> Delivered:
        """One transaction for the chart, then one try of each email; what the relay does not take is `notify`'s."""
        order, request_id = delivery.order, delivery.request_id
        async with self.database.practice(order.practice) as transaction:
            await client.hold(transaction, order.client)
            life = await _seated(transaction, order)
            days, reminders = await _reminders(transaction, delivery, parked=not life.waits_for)
            if not await request.open_request(transaction, request_id, order, life, days, reminders):
                return Delivered(Outcome.NOTHING_TO_DO, life)
            if not life.waits_for:
                await _once(transaction, delivery, Action.REGISTRATION_AWAITED)
                return Delivered(Outcome.PARKED, life)
            await _delivered(transaction, delivery, life)
        if not order.mails:
            return Delivered(Outcome.DELIVERED, life, reminders)
        first = Notification(
            order, request_id, MessageAbout.RECORD_REQUEST, FIRST, parties=life.waits_for, at=delivery.at
        )
        return Delivered(Outcome.DELIVERED, life, reminders, mailed=not await self.notify.send(first))


async def _seated(transaction: Transaction, order: Order) -> Life:
    """With whoever has registered for the client in the seat that waits for it."""
    life = Life.of(order)
    if life.open and not life.waits_for:
        reached = await disclosure.reached(transaction, order.document)
        kept_from = {one.account_id for one in await block.of_document(transaction, order.document)}
        for access in await client.access(transaction, order.client):
            registered = request.party_of(access.account_id)
            taken = any(seat.party == registered for seat in life.seats)
            if access.account_id in reached and access.account_id not in kept_from and not taken:
                return life.registered([seat.party or registered for seat in life.seats])
    return life


async def _reminders(
    transaction: Transaction, delivery: Delivery, *, parked: bool
) -> tuple[tuple[int, ...], tuple[datetime, ...]]:
    """The schedule in days, and the moments that come of it; none while the request is parked."""
    order, days = delivery.order, delivery.reminder_days
    if days is None:
        days = (await practice.current(transaction)).reminder_days
    if parked:
        return days, ()
    zone = await client.zone(transaction, order.client)
    return days, schedule.reminders(delivery.at, days, zone, delivery.expires_at)


async def _delivered(transaction: Transaction, delivery: Delivery, life: Life) -> None:
    order, request_id = delivery.order, delivery.request_id
    await document.share(transaction, order.practice, order.version, order.requested_by)
    await put_into_inboxes(transaction, order, request_id, life.waits_for)
    await _once(transaction, delivery, Action.ASKED_TO_SIGN)


async def put_into_inboxes(
    transaction: Transaction, order: Order, request_id: RequestId, parties: tuple[Actor, ...]
) -> None:
    """The record request for clients, a notice for staff whose counter-signature is asked for."""
    for party in parties:
        if account := request.account_of(party):
            await message.deliver(transaction, order.practice, account, request_id, MessageAbout.RECORD_REQUEST)
        else:
            await message.tell_staff(transaction, order.practice, request_id, About.COUNTER_SIGNATURE)


async def _once(transaction: Transaction, delivery: Delivery, action: Action) -> None:
    """The audit entry of this step, unless a run before has written it."""
    order, request_id = delivery.order, delivery.request_id
    written = {entry.action for entry in await audit.of_request(transaction, request_id)}
    if action not in written:
        await audit.record(
            transaction,
            order.practice,
            order.requested_by,
            action,
            chart=order.client,
            document=order.document,
            request=request_id,
            sha256=order.sha256,
        )
