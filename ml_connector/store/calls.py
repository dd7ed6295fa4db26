"""What one process has learnt of Visma's hourly limit, for the others that work for the tenant."""

from dataclasses import dataclass
from datetime import datetime

from ml_connector.store.repository import Repository
from ml_connector.store.scope import into
from ml_connector.store.statements import select_from
from ml_connector.store.tables import CallWindow as Row


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWindow:
    """A window of counted calls, and a pause that the other side has asked for."""

    most: int
    """Calls that the whole window allows; 0 while unknown."""
    remaining: int | None
    """Calls left; `None` while unknown."""
    ends_at: datetime
    blocked_until: datetime


_KEPT = select_from(Row)
_LOCKED = _KEPT.with_for_update()


class Calls(Repository):
    """The present window of a tenant's calls to Visma."""

    __slots__ = ()

    async def get(self, *, lock: bool = False) -> CallWindow | None:
        """As last kept. With `lock`, for writing only, nobody changes it before our commit."""
        row = await self._scope.first(_LOCKED if lock else _KEPT)
        return None if row is None else into(CallWindow, row)

    async def keep(self, window: CallWindow) -> None:
        values = {
            "most": window.most,
            "remaining": window.remaining,
            "ends_at": window.ends_at,
            "blocked_until": window.blocked_until,
        }
        await self._scope.upsert(Row, {}, values)
