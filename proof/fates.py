"""The orders of a run, and what must become of each."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.stage import Stage, order_line

SUPPLIER = "SUP-SE"
"""From Sweden, so that the parcel crosses a border to Oslo as well as to Hamburg."""
NOTE_FIELD = "customStr5"
"""A custom field of the order that the tenants have lent to nobody: it is a person's own."""
RETURNED_SHARE = 0.06
CANCELLED_SHARE = 0.08
NOTED_SHARE = 0.2


class Fate(StrEnum):
    """How an order must end. The value is the stage it must show."""

    DELIVERED = "completed"
    RETURNED = "returned"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fated:
    """One order and what must become of it."""

    tenant: str
    number: str
    fate: Fate
    note: str = ""
    """What a person writes into a field of their own meanwhile; it must still stand at the end."""

    @property
    def name(self) -> str:
        return f"{self.tenant}/{self.number}"


class People:
    """They enter orders, write on them, and cancel some, all at moments drawn from the seed."""

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self._stage = stage
        self._rng = rng

    async def enter(
        self, tenants: Sequence[str], count: int, *, within: float, meddle_within: float
    ) -> list[Fated]:
        """Enter `count` orders over `within` seconds; return once everything was done to them.

        `meddle_within` seconds after its entry an order has been written on or cancelled.
        """
        orders: list[Fated] = []
        async with asyncio.TaskGroup() as meddling:
            for at in range(count):
                order = await self._enter_one(tenants[at % len(tenants)])
                orders.append(order)
                meddling.create_task(self._meddle(order, self._rng.uniform(0, meddle_within)))
                await asyncio.sleep(self._rng.uniform(0, 2 * within / count))
        return orders

    async def _enter_one(self, tenant: str) -> Fated:
        # Drawn in one go and in one order, whatever happens meanwhile.
        lines, lot, noted = self._rng.randint(1, 3), self._rng.random(), self._rng.random()
        number = await self._stage.order(
            tenant, supplier=SUPPLIER, lines=[order_line(at) for at in range(lines)]
        )
        note = f"keep {number}" if noted < NOTED_SHARE else ""
        fate = _fate(lot)
        if fate is Fate.RETURNED:
            await self._stage.fedex("POST", "journeys", pattern=number, script="returned")
        elif fate is Fate.CANCELLED:
            # Never picked up, so that it can be cancelled whenever the connector gets to it.
            await self._stage.fedex("POST", "journeys", pattern=number, script="label_only")
        return Fated(tenant=tenant, number=number, fate=fate, note=note)

    async def _meddle(self, order: Fated, after: float) -> None:
        await asyncio.sleep(after)
        if order.note:
            await self._stage.edit(order.tenant, order.number, **{NOTE_FIELD: order.note})
        if order.fate is Fate.CANCELLED:
            await self._stage.edit(order.tenant, order.number, status="Cancelled")


def _fate(lot: float) -> Fate:
    if lot < RETURNED_SHARE:
        return Fate.RETURNED
    return Fate.CANCELLED if lot < RETURNED_SHARE + CANCELLED_SHARE else Fate.DELIVERED
