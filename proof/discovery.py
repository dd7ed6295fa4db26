"""Ten thousand orders changed at once: what discovery costs, and at what pace they start.

On the activities alone, against the real store and the simulator: who listens to the news does not
matter here.
"""

import gc
import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from activities.discovery import OVERLAP
from activities.news import CALLS_OF_A_START
from ml_connector.domain.order import PurchaseOrder
from ml_connector.sandbox.visma.calls import Call
from proof.report import Check, check
from tests.activities.workbench import Workbench
from tests.stage import company_of

TENANT = "crowd"
LIST = "GET /v1/purchaseorder"
PAGE = 500
APART = timedelta(seconds=5)
"""Between two changes, so that the overlap of five minutes holds sixty of them."""
RESERVE = 0.2
"""Of the hour's calls, which a backlog leaves to others."""


@dataclass(slots=True)
class Census:
    """Orders of Visma in memory when each page is asked for, beyond those of before."""

    most: int = 0

    def before_call(self, call: Call) -> None:
        if call.name == LIST:
            gc.collect()
            alive = sum(isinstance(each, PurchaseOrder) for each in gc.get_objects())
            self.most = max(self.most, alive)


@contextmanager
def census() -> Iterator[Census]:
    """Counts what is made from here on; all that was there before is neither seen nor walked."""
    gc.collect()
    gc.freeze()
    try:
        yield Census()
    finally:
        gc.unfreeze()


async def discovery_at_scale(home: Path, count: int, *, page: int = PAGE) -> list[Check]:
    """So many eligible orders, all new to us, in a company with an hourly limit."""
    async with Workbench(home=home) as bench:
        bench.sandbox.visma.switches.max_page_sizes["purchaseorder"] = page
        await bench.add_tenant(TENANT)
        limit = count
        await bench.visma("PATCH", f"companies/{company_of(TENANT)}", rate_limit=limit)
        clock = bench.sandbox.visma_clock
        clock.advance(-count * APART)
        for _ in range(count):
            bench.place(TENANT)
            clock.advance(APART)
        calls = bench.sandbox.visma.calls[company_of(TENANT)]
        began = time.monotonic()
        with census() as counted:
            bench.sandbox.visma.before_call.append(counted.before_call)
            found = await bench.step("discover_orders", TENANT)
            bench.sandbox.visma.before_call.remove(counted.before_call)
        took = time.monotonic() - began
        kept = await _kept(bench)
        first = calls[LIST].total()
        await bench.step("deliver_news", TENANT)
        started = len(bench.outbox.told)
        await bench.step("deliver_news", TENANT)
        held = len(bench.outbox.told) - started
        await bench.step("discover_orders", TENANT)
        again = calls[LIST].total() - first
        refused = sum(counts[429] for counts in calls.values())
    floor, overlapping = math.ceil(count / page), OVERLAP // APART
    next_floor = math.ceil(overlapping / page)
    room = (limit - floor - RESERVE * limit) / CALLS_OF_A_START
    return [
        check("news", f"{found.news} of {count}", _unless(found.news == count, "some are missing")),
        check("list calls", first, _unless(first == floor, f"the floor is {floor}")),
        check(
            "list calls of the next run",
            again,
            _unless(again == next_floor, f"the overlap is {next_floor}"),
        ),
        check("orders in memory", counted.most, _unless(counted.most <= 2 * page, "they pile up")),
        check("versions kept", kept, _unless(kept <= overlapping + 1, "more than the overlap")),
        check(
            "orders started at once", started, _unless(0 < started <= room, f"room for {room:.0f}")
        ),
        check("started beyond it", held, _unless(held == 0, "no call was free")),
        check("calls that Visma refused", refused, _unless(refused == 0, "429")),
        check("seconds", f"{took:.0f}", []),
    ]


async def _kept(bench: Workbench) -> int:
    """Versions that the cursor remembers, to drop what the overlap brings again."""
    async with bench.store.read(TENANT) as view:
        position = await view.cursors.get("orders")
    return len(json.loads(position or "{}")["cursor"]["seen"])


def _unless(holds: bool, wrong: str) -> list[str]:
    return [] if holds else [wrong]
