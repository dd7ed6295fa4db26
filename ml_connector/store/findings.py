"""Findings: what a person should know, until it is so no more."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam

from ml_connector.domain.findings import Finding
from ml_connector.store.repository import Repository
from ml_connector.store.scope import into
from ml_connector.store.statements import insert_into, select_from, update_of
from ml_connector.store.tables import Finding as FindingRow
from ml_connector.store.tables.orders import OPEN_FINDING

_OF_TENANT = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRecord:
    """A finding, about an order or (`order` is `None`) about the tenant."""

    order: str | None
    code: str
    message: str
    remedy: str
    opened_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None


_RESOLVE_ALL = (
    update_of(FindingRow)
    .where(OPEN_FINDING, FindingRow.order == bindparam("of_order"))
    .values(resolved_at=bindparam("now"))
)


class Findings(Repository):
    """A tenant's findings; of one order and code at most one is open."""

    __slots__ = ()

    async def add(self, order: str | None, finding: Finding) -> bool:
        """Open it, or renew the text of the open one. True when it is new."""
        now, fresh = self._scope.clock(), uuid.uuid4().hex
        about = {"order": order or _OF_TENANT, "code": finding.code}
        sealed = self._scope.seal(_message_of(**about), finding.message)
        seen = {"message_sealed": sealed, "remedy": finding.remedy, "last_seen_at": now}
        insert = insert_into(self._scope.dialect, FindingRow)
        renew = insert.on_conflict_do_update(
            index_elements=[FindingRow.tenant, FindingRow.order, FindingRow.code],
            index_where=OPEN_FINDING,
            set_=seen,
        ).returning(FindingRow.id)
        values = {**about, **seen, "id": fresh, "opened_at": now}
        renewed = await self._scope.enter(renew, FindingRow, values)
        return bool(renewed.scalar_one() == fresh)

    async def resolve(self, order: str | None, *codes: str) -> bool:
        """They are so no more. False when none of them was open."""
        done = await self._scope.execute(
            update_of(FindingRow)
            .where(OPEN_FINDING, FindingRow.order == (order or _OF_TENANT))
            .where(FindingRow.code.in_(codes))
            .values(resolved_at=self._scope.clock())
        )
        return bool(done.rowcount > 0)

    async def resolve_all(self, order: str) -> None:
        """None of them is so any more: the order can ship."""
        await self._scope.execute(_RESOLVE_ALL, of_order=order, now=self._scope.clock())

    async def open(self, order: str | None = None) -> tuple[FindingRecord, ...]:
        """Open findings, the oldest first; of one order if it is given."""
        found = select_from(FindingRow).where(OPEN_FINDING)
        if order is not None:
            found = found.where(FindingRow.order == order)
        return await self._list(found)

    async def history(self, order: str) -> tuple[FindingRecord, ...]:
        """All findings an order ever had, the oldest first."""
        found = select_from(FindingRow).where(FindingRow.order == order)
        return await self._list(found)

    async def _list(self, found: Select[Any]) -> tuple[FindingRecord, ...]:
        oldest_first = found.order_by(FindingRow.opened_at, FindingRow.order, FindingRow.code)
        return tuple(self._read(row) for row in await self._scope.all(oldest_first))

    def _read(self, row: Row[Any]) -> FindingRecord:
        message = self._scope.open(_message_of(row.order_nbr, row.code), row.message_sealed)
        return into(FindingRecord, row, order=row.order_nbr or None, message=message)


def _message_of(order: str, code: str) -> str:
    return f"findings.message:{order}:{code}"
