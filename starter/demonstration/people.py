"""What people do while the connector works: each waits for what it would wait for in real life.

They act through the simulators' control routes, as users of Visma and as the warehouse.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from ml_connector.domain.stage import Stage
from starter.demonstration.parts import Parts
from starter.demonstration.scenario import Arrival, End, Order, Scenario
from starter.demonstration.watch import Sight, Watch

QUOTE = "QUOTE"
"""The word a user types into the quote field."""


class People:
    """Everybody in the story but the connector."""

    def __init__(self, scenario: Scenario, parts: Parts, watch: Watch) -> None:
        self._scenario = scenario
        self._parts = parts
        self._watch = watch

    async def play(self) -> None:
        """Return when everybody has done what they had to do."""
        async with asyncio.TaskGroup() as group:
            for order in self._scenario.orders:
                if order.repair is not None:
                    group.create_task(self._repair(order, order.repair))
                if order.end is End.CANCELLED:
                    group.create_task(self._cancel(order))
                if order.quoted:
                    group.create_task(self._ask_for_quote(order))
            for arrival in self._scenario.arrivals:
                group.create_task(self._receive(arrival))

    async def _repair(self, order: Order, values: Mapping[str, Any]) -> None:
        """A user sees that the order needs attention, and mends it."""

        def parked(sight: Sight) -> bool:
            row = sight.rows.get(order.key)
            return row is not None and row.stage == Stage.NEEDS_ATTENTION

        await self._watch.until(parked)
        await self._edit(order, values)

    async def _cancel(self, order: Order) -> None:
        """A user cancels the order once its tracking number shows in Visma."""
        slot = self._parts.tenants[order.tenant].visma.fields.tracking_number

        def labelled(sight: Sight) -> bool:
            return bool(sight.companies[order.tenant].orders[order.number].custom.get(slot))

        await self._watch.until(labelled)
        await self._edit(order, {"status": "Cancelled"})

    async def _ask_for_quote(self, order: Order) -> None:
        """A user asks what an order would cost that the connector already knows to be on hold."""
        slot = self._parts.tenants[order.tenant].visma.fields.quote_request
        await self._watch.until(lambda sight: order.key in sight.rows)
        await self._edit(order, {slot: QUOTE})

    async def _receive(self, arrival: Arrival) -> None:
        """The warehouse books the goods once the courier has brought all of them."""
        account = self._parts.accounts[arrival.tenant]

        def brought(sight: Sight) -> bool:
            return all(
                any(
                    shipment.delivered and not shipment.cancelled
                    for shipment in sight.books.fedex.of(account, number)
                )
                for number in arrival.orders
            )

        await self._watch.until(brought)
        await self._parts.world.tell_visma(
            f"{self._company(arrival.tenant)}/receipts",
            {"orders": list(arrival.orders), "release": True},
        )

    async def _edit(self, order: Order, values: Mapping[str, Any]) -> None:
        await self._parts.world.tell_visma(
            f"{self._company(order.tenant)}/orders/{order.number}/edit", {"values": values}
        )

    def _company(self, tenant: str) -> str:
        return f"companies/{self._parts.tenants[tenant].visma.tenant_id}"
