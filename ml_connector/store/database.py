"""Transactions on one database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from ml_connector.store.engine import Engines
from ml_connector.store.errors import NestedWrite


class Database:
    """Opens reading and writing transactions; belongs to one event loop."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._writing: set[asyncio.Task[Any] | None] = set()
        # SQLite lets one writer in and makes the others poll for it, in no order. Within a
        # process they queue here instead, first come, first served.
        self._turn: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if engines.one_writer else nullcontext()
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot; a statement that writes fails."""
        async with self._engines.readers.begin() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed on a clean exit, rolled back on any exception.

        Raises `NestedWrite` when the calling task is writing already: in SQLite it would wait
        for itself.
        """
        task = asyncio.current_task()
        if task in self._writing:
            raise NestedWrite("This task has a write transaction open already; use that one.")
        self._writing.add(task)
        try:
            async with self._turn, self._engines.writers.begin() as connection:
                yield connection
        finally:
            self._writing.discard(task)

    async def close(self) -> None:
        await self._engines.dispose()
