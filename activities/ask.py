"""Ask: start the workflow of a request, or find the one that runs (SPEC S4)."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.notify import Notification
from activities.time_stamp import TimeStamping
from chart.ids import DocumentId, RequestId
from chart.lifecycle import Life, Order, RequestState, Seat
from chart.message import MessageAbout
from gateways import temporal
from gateways.temporal import PlainWords

WORKFLOW = "ShareToSign"
"""Its type in the engine; the story is `workflows/share_to_sign.py`."""

WITHIN = timedelta(seconds=10)


def workflow_id(document: DocumentId) -> str:
    """Derived from the document: the engine itself allows one open request on it (SPEC S4)."""
    return f"share-to-sign/{document}"


def document_of(workflow_id: str) -> DocumentId:
    """The document of such an id."""
    return DocumentId(UUID(workflow_id.removeprefix("share-to-sign/")))


async def ask(engine: Client, task_queue: str, order: Order) -> RequestId:
    """Start the request, or find the one that runs; the id is that of its first run. Raises the engine's `RPCError`."""
    known: list[SearchAttributePair[Any]] = [
        SearchAttributePair(temporal.WAITS_FOR, waits_for(Life.of(order).state)),
        SearchAttributePair(temporal.PRACTICE, str(order.practice)),
        SearchAttributePair(temporal.EXPIRES, order.expires_at),
    ]
    seats = len(order.seats)
    handle = await engine.start_workflow(
        WORKFLOW,
        args=[order, None],  # both, since the engine's client drops the types where one is left out
        id=workflow_id(order.document),
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=PlainWords(
            "Share to Sign: one signature" if seats == 1 else f"Share to Sign: {seats} signatures"
        ),
        search_attributes=TypedSearchAttributes(known),
        rpc_timeout=WITHIN,
    )
    # not the handle's: of a request that goes on in a new run that is the new one
    running = await handle.describe(rpc_timeout=WITHIN)
    return RequestId(UUID(running.raw_description.workflow_execution_info.first_run_id))


def waits_for(state: RequestState) -> str:
    """The search attribute of an open request."""
    return "Registration" if state is RequestState.AWAITING_REGISTRATION else "Signature"


def again(order: Order, now: datetime) -> Order:
    """The same request once more, for as many days as before and with every signature to be given anew."""
    seats = tuple(Seat(seat.party) for seat in order.seats)
    return replace(order, seats=seats, asked_at=now, expires_at=now + (order.expires_at - order.asked_at))


def tell_id(request_id: RequestId, about: MessageAbout) -> str:
    """Of the workflow that sends the emails which tell of this."""
    return f"tell/{request_id}/{about}"


@dataclass(frozen=True)
class OnceMore:
    """A request that cannot go on and is to be asked for anew."""

    request_id: RequestId
    order: Order


@dataclass(frozen=True)
class HandOver:
    """What outlives a request goes on in a workflow of its own; done twice, it is one workflow.

    Not as a child: the engine's test server, which skips time in our tests, stops its clock for ever when a
    parent ends before its child.
    """

    engine: Client
    task_queue: str

    @activity.defn(name="hand_over_mail")
    async def mail(self, notification: Notification) -> None:
        """Emails that tell of an ending, or of a bulk share: a request can have both."""
        workflow_id = tell_id(notification.request_id, notification.about)
        await self._start("TellSigners", notification, workflow_id, "Tell the signers")

    @activity.defn(name="hand_over_time_stamp")
    async def time_stamp(self, stamping: TimeStamping) -> None:
        """The time stamp behind a sealed document."""
        await self._start("TimeStamp", stamping, f"time-stamp/{stamping.request_id}", "Time stamp behind the seal")

    @activity.defn(name="hand_over_order")
    async def order(self, again: OnceMore) -> None:
        await self._start("AskAgain", again, f"ask-again/{again.request_id}", "Share to Sign again")

    async def _start(self, story: str, argument: object, workflow_id: str, summary: str) -> None:
        with suppress(WorkflowAlreadyStartedError):
            await self.engine.start_workflow(
                story,
                argument,
                id=workflow_id,
                task_queue=self.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=PlainWords(summary),
                rpc_timeout=WITHIN,
            )


class NotEndedYet(Exception):
    """The request before still holds its document; the engine tries this again."""


@activity.defn(name="start_again")
@dataclass(frozen=True)
class StartAgain:
    engine: Client
    task_queue: str

    async def __call__(self, again_: OnceMore) -> None:
        """Start the same request anew, once the old one has ended; if a newer one has come meanwhile, that is it."""
        order = again_.order
        newest = await self.engine.get_workflow_handle(workflow_id(order.document)).describe(rpc_timeout=WITHIN)
        first_run = newest.raw_description.workflow_execution_info.first_run_id
        if first_run != str(again_.request_id):
            return
        if newest.status is WorkflowExecutionStatus.RUNNING:
            raise NotEndedYet
        await ask(self.engine, self.task_queue, again(order, datetime.now(UTC)))
