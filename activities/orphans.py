"""Orphans: what operators have ended in the engine does not stay open in the chart.

No workflow is left to say so, so each worker looks for them.
"""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from activities.ask import WITHIN, WORKFLOW, document_of
from chart import audit, message, request
from chart.ids import PracticeId
from chart.lifecycle import RequestState
from chart.message import About
from gateways.postgres import Database, Transaction
from gateways.temporal import PRACTICE

logger = logging.getLogger(__name__)

NOT_BY_ITSELF = (
    f'WorkflowType = "{WORKFLOW}" AND ExecutionStatus IN ("Terminated", "Failed", "TimedOut", "Canceled")'
    f" AND {PRACTICE.name} IS NOT NULL"
)

OVERLAP = timedelta(minutes=10)
"""The engine lists what has ended a moment later, and a step that was under way may still write."""


async def close(engine: Client, database: Database, since: datetime | None) -> datetime:
    """Recall the open requests whose workflow was ended since then; the moment from which to look next.

    One that everybody has signed needs attention instead: a reset brings back what they gave.

    Without a moment: of all that the engine still remembers. Raises the engine's `RPCError`.
    """
    now = datetime.now(UTC)
    lately = f' AND CloseTime > "{since - OVERLAP:%Y-%m-%dT%H:%M:%SZ}"' if since else ""
    async for ended in engine.list_workflows(NOT_BY_ITSELF + lately, rpc_timeout=WITHIN):
        await _close(engine, database, ended)
    return now


async def _close(engine: Client, database: Database, ended: WorkflowExecution) -> None:
    practice, document = PracticeId(UUID(ended.typed_search_attributes[PRACTICE])), document_of(ended.id)
    async with database.practice(practice) as transaction:
        found = await request.newest_of(transaction, document)
    if found is None or found.state.ended:
        return
    # a newer request may run, or the same one in a run that an operator has reset; what it is comes after what it was
    newest = await engine.get_workflow_handle(ended.id).describe(rpc_timeout=WITHIN)
    if newest.status is WorkflowExecutionStatus.RUNNING:
        return
    async with database.practice(practice) as transaction:
        if await _told(transaction, found):
            await message.tell_staff(transaction, practice, found.id, About.NEEDS_ATTENTION)
            logger.warning("the workflow of an open request was ended in the engine")


async def _told(transaction: Transaction, found: request.Request) -> bool:
    """Write what it is now; False if that stands there already."""
    if found.state is not RequestState.SEALING:
        return await request.close_orphans(
            transaction, found.practice_id, found.client_id, found.document_id, found.created_at
        )
    moved = await request.attend(
        transaction,
        found.practice_id,
        found.client_id,
        found.id,
        found.state,
        attention=request.ORPHANED_SIGNED,
    )
    if moved:
        await audit.record(
            transaction,
            found.practice_id,
            audit.SERVICE,
            audit.Action.NEEDS_ATTENTION,
            chart=found.client_id,
            document=found.document_id,
            request=found.id,
            reason=request.ORPHANED_SIGNED,
        )
    return moved
