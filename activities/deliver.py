"""Deliver: the request, the share and the inbox message appear in the chart together."""

from dataclasses import dataclass

from temporalio import activity

from chart import audit, document, message, request
from chart.audit import Action, Actor
from chart.ids import RequestId
from chart.request import Order
from gateways.postgres import Database


@dataclass(frozen=True)
class Delivery:
    order: Order
    request_id: RequestId


@activity.defn(name="deliver")
@dataclass(frozen=True)
class Deliver:
    database: Database

    async def __call__(self, delivery: Delivery) -> bool:
        """One transaction; False if another request on this version is open or signed, and nothing was written."""
        order, request_id = delivery.order, delivery.request_id
        async with self.database.practice(order.practice) as transaction:
            if not await request.open_request(transaction, request_id, order):
                return False
            await document.share(transaction, order.practice, order.version, Actor(order.requested_by))
            if await message.deliver(transaction, order.practice, order.signer, request_id):
                await audit.record(
                    transaction,
                    order.practice,
                    Actor(order.requested_by),
                    Action.ASKED_TO_SIGN,
                    chart=order.client,
                    document=order.document,
                    request=request_id,
                    sha256=order.sha256,
                )
        return True
