"""The accrual subledger: every freight journal, and what explains each of its cents."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement

from ml_connector.store.errors import RecordConflict
from ml_connector.store.repository import Repository, move
from ml_connector.store.scope import into
from ml_connector.store.statements import select_columns, select_from
from ml_connector.store.states import JOURNAL_STEPS, JournalKind, JournalState
from ml_connector.store.tables import Journal as JournalRow


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalDraft:
    """A journal that is about to be posted."""

    reference: str
    """On every line in Visma; unique per journal."""
    kind: JournalKind
    order: str
    generation: int
    occurrence: int = 1
    """Above 1 only where a person posts a shipment once more."""
    amount: Decimal
    """The total, in major units of `currency`; debits and credits each sum to it."""
    currency: str
    """ISO 4217"""
    posting_date: date
    """In the tenant's time zone."""
    period: str
    """Visma's financial period, YYYYMM."""
    exchange_rate: Decimal | None
    """To the base currency, on the posting date; `None` in base currency."""
    lines: Sequence[Mapping[str, Any]]
    """As posted, as JSON; amounts are texts."""
    basis: str
    weights: Mapping[str, Any]
    """Each order line's measure on that basis, as JSON."""
    rule_version: int
    cost_source: str
    rate_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRecord(JournalDraft):
    """A journal as far as it has come."""

    state: JournalState
    batch: str | None
    """Visma's batch number."""
    created_at: datetime
    updated_at: datetime


class Journals(Repository):
    """A tenant's journals. States are guarded; see `states.JOURNAL_STEPS`."""

    __slots__ = ()

    async def add(self, draft: JournalDraft) -> JournalRecord:
        """Write down a journal before it is posted, or anew while it is a draft.

        Raises `RecordConflict` once Visma has it; SQLAlchemy's IntegrityError for a second
        journal of one shipment, kind and occurrence.
        """
        now = self._scope.clock()
        given = {
            column.name: getattr(draft, column.name)
            for column in fields(JournalDraft)
            if column.name != "reference"
        }
        row = await self._scope.upsert(
            JournalRow,
            {"reference": draft.reference},
            {**given, "updated_at": now},
            once={"state": JournalState.DRAFT, "created_at": now},
            while_state=JournalState.DRAFT,
        )
        if row is None:
            raise RecordConflict(f"Journal {draft.reference} is posted already.")
        return into(JournalRecord, row)

    async def set_state(
        self, reference: str, state: JournalState, *, batch: str | None = None
    ) -> JournalRecord:
        """Go on to `state`; `batch` once Visma gave one. Raises `IllegalTransition`."""
        learnt: dict[str, Any] = {} if batch is None else {"batch": batch}
        what = f"journal {reference}"
        its, steps = {"reference": reference}, JOURNAL_STEPS
        row = await move(self._scope, JournalRow, its, steps, state, what=what, **learnt)
        return into(JournalRecord, row)

    async def get(self, reference: str) -> JournalRecord | None:
        row = await self._scope.row(JournalRow, reference=reference)
        return None if row is None else into(JournalRecord, row)

    async def by_batch(self, batch: str) -> tuple[JournalRecord, ...]:
        return await self._list(JournalRow.batch == batch)

    async def by_order(self, order: str) -> tuple[JournalRecord, ...]:
        return await self._list(JournalRow.order == order)

    async def list(self, period: str | None = None) -> tuple[JournalRecord, ...]:
        """Journals by posting date, of one period (YYYYMM) if it is given."""
        return await self._list(*(() if period is None else (JournalRow.period == period,)))

    async def known(self, references: Collection[str]) -> frozenset[str]:
        """Those of the references that a journal of ours has, in whatever period."""
        rows = await self._scope.all(
            select_columns(JournalRow, JournalRow.reference).where(
                JournalRow.reference.in_(references)
            )
        )
        return frozenset(row.reference for row in rows)

    async def _list(self, *where: ColumnElement[bool]) -> tuple[JournalRecord, ...]:
        found = select_from(JournalRow).where(*where)
        rows = await self._scope.all(
            found.order_by(JournalRow.posting_date, JournalRow.created_at, JournalRow.reference)
        )
        return tuple(into(JournalRecord, row) for row in rows)
