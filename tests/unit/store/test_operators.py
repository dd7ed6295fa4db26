"""What an operator's commands ask of the store."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from ml_connector.domain.tracking import ParcelState
from ml_connector.store.errors import IllegalTransition
from ml_connector.store.states import ShipmentState
from ml_connector.store.store import Store
from ml_connector.store.view import TenantView
from tests.unit.store.conftest import FakeClock
from tests.unit.store.samples import add_shipment, new_parcel


@pytest.fixture
async def view(store: Store) -> AsyncIterator[TenantView]:
    async with store.write("nordic") as view:
        yield view


@pytest.mark.parametrize("end", [ShipmentState.WITHDRAWN, ShipmentState.SUPERSEDED])
async def test_a_live_shipment_is_left_behind_once(view: TenantView, end: ShipmentState) -> None:
    await add_shipment(view)
    with pytest.raises(IllegalTransition):
        await view.shipments.set_state("PO1", 1, end)
    await view.shipments.set_state("PO1", 1, ShipmentState.LIVE)
    await view.shipments.set_state("PO1", 1, end)
    for state in ShipmentState:
        with pytest.raises(IllegalTransition):
            await view.shipments.set_state("PO1", 1, state)


async def test_a_finished_parcel_is_asked_about_again(view: TenantView, clock: FakeClock) -> None:
    later = clock.now + timedelta(days=3)
    await add_shipment(view)
    await view.parcels.add([new_parcel("1", later), new_parcel("2", later, sequence=2)])
    await view.parcels.finish("1")
    assert await view.parcels.due(clock.now, 9) == ()
    assert await view.parcels.ask_again("PO1", 1, clock.now) == ("1", "2")
    due = await view.parcels.due(clock.now, 9)
    assert {parcel.tracking_number for parcel in due} == {"1", "2"}
    assert {parcel.state for parcel in due} == {ParcelState.LABEL_CREATED}


async def test_a_number_that_is_another_shipments_by_now_is_left_alone(
    view: TenantView, clock: FakeClock
) -> None:
    later = clock.now + timedelta(days=3)
    await add_shipment(view)
    await view.parcels.add([new_parcel("1", later)])
    await view.parcels.finish("1")
    await add_shipment(view, "PO2")
    await view.parcels.add([new_parcel("1", later, order="PO2")])
    assert await view.parcels.ask_again("PO1", 1, clock.now) == ()
    assert await view.parcels.due(clock.now, 9) == ()


async def test_the_latest_events_in_their_order(store: Store) -> None:
    async with store.write("nordic") as view:
        for number in range(5):
            view.audit.append("order:observed", actor="test", order=f"PO{number}")
    async with store.read("nordic") as view:
        latest = await view.audit.show(limit=2, latest=True)
        first = await view.audit.show(limit=2)
    assert [event.order for event in latest] == ["PO3", "PO4"]
    assert [event.order for event in first] == ["PO0", "PO1"]
