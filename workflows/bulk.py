"""Many documents shared at once: so many at a time, a result for each, one email per client (SPEC S10)."""

import asyncio
from collections import Counter
from uuid import UUID

from temporalio import workflow

from activities.ask import HandOver
from activities.bulk import Bulk, BulkItem, BulkOrder, ItemResult
from chart.bulk import BulkId, ItemOutcome
from chart.request import account_of
from gateways.temporal import PlainWords
from workflows.patience import STEP, UNTIL_DONE

AT_ONCE = 10


@workflow.defn(name="ShareInBulk")
class ShareInBulk:
    """Shares each document as it would be shared alone. The result counts the outcomes; the chart has them by item.

    Query: `progress`. It takes no signals: each request is steered on its own.
    """

    @workflow.init
    def __init__(self, order: BulkOrder) -> None:
        self.order = order
        self.bulk_id = BulkId(UUID(workflow.info().first_execution_run_id))
        self.results: list[ItemResult | None] = [None] * len(order.documents)

    @workflow.run
    async def run(self, order: BulkOrder) -> dict[str, int]:
        await workflow.execute_activity_method(
            Bulk.open,
            BulkItem(self.bulk_id, order, 0),
            start_to_close_timeout=STEP,
            retry_policy=UNTIL_DONE,
            summary=PlainWords(f"Begin: {len(order.documents)} documents"),
        )
        at_once = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._share(position, at_once) for position in range(len(order.documents))))
        await self._mail()
        return self.progress()

    @workflow.query
    def progress(self) -> dict[str, int]:
        """How many items have which outcome."""
        return dict(Counter((one.outcome if one else ItemOutcome.WAITING).value for one in self.results))

    async def _share(self, position: int, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            self.results[position] = await workflow.execute_activity_method(
                Bulk.share,
                BulkItem(self.bulk_id, self.order, position),
                start_to_close_timeout=STEP,
                retry_policy=UNTIL_DONE,
                summary=PlainWords(f"Document {position + 1}"),
            )
        self._say()

    async def _mail(self) -> None:
        """One email for each account: of the first of its requests, which leads to the inbox with all of them."""
        told: set[str] = set()
        for result in self.results:
            mail = result.mail if result else None
            if mail is None or not any(account_of(party) for party in mail.parties) or told.issuperset(mail.parties):
                continue
            told.update(mail.parties)
            await workflow.execute_local_activity_method(
                HandOver.mail,
                mail,
                start_to_close_timeout=STEP,
                retry_policy=UNTIL_DONE,
                summary=PlainWords("One email for a client"),
            )

    def _say(self) -> None:
        rows = "".join(f"\n| {name} | {count} |" for name, count in sorted(self.progress().items()))
        workflow.set_current_details("| | |\n|---|---|" + rows)
