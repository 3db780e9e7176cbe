"""What the edge says to the engine: start a workflow, signal a request, ask what it holds.

Each answers within seconds, or refuses in plain words.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.ask import WITHIN, workflow_id
from activities.stamp import Signature
from api.resources import Resources
from chart import request
from chart.audit import Actor
from chart.lifecycle import SeatState
from chart.refusals import NotInThisState, NotReachable
from chart.request import Request
from chart.text import Sentence
from gateways.temporal import PlainWords
from identity.caller import PracticeSide
from workflows.share_to_sign import ShareToSign
from workflows.signals import Decline

AWAY: Sentence = (
    "The service that handles signatures does not answer. Try again in a moment; doing it twice counts once."
)

MOST_WAIT = timedelta(seconds=3)
"""How long a page waits for the workflow's outcome before it says 'received'."""

_Input = TypeVar("_Input")


async def start(
    resources: Resources,
    workflow: Callable[[Any, _Input], Awaitable[Any]],
    given: _Input,
    *,
    id: str,
    summary: str,
    known: Sequence[SearchAttributePair[Any]],
    id_conflict_policy: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.UNSPECIFIED,
) -> UUID:
    """Start a workflow and tell its first run; `summary` and `known` can be read by operators, so they hold no PHI."""
    with answers():
        started = await resources.engine.start_workflow(
            workflow,
            given,
            id=id,
            task_queue=resources.settings.temporal_task_queue,
            id_conflict_policy=id_conflict_policy,
            static_summary=PlainWords(summary),
            search_attributes=TypedSearchAttributes(known),
            rpc_timeout=WITHIN,
        )
    assert started.first_execution_run_id is not None, "start_workflow always tells the run"
    return UUID(started.first_execution_run_id)


async def signal(resources: Resources, asked: Request, which: Any, *argument: object) -> None:
    """Send one of the workflow's signals; once this returns, the engine holds it for good."""
    with answers():
        await handle(resources, asked).signal(which, *argument, rpc_timeout=WITHIN)


async def steer(resources: Resources, caller: PracticeSide, asked: Request, which: Any, argument: object) -> None:
    """Send a signal of the practice. Raises `NotInThisState` where nothing runs any more that could take it.

    If the request is open then, an operator has terminated its workflow, and it is closed here, unless it was only to
    try again: a reset may bring it back. The activities write the state of every other request, and of one that nobody
    steers `activities.orphans` finds the same.
    """
    try:
        await signal(resources, asked, which, argument)
    except NotInThisState:
        if which is ShareToSign.resume:
            raise
        async with resources.database.practice(caller.practice, caller.actor) as transaction:
            await request.close_orphans(
                transaction, asked.practice_id, asked.client_id, asked.document_id, asked.created_at
            )
        raise


async def held_answer(resources: Resources, asked: Request, party: Actor) -> SeatState | None:
    """What this signer has answered as the request's history holds it: the engine is the only place that knows.

    While the engine is away nobody knows; the document can be read all the same.
    """
    with suppress(NotReachable, NotInThisState), answers():
        async for event in handle(resources, asked).fetch_history_events(rpc_timeout=timedelta(seconds=5)):
            signaled = event.workflow_execution_signaled_event_attributes
            if answer := await _answer_of(resources, signaled.signal_name, signaled.input.payloads, asked, party):
                return answer
    return None


async def _answer_of(
    resources: Resources, signal_name: str, payloads: Sequence[Payload], asked: Request, party: Actor
) -> SeatState | None:
    carries: type[Signature | Decline] | None = {"sign": Signature, "decline": Decline}.get(signal_name)
    if carries is None:
        return None
    try:
        answer, *_ = await resources.engine.data_converter.decode(payloads, [carries])
    except (ValueError, RuntimeError):  # a signal that somebody without our keys has sent
        return None
    if answer.request_id != asked.id or party != (answer.signer if isinstance(answer, Signature) else answer.by):
        return None
    return SeatState.SIGNED if isinstance(answer, Signature) else SeatState.DECLINED


@contextmanager
def answers() -> Iterator[None]:
    """Say in plain words that a request has ended, or that the engine is away."""
    try:
        yield
    except RPCError as answer:
        if answer.status is RPCStatusCode.NOT_FOUND:
            raise NotInThisState("This request ended in the meantime. Open the document again to see how.") from None
        if answer.status not in {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}:
            raise
        raise NotReachable(AWAY) from answer
    except RuntimeError as never_connected:
        raise NotReachable(AWAY) from never_connected


def handle(resources: Resources, asked: Request) -> WorkflowHandle[Any, Any]:
    """The workflow of a request."""
    # by its id alone: the request stays the same when an operator resets its run
    return resources.engine.get_workflow_handle(workflow_id(asked.document_id))
