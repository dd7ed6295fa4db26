"""Purchase receipts that name our orders, and what we wrote to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import Row

from ml_connector.store.repository import Repository
from ml_connector.store.scope import into
from ml_connector.store.statements import delete_from, select_columns, select_from
from ml_connector.store.tables import Receipt as ReceiptRow
from ml_connector.store.tables import ReceiptOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt as last seen."""

    number: str
    orders: tuple[str, ...]
    """The orders its lines name, sorted."""
    fingerprint: str | None
    version: str | None
    last_modified: str | None
    """Visma's own text, without a zone."""
    status: str | None
    receipt_type: str | None
    """Visma's own word: PoReceipt, PoReturn or TransferReceipt."""
    lines: Sequence[Mapping[str, Any]]
    """Order, order line and base quantity of each line that stems from an order."""
    written_fields: Mapping[str, Any]
    """What we last wrote to it, by Visma's field name."""
    seen_fields: Mapping[str, Any]
    """What Visma held in our fields at `version`."""
    created_at: datetime
    updated_at: datetime


class ReceiptChanges(TypedDict, total=False):
    """The columns a caller may set; those not named stay as they are."""

    fingerprint: str | None
    version: str | None
    last_modified: str | None
    status: str | None
    receipt_type: str | None
    lines: Sequence[Mapping[str, Any]]
    written_fields: Mapping[str, Any]
    seen_fields: Mapping[str, Any]


class Receipts(Repository):
    """A tenant's receipts."""

    __slots__ = ()

    async def save(
        self,
        number: str,
        *,
        orders: Sequence[str] | None = None,
        **changes: Unpack[ReceiptChanges],
    ) -> None:
        """Set these columns, and all the orders it names if they are given."""
        now = self._scope.clock()
        values = {**changes, "updated_at": now}
        await self._scope.upsert(ReceiptRow, {"number": number}, values, once={"created_at": now})
        if orders is not None:
            await self._link(number, orders)

    async def get(self, number: str) -> Receipt | None:
        row = await self._scope.row(ReceiptRow, number=number)
        return None if row is None else await self._with_orders(row)

    async def for_order(self, order: str) -> tuple[Receipt, ...]:
        """Receipts that name this order, by number."""
        numbers = select_columns(ReceiptOrder, ReceiptOrder.number).where(
            ReceiptOrder.order == order
        )
        found = select_from(ReceiptRow).where(ReceiptRow.number.in_(numbers))
        rows = await self._scope.all(found.order_by(ReceiptRow.number))
        return tuple([await self._with_orders(row) for row in rows])

    async def _link(self, number: str, orders: Sequence[str]) -> None:
        links = delete_from(ReceiptOrder).where(ReceiptOrder.number == number)
        await self._scope.execute(links.where(ReceiptOrder.order.not_in(orders)))
        for order in orders:
            await self._scope.insert_new(ReceiptOrder, {"number": number, "order": order})

    async def _with_orders(self, row: Row[Any]) -> Receipt:
        links = select_columns(ReceiptOrder, ReceiptOrder.order).where(
            ReceiptOrder.number == row.number
        )
        orders = sorted(await self._scope.scalars(links))
        return into(Receipt, row, orders=tuple(orders))
