"""Operations: writes to other systems that must happen once.

The row is committed before the request and its outcome after it, so whoever comes next (a retry,
another worker, a reset workflow) finds out how far it came instead of asking again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from ml_connector.store.errors import RecordConflict, UnknownRecord
from ml_connector.store.repository import Repository, move
from ml_connector.store.scope import TenantScope, into
from ml_connector.store.statements import select_from
from ml_connector.store.states import OPERATION_STEPS, OperationState
from ml_connector.store.tables import Operation as OperationRow
from ml_connector.store.tables.shipping import UNFINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """How far one write has come."""

    key: str
    """`{tenant}/{order}/{step}/{generation}`"""
    step: str
    order: str
    generation: int
    state: OperationState
    request_digest: str
    """Digest of the request as it was last intended."""
    attempts: int
    """How often it was sent."""
    deadline: datetime | None
    """Until then the request that was sent may still take effect."""
    sent_at: datetime | None
    finished_at: datetime | None
    """When its outcome was learnt; `None` while that is open."""
    note: str | None
    """Why it may be sent again, when it once was sent; what is known while it is in doubt."""
    result: dict[str, Any] | None = field(repr=False)
    error: dict[str, Any] | None = field(repr=False)
    created_at: datetime
    updated_at: datetime


class Operations(Repository):
    """A tenant's operations. Every change of state is guarded; see `states.OPERATION_STEPS`."""

    __slots__ = ()

    async def begin(
        self, key: str, *, step: str, order: str, generation: int, request_digest: str
    ) -> Operation:
        """The operation of this key, made as `intended` if it is new.

        While it is `intended`, its request may still change. Afterwards the stored digest stays,
        and the caller compares. Raises `RecordConflict` for a key of another tenant, or one that
        stands for another step, order or generation.
        """
        if not key.startswith(f"{self._scope.tenant}/"):
            raise RecordConflict(f"Operation {key} is not of tenant {self._scope.tenant}.")
        now = self._scope.clock()
        intended = OperationState.INTENDED
        about = {"step": step, "order": order, "generation": generation}
        row = await self._scope.upsert(
            OperationRow,
            {"key": key},
            {"request_digest": request_digest, "updated_at": now},
            once={**about, "state": intended, "created_at": now},
            while_state=intended,
        )
        operation = await self._existing(key) if row is None else self._opened(row)
        if (operation.step, operation.order, operation.generation) != (step, order, generation):
            raise RecordConflict(f"Operation {key} stands for another step, order or generation.")
        return operation

    async def mark_sent(self, key: str, deadline: datetime) -> Operation:
        """Immediately before the request leaves. Of two workers one gets `IllegalTransition`.

        `deadline` is when the request can no longer take effect by itself.
        """
        return await self._move(
            key,
            OperationState.SENT,
            deadline=deadline,
            sent_at=self._scope.clock(),
            raised=("attempts",),
        )

    async def succeed(
        self, key: str, result: Mapping[str, Any], *, only_from: OperationState | None = None
    ) -> Operation:
        """It happened, and this is what came of it. `result` is JSON; it is kept sealed.

        `only_from` refuses the word of who has been given up for lost meanwhile.
        """
        sealed = self._scope.seal_json(_result(key), dict(result))
        succeeded = OperationState.SUCCEEDED
        return await self._finish(key, succeeded, result_sealed=sealed, only_from=only_from)

    async def reject(self, key: str, error: Mapping[str, Any]) -> Operation:
        """It was refused, or a look-up proved that it did not happen and never will."""
        sealed = self._scope.seal_json(_error(key), dict(error))
        return await self._finish(key, OperationState.REJECTED, error_sealed=sealed)

    async def mark_unknown(
        self, key: str, error: Mapping[str, Any], *, deadline: datetime
    ) -> Operation:
        """It was sent and its answer was lost. `error` is kept sealed.

        `deadline` is when the request can no longer take effect by itself.
        """
        sealed = self._scope.seal_json(_error(key), dict(error))
        return await self._move(key, OperationState.UNKNOWN, error_sealed=sealed, deadline=deadline)

    async def annotate(self, key: str, note: str, *, deadline: datetime | None = None) -> None:
        """What was found out about an operation in doubt; its state stays as it is."""
        known = {} if deadline is None else {"deadline": deadline}
        learnt = {"note": note, "updated_at": self._scope.clock(), **known}
        await self._scope.change(OperationRow, {"key": key}, learnt)

    async def back_to_intended(self, key: str, proof: str) -> Operation:
        """Allow it to be sent (again).

        Only with proof that nothing happened: the request never left this machine, the other
        side refused it, or an exact look-up did not find it. `proof` says which.
        """
        return await self._move(
            key, OperationState.INTENDED, note=proof, deadline=None, finished_at=None
        )

    async def get(self, key: str) -> Operation | None:
        row = await self._scope.row(OperationRow, key=key)
        return None if row is None else self._opened(row)

    async def unfinished(self) -> tuple[Operation, ...]:
        """Intended, sent and unknown ones, the oldest first."""
        found = select_from(OperationRow).where(UNFINISHED)
        rows = await self._scope.all(found.order_by(OperationRow.created_at, OperationRow.key))
        return tuple(self._opened(row) for row in rows)

    async def history(self, order: str) -> tuple[Operation, ...]:
        """All operations of an order, the oldest first."""
        found = select_from(OperationRow).where(OperationRow.order == order)
        rows = await self._scope.all(found.order_by(OperationRow.created_at, OperationRow.key))
        return tuple(self._opened(row) for row in rows)

    async def _existing(self, key: str) -> Operation:
        row = await self._scope.row(OperationRow, key=key)
        if row is None:
            raise UnknownRecord(f"operation {key}")
        return self._opened(row)

    async def _finish(self, key: str, state: OperationState, **values: Any) -> Operation:
        return await self._move(key, state, finished_at=self._scope.clock(), **values)

    async def _move(self, key: str, state: OperationState, **values: Any) -> Operation:
        what = f"operation {key}"
        its, steps = {"key": key}, OPERATION_STEPS
        row = await move(self._scope, OperationRow, its, steps, state, what=what, **values)
        return self._opened(row)

    def _opened(self, row: Row[Any]) -> Operation:
        return into(
            Operation,
            row,
            result=_json(self._scope, _result(row.key), row.result_sealed),
            error=_json(self._scope, _error(row.key), row.error_sealed),
        )


def _json(scope: TenantScope, field_name: str, sealed: bytes | None) -> Any:
    return None if sealed is None else json.loads(scope.open(field_name, sealed))


def _result(key: str) -> str:
    return f"operations.result:{key}"


def _error(key: str) -> str:
    return f"operations.error:{key}"
