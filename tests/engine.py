"""Requests in the engine itself, for tests that need its clock or its signals."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.ask import workflow_id
from activities.stamp import Signature
from chart import audit, consent, request
from chart.audit import Action, Actor, Entry
from chart.ids import RequestId
from chart.lifecycle import Order, RequestState
from chart.request import Request
from gateways.postgres import Database
from gateways.storage import Storage
from tests.papers import drawing
from workflows.share_to_sign import ShareToSign

Handle: TypeAlias = WorkflowHandle[ShareToSign, RequestState | None]


async def start(engine: Client, order: Order, *, queue: str = "share-to-sign") -> Handle:
    return await engine.start_workflow(
        ShareToSign.run, args=[order, None], id=workflow_id(order.document), task_queue=queue
    )


def request_id(handle: Handle) -> RequestId:
    assert handle.first_execution_run_id
    return RequestId(UUID(handle.first_execution_run_id))


def signature(handle: Handle, order: Order, *, by: Actor | None = None, at: datetime | None = None) -> Signature:
    """Of the first signer, unless it says whose."""
    party = by or order.seats[0].party
    assert party
    at = at or datetime.now(UTC)
    return Signature(request_id(handle), party, order.sha256, drawing(), at, "192.0.2.7", consent.EDITION)


async def read(database: Database, order: Order, handle: Handle) -> Request:
    async with database.practice(order.practice) as transaction:
        return await request.find(transaction, request_id(handle))


async def timeline(database: Database, order: Order, handle: Handle) -> list[Entry]:
    async with database.practice(order.practice) as transaction:
        return await audit.of_request(transaction, request_id(handle))


async def happened(database: Database, order: Order, handle: Handle) -> list[Action]:
    return [entry.action for entry in await timeline(database, order, handle)]


async def delivered(environment: WorkflowEnvironment, database: Database, order: Order, handle: Handle) -> Request:
    async def is_there() -> bool:
        async with database.practice(order.practice) as transaction:
            return await request.exists(transaction, request_id(handle))

    await until(environment, is_there)
    return await read(database, order, handle)


async def attended(environment: WorkflowEnvironment, database: Database, order: Order, handle: Handle) -> Request:
    """As it needs attention."""

    async def needs_it() -> bool:
        return (await read(database, order, handle)).attention is not None

    await until(environment, needs_it)
    return await read(database, order, handle)


async def unsealable(
    environment: WorkflowEnvironment, database: Database, storage: Storage, order: Order
) -> tuple[Handle, bytes]:
    """A signed request that needs attention, since its file is missing from the store; and what to put back there."""
    content = await storage.get(order.sha256)
    storage.path(order.sha256).unlink()
    handle = await start(environment.client, order)
    await delivered(environment, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await attended(environment, database, order, handle)
    return handle, content


async def until(environment: WorkflowEnvironment, true: Callable[[], Awaitable[bool]], tries: int = 400) -> None:
    """Wait in real time, a moment at most, then let the engine's clock run."""
    for turn in range(tries):
        if await true():
            return
        if turn < 40:
            await asyncio.sleep(0.05)
        else:
            await environment.sleep(timedelta(seconds=1))
    raise AssertionError("it did not come to pass")


async def pass_time(environment: WorkflowEnvironment, until_then: datetime) -> None:
    """Let the engine's clock run to a moment."""
    left = until_then - await environment.get_current_time()
    if left > timedelta(0):
        await environment.sleep(left)
