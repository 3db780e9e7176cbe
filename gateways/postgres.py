"""Postgres: the pool, and the one way to open a transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NewType, TypeAlias
from uuid import UUID

import asyncpg

Record = asyncpg.Record
Transaction: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


SQL = NewType("SQL", str)
"""A statement, beside the function that runs it; a test prepares every one against the real schema."""


LOST: tuple[type[Exception], ...] = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # giving a connection back whose server died in the middle of an answer
)
"""What a transaction raises when the server is away, has just gone, or has no room."""

TAKEN = asyncpg.UniqueViolationError
"""What may be there once is there already."""

UNSTORABLE = asyncpg.DataError
"""A value that Postgres cannot hold, such as a text with a NUL in it."""

WITHIN = 10.0
"""Seconds that a connection of the pool, or a statement, may take."""

COMES_BACK_WITHIN = 60.0
"""Seconds that a starting process waits for the server."""

NO_PRACTICE = ""
"""Row-level security lets nothing through under it, but the look-up functions of the sign-in."""


NOBODY = ""
"""The service itself acts, or a client."""


class Database:
    """A pool whose every transaction says on behalf of which practice it reads and writes.

    Row-level security keyed by that setting is the second wall behind the checks in code: a query
    that forgets its practice sees no row at all.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @asynccontextmanager
    async def practice(self, practice: UUID, actor: str = NOBODY) -> AsyncIterator[Transaction]:
        """A transaction that sees the rows of one practice; commits at the end, rolls back on an error.

        On behalf of an `actor` of the practice it sees nothing of the charts that are closed to them.
        """
        async with self._transaction(str(practice), actor) as transaction:
            yield transaction

    @asynccontextmanager
    async def anyone(self) -> AsyncIterator[Transaction]:
        """A transaction before it is known who calls: sees only what the look-up functions give."""
        async with self._transaction(NO_PRACTICE, NOBODY) as transaction:
            yield transaction

    @asynccontextmanager
    async def _transaction(self, practice: str, actor: str) -> AsyncIterator[Transaction]:
        async with self._pool.acquire(timeout=WITHIN) as connection, connection.transaction():
            # local to the transaction, so a pooled connection cannot carry it to the next caller
            await connection.execute(
                "select set_config('app.practice', $1, true), set_config('app.actor', $2, true)", practice, actor
            )
            yield connection

    @asynccontextmanager
    async def listening(self, heard: Mapping[str, Callable[[str], None]]) -> AsyncIterator[asyncio.Event]:
        """Call what is `heard` on a channel with the text of each NOTIFY; the event is set when the connection is lost.

        Takes one connection out of the pool for as long as it lasts.
        """
        lost = asyncio.Event()

        def relay(_connection: object, _pid: int, channel: str, payload: object) -> None:
            heard[channel](str(payload))

        def ended(_connection: object) -> None:
            lost.set()

        async with self._pool.acquire() as connection:
            connection.add_termination_listener(ended)
            for channel in heard:
                await connection.add_listener(channel, relay)
            try:
                yield lost
            finally:
                connection.remove_termination_listener(ended)
                if not connection.is_closed():
                    for channel in heard:
                        await connection.remove_listener(channel, relay)


@asynccontextmanager
async def connect(dsn: str, *, most: int = 10) -> AsyncIterator[Database]:
    """A `Database` over a pool of at most `most` connections, closed at the end.

    A server that is on its way back is waited for, so that a process that starts meanwhile does not die of it.
    """
    pool = await _pool(dsn, most)
    try:
        yield Database(pool)
    finally:
        await pool.close()


async def _pool(dsn: str, most: int) -> "asyncpg.Pool[asyncpg.Record]":
    until = asyncio.get_running_loop().time() + COMES_BACK_WITHIN
    while True:
        try:
            return await asyncpg.create_pool(dsn, min_size=1, max_size=most, command_timeout=WITHIN)
        except LOST:
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.5)
