"""The arm of the control: starts and signals by a client of the engine, without any API between."""

import asyncio
import sys
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from benchmarks.arm import PATIENCE, Told
from benchmarks.noop import LASTS, Noop
from benchmarks.noop_worker import KEYS, QUEUE
from benchmarks.whole import CLONE, environment
from gateways.temporal import EXPIRES, PRACTICE, WAITS_FOR, PlainWords

ORDER = "o" * 480
"""As long as the JSON of an `Order`."""
SIGNATURE = "s" * 8000
"""As long as the JSON of a drawn `Signature`."""


class Hints(asyncio.DatagramProtocol):
    """Who is told what; a hint is a workflow's id."""

    def __init__(self) -> None:
        self._heard: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(0))

    def datagram_received(self, data: bytes, _address: object) -> None:
        self._heard[data.decode()].release()

    async def next_of(self, workflow_id: str) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._heard[workflow_id].acquire()


@dataclass(frozen=True)
class Control:
    engine: Client
    hints: Hints
    pid: int
    """Of its worker."""
    shared: defaultdict[int, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    name = "no-op"
    workflow_type = "Noop"

    async def prepare(self, counts: list[int]) -> None:
        """Nothing."""

    async def share(self, place: int) -> None:
        handle = await self.engine.start_workflow(
            Noop.run,
            ORDER,
            id=f"noop/{uuid4()}",
            task_queue=QUEUE,
            static_summary=PlainWords("Does nothing"),
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(WAITS_FOR, "Signature"),
                    SearchAttributePair(PRACTICE, f"place {place}"),
                    SearchAttributePair(EXPIRES, datetime.now(UTC) + LASTS),
                ]
            ),
        )
        await self.hints.next_of(handle.id)
        self.shared[place].append(handle.id)

    async def sign(self, place: int) -> Told:
        handle = self.engine.get_workflow_handle_for(Noop.run, self.shared[place].popleft())
        began = time.perf_counter()
        await handle.signal(Noop.sign, SIGNATURE)
        await self.hints.next_of(handle.id)
        return Told(handle.id, time.perf_counter() - began, signed=True)


@asynccontextmanager
async def control(engine: Client, address: str, keys: str) -> AsyncIterator[Control]:
    """The arm with its worker in a process of its own."""
    transport, hints = await asyncio.get_running_loop().create_datagram_endpoint(Hints, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.noop_worker", "--temporal", address, "--hints", str(port)),
        cwd=CLONE,
        env={**environment(), KEYS: keys},
    )
    try:
        yield Control(engine, hints, process.pid)
    finally:
        if process.returncode is None:
            process.kill()  # it has nothing to hand over
        await process.wait()
        transport.close()
