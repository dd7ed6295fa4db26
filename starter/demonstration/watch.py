"""One look at everything after another, shared by all who wait for something.

Whoever waits names the state that must have come; nobody guesses how long it takes.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ml_connector.store.orders import OrderRow
from starter.demonstration.parts import Parts
from starter.demonstration.world import Books, CompanyBooks

T = TypeVar("T")

_PAUSE = 0.3
"""Seconds between two looks: often enough to see every stage, seldom enough to cost nothing."""

OrderKey = tuple[str, str]
"""Tenant and order number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything at one moment: the simulators' books, and the connector's own read model."""

    books: Books
    rows: Mapping[OrderKey, OrderRow]
    companies: Mapping[str, CompanyBooks]
    """Visma's books by our tenant id."""
    rounds: Mapping[str, int]
    """By tenant: how often its orders were listed so far."""


class Watch:
    """Looks again and again while `run` is running."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._latest: Sight | None = None
        self._looked = asyncio.Condition()

    async def run(self, show: Callable[[Sight], None]) -> None:
        """Look, and show what is seen, until cancelled."""
        while True:
            sight = await self.look()
            show(sight)
            async with self._looked:
                self._latest = sight
                self._looked.notify_all()
            await asyncio.sleep(_PAUSE)

    async def look(self) -> Sight:
        """See everything now."""
        # The read model first: what it claims must be true by then in the simulators.
        rows = await self._rows()
        books = await self._parts.world.books()
        ids = {name: tenant.visma.tenant_id for name, tenant in self._parts.tenants.items()}
        return Sight(
            books=books,
            rows=rows,
            companies={name: books.visma.companies[key] for name, key in ids.items()},
            rounds={name: books.visma.rounds(key) for name, key in ids.items()},
        )

    async def until(self, state: Callable[[Sight], T | None]) -> T:
        """Wait until a state has come, and give it; anything false has not come yet."""
        async with self._looked:
            while True:
                if self._latest is not None and (found := state(self._latest)):
                    return found
                await self._looked.wait()

    async def _rows(self) -> dict[OrderKey, OrderRow]:
        rows: dict[OrderKey, OrderRow] = {}
        store = await self._parts.here.store()
        for tenant in self._parts.tenants:
            async with store.read(tenant) as view:
                rows |= {(tenant, row.order): row for row in await view.orders.list()}
        return rows
