"""The master data an order's shipment and journal need, read from Visma and kept a while.

Kept in the memory of each process, by tenant, kind and key (`LIVES`). Nothing is told between
processes: whoever may not rely on what somebody repaired meanwhile asks for data `not_before` an
instant, whichever process has what in memory.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar, cast
from weakref import WeakValueDictionary

from activities.services import Desk
from ml_connector.domain.freight import FinancialPeriod
from ml_connector.domain.order import Item, MasterData, PackagingType, PurchaseOrder
from ml_connector.domain.party import Party
from ml_connector.visma.errors import VismaNotFound

T = TypeVar("T")
Name = tuple[str, int, str, str]
"""Tenant, version of its file (another one may name another company), kind, and key within the
kind; a list has the empty key."""

_REPAIRED = timedelta(minutes=15)
"""What people repair for an order's sake; before one is parked it is read anew anyway."""

LIVES = {
    "supplier": _REPAIRED,
    "location": _REPAIRED,
    "warehouse": _REPAIRED,
    "branch": _REPAIRED,
    "branches": _REPAIRED,
    "item": _REPAIRED,
    "boxes": _REPAIRED,
    "rate": _REPAIRED,
    # Finance closes a period from one minute to the next; a late post is refused and read again.
    "periods": timedelta(minutes=2),
    # Only the base currency is asked of it, which a company keeps.
    "currencies": timedelta(days=1),
}
"""How long each kind is kept."""

MOST = 5_000
"""Values kept in a process, over all tenants; some megabytes."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Kept:
    value: object
    read_at: datetime
    """When its reading began."""
    until: datetime


class MasterReader:
    """One per process."""

    def __init__(self, *, clock: Callable[[], datetime] = utc_now, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._kept: dict[Name, _Kept] = {}
        self._flights: WeakValueDictionary[Name, asyncio.Lock] = WeakValueDictionary()

    async def of(
        self, desk: Desk, order: PurchaseOrder, *, not_before: datetime = LONG_AGO
    ) -> MasterData:
        """Supplier, warehouse, branch, items and boxes of one order."""
        look = _Look(self, desk, not_before)
        numbers = sorted({line.item for line in order.lines if line.item})
        items = await asyncio.gather(*(look.item(number) for number in numbers))
        return MasterData(
            supplier_party=await look.supplier(order),
            warehouse_party=await look.warehouse(order.warehouse),
            branch_party=await look.branch(order.branch),
            items={item.number: item for item in items if item is not None},
            packaging_types=await look.boxes(),
        )

    async def periods(
        self, desk: Desk, *, not_before: datetime = LONG_AGO
    ) -> tuple[FinancialPeriod, ...]:
        """The company's financial periods."""
        return await self.keep(desk, "periods", "", desk.visma.financial_periods, not_before)

    async def branch_of_journal(self, desk: Desk, branch: str | None) -> str | None:
        """The branch that an order's journal names: the order's, where the company has several.

        A company without them may lack the field (Visma, `JournalTransactionDto.branch`).
        """
        if branch is None:
            return None
        branches = await self.keep(desk, "branches", "", desk.visma.branches)
        return branch if len(branches) > 1 else None

    async def rate_to_base(self, desk: Desk, currency: str, day: date) -> Decimal | None:
        """What one unit of a currency is worth on a day, in the company's base currency; `None`
        for that itself. Raises `VismaNoRate`."""
        currencies = await self.keep(desk, "currencies", "", desk.visma.currencies)
        base = next(currency.id for currency in currencies if currency.base)
        if currency == base:
            return None
        key = f"{currency}/{base}/{day}"
        return await self.keep(desk, "rate", key, lambda: desk.visma.rate(currency, base, day))

    def forget(self, tenant: str) -> None:
        """Read everything of a tenant anew."""
        self._kept = {name: kept for name, kept in self._kept.items() if name[0] != tenant}

    async def keep(
        self,
        desk: Desk,
        kind: str,
        key: str,
        read: Callable[[], Awaitable[T]],
        not_before: datetime = LONG_AGO,
    ) -> T:
        """The value, read once for all who ask at the same time; a failure is not kept."""
        name = (desk.id, desk.version, kind, key)
        flight = self._flights.setdefault(name, asyncio.Lock())
        async with flight:
            kept = self._kept.get(name)
            now = self._clock()
            if kept is None or kept.until <= now or kept.read_at < not_before:
                kept = _Kept(await read(), now, now + LIVES[kind])
                self._make_room(now)
                self._kept[name] = kept
            return cast(T, kept.value)

    def _make_room(self, now: datetime) -> None:
        if len(self._kept) < self._most:
            return
        alive = [(name, kept) for name, kept in self._kept.items() if kept.until > now]
        newest_first = sorted(alive, key=lambda entry: entry[1].read_at, reverse=True)
        # Half, so that a full memory is not sorted again for each value.
        self._kept = dict(newest_first[: self._most // 2])


class _Look:
    """One order's look at its master data; what Visma does not have is None, and kept as that."""

    def __init__(self, reader: MasterReader, desk: Desk, not_before: datetime) -> None:
        self._reader = reader
        self._desk = desk
        self._not_before = not_before

    async def item(self, number: str) -> Item | None:
        return await self._maybe("item", number, lambda: self._desk.visma.item(number))

    async def supplier(self, order: PurchaseOrder) -> Party | None:
        """The order's supplier location, else the supplier's main address."""
        visma, place = self._desk.visma, order.supplier_location
        if place:
            location = await self._maybe(
                "location",
                f"{order.supplier}/{place}",
                lambda: visma.supplier_location(order.supplier, place),
            )
            # A location that cannot be told is a finding, never another address in silence.
            return location.party if location else None
        supplier = await self._maybe(
            "supplier", order.supplier, lambda: visma.supplier(order.supplier)
        )
        return supplier.party if supplier else None

    async def warehouse(self, code: str | None) -> Party | None:
        if not code:
            return None
        found = await self._maybe("warehouse", code, lambda: self._desk.visma.warehouse(code))
        return found.party if found else None

    async def branch(self, number: str | None) -> Party | None:
        if not number:
            return None
        found = await self._maybe("branch", number, lambda: self._desk.visma.branch(number))
        return (found.delivery or found.main) if found else None

    async def boxes(self) -> tuple[PackagingType, ...]:
        read = self._desk.visma.packaging_types
        return await self._reader.keep(self._desk, "boxes", "", read, self._not_before)

    async def _maybe(self, kind: str, key: str, read: Callable[[], Awaitable[T]]) -> T | None:
        async def or_none() -> T | None:
            try:
                return await read()
            except VismaNotFound:
                return None

        return await self._reader.keep(self._desk, kind, key, or_none, self._not_before)
