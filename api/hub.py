"""The watchers: who waits for news of a chart, or has a stream open, told by Postgres NOTIFY.

A notification is a hint that carries ids; whoever hears it reads the row again. So a lost one costs a
moment and never an answer (FACTS: waiting for the workflow's own result can take 20 s).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from chart.request import CHANNEL
from gateways.postgres import LOST, Database
from identity import session


@dataclass(frozen=True)
class News:
    """Something of this chart has moved."""

    practice: UUID
    client: UUID
    about: UUID
    """The request; or the client, where it is none."""


@dataclass(frozen=True)
class Ended:
    """A session of this person has ended."""

    practice: UUID
    party: str = field(repr=False)


Heard: TypeAlias = News | Ended


class Hub:
    """Passes each notification to every watcher of this process."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[Heard | None]] = set()

    @asynccontextmanager
    async def listening(self, database: Database) -> AsyncIterator[None]:
        """Keep one LISTEN connection, renewed after a loss."""
        listener = asyncio.create_task(self._listen(database))
        try:
            yield
        finally:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener
            self.close()

    def close(self) -> None:
        """End every watch, so that open event streams do not hold up a shutdown."""
        for queue in self._watchers:
            queue.put_nowait(None)

    @asynccontextmanager
    async def watch(self) -> AsyncIterator["asyncio.Queue[Heard | None]"]:
        """A queue of what is heard from now on; None says that the service shuts down."""
        queue: asyncio.Queue[Heard | None] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    async def wait_until(self, true: Callable[[], Awaitable[bool]], request: UUID, *, most: timedelta) -> bool:
        """Whether `true()` becomes true within `most`: asked at once, at each news of `request`, and each second.

        False too when the database goes away meanwhile: what the engine holds, it holds all the same.
        """
        async with self.watch() as queue:
            with contextlib.suppress(TimeoutError, *LOST):
                async with asyncio.timeout(most.total_seconds()):
                    while not await true():
                        await _next_of(request, queue)
                    return True
        return False

    async def _listen(self, database: Database) -> None:
        while True:
            with contextlib.suppress(*LOST):
                async with database.listening({CHANNEL: self._moved, session.CHANNEL: self._ended}) as lost:
                    await lost.wait()
            await asyncio.sleep(1)

    def _moved(self, text: str) -> None:
        self._tell(News(*map(UUID, text.split("/"))))

    def _ended(self, text: str) -> None:
        practice, party = text.split("/")
        self._tell(Ended(UUID(practice), party))

    def _tell(self, heard: Heard) -> None:
        for queue in self._watchers:
            queue.put_nowait(heard)


async def _next_of(request: UUID, queue: "asyncio.Queue[Heard | None]") -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while (heard := await queue.get()) and not (isinstance(heard, News) and heard.about == request):
                pass
