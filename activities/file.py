"""File: the signed version, the answers, the state and the audit entry appear in the chart together (main job, 5)."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio import activity

from activities.stamp import Signature, Stamped, beyond_retry
from activities.time_stamp import TimeStamping
from chart import audit, document, message, request
from chart.audit import Action
from chart.ids import RequestId
from chart.lifecycle import Order, RequestState, SeatState
from chart.message import About
from gateways import metrics
from gateways.postgres import Database
from gateways.storage import Storage


@dataclass(frozen=True)
class Filing:
    order: Order
    request_id: RequestId
    signatures: tuple[Signature, ...]
    """All of them, in the order in which they came."""
    stamped: Stamped


@activity.defn(name="file")
@dataclass(frozen=True)
class File:
    database: Database
    storage: Storage
    stamps_time: bool
    """A time-stamp authority is configured."""

    async def __call__(self, filing: Filing) -> TimeStamping | None:
        """What is to be time-stamped now, if anything. A second run finds the first signed version."""
        await self._file(filing)
        # from now on stamping again answers with what is filed
        await asyncio.to_thread(self.storage.forget, str(filing.request_id))
        order = filing.order
        return (
            TimeStamping(order.practice, order.client, order.document, filing.request_id) if self.stamps_time else None
        )

    async def _file(self, filing: Filing) -> None:
        """One transaction."""
        order, request_id, stamped = filing.order, filing.request_id, filing.stamped
        last = filing.signatures[-1]
        async with self.database.practice(order.practice) as transaction:
            ended = await request.end(
                transaction, order, request_id, RequestState.SIGNED, by=last.signer, signed_at=last.at
            )
            if not ended:
                if await request.state_of(transaction, request_id) is not RequestState.SIGNED:
                    raise beyond_retry("The request has ended otherwise in the chart. Ask for the signature again.")
                return
            for signature in filing.signatures:
                await request.answer(
                    transaction, request_id, signature.signer, SeatState.SIGNED, signature.at, reason=None
                )
            await document.add_signed_version(
                transaction,
                order.practice,
                request_id,
                sha256=stamped.sha256,
                size=stamped.size,
                pages=stamped.pages,
            )
            # a new version that came in between has taken it out of the portal, and a signed copy is there for ever
            await document.share(transaction, order.practice, order.version, order.requested_by)
            await audit.record(
                transaction,
                order.practice,
                last.signer,
                Action.SIGNED,
                chart=order.client,
                document=order.document,
                request=request_id,
                sha256=order.sha256,
                signed_sha256=stamped.sha256,
                ip_address=last.ip_address,
            )
            await message.tell_staff(transaction, order.practice, request_id, About.SIGNED)
        metrics.SIGNED.observe((datetime.now(UTC) - last.at).total_seconds())
