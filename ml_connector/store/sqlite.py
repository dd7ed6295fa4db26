"""SQLite on the event loop's own thread.

SQLite answers a statement of ours within microseconds; handing it to a thread and back, as
asynchronous drivers do, costs many times that. Only what really waits goes to a thread: for the
write lock, where another process holds it, and the commit, which waits for the disk.

WAL mode, so readers never wait. A writer takes the write lock when it begins (`BEGIN IMMEDIATE`),
because a transaction that starts to read and writes later can be refused half way. `synchronous`
stays FULL: an operation must be on disk before its request leaves.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from sqlalchemy import URL, Pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import await_only

READER = "sqlite+inloop_reader"
WRITER = "sqlite+inloop_writer"
_BUSY_TIMEOUT_MS = 30_000

_THREADS = ThreadPoolExecutor(64, thread_name_prefix="sqlite")
"""Not the loop's own: a resolver that hangs keeps those, and a commit would stand behind it with
the write lock in its hand. More than there are writers in a process, so that none of them who
waits for the lock keeps the thread that would free it."""


class _Cursor(sqlite3.Cursor):
    """What SQLAlchemy asks of a cursor behind an asynchronous connection."""

    server_side = False

    async def _async_soft_close(self) -> None:
        """Nothing is kept open on any server."""


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


class _InLoop(SQLiteDialect_pysqlite):
    is_async = True
    supports_statement_cache = True
    pragmas: tuple[str, ...] = (
        f"busy_timeout = {_BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    )

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        return AsyncAdaptedQueuePool

    def create_connect_args(self, url: URL) -> Any:
        positional, options = super().create_connect_args(url)
        return positional, {**options, "factory": _Connection}

    def on_connect(self) -> Callable[[Any], None]:
        def prepare(connection: Any) -> None:
            # The driver's own BEGIN comes too late and is always deferred: `do_begin` does it.
            connection.isolation_level = None
            for pragma in self.pragmas:
                connection.execute(f"PRAGMA {pragma}")

        return prepare

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        await_only(_at_once())
        cursor.execute(statement, parameters)

    def do_executemany(
        self, cursor: Any, statement: str, parameters: Any, context: Any = None
    ) -> None:
        await_only(_at_once())
        cursor.executemany(statement, parameters)


async def _at_once() -> None:
    """SQLAlchemy refuses a driver that is never seen to await; this costs no turn of the loop."""


class InLoopReader(_InLoop):
    """Transactions see one snapshot; a statement that writes fails."""

    driver = "inloop_reader"
    supports_statement_cache = True
    pragmas = (*_InLoop.pragmas, "query_only = ON")

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.execute("BEGIN")


class InLoopWriter(_InLoop):
    """Transactions hold the write lock from their beginning."""

    driver = "inloop_writer"
    supports_statement_cache = True

    def do_begin(self, dbapi_connection: Any) -> None:
        # Mostly nobody else writes, and a thread would cost more than the transaction.
        if _begun(dbapi_connection, patience_ms=0):
            await_only(_at_once())
        else:
            await_only(_to_its_end(_begun, dbapi_connection, _BUSY_TIMEOUT_MS))

    def do_commit(self, dbapi_connection: Any) -> None:
        await_only(_to_its_end(dbapi_connection.commit))


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


for _name, _dialect in ((READER, InLoopReader), (WRITER, InLoopWriter)):
    registry.register(_name.replace("+", "."), __name__, _dialect.__name__)
