"""Driving many orders through the connector, and weighing what they leave behind."""

import asyncio
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from ml_connector.domain import stage as order_stage
from tests.installation import PATIENCE
from tests.stage import ARRIVAL, Stage

HOURS_TO_SCANS = (5, 4, 6, 13, 22, 5)
"""Between the six scans of a normal parcel."""
LOOK_EVERY = 0.05
FINISHED = frozenset(each.value for each in order_stage.FINISHED)
LABELLED = FINISHED | {"label_created", "in_transit", "delivered", "posting_freight"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the database holds."""

    rows: int
    bytes: int


async def through_life(stage: Stage, tenant: str, numbers: list[str]) -> float:
    """From discovery to the ledger with a carrier that needs no time; seconds.

    Once all have their labels the carrier's clock jumps, and the sweep runs again and again, as
    the schedule would. The clock stands still otherwise: years ahead there are no periods.
    """
    began = time.perf_counter()
    discovering = asyncio.create_task(stage.discover(tenant))
    await _wait_until_in(stage, tenant, LABELLED, len(numbers))
    stage.travel(ARRIVAL)
    while await _count(stage, tenant, FINISHED) < len(numbers):
        await stage.sweep(tenant)
    await discovering
    return time.perf_counter() - began


async def _wait_until_in(stage: Stage, tenant: str, stages: frozenset[str], count: int) -> None:
    while await _count(stage, tenant, stages) < count:  # noqa: ASYNC110 - another process moves it
        await asyncio.sleep(LOOK_EVERY)


async def with_six_scans(stage: Stage, tenant: str) -> tuple[int, int]:
    """Events and bytes of the history of a three-line, one-piece order with six scans."""
    number = await stage.order(tenant, lines=3)
    await stage.discover(tenant)
    await stage.at(tenant, number, "label_created")
    for hours in HOURS_TO_SCANS:
        stage.travel(timedelta(hours=hours))
        await stage.sweep(tenant)
    await stage.finished(tenant, number)
    history = await stage.history(tenant, number)
    return len(history.events), sum(event.ByteSize() for event in history.events)


async def settle(stage: Stage, tenant: str, patience: float = PATIENCE) -> None:
    """Until Visma was told everything."""

    async def told() -> bool:
        async with stage.store.read(tenant) as view:
            return not await view.orders.pending_progress(1)

    await stage.until(told, patience)


def stored(stage: Stage) -> Stored:
    """Rows and bytes in use of the connector's SQLite file; the schema's own tables count."""
    connection = sqlite3.connect(stage.home / "ml-connector.db", timeout=30)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        # The names are the schema's own.
        rows = sum(
            connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
            for name in names
        )
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    finally:
        connection.close()
    return Stored(rows=rows, bytes=(pages - free) * size)


def per_order(calls: Counter[str], orders: int) -> dict[str, float]:
    """Calls of one order by endpoint."""
    return {name: round(count / orders, 3) for name, count in sorted(calls.items()) if count}


async def _count(stage: Stage, tenant: str, stages: frozenset[str]) -> int:
    async with stage.store.read(tenant) as view:
        counts = await view.orders.counts()
    return sum(counts.get(name, 0) for name in stages)
