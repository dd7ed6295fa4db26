"""Pieces of one shipment that two workers hear of at the same time."""

import asyncio
from datetime import timedelta
from unittest.mock import Mock

import pytest

from activities.tracking import TrackingActivities
from activities.trail import Trail, open_trail
from ml_connector.domain.tracking import ParcelState, ParcelStatus
from ml_connector.store import Store
from tests.unit.store.conftest import FakeClock, PostgresBackend
from tests.unit.store.samples import add_shipment, new_parcel


@pytest.fixture
async def url(postgres_backend: PostgresBackend) -> str:
    """SQLite has one writer at a time."""
    return await postgres_backend.migrated()


async def test_the_last_piece_to_arrive_delivers_the_shipment(
    store: Store, clock: FakeClock
) -> None:
    open_trail(Trail(tenant="nordic", order="PO1", actor="test"))
    async with store.write("nordic") as view:
        await add_shipment(view)
        await view.orders.save("PO1", generation=1)
        await view.parcels.add(
            new_parcel(number, clock.now, sequence=sequence)
            for sequence, number in enumerate(("A", "B"), start=1)
        )
    both = asyncio.Barrier(2)

    async def hear(number: str) -> None:
        arrived = clock.now - timedelta(hours=1)
        status = ParcelStatus(
            state=ParcelState.DELIVERED,
            code="DL",
            description="Delivered",
            first_scan=arrived,
            delivered_at=arrived,
        )
        async with store.write("nordic") as view:
            await view.parcels.record(
                number, status, unique_id="", scans=(), last_hash=number, next_poll_at=clock.now
            )
            await view.parcels.finish(number)
            await both.wait()
            await TrackingActivities(Mock())._tell(view, "PO1", 1)

    await asyncio.gather(hear("A"), hear("B"))
    async with store.read("nordic") as view:
        order = await view.orders.get("PO1")
    assert order is not None
    assert order.tracking_state == ParcelState.DELIVERED
