"""Record: what happens to a request between its delivery and its end, each in one transaction with its audit entry."""

from dataclasses import dataclass, field
from datetime import datetime

from temporalio import activity

from activities.deliver import put_into_inboxes
from activities.stamp import Signature
from chart import audit, client, document, message, practice, request, schedule
from chart.audit import Action, Actor
from chart.document import NewVersion
from chart.ids import RequestId
from chart.lifecycle import Act, Life, Order, SeatState
from chart.message import About
from gateways.postgres import Database, Transaction


@dataclass(frozen=True)
class Answer:
    """One of several signers has signed or declined, and others are still to come."""

    order: Order
    request_id: RequestId
    life: Life
    by: Actor
    state: SeatState
    at: datetime
    now: datetime
    """The engine's time: whoever is asked next is reminded from here."""
    reminder_days: tuple[int, ...] | None
    reason: str | None = field(default=None, repr=False)
    signature: Signature | None = None
    correction: bool = False


@dataclass(frozen=True)
class Term:
    """A new expiry or new reminders."""

    order: Order
    request_id: RequestId
    by: Actor
    action: Action
    expires_at: datetime
    reminder_days: tuple[int, ...] | None
    """None: as before."""
    reminders: tuple[datetime, ...]


@dataclass(frozen=True)
class TooLate:
    """Something came that the request does not take."""

    order: Order
    request_id: RequestId
    by: Actor
    act: Act | None
    """None: a signal that nobody knows."""
    why: str
    """A sentence of `chart.lifecycle`."""
    number: int
    """Counted over the request: the engine may run this again, and it is written once."""


@dataclass(frozen=True)
class Attention:
    order: Order
    request_id: RequestId
    life: Life
    by: Actor
    action: Action
    """`NEEDS_ATTENTION`, `RESUMED` or `SKIPPED`."""
    attention: str | None = None
    """Why, in plain words; None: it goes on."""
    skippable: bool = False


@dataclass(frozen=True)
class VersionFiling:
    order: Order
    request_id: RequestId
    version: NewVersion


@dataclass(frozen=True)
class Record:
    """The activities by which the workflow writes down what happened."""

    database: Database

    @activity.defn(name="record_answer")
    async def answer(self, answer: Answer) -> tuple[datetime, ...] | None:
        """The answer stands at once; whose turn it is now finds the request in the inbox.

        The reminders from now on, if somebody is asked next; else None.
        """
        order, request_id = answer.order, answer.request_id
        async with self.database.practice(order.practice) as transaction:
            if await request.answer(
                transaction,
                request_id,
                answer.by,
                answer.state,
                answer.at,
                reason=answer.reason,
                correction=answer.correction,
            ):
                await self._audit_answer(transaction, answer)
                if answer.state is SeatState.DECLINED:
                    await message.tell_staff(transaction, order.practice, request_id, About.DECLINED)
            await put_into_inboxes(transaction, order, request_id, answer.life.waits_for)
            reminders = await self._remind_next(transaction, answer) if order.in_order else None
            await request.announce(transaction, order.practice, order.client, request_id)
            return reminders

    async def _audit_answer(self, transaction: Transaction, answer: Answer) -> None:
        signed = answer.signature
        await self._audit(
            transaction,
            answer.order,
            answer.request_id,
            answer.by,
            Action.SIGNATURE_TAKEN if answer.state is SeatState.SIGNED else Action.DECLINED,
            ip_address=signed.ip_address if signed else None,
            sha256=signed.sha256 if signed else None,
            correction=int(answer.correction) or None,
        )

    async def _remind_next(self, transaction: Transaction, answer: Answer) -> tuple[datetime, ...]:
        days = answer.reminder_days
        if days is None:
            days = (await practice.current(transaction)).reminder_days
        zone = await client.zone(transaction, answer.order.client)
        reminders = schedule.reminders(answer.now, days, zone, answer.life.expires_at)
        await request.set_term(
            transaction,
            answer.order,
            answer.request_id,
            expires_at=answer.life.expires_at,
            reminder_days=days,
            reminders=reminders,
        )
        return reminders

    @activity.defn(name="record_term")
    async def term(self, term: Term) -> None:
        async with self.database.practice(term.order.practice) as transaction:
            if await request.set_term(
                transaction,
                term.order,
                term.request_id,
                expires_at=term.expires_at,
                reminder_days=term.reminder_days,
                reminders=term.reminders,
            ):
                await self._audit(transaction, term.order, term.request_id, term.by, term.action)

    @activity.defn(name="record_too_late")
    async def too_late(self, late: TooLate) -> None:
        async with self.database.practice(late.order.practice) as transaction:
            entries = await audit.of_request(transaction, late.request_id)
            if late.number in [one.detail["number"] for one in entries if one.action is Action.CAME_TOO_LATE]:
                return
            await self._audit(
                transaction,
                late.order,
                late.request_id,
                late.by,
                Action.CAME_TOO_LATE,
                act=late.act or "unknown signal",
                why=late.why,
                number=late.number,
            )

    @activity.defn(name="record_attention")
    async def attention(self, attention: Attention) -> None:
        order, request_id = attention.order, attention.request_id
        async with self.database.practice(order.practice) as transaction:
            if await request.attend(
                transaction,
                order.practice,
                order.client,
                request_id,
                attention.life.state,
                attention=attention.attention,
                skippable=attention.skippable,
            ):
                await self._audit(
                    transaction, order, request_id, attention.by, attention.action, reason=attention.attention
                )
                if attention.attention:
                    await message.tell_staff(transaction, order.practice, request_id, About.NEEDS_ATTENTION)

    @activity.defn(name="record_version")
    async def version(self, filing: VersionFiling) -> None:
        """A new version that came too late to replace the one that was signed stands behind it as a correction."""
        order = filing.order
        async with self.database.practice(order.practice) as transaction:
            await document.add_version(transaction, order.practice, order.client, order.document, filing.version)
            await request.announce(transaction, order.practice, order.client, filing.request_id)

    async def _audit(
        self,
        transaction: Transaction,
        order: Order,
        request_id: RequestId,
        by: Actor,
        action: Action,
        **detail: str | int | None,
    ) -> None:
        await audit.record(
            transaction,
            order.practice,
            by,
            action,
            chart=order.client,
            document=order.document,
            request=request_id,
            **detail,
        )
