"""Shipments: one row for each generation of an order's shipment."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import ColumnElement, Row, Select, TextClause, bindparam

from ml_connector.store.errors import RecordConflict, UnknownRecord
from ml_connector.store.repository import Repository, move
from ml_connector.store.scope import into
from ml_connector.store.statements import select_from
from ml_connector.store.states import SHIPMENT_STEPS, ShipmentState
from ml_connector.store.tables import Shipment as ShipmentRow
from ml_connector.store.tables.shipping import WATCHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """What was planned, and what became of it."""

    order: str
    generation: int
    reference: str
    """Our CUSTOMER_REFERENCE."""
    state: ShipmentState
    plan: dict[str, Any] = field(repr=False)
    """The frozen plan as JSON: addresses, packages, lines with their dimensions."""
    service: str
    ship_date: date
    """In the tenant's time zone."""
    carrier_code: str | None
    master_tracking: str | None
    cost: dict[str, Any] | None
    """JSON; amounts are texts. `None` is no cost known, never zero."""
    documents: Sequence[Mapping[str, Any]]
    """Kind, media and blob of each label and paper."""
    check_at: datetime | None
    watch_until: datetime | None
    created_at: datetime
    updated_at: datetime


class ShipmentChanges(TypedDict, total=False):
    """What becomes known about a shipment after it was planned."""

    service: str
    carrier_code: str | None
    master_tracking: str | None
    cost: Mapping[str, Any] | None
    documents: Sequence[Mapping[str, Any]]
    check_at: datetime | None
    watch_until: datetime | None


def _listed(*where: ColumnElement[bool] | TextClause) -> Select[Any]:
    found = select_from(ShipmentRow).where(*where)
    return found.order_by(ShipmentRow.order, ShipmentRow.generation)


_ORPHANS = _listed(WATCHED, ShipmentRow.check_at <= bindparam("now"))
_CURRENT = (
    select_from(ShipmentRow)
    .where(ShipmentRow.order == bindparam("order"))
    .order_by(ShipmentRow.generation.desc())
    .limit(1)
)


class Shipments(Repository):
    """A tenant's shipments. States are guarded; see `states.SHIPMENT_STEPS`."""

    __slots__ = ()

    async def add(
        self,
        order: str,
        generation: int,
        *,
        reference: str,
        plan: Mapping[str, Any],
        service: str,
        ship_date: date,
    ) -> Shipment:
        """Plan a generation, or plan it anew while nothing was bought.

        Raises `RecordConflict` once it is more than planned: its snapshot is history then.
        """
        now = self._scope.clock()
        planned = {
            "reference": reference,
            "plan_sealed": self._scope.seal_json(_field(order, generation), dict(plan)),
            "service": service,
            "ship_date": ship_date,
            "updated_at": now,
        }
        row = await self._scope.upsert(
            ShipmentRow,
            _is(order, generation),
            planned,
            once={"state": ShipmentState.PLANNED, "created_at": now},
            while_state=ShipmentState.PLANNED,
        )
        if row is None:
            raise RecordConflict(f"Shipment {order}/{generation} is more than planned already.")
        return self._opened(row)

    async def set_state(
        self,
        order: str,
        generation: int,
        state: ShipmentState,
        **changes: Unpack[ShipmentChanges],
    ) -> Shipment:
        """Go on to `state`, with what was learnt. Raises `IllegalTransition`, `UnknownRecord`."""
        what = f"shipment {order}/{generation}"
        its, steps = _is(order, generation), SHIPMENT_STEPS
        row = await move(self._scope, ShipmentRow, its, steps, state, what=what, **changes)
        return self._opened(row)

    async def update(self, order: str, generation: int, **changes: Unpack[ShipmentChanges]) -> None:
        """Set what was learnt, whatever the state. Raises `UnknownRecord`."""
        learnt = {**changes, "updated_at": self._scope.clock()}
        if await self._scope.change(ShipmentRow, _is(order, generation), learnt) is None:
            raise UnknownRecord(f"shipment {order}/{generation}")

    async def get(self, order: str, generation: int) -> Shipment | None:
        row = await self._scope.row(ShipmentRow, **_is(order, generation))
        return None if row is None else self._opened(row)

    async def current(self, order: str) -> Shipment | None:
        """The latest generation, whatever became of it."""
        row = await self._scope.first(_CURRENT, order=order)
        return None if row is None else self._opened(row)

    async def list(self, order: str) -> tuple[Shipment, ...]:
        """All generations, the first one first."""
        return await self._list(ShipmentRow.order == order)

    async def by_reference(self, reference: str) -> Shipment | None:
        row = await self._scope.row(ShipmentRow, reference=reference)
        return None if row is None else self._opened(row)

    async def by_tracking(self, master_tracking: str) -> tuple[Shipment, ...]:
        """Shipments with this master number, which the carrier may have used again."""
        return await self._list(ShipmentRow.master_tracking == master_tracking)

    async def orphans_due(self, now: datetime) -> tuple[Shipment, ...]:
        """Watched shipments that should be looked up again."""
        return self._opened_all(await self._scope.all(_ORPHANS, now=now))

    async def _list(self, where: ColumnElement[bool]) -> tuple[Shipment, ...]:
        return self._opened_all(await self._scope.all(_listed(where)))

    def _opened_all(self, rows: Sequence[Row[Any]]) -> tuple[Shipment, ...]:
        return tuple(self._opened(row) for row in rows)

    def _opened(self, row: Row[Any]) -> Shipment:
        plan = self._scope.open(_field(row.order_nbr, row.generation), row.plan_sealed)
        return into(Shipment, row, plan=json.loads(plan))


def _is(order: str, generation: int) -> dict[str, Any]:
    return {"order": order, "generation": generation}


def _field(order: str, generation: int) -> str:
    return f"shipments.plan:{order}/{generation}"
