"""The time stamp behind a sealed document: asked for until there is one, while everybody has the document already."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.time_stamp import TimeStamping, TimeStamps, Waiting
from gateways.temporal import PlainWords
from workflows.patience import FIRST_OWN_TRY, LONGEST_PAUSE, ROUND, STEP, UNTIL_DONE, reason

AUTHORITIES_WITHIN = timedelta(minutes=2)
"""For all authorities in turn; a crash of the worker can hold it up so long, and nobody waits."""


@workflow.defn(name="TimeStamp")
class TimeStamp:
    """Has the time stamped, however long the authorities are away. Cancelled, the document stays without.

    Signal: `resume`.
    """

    @workflow.init
    def __init__(self, of: TimeStamping) -> None:
        self.of = of
        self.resumed = False

    @workflow.run
    async def run(self, of: TimeStamping) -> None:
        try:
            await self._until_stamped()
        except asyncio.CancelledError:
            await self._give_up()
        except ActivityError as error:
            if not is_cancelled_exception(error):
                raise
            await self._give_up()

    @workflow.signal(description="Ask the authorities again now. No input.")
    def resume(self) -> None:
        self.resumed = True

    async def _until_stamped(self) -> None:
        pause = FIRST_OWN_TRY
        while why := await self._try():
            await self._note(why)
            self.resumed = False
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self.resumed, timeout=pause, timeout_summary=PlainWords("The next own try")
                )
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _try(self) -> str | None:
        """Why there is no time stamp yet."""
        try:
            await workflow.execute_activity_method(
                TimeStamps.stamp,
                self.of,
                start_to_close_timeout=AUTHORITIES_WITHIN,
                retry_policy=ROUND,
                summary=PlainWords("Ask for a time stamp and put it behind the sealed document"),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return reason(error)
        return None

    async def _note(self, why: str) -> None:
        workflow.set_current_details(f"{why} `resume` tries at once; *Cancel* lets the document be without.")
        await workflow.execute_activity_method(
            TimeStamps.wait,
            Waiting(self.of, why),
            start_to_close_timeout=STEP,
            retry_policy=UNTIL_DONE,
            summary=PlainWords("Chart: sealed, waits for its time stamp"),
        )

    async def _give_up(self) -> None:
        await workflow.execute_activity_method(
            TimeStamps.give_up,
            self.of,
            start_to_close_timeout=STEP,
            retry_policy=UNTIL_DONE,
            summary=PlainWords("Chart: stays without a time stamp"),
        )
