"""The control: a workflow of the same shape whose steps return at once.

Its shape is written out here and not taken from the real one, so that a step which the real one gains shows in the
ratios. Same are: one regular activity; one timer; one signal; two local activities; the length of what is passed.

A step tells whoever waits by a datagram on loopback, the cheapest hint there is, where the real one tells by mail
and by Postgres: from `deliver`, and from `file`, when the real one is `Shared and Signed`.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

from gateways.temporal import PlainWords

LASTS = timedelta(days=60)
STEP = timedelta(seconds=15)
ROUND = RetryPolicy(
    initial_interval=timedelta(milliseconds=300), maximum_interval=timedelta(seconds=5), maximum_attempts=7
)
STAMPED = "d" * 110
"""As long as the JSON of a `Stamped`."""


@workflow.defn(name="Noop")
class Noop:
    @workflow.init
    def __init__(self, order: str) -> None:
        self.order = order
        self.signature: str | None = None

    @workflow.run
    async def run(self, order: str) -> str:
        workflow.set_current_details("Delivering.")
        await self._regular("noop_deliver", order)
        workflow.set_current_details("Waits.")
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.signature is not None, timeout=LASTS, timeout_summary=PlainWords("Expires")
            )
        workflow.set_current_details("Stamping and filing.")
        both = order + (self.signature or "")
        stamped = await self._local("noop_stamp", both)
        await self._local("noop_file", both + stamped)
        workflow.set_current_details("Signed.")
        return "signed"

    @workflow.signal
    def sign(self, signature: str) -> None:
        self.signature = signature

    async def _regular(self, step: str, passed: str) -> None:
        await workflow.execute_activity(
            step, passed, start_to_close_timeout=STEP, retry_policy=ROUND, summary=PlainWords("Does nothing")
        )

    async def _local(self, step: str, passed: str) -> str:
        done: str = await workflow.execute_local_activity(
            step,
            passed,
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            result_type=str,
            summary=PlainWords("Does nothing"),
        )
        return done


class Steps:
    """Activities that return at once."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._send = send

    def _hint(self) -> None:
        self._send((activity.info().workflow_id or "").encode())

    @activity.defn(name="noop_deliver")
    async def deliver(self, _passed: str) -> bool:
        self._hint()
        return True

    @activity.defn(name="noop_stamp")
    async def stamp(self, _passed: str) -> str:
        return STAMPED

    @activity.defn(name="noop_file")
    async def file(self, _passed: str) -> str:
        self._hint()
        return ""
