"""What all repositories of a tenant share."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Row

from ml_connector.store.errors import IllegalTransition, UnknownRecord
from ml_connector.store.scope import TenantScope
from ml_connector.store.tables.base import OfTenant

S = TypeVar("S", bound=StrEnum)


class Repository:
    """One kind of a tenant's rows, within one transaction."""

    __slots__ = ("_scope",)

    def __init__(self, scope: TenantScope) -> None:
        self._scope = scope


async def move(
    scope: TenantScope,
    table: type[OfTenant],
    key: Mapping[str, Any],
    steps: Mapping[S, frozenset[S]],
    wanted: S,
    *,
    what: str,
    raised: Sequence[str] = (),
    only_from: S | None = None,
    **values: Any,
) -> Row[Any]:
    """Change a state in one guarded statement, so that of two rivals exactly one succeeds.

    Raises `IllegalTransition` when `steps` has no way from the present state to `wanted`, or that
    is not `only_from`, and `UnknownRecord` when the tenant has no such row.
    """
    allowed = [
        state
        for state, following in steps.items()
        if wanted in following and only_from in (None, state)
    ]
    changed = {"state": wanted, "updated_at": scope.clock(), **values}
    if allowed:
        row = await scope.change(table, key, changed, raised=raised, states=allowed)
        if row is not None:
            return row
    present = await scope.row(table, **key)
    if present is None:
        raise UnknownRecord(what)
    raise IllegalTransition(what, str(present.state), str(wanted))
