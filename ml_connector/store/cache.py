"""Visma's master data, kept for a while so that it is not asked for with every order."""

import json
from datetime import timedelta
from typing import Any

from ml_connector.store.repository import Repository
from ml_connector.store.tables import CachedValue


class MasterDataCache(Repository):
    """A tenant's cached values by kind (`supplier`, `item`, …) and key; sealed."""

    __slots__ = ()

    async def get(self, kind: str, key: str, max_age: timedelta) -> Any:
        """The JSON value, or `None` when there is none as young as `max_age`."""
        youngest = self._scope.clock() - max_age
        row = await self._scope.first(
            self._scope.select(CachedValue)
            .where(CachedValue.kind == kind, CachedValue.key == key)
            .where(CachedValue.fetched_at >= youngest)
        )
        return None if row is None else json.loads(self._open(kind, key, row.value_sealed))

    async def put(self, kind: str, key: str, value: object) -> None:
        values = {
            "value_sealed": self._scope.seal_json(_field(kind, key), value),
            "fetched_at": self._scope.clock(),
        }
        await self._scope.execute(
            self._scope.upsert(
                CachedValue, {"kind": kind, "key": key}, insert=values, change=values
            )
        )

    async def invalidate(self, kind: str | None = None, key: str | None = None) -> None:
        """Forget one value, all of a kind, or everything."""
        gone = self._scope.delete(CachedValue)
        if kind is not None:
            gone = gone.where(CachedValue.kind == kind)
        if key is not None:
            gone = gone.where(CachedValue.key == key)
        await self._scope.execute(gone)

    def _open(self, kind: str, key: str, sealed: bytes) -> str:
        return self._scope.open(_field(kind, key), sealed)


def _field(kind: str, key: str) -> str:
    return f"cache.value:{kind}/{key}"
