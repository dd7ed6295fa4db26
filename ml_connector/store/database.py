"""Transactions on one database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ml_connector.store.connection import Connection
from ml_connector.store.engine import Engines
from ml_connector.store.errors import NestedWrite
from ml_connector.store.turns import Turns

_OF_ALL = ""
"""Whose turn it is when a write is no tenant's own."""


class Database:
    """Opens reading and writing transactions; belongs to one event loop."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._writing: set[asyncio.Task[Any] | None] = set()
        # SQLite lets one writer in and makes the others poll for it, in no order. Within a
        # process they queue here instead. PostgreSQL's writers queue for its connections, and
        # those of one tenant for its audit head while they hold one.
        self._turns = Turns(engines.writers_at_once)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """One snapshot; a statement that writes fails."""
        async with self._engines.readers.begin() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, tenant: str = _OF_ALL) -> AsyncIterator[Connection]:
        """One transaction: committed on a clean exit, rolled back on any exception.

        Tenants take turns, and so does what belongs to none. Raises `NestedWrite` when the calling
        task is writing already: in SQLite it would wait for itself.
        """
        task = asyncio.current_task()
        if task in self._writing:
            raise NestedWrite("This task has a write transaction open already; use that one.")
        self._writing.add(task)
        try:
            async with self._turns.turn(tenant), self._engines.writers.begin() as connection:
                yield connection
        finally:
            self._writing.discard(task)

    async def close(self) -> None:
        await self._engines.dispose()
