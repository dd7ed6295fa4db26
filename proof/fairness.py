"""Tenants beside each other: one with dead credentials, one with a backlog, one with an order.

The third tenant's orders come one after another while the backlog is worked off. Each must ship
within a few polls, whatever the first two do.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_connector.store.states import TenantState
from proof.report import Check, check, say
from tests.stage import Stage

DEAD, BUSY, THIRD = "dead", "busy", "third"
DEAD_ORDERS = 20
ORDERS = 10
"""Of the third tenant, or fewer when the backlog is done before."""
MOST_POLLS = 3
POLL = 30.0
"""Seconds between two polls of the third tenant: a tenth of the default."""
LOOK_EVERY = 0.05
PATIENCE = 600.0
SHIPPED = ("label_created", "in_transit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """One order of the third tenant."""

    number: str
    polls: int
    """Until it had its label, or `MOST_POLLS` were over."""
    seconds: float | None
    """None: it did not ship."""
    busy: int
    """Orders of the backlog that had shipped by then."""


async def third_tenant(home: Path, count: int) -> list[Check]:
    """A backlog of `count` orders, twenty orders whose credentials are dead, and a third tenant."""
    async with Stage(home=home, work=False) as stage:
        for tenant in (DEAD, BUSY, THIRD):
            await stage.add_tenant(tenant)
        await stage.orders(DEAD, DEAD_ORDERS)
        await stage.orders(BUSY, count)
        await stage.fedex("DELETE", f"credentials/fedex-{DEAD}")
        async with stage.worker_process():
            others = [asyncio.create_task(stage.discover(each)) for each in (BUSY, DEAD)]
            try:
                await _begun(stage)
                orders = await _shipped_beside(stage, count)
                stopped = await _stopped(stage)
            finally:
                for each in others:
                    each.cancel()
                await asyncio.gather(*others, return_exceptions=True)
    what = f"a third tenant's order ships within {MOST_POLLS} polls"
    return [check(what, f"{len(orders)} orders", _late(orders, count)), stopped]


async def _begun(stage: Stage) -> None:
    """Until the backlog is being shipped, and the dead tenant is known to be dead."""

    async def both() -> bool:
        record = await stage.store.tenants.get(DEAD)
        locked = record is not None and record.state is TenantState.NEEDS_REAUTH
        return locked and await _labels(stage, BUSY) > 0

    await stage.until(both, patience=PATIENCE)


async def _shipped_beside(stage: Stage, count: int) -> list[Shipped]:
    """One order after another, for as long as the backlog lasts."""
    orders: list[Shipped] = []
    while len(orders) < ORDERS and await _labels(stage, BUSY) < count:
        orders.append(await _ship_one(stage))
        last = orders[-1]
        seconds = "never" if last.seconds is None else f"{last.seconds:.1f} s"
        say(f"  {last.number}: poll {last.polls}, {seconds}; backlog at {last.busy}")
    return orders


async def _ship_one(stage: Stage) -> Shipped:
    number = await stage.order(THIRD)
    began = time.monotonic()
    for poll in range(1, MOST_POLLS + 1):
        discovering = asyncio.create_task(stage.discover(THIRD))
        shipped = await _has_label(stage, number, until=time.monotonic() + POLL)
        seconds = time.monotonic() - began
        busy = await _labels(stage, BUSY)
        await discovering
        if shipped:
            return Shipped(number=number, polls=poll, seconds=seconds, busy=busy)
    return Shipped(number=number, polls=MOST_POLLS, seconds=None, busy=busy)


async def _has_label(stage: Stage, number: str, *, until: float) -> bool:
    while time.monotonic() < until:
        row = await stage.row(THIRD, number)
        if row is not None and row.stage in SHIPPED:
            return True
        await asyncio.sleep(LOOK_EVERY)
    return False


async def _labels(stage: Stage, tenant: str) -> int:
    async with stage.store.read(tenant) as view:
        counts = await view.orders.counts()
    return sum(counts.get(name, 0) for name in SHIPPED)


def _late(orders: Sequence[Shipped], count: int) -> Iterator[str]:
    """A run in which the backlog was never in the way proves nothing."""
    if not any(each.busy < count for each in orders):
        yield "the backlog was done before the first order shipped"
    for each in orders:
        if each.seconds is None:
            yield f"{each.number} did not ship within {each.polls} polls"


async def _stopped(stage: Stage) -> Check:
    """Dead credentials are one tenant's trouble, said once; its orders wait and need nobody."""
    async with stage.store.read(DEAD) as view:
        parked = await view.orders.list(parked=True)
        said = await view.audit.show(action="tenant:needs_reauth")
    wrong = [f"order {row.order} needs attention: {row.attention}" for row in parked]
    if len(said) != 1:
        wrong.append(f"it was said {len(said)} times that the tenant needs new credentials")
    return check("dead credentials stop their tenant alone", f"{DEAD_ORDERS} orders", wrong)
