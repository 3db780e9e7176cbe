"""File: the signed version, the state and the audit entry appear in the chart together (SPEC main job, 5)."""

from dataclasses import dataclass

from temporalio import activity

from activities.stamp import Signature, Stamped
from chart import audit, document, request
from chart.audit import Action, Actor
from chart.ids import RequestId
from chart.request import Order, RequestState
from gateways.postgres import Database


@dataclass(frozen=True)
class Filing:
    order: Order
    request_id: RequestId
    signature: Signature
    stamped: Stamped


@activity.defn(name="file")
@dataclass(frozen=True)
class File:
    database: Database

    async def __call__(self, filing: Filing) -> None:
        """One transaction; a second run finds the first signed version and changes nothing."""
        order, request_id, stamped = filing.order, filing.request_id, filing.stamped
        async with self.database.practice(order.practice) as transaction:
            filed = await document.add_signed_version(
                transaction,
                order.practice,
                request_id,
                sha256=stamped.sha256,
                size=stamped.size,
                pages=stamped.pages,
            )
            if not filed:
                return
            await request.move(transaction, order, request_id, RequestState.SIGNED, signed_at=filing.signature.at)
            await audit.record(
                transaction,
                order.practice,
                Actor(f"account:{filing.signature.signer}"),
                Action.SIGNED,
                chart=order.client,
                document=order.document,
                request=request_id,
                sha256=order.sha256,
                signed_sha256=stamped.sha256,
                ip_address=filing.signature.ip_address,
            )
