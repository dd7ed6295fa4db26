"""The read model of purchase orders: what listings show and sweeps ask for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, bindparam, func, or_

from ml_connector.store.errors import UnknownRecord
from ml_connector.store.repository import Repository
from ml_connector.store.scope import into
from ml_connector.store.statements import select_columns, select_from, update_of
from ml_connector.store.tables import Journal, Order, Parcel
from ml_connector.store.tables.orders import BEHIND, PARKED, STARTING, UNSIGNALLED, URGENT


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order as the connector knows it.

    Texts hold no personal data, save for `attention_detail`, which may quote the other side.
    """

    order: str
    stage: str
    attention: str | None
    """Why the order is parked; `None` while it is not."""
    attention_detail: str | None = field(repr=False)
    attention_remedy: str | None
    attention_since: datetime | None
    skip_reason: str | None
    skip_detail: str | None
    fingerprint: str | None
    """Of the content that matters to us, as last seen."""
    version: str | None
    """Visma's row version, as last seen."""
    last_modified: str | None
    """Visma's own text, without a zone."""
    discovered_from: str | None
    generation: int
    """0 before the first shipment."""
    service: str | None
    master_tracking: str | None
    cost_amount: Decimal | None
    cost_currency: str | None
    """ISO 4217"""
    cost_source: str | None
    journal_batch: str | None
    delivered_at: datetime | None
    first_scan_at: datetime | None
    tracking_state: str | None
    tracking_code: str | None
    progress_version: int
    """Rises with every news of the shipment."""
    progress_written: int
    """The news that Visma has; lower than `progress_version` means it is behind."""
    written_fields: Mapping[str, Any]
    """What we last wrote to Visma, by Visma's field name."""
    seen_fields: Mapping[str, Any]
    """What Visma held in our fields at `version`."""
    released: bool
    """A person has let it ship, where the tenant wants that."""
    cutoff_period: str | None
    """A period (YYYYMM) that wants the freight before it closes."""
    checked_at: datetime | None
    """When a parked or skipped order was last looked at again."""
    signal_pending: bool
    """The order's workflow has not been told the latest news yet."""
    quote_request_version: str | None
    quote_result: str | None
    receipts: Sequence[str]
    workflow_closed_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedGroup:
    """Orders parked for the same reason."""

    orders: int
    since: datetime
    """Of the one that waits longest."""


class OrderChanges(TypedDict, total=False):
    """The columns a caller may set; those not named stay as they are."""

    stage: str
    attention: str | None
    attention_detail: str | None
    attention_remedy: str | None
    attention_since: datetime | None
    skip_reason: str | None
    skip_detail: str | None
    fingerprint: str | None
    version: str | None
    last_modified: str | None
    discovered_from: str | None
    generation: int
    service: str | None
    master_tracking: str | None
    cost_amount: Decimal | None
    cost_currency: str | None
    cost_source: str | None
    journal_batch: str | None
    delivered_at: datetime | None
    first_scan_at: datetime | None
    tracking_state: str | None
    tracking_code: str | None
    written_fields: Mapping[str, Any]
    seen_fields: Mapping[str, Any]
    released: bool
    cutoff_period: str | None
    checked_at: datetime | None
    quote_request_version: str | None
    quote_result: str | None
    receipts: Sequence[str]
    workflow_closed_at: datetime | None


def _next(found: Select[Any]) -> Select[Any]:
    return found.order_by(Order.order).limit(bindparam("limit", type_=Integer))


_BEHIND = _next(select_from(Order).where(BEHIND, Order.order > bindparam("after")))
_BESIDES = Order.order.not_in(bindparam("besides", expanding=True))
_UNSIGNALLED = _next(select_from(Order).where(UNSIGNALLED, _BESIDES))
_URGENT = _next(select_from(Order).where(UNSIGNALLED, URGENT, _BESIDES))
_STARTING = select_columns(Order, func.count()).where(
    STARTING, Order.updated_at >= bindparam("since")
)
_WRITTEN = (
    update_of(Order)
    .where(Order.order == bindparam("of_order"), Order.progress_written <= bindparam("up_to"))
    .values(progress_written=bindparam("up_to"), updated_at=bindparam("now"))
)


class Orders(Repository):
    """A tenant's orders."""

    __slots__ = ()

    async def get(self, order: str) -> OrderRow | None:
        row = await self._scope.row(Order, order=order)
        return None if row is None else self._read(row)

    async def save(self, order: str, **changes: Unpack[OrderChanges]) -> OrderRow:
        """Set these columns, making the order if it is new."""
        now = self._scope.clock()
        values = {**self._columns(order, changes), "updated_at": now}
        key, once = {"order": order}, {"created_at": now}
        row = await self._scope.upsert(Order, key, values, once=once)
        assert row is not None, "no state keeps an order from being saved"
        return self._read(row)

    async def progressed(
        self, order: str, *, signal: bool = True, **changes: Unpack[OrderChanges]
    ) -> OrderRow:
        """News of the order: set these columns, and let both Visma and the workflow be told.

        Without `signal` only Visma is: the workflow itself brought the news. Raises
        `UnknownRecord`.
        """
        values = {**self._columns(order, changes), "updated_at": self._scope.clock()}
        if signal:
            values["signal_pending"] = True
        raised = ("progress_version",)
        row = await self._scope.change(Order, {"order": order}, values, raised=raised)
        if row is None:
            raise UnknownRecord(f"order {order}")
        return self._read(row)

    async def mark_progress_written(self, order: str, progress_version: int) -> None:
        """Visma has the news up to `progress_version`. News since stay due."""
        await self._scope.execute(
            _WRITTEN, of_order=order, up_to=progress_version, now=self._scope.clock()
        )

    async def mark_signalled(self, order: str, progress_version: int) -> bool:
        """The workflow was told the news up to `progress_version`.

        Says False, and leaves the signal due, when there are news since.
        """
        told = {"order": order, "progress_version": progress_version}
        values = {"signal_pending": False, "updated_at": self._scope.clock()}
        return await self._scope.change(Order, told, values) is not None

    async def pending_progress(self, limit: int, after: str = "") -> tuple[OrderRow, ...]:
        """Shipped orders about which Visma is behind, by number, from behind `after`."""
        return self._read_all(await self._scope.all(_BEHIND, after=after, limit=limit))

    async def pending_signals(
        self, limit: int, *, urgent: bool = False, besides: Collection[str] = ()
    ) -> tuple[OrderRow, ...]:
        """Orders whose workflow was not told the latest news, `besides` these.

        `urgent`: only those with a parcel, or with a person who waits for a quote.
        """
        pending = _URGENT if urgent else _UNSIGNALLED
        rows = await self._scope.all(pending, limit=limit, besides=list(besides))
        return self._read_all(rows)

    async def starting(self, since: datetime) -> int:
        """How many orders were told to ship since then, and have neither shipped nor stopped."""
        return int((await self._scope.scalars(_STARTING, since=since))[0])

    async def to_recheck(self, before: datetime, limit: int) -> list[OrderRow]:
        """Parked and skipped orders, and those with a quote that nobody could answer, that nobody
        has looked at since `before`; longest ago first."""
        unanswered = and_(Order.quote_request_version.is_not(None), Order.updated_at < before)
        waits = or_(Order.stage == "needs_attention", Order.skip_reason.is_not(None), unanswered)
        stale = or_(Order.checked_at.is_(None), Order.checked_at < before)
        found = select_from(Order).where(waits, stale)
        ordered = found.order_by(Order.checked_at.is_not(None), Order.checked_at, Order.order)
        rows = await self._scope.all(ordered.limit(limit))
        return [self._read(row) for row in rows]

    async def list(
        self,
        *,
        stages: Collection[str] | None = None,
        attention: str | None = None,
        parked: bool | None = None,
        skipped: bool | None = None,
        scanned_from: datetime | None = None,
        scanned_before: datetime | None = None,
        posted: bool | None = None,
        after: str = "",
        limit: int | None = None,
    ) -> tuple[OrderRow, ...]:
        """Orders by number, from behind `after`; every filter given must hold.

        `parked` asks for any attention, `attention` for one reason. `scanned_from` (inclusive)
        and `scanned_before` (exclusive) ask for the first physical scan. `posted` asks whether
        freight is in the ledger.
        """
        conditions: list[ColumnElement[bool]] = []
        if after:
            conditions.append(Order.order > after)
        if stages is not None:
            conditions.append(Order.stage.in_(stages))
        if attention is not None:
            conditions.append(Order.attention == attention)
        if parked is not None:
            conditions.append(PARKED if parked else Order.attention.is_(None))  # type: ignore[arg-type]
        if skipped is not None:
            conditions.append(Order.skip_reason.is_not(None) == skipped)
        if scanned_from is not None:
            conditions.append(Order.first_scan_at >= scanned_from)
        if scanned_before is not None:
            conditions.append(Order.first_scan_at < scanned_before)
        if posted is not None:
            conditions.append(Order.journal_batch.is_not(None) == posted)
        return await self._list(select_from(Order).where(*conditions), limit)

    async def by_tracking(self, tracking_number: str) -> tuple[OrderRow, ...]:
        """Orders that had this number, on any piece of any generation."""
        pieces = select_columns(Parcel, Parcel.order).where(
            Parcel.tracking_number == tracking_number
        )
        found = or_(Order.master_tracking == tracking_number, Order.order.in_(pieces))
        return await self._list(select_from(Order).where(found), None)

    async def by_batch(self, batch: str) -> tuple[OrderRow, ...]:
        """Orders with a journal in this Visma batch, reversals included."""
        journals = select_columns(Journal, Journal.order).where(Journal.batch == batch)
        found = or_(Order.journal_batch == batch, Order.order.in_(journals))
        return await self._list(select_from(Order).where(found), None)

    async def counts(self) -> dict[str, int]:
        """How many orders stand in each stage."""
        counted = select_columns(Order, Order.stage, func.count().label("orders"))
        rows = await self._scope.all(counted.group_by(Order.stage))
        return {row.stage: row.orders for row in rows}

    async def parked(self) -> dict[str, ParkedGroup]:
        """Orders that need a person, by reason."""
        counted = select_columns(
            Order,
            Order.attention,
            func.count().label("orders"),
            func.min(Order.attention_since).label("since"),
        )
        rows = await self._scope.all(counted.where(PARKED).group_by(Order.attention))
        return {row.attention: ParkedGroup(orders=row.orders, since=row.since) for row in rows}

    async def _list(self, found: Select[Any], limit: int | None) -> tuple[OrderRow, ...]:
        return self._read_all(await self._scope.all(found.order_by(Order.order).limit(limit)))

    def _read_all(self, rows: Sequence[Row[Any]]) -> tuple[OrderRow, ...]:
        return tuple(self._read(row) for row in rows)

    def _columns(self, order: str, changes: OrderChanges) -> dict[str, Any]:
        """The changes as columns; what is sealed has another name there."""
        columns: dict[str, Any] = dict(changes)
        if "attention_detail" in columns:
            detail = columns.pop("attention_detail")
            columns["attention_detail_sealed"] = (
                None if detail is None else self._scope.seal(_detail_of(order), detail)
            )
        return columns

    def _read(self, row: Row[Any]) -> OrderRow:
        sealed = row.attention_detail_sealed
        detail = None if sealed is None else self._scope.open(_detail_of(row.order_nbr), sealed)
        return into(OrderRow, row, attention_detail=detail)


def _detail_of(order: str) -> str:
    return f"orders.attention_detail:{order}"
