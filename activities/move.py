"""Move: expired, needs attention, resumed; and telling staff what became of a request."""

from dataclasses import dataclass

from temporalio import activity

from chart import audit, message, request
from chart.audit import Action
from chart.ids import RequestId
from chart.message import About
from chart.request import Order, RequestState
from gateways.postgres import Database


@dataclass(frozen=True)
class Move:
    order: Order
    request_id: RequestId
    state: RequestState
    attention: str | None = None
    """Why it needs attention, in plain words."""


@activity.defn(name="move")
@dataclass(frozen=True)
class MoveRequest:
    database: Database

    async def __call__(self, move: Move) -> None:
        """Write the state with its audit entry, and tell staff of what needs their attention.

        Nothing happens to a request that has ended.
        """
        order = move.order
        async with self.database.practice(order.practice) as transaction:
            if await request.move(transaction, order, move.request_id, move.state, attention=move.attention):
                await audit.record(
                    transaction,
                    order.practice,
                    audit.SERVICE,
                    _ACTIONS[move.state],
                    chart=order.client,
                    document=order.document,
                    request=move.request_id,
                    reason=move.attention,
                )
                if move.state is RequestState.NEEDS_ATTENTION:
                    await message.tell_staff(transaction, order.practice, move.request_id, About.NEEDS_ATTENTION)


_ACTIONS = {
    RequestState.EXPIRED: Action.EXPIRED,
    RequestState.NEEDS_ATTENTION: Action.NEEDS_ATTENTION,
    RequestState.PENDING: Action.RESUMED,
}


@dataclass(frozen=True)
class Telling:
    order: Order
    request_id: RequestId
    about: About


@activity.defn(name="tell_staff")
@dataclass(frozen=True)
class TellStaff:
    database: Database

    async def __call__(self, telling: Telling) -> None:
        order = telling.order
        async with self.database.practice(order.practice) as transaction:
            await message.tell_staff(transaction, order.practice, telling.request_id, telling.about)
            await request.announce(transaction, order.practice, order.client, telling.request_id)
