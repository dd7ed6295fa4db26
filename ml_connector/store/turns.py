"""Who writes next: tenants take turns, so that a busy one does not keep the others waiting."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """So many places at a time. Whoever waits is served tenant by tenant, in a circle.

    Within a tenant it is first come, first served. With one queue for all, each of an order's
    dozen writes would stand behind everything that a backlog of another tenant has in flight.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        # By tenant, in the order of their next turns.
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Wait for a place, and hold it."""
        await self._wait(tenant)
        try:
            yield
        finally:
            self._next()

    async def _wait(self, tenant: str) -> None:
        if self._free:
            self._free -= 1
            return
        mine = asyncio.get_running_loop().create_future()
        self._lines.setdefault(tenant, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():
                # The place was given in the same moment.
                self._next()
            raise

    def _next(self) -> None:
        while self._lines:
            tenant = next(iter(self._lines))
            line = self._lines.pop(tenant)
            waiting = line.popleft()
            if line:
                self._lines[tenant] = line
            if not waiting.done():
                waiting.set_result(None)
                return
        self._free += 1
