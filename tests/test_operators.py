"""SPEC O1: what an operator reads of a request without a key, and finds with the README's queries."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

import worker
from activities import orphans
from activities.ask import ask, workflow_id
from chart import message, request
from chart.audit import SERVICE, Action
from chart.lifecycle import Order, RequestState
from chart.message import About
from gateways.postgres import Database
from gateways.storage import Storage
from gateways.temporal import ENDING, EXPIRES, PRACTICE, WAITS_FOR
from settings import Settings
from tests.engine import Handle, happened, read, request_id, signature
from tests.office import Office
from tests.test_bad_paths import in_the_chart, parked, recall, register
from workflows.share_to_sign import ShareToSign
from workflows.signals import Extend, Mend

QUERIES = re.findall(
    r"^\| [^|]+ \| `([^`]+ (?:=|<|IS) [^`]+)` \|$",
    (Path(__file__).parent.parent / "README.md").read_text().partition("Saved queries:")[2].partition("\nA request")[0],
    re.MULTILINE,
)


def test_the_readme_has_a_query_for_each_search_attribute() -> None:
    assert all(any(key.name in query for query in QUERIES) for key in (WAITS_FOR, ENDING, PRACTICE, EXPIRES))


@pytest.mark.parametrize("query", QUERIES)
async def test_the_engine_takes_each_query_of_the_readme(engine: Client, query: str) -> None:
    assert (await engine.count_workflows(query)).count >= 0


async def asked(engine: Client, database: Database, order: Order) -> Handle:
    """As the service asks: with what is known from the start."""
    asked_for = await ask(engine, "share-to-sign", order)
    handle: Handle = engine.get_workflow_handle(workflow_id(order.document), first_execution_run_id=str(asked_for))
    await in_the_chart(database, order, handle)
    return handle


async def said(handle: Handle, key: SearchAttributeKey[str] | SearchAttributeKey[datetime]) -> object:
    return (await handle.describe()).typed_search_attributes.get(key)


async def becomes(handle: Handle, key: SearchAttributeKey[str] | SearchAttributeKey[datetime], value: object) -> None:
    for _ in range(400):
        if await said(handle, key) == value:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{key.name} is {await said(handle, key)}")


@pytest.mark.usefixtures("worker")
async def test_an_open_request_says_whose_it_is_when_it_ends_and_then_how(
    engine: Client, database: Database, office: Office
) -> None:
    order = office.order()
    handle = await asked(engine, database, order)
    assert await said(handle, WAITS_FOR) == "Signature"
    assert await said(handle, PRACTICE) == str(office.practice)
    assert await said(handle, EXPIRES) == order.expires_at
    assert await said(handle, ENDING) is None
    later = order.expires_at + timedelta(days=9)
    await handle.signal(ShareToSign.extend, Extend(request_id(handle), SERVICE, later))
    await becomes(handle, EXPIRES, later)
    await handle.signal(ShareToSign.recall, recall(handle))
    assert await handle.result() == RequestState.RECALLED
    await becomes(handle, ENDING, "Recalled")


@pytest.mark.usefixtures("worker")
async def test_it_waits_for_a_registration_and_then_for_a_signature(
    engine: Client, database: Database, office: Office
) -> None:
    handle = await asked(engine, database, parked(office))
    assert await said(handle, WAITS_FOR) == "Registration"
    await register(database, office)
    await handle.signal(ShareToSign.registered)
    await becomes(handle, WAITS_FOR, "Signature")
    await handle.terminate()


@pytest.mark.usefixtures("worker")
async def test_what_an_operator_terminates_is_recalled_in_the_chart_and_staff_is_told(
    configured: Settings, engine: Client, database: Database, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = office.order()
    handle = await asked(engine, database, order)
    await orphans.close(engine, database, None)
    assert (await read(database, order, handle)).state is RequestState.PENDING
    await handle.terminate()
    monkeypatch.setattr(worker, "LOOKS_EVERY", timedelta(milliseconds=50))
    async with worker.watching(configured, engine, database):
        for _ in range(200):
            if (found := await read(database, order, handle)).state.ended:
                break
            await asyncio.sleep(0.05)
    assert (found.state, found.end_reason) == (RequestState.RECALLED, request.ORPHANED)
    async with database.practice(office.practice) as transaction:
        assert [notice.about for notice in await message.staff_notices(transaction)] == [About.NEEDS_ATTENTION]
    # what is asked for anew is left alone by whoever still finds the old one
    again = await asked(engine, database, replace(order, asked_at=datetime.now(UTC)))
    await orphans.close(engine, database, None)
    assert (await read(database, order, again)).state is RequestState.PENDING
    await again.signal(ShareToSign.recall, recall(again))


async def unsealable(engine: Client, database: Database, storage: Storage, order: Order) -> tuple[Handle, bytes]:
    """A signed request that needs attention, since its file is missing from the store; and what to put back there."""
    content = await storage.get(order.sha256)
    storage.path(order.sha256).unlink()
    handle = await asked(engine, database, order)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await becomes(handle, WAITS_FOR, "Attention")
    return handle, content


@pytest.mark.usefixtures("worker")
async def test_what_was_signed_by_all_is_not_recalled_when_it_is_terminated_and_a_reset_seals_it(
    engine: Client, database: Database, storage: Storage, office: Office
) -> None:
    order = office.order()
    handle, content = await unsealable(engine, database, storage, order)
    await handle.terminate()
    for _ in range(2):
        await orphans.close(engine, database, None)
    stuck = await read(database, order, handle)
    assert (stuck.state, stuck.attention) == (RequestState.SEALING, request.ORPHANED_SIGNED)
    assert (await happened(database, order, handle)).count(Action.NEEDS_ATTENTION) == 2, "the missing file, and this"
    await storage.put(content)
    events = [event async for event in handle.fetch_history_events()]
    last = max(event.event_id for event in events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    await engine.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=engine.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=handle.first_execution_run_id or ""),
            reason="the operator's mistake",
            workflow_task_finish_event_id=last,
            request_id=str(uuid4()),
        )
    )
    again: Handle = engine.get_workflow_handle(handle.id)
    await again.signal(ShareToSign.resume, Mend(request_id(handle), SERVICE))
    assert await again.result() == RequestState.SIGNED
    assert (await read(database, order, handle)).state is RequestState.SIGNED


@pytest.mark.usefixtures("worker")
async def test_what_needs_attention_is_found_until_it_is_mended(
    engine: Client, database: Database, storage: Storage, office: Office
) -> None:
    order = office.order()
    handle, content = await unsealable(engine, database, storage, order)
    await storage.put(content)
    await handle.signal(ShareToSign.resume)
    assert await handle.result() == RequestState.SIGNED
    await becomes(handle, WAITS_FOR, "Signature")
    assert await said(handle, ENDING) is None
