"""Orders' workflows rolled back, while they run and after they have ended."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

from temporalio.service import RPCError

from proof.fates import Fated
from tests.rewinding import reset, reset_points
from tests.stage import Stage


class Rewinder:
    """Resets workflows to any of their events; counts in `done` from which stage."""

    def __init__(self, stage: Stage, *, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._stage = stage
        self._rng = random.Random(f"{seed}/rewinding")  # noqa: S311 - a seed is wanted here

    async def while_they_run(self, orders: Sequence[Fated], pause: tuple[float, float]) -> None:
        """Every so many seconds an order goes back to anywhere, until cancelled."""
        while True:
            await asyncio.sleep(self._rng.uniform(*pause))
            order = self._rng.choice(orders)
            await self._rewind(order, self._rng.random())

    async def after_the_end(self, orders: Sequence[Fated]) -> None:
        """Each order goes back once: the first to its beginning, the last to its last event."""
        for place, order in enumerate(orders):
            await self._rewind(order, place / max(len(orders) - 1, 1))
        for order in orders:
            await self._stage.closed(order.tenant, order.number)

    async def _rewind(self, order: Fated, how_far: float) -> None:
        """To the point that lies so far along the order's history, from 0 to 1."""
        row = await self._stage.row(order.tenant, order.number)
        if row is None or row.progress_version == 0:
            return
        try:
            points = await reset_points(self._stage, order.tenant, order.number)
            if not points:
                return
            at = points[min(int(how_far * len(points)), len(points) - 1)]
            await reset(self._stage, order.tenant, order.number, at)
        except RPCError:
            # Not started yet, or the worker was faster: there is nothing to go back to.
            return
        self.done[row.stage] += 1
