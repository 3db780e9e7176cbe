"""The life of one signature request, from top to bottom in the order in which it happens."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from activities.deliver import Deliver, Delivery
from activities.file import File, Filing
from activities.move import Move, MoveRequest, Telling, TellStaff
from activities.notify import Notify
from activities.stamp import BEYOND_RETRY, Signature, Stamp, Stamped, Stamping
from chart.ids import DocumentId, RequestId
from chart.message import About
from chart.request import Order, RequestState
from gateways.temporal import STATE, PlainWords

Result = TypeVar("Result")

# how long a crash of the worker can hold a step up (FACTS: 10 to 15 s for database, mail and stamp)
STEP = timedelta(seconds=15)
ROUND = RetryPolicy(
    initial_interval=timedelta(milliseconds=300), maximum_interval=timedelta(seconds=5), maximum_attempts=7
)
"""A bounded round of tries, about 20 s; after it the request needs attention instead of failing."""
MAIL = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(hours=1))
MAIL_FOR = timedelta(days=5)
"""RFC 5321 4.5.4.1: give up after four to five days at the earliest."""
UNTIL_DONE = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(minutes=1))
NEXT_OWN_TRY = timedelta(hours=1)
ON_ITS_WAY = timedelta(minutes=1)
"""How long a signature that was made in time may take to arrive: the expiry takes none that was acknowledged."""


def workflow_id(document: DocumentId) -> str:
    """Derived from the document: the engine itself allows one open request on it (SPEC S4)."""
    return f"share-to-sign/{document}"


@workflow.defn(name="ShareToSign")
class ShareToSign:
    """Delivers a document for signature, waits for the signature or the expiry, stamps, files and tells staff.

    Input is an `Order`; the result is the state in which the request ended. Signals:

    - `sign(Signature)`: the signer selected Sign Document. The first one that fits is taken.
    - `resume()`: staff or an operator mended what needed attention; the step is tried again at once.
    """

    @workflow.init
    def __init__(self, order: Order) -> None:
        self.order = order
        self.request_id = RequestId(UUID(workflow.info().first_execution_run_id))
        self.signature: Signature | None = None
        self.resumed = False

    @workflow.run
    async def run(self, order: Order) -> RequestState | None:
        self._say("Delivering to the client's portal.")
        if not await self._until_done(self._deliver):
            return None
        notifying = asyncio.create_task(self._notify())
        await self._signature_or_expiry()
        notifying.cancel()
        if self.signature is None:
            return await self._expire()
        self._say("The client has signed. Stamping and filing.")
        stamped = await self._until_done(lambda: self._stamp(self._taken()))
        await self._until_done(lambda: self._file(self._taken(), stamped))
        await self._until_done(lambda: self._tell_staff(About.SIGNED))
        return self._end(RequestState.SIGNED)

    @workflow.signal(description="The signer selected Sign Document (encrypted signature). Sent by the service only.")
    def sign(self, signature: Signature) -> None:
        if self.signature is None and self._fits(signature):
            self.signature = signature

    @workflow.signal(description="Try again now what needs attention. No input.")
    def resume(self) -> None:
        self.resumed = True

    def _fits(self, signature: Signature) -> bool:
        """SPEC G5: by the signer, for the very version, in time; all else stands in the history and is harmless."""
        order = self.order
        return (
            signature.request_id == self.request_id
            and signature.signer == order.signer
            and signature.sha256 == order.sha256
            and signature.at < order.expires_at
        )

    def _taken(self) -> Signature:
        assert self.signature is not None
        return self.signature

    # -- the steps, each a line in the story

    async def _deliver(self) -> bool:
        return await workflow.execute_activity_class(
            Deliver,
            Delivery(self.order, self.request_id),
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            summary=PlainWords("Put request, share and inbox message into the chart"),
        )

    async def _notify(self) -> None:
        """Mail is retried for days beside the waiting: the request lives on in the portal (SPEC N3)."""
        self._say_waiting()
        try:
            await workflow.execute_activity_class(
                Notify,
                Delivery(self.order, self.request_id),
                start_to_close_timeout=STEP,
                schedule_to_close_timeout=MAIL_FOR,
                retry_policy=MAIL,
                summary=PlainWords("Email: a new portal message is available"),
            )
        except ActivityError as error:
            # cancelled when the request ended first: then nobody needs the mail any more
            if not is_cancelled_exception(error):
                await self._until_done(lambda: self._tell_staff(About.MAIL_REFUSED))

    async def _signature_or_expiry(self) -> None:
        left = self.order.expires_at + ON_ITS_WAY - workflow.now()
        try:
            await workflow.wait_condition(
                lambda: self.signature is not None,
                timeout=max(left, timedelta(0)),
                timeout_summary=PlainWords("The request expires"),
            )
        except TimeoutError:
            self._say("Expired without a signature.")

    async def _stamp(self, signature: Signature) -> Stamped:
        return await workflow.execute_local_activity_class(
            Stamp,
            Stamping(self.order, self.request_id, signature),
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            summary=PlainWords("Stamp and seal the PDF"),
        )

    async def _file(self, signature: Signature, stamped: Stamped) -> None:
        await workflow.execute_local_activity_class(
            File,
            Filing(self.order, self.request_id, signature, stamped),
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            summary=PlainWords("Put the signed version into the chart"),
        )

    async def _tell_staff(self, about: About) -> None:
        await workflow.execute_local_activity_class(
            TellStaff,
            Telling(self.order, self.request_id, about),
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            summary=PlainWords(f"Tell staff: {about}"),
        )

    async def _expire(self) -> RequestState:
        await self._until_done(lambda: self._move(RequestState.EXPIRED))
        await self._until_done(lambda: self._tell_staff(About.EXPIRED))
        return self._end(RequestState.EXPIRED)

    async def _move(self, state: RequestState, attention: str | None = None) -> None:
        await workflow.execute_activity_class(
            MoveRequest,
            Move(self.order, self.request_id, state, attention),
            start_to_close_timeout=STEP,
            retry_policy=UNTIL_DONE,
            summary=PlainWords(f"Chart: {state.label}"),
        )

    # -- needs attention instead of failed (SPEC O2)

    async def _until_done(self, step: Callable[[], Awaitable[Result]]) -> Result:
        """Run a step; when its round of tries is over, say why and wait for `resume` or the next own try."""
        while True:
            try:
                return await step()
            except (ActivityError, ApplicationError) as error:
                await self._needs_attention(_reason(error))

    async def _needs_attention(self, reason: str) -> None:
        self._say(f"Needs attention: {reason} Tries again within the hour; `resume` tries at once.")
        workflow.upsert_search_attributes([STATE.value_set(RequestState.NEEDS_ATTENTION.label)])
        self.resumed = False
        await self._move(RequestState.NEEDS_ATTENTION, reason)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.resumed, timeout=NEXT_OWN_TRY, timeout_summary=PlainWords("The next own try")
            )
        await self._move(RequestState.PENDING)
        workflow.upsert_search_attributes([STATE.value_set(RequestState.PENDING.label)])

    # -- what the operator reads

    def _say_waiting(self) -> None:
        self._say(f"Waits for the client's signature until {self.order.expires_at:%Y-%m-%d %H:%M} UTC.")

    def _say(self, words: str) -> None:
        workflow.set_current_details(words)

    def _end(self, state: RequestState) -> RequestState:
        self._say(f"{state.label}.")
        workflow.upsert_search_attributes([STATE.value_set(state.label)])
        return state


def _reason(error: ActivityError | ApplicationError) -> str:
    """The sentence of an error that we raised ourselves; of any other its class, since it may quote values."""
    # a local activity's error comes as it is, a regular one's inside an ActivityError
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        return cause.message if cause.type == BEYOND_RETRY else f"The step failed ({cause.type})."
    return "The step took too long."
