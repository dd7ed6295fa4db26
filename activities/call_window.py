"""The shelf in the store on which processes tell each other of a tenant's calls to Visma."""

import time
from datetime import UTC, datetime

from ml_connector.store.calls import CallWindow
from ml_connector.store.store import Store
from ml_connector.visma.budget import Window


class WindowShelf:
    """`Shelf` of one tenant. Clocks of hosts that share it need to agree to a second or so."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def look(self) -> Window | None:
        """What was told last."""
        async with self._store.read(self._tenant) as view:
            kept = await view.calls.get()
        return None if kept is None else _window(kept)

    async def tell(self, window: Window) -> Window:
        """Add to it, and give what all processes know together."""
        async with self._store.write(self._tenant) as view:
            kept = await view.calls.get(lock=True)
            known = Window() if kept is None else _window(kept).at(time.time())
            together = known.joined(window)
            await view.calls.keep(_kept(together))
        return together


def _window(kept: CallWindow) -> Window:
    return Window(
        most=kept.most,
        remaining=kept.remaining,
        ends=kept.ends_at.timestamp(),
        blocked_until=kept.blocked_until.timestamp(),
    )


def _kept(window: Window) -> CallWindow:
    return CallWindow(
        most=window.most,
        remaining=window.remaining,
        ends_at=_instant(window.ends),
        blocked_until=_instant(window.blocked_until),
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
