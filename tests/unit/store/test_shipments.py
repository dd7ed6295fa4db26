"""Shipments: frozen plans, generations, and the watch over orphans."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from ml_connector.security.vault import SealBroken
from ml_connector.store import (
    IllegalTransition,
    RecordConflict,
    ShipmentState,
    Store,
    UnknownRecord,
)
from tests.unit.store.conftest import FakeClock
from tests.unit.store.raw import query, run
from tests.unit.store.samples import PLAN, add_shipment


async def test_a_plan_may_change_until_something_was_bought(store: Store) -> None:
    async with store.write("nordic") as view:
        await add_shipment(view)
        planned = await add_shipment(view)
        assert (planned.state, planned.plan) == (ShipmentState.PLANNED, PLAN)
        live = await view.shipments.set_state(
            "PO1",
            1,
            ShipmentState.LIVE,
            master_tracking="794",
            carrier_code="FDXE",
            cost={"net_charge": "12.50", "currency": "NOK"},
            documents=[{"kind": "LABEL", "blob": "ab12"}],
        )
        with pytest.raises(RecordConflict, match="PO1/1"):
            await add_shipment(view)
    assert (live.master_tracking, live.plan) == ("794", PLAN)
    assert live.cost == {"net_charge": "12.50", "currency": "NOK"}
    assert live.documents == [{"kind": "LABEL", "blob": "ab12"}]


async def test_generations_and_ways_to_find_them(store: Store) -> None:
    async with store.write("nordic") as view:
        for generation in (1, 2, 10):
            await add_shipment(view, generation=generation)
        await view.shipments.update("PO1", 2, master_tracking="794")
        with pytest.raises(UnknownRecord):
            await view.shipments.update("PO1", 3, master_tracking="795")
    async with store.read("nordic") as view:
        current = await view.shipments.current("PO1")
        second = await view.shipments.get("PO1", 2)
        assert current is not None
        assert second is not None
        assert current.generation == 10
        assert [shipment.generation for shipment in await view.shipments.list("PO1")] == [1, 2, 10]
        assert await view.shipments.by_reference("PO1-nordic-2") == second
        assert await view.shipments.by_tracking("794") == (second,)
        assert await view.shipments.current("PO2") is None


async def test_a_reference_names_one_shipment(store: Store) -> None:
    with pytest.raises(IntegrityError):
        async with store.write("nordic") as view:
            first = await add_shipment(view)
            await view.shipments.add(
                "PO2",
                1,
                reference=first.reference,
                plan={},
                service="X",
                ship_date=first.ship_date,
            )


async def test_states_follow_the_table(store: Store) -> None:
    async with store.write("nordic") as view:
        await add_shipment(view)
        await view.shipments.set_state("PO1", 1, ShipmentState.LIVE)
        await view.shipments.set_state("PO1", 1, ShipmentState.CANCELLED)
        with pytest.raises(IllegalTransition, match="cancelled and cannot become live"):
            await view.shipments.set_state("PO1", 1, ShipmentState.LIVE)
        with pytest.raises(UnknownRecord):
            await view.shipments.set_state("PO2", 1, ShipmentState.LIVE)


async def test_orphans_are_due_while_they_are_watched(store: Store, clock: FakeClock) -> None:
    async with store.write("nordic") as view:
        for generation, hours in ((1, 1), (2, 3)):
            await add_shipment(view, generation=generation)
            await view.shipments.set_state(
                "PO1",
                generation,
                ShipmentState.ORPHAN_WATCH,
                check_at=clock.now + timedelta(hours=hours),
                watch_until=clock.now + timedelta(days=30),
            )
        assert await view.shipments.orphans_due(clock.now) == ()
        (due,) = await view.shipments.orphans_due(clock.now + timedelta(hours=1))
        assert due.generation == 1
        await view.shipments.set_state("PO1", 1, ShipmentState.LOST)
        assert await view.shipments.orphans_due(clock.now + timedelta(hours=1)) == ()


async def test_plans_are_sealed_for_their_own_row(store: Store, url: str) -> None:
    async with store.write("nordic") as view:
        await add_shipment(view)
        await add_shipment(view, generation=2)
    assert "Storgata" not in repr(await query(url, "SELECT * FROM shipments"))
    await run(
        url,
        "UPDATE shipments SET plan_sealed = "
        "(SELECT plan_sealed FROM shipments WHERE generation = 2) WHERE generation = 1",
    )
    with pytest.raises(SealBroken):
        async with store.read("nordic") as view:
            await view.shipments.get("PO1", 1)
