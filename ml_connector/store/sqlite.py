"""SQLite on the event loop's own thread.

SQLite answers a statement of ours within microseconds; handing it to a thread and back, as
asynchronous drivers do, costs many times that, and so does SQLAlchemy's way of making a driver look
asynchronous. Only what really waits goes to a thread: for the write lock, where another process
holds it, and the commit, which waits for the disk.

WAL mode, so readers never wait. A writer takes the write lock when it begins (`BEGIN IMMEDIATE`),
because a transaction that starts to read and writes later can be refused half way. `synchronous`
stays FULL: an operation must be on disk before its request leaves.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    Dialect,
    Executable,
    ScalarResult,
    create_engine,
    event,
)

T = TypeVar("T")

_BUSY_TIMEOUT_MS = 30_000
_PRAGMAS = (
    f"busy_timeout = {_BUSY_TIMEOUT_MS}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
)
_READ_ONLY = "query_only = ON"

_THREADS = ThreadPoolExecutor(64, thread_name_prefix="sqlite")
"""Not the loop's own: a resolver that hangs keeps those, and a commit would stand behind it with
the write lock in its hand. More than there are writers in a process, so that none of them who
waits for the lock keeps the thread that would free it."""


class InLoopConnection:
    """A `store.connection.Connection` that has answered before it is awaited."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any:
        return self._connection.scalar(statement, parameters)

    async def scalars(self, statement: Executable, parameters: Any = None) -> ScalarResult[Any]:
        return self._connection.scalars(statement, parameters)

    async def run_sync(self, call: Callable[[Connection], T]) -> T:
        return call(self._connection)


class _Engine:
    pragmas: tuple[str, ...] = _PRAGMAS

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(
            url.set(drivername="sqlite+pysqlite"),
            # Parameters would put tenants' data into tracebacks and logs.
            hide_parameters=True,
            # A pool that is exhausted waits, and on the loop's own thread it would wait for ever.
            pool_size=0,
            # A connection commits in another thread than it was opened in, never in two at once.
            connect_args={"check_same_thread": False},
        )
        event.listen(self._engine, "connect", self._prepare)

    async def dispose(self) -> None:
        self._engine.dispose()

    def _prepare(self, connection: sqlite3.Connection, _: object) -> None:
        # The driver's own BEGIN comes too late and is always deferred.
        connection.isolation_level = None
        for pragma in self.pragmas:
            connection.execute(f"PRAGMA {pragma}")


class ReadingEngine(_Engine):
    """Transactions see one snapshot; a statement that writes fails."""

    pragmas = (*_PRAGMAS, _READ_ONLY)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[InLoopConnection]:
        # There is nothing to commit: the connection rolls back where it is given back.
        with self._engine.connect() as connection:
            _driver(connection).execute("BEGIN")
            yield InLoopConnection(connection)


class WritingEngine(_Engine):
    """Transactions hold the write lock from their beginning."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[InLoopConnection]:
        # Left before its commit, the connection rolls back where it is given back.
        with self._engine.connect() as connection:
            driver = _driver(connection)
            # Mostly nobody else writes, and a thread would cost more than the transaction.
            if not _begun(driver, patience_ms=0):
                await _to_its_end(_begun, driver, _BUSY_TIMEOUT_MS)
            transaction = connection.begin()
            yield InLoopConnection(connection)
            await _to_its_end(transaction.commit)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _begun(connection: sqlite3.Connection, patience_ms: int) -> bool:
    """Take the write lock; False where it is not free at once and there is no patience."""
    connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if patience_ms or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


async def _to_its_end(call: Callable[..., object], *arguments: object) -> None:
    """In a thread, and a cancelled caller waits for its end too: the connection that it would
    roll back, or hand to somebody else, is in use until then.

    However often it is cancelled. What runs is no task, so that the end of the loop, which cancels
    all of those, finds nothing to cancel but the caller.
    """
    running = asyncio.get_running_loop().run_in_executor(_THREADS, call, *arguments)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        running.exception()
        raise
