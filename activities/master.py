"""The master data an order's shipment and journal need, read from Visma and kept a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar, cast

from activities.services import Desk
from ml_connector.domain.freight import FinancialPeriod
from ml_connector.domain.order import Item, MasterData, PackagingType, PurchaseOrder
from ml_connector.domain.party import Party
from ml_connector.visma.errors import VismaNotFound

T = TypeVar("T")

SLOWLY_CHANGING = timedelta(minutes=15)
"""Suppliers, items, boxes, warehouses, branches: a repair is looked for at `recheck` anyway."""
PERIODS_LIVE = timedelta(minutes=2)
"""Finance closes a period from one minute to the next; a late post is refused and read again."""


class MasterReader:
    """One per process; entries are kept by tenant, kind and key."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], tuple[float, object]] = {}
        self._flights: dict[tuple[str, str, str], asyncio.Lock] = {}

    async def of(self, desk: Desk, order: PurchaseOrder) -> MasterData:
        """Supplier, warehouse, branch, items and boxes of one order."""
        numbers = sorted({line.item for line in order.lines if line.item})
        items = await asyncio.gather(*(self._item(desk, number) for number in numbers))
        return MasterData(
            supplier_party=await self._supplier(desk, order),
            warehouse_party=await self._warehouse(desk, order.warehouse),
            branch_party=await self._branch(desk, order.branch),
            items={item.number: item for item in items if item is not None},
            packaging_types=await self._boxes(desk),
        )

    async def periods(self, desk: Desk) -> tuple[FinancialPeriod, ...]:
        """The company's financial periods."""
        return await self._keep(desk, "periods", "", desk.visma.financial_periods, PERIODS_LIVE)

    async def base_currency(self, desk: Desk) -> str:
        """The company's base currency, ISO 4217."""
        currencies = await self._keep(desk, "currencies", "", desk.visma.currencies)
        return next(currency.id for currency in currencies if currency.base)

    def forget(self, tenant: str) -> None:
        """Read everything of a tenant anew: somebody may have repaired it."""
        self._kept = {key: kept for key, kept in self._kept.items() if key[0] != tenant}

    async def _item(self, desk: Desk, number: str) -> Item | None:
        return await self._maybe(desk, "item", number, lambda: desk.visma.item(number))

    async def _supplier(self, desk: Desk, order: PurchaseOrder) -> Party | None:
        """The order's supplier location, else the supplier's main address."""
        place = order.supplier_location
        if place:
            location = await self._maybe(
                desk,
                "location",
                f"{order.supplier}/{place}",
                lambda: desk.visma.supplier_location(order.supplier, place),
            )
            # A location that cannot be told is a finding, never another address in silence.
            return location.party if location else None
        supplier = await self._maybe(
            desk, "supplier", order.supplier, lambda: desk.visma.supplier(order.supplier)
        )
        return supplier.party if supplier else None

    async def _warehouse(self, desk: Desk, code: str | None) -> Party | None:
        if not code:
            return None
        found = await self._maybe(desk, "warehouse", code, lambda: desk.visma.warehouse(code))
        return found.party if found else None

    async def _branch(self, desk: Desk, number: str | None) -> Party | None:
        if not number:
            return None
        found = await self._maybe(desk, "branch", number, lambda: desk.visma.branch(number))
        return (found.delivery or found.main) if found else None

    async def _boxes(self, desk: Desk) -> tuple[PackagingType, ...]:
        return await self._keep(desk, "boxes", "", desk.visma.packaging_types)

    async def _maybe(
        self, desk: Desk, kind: str, key: str, read: Callable[[], Awaitable[T]]
    ) -> T | None:
        async def or_none() -> T | None:
            try:
                return await read()
            except VismaNotFound:
                return None

        return await self._keep(desk, kind, key, or_none)

    async def _keep(
        self,
        desk: Desk,
        kind: str,
        key: str,
        read: Callable[[], Awaitable[T]],
        life: timedelta = SLOWLY_CHANGING,
    ) -> T:
        """Read once for all who ask at the same time."""
        name = (desk.id, kind, key)
        async with self._flights.setdefault(name, asyncio.Lock()):
            kept = self._kept.get(name)
            if kept is None or kept[0] < time.monotonic():
                kept = (time.monotonic() + life.total_seconds(), await read())
                self._kept[name] = kept
            return cast(T, kept[1])
