"""SQLite waits in a thread; whoever is cancelled meanwhile leaves nothing behind there."""

import asyncio
import threading
from typing import Any

import pytest

from ml_connector.store import Store
from tests.unit.store.conftest import SqliteBackend
from tests.unit.store.raw import raw, run

TURNS = 50
"""Of the event loop; whatever needs no thread is done by then."""
THREADS = 64
"""More than a loop has by itself."""


@pytest.fixture
async def url(sqlite_backend: SqliteBackend) -> str:
    """Only SQLite's transactions wait where they begin."""
    return await sqlite_backend.migrated()


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _cancel_all(but: set[asyncio.Task[Any]]) -> None:
    """As the end of a loop does with all of its tasks; this test's, for it is not alone on its
    loop."""
    for task in asyncio.all_tasks() - but:
        task.cancel()


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_writer_cancelled_in_line_takes_no_lock(url: str, store: Store, times: int) -> None:
    """A time limit and the end of its worker may strike the same task."""

    async def write() -> None:
        async with store.write("nordic"):
            pytest.fail("the transaction opened")

    async with raw(url):
        others = asyncio.all_tasks()
        waiting = asyncio.create_task(write())
        await _turns()
        for _ in range(times):
            _cancel_all(but=others)
            await _turns()
        assert not waiting.done(), "its connection is in use still"
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await run(url, "UPDATE tenants SET name = 'free'") == 2


async def test_writing_waits_for_no_thread_that_others_keep_busy(store: Store) -> None:
    """A resolver that hangs keeps the loop's own threads, and a commit must not wait for it."""
    over = threading.Event()
    busy = [asyncio.create_task(asyncio.to_thread(over.wait)) for _ in range(THREADS)]
    try:
        await _turns()
        async with store.write("nordic") as view:
            await view.orders.save("PO1", stage="shipping")
    finally:
        over.set()
        await asyncio.gather(*busy)
