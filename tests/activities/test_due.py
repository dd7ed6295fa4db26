"""What a discovery run finds to do: exactly the steps that would do something."""

from datetime import UTC, datetime, timedelta

from ml_connector.domain.tracking import ParcelState
from ml_connector.store.states import ShipmentState
from ml_connector.temporal.order_messages import PrepareRequest
from ml_connector.temporal.sweep_messages import DiscoveryRound
from tests.activities.workbench import Workbench


async def due(bench: Workbench, tenant: str) -> set[str]:
    """By the steps that a run ends up with; both readings say the same."""
    orders: DiscoveryRound = await bench.step("discover_orders", tenant)
    receipts: DiscoveryRound = await bench.step("discover_receipts", tenant)
    assert orders.due == receipts.due
    assert receipts.due is not None
    return {
        name for name in ("news", "recheck", "progress", "orphans") if getattr(receipts.due, name)
    }


async def test_a_quiet_run_has_nothing_to_do(bench: Workbench) -> None:
    await bench.add_tenant("quiet", polling={"recheck": "1h"})
    bench.place("quiet", hold=True)
    assert await due(bench, "quiet") == {"recheck"}, "its settings are new"
    await bench.step("recheck_orders", "quiet")
    assert await due(bench, "quiet") == set()
    await bench.apply("quiet", polling={"recheck": "1h"})
    assert await due(bench, "quiet") == {"recheck"}, "other settings may ship what was skipped"


async def test_an_order_is_told_and_written_until_it_is_known(bench: Workbench) -> None:
    await bench.add_tenant("busy", polling={"recheck": "1h"})
    await bench.step("recheck_orders", "busy")
    number = bench.place("busy")
    assert await due(bench, "busy") == {"news"}
    await bench.ship("busy", number)
    assert await due(bench, "busy") == {"progress"}
    await bench.step("flush_progress", "busy")
    assert await due(bench, "busy") == {"progress"}, "its workflow writes the first time itself"
    await bench.write("busy", number)
    assert await due(bench, "busy") == set()
    await bench.progress("busy", number, ParcelState.DELIVERED)
    assert await due(bench, "busy") == {"news", "progress"}


async def test_a_parked_order_is_looked_at_again_in_its_time(bench: Workbench) -> None:
    await bench.add_tenant("parked", polling={"recheck": "1h"})
    number = bench.place("parked", hold=True)
    await bench.step("discover_orders", "parked")
    await bench.step("recheck_orders", "parked")
    assert await due(bench, "parked") == set()
    async with bench.store.write("parked") as view:
        await view.orders.save(number, checked_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert await due(bench, "parked") == {"recheck"}


async def test_a_shipment_of_a_lost_answer_is_looked_for(bench: Workbench) -> None:
    await bench.add_tenant("orphan", polling={"recheck": "1h"})
    await bench.step("recheck_orders", "orphan")
    number = bench.place("orphan")
    await bench.discover("orphan")
    wish = PrepareRequest(tenant="orphan", order=number, released=False)
    await bench.run("prepare_shipment", wish)
    async with bench.store.write("orphan") as view:
        await view.shipments.set_state(number, 1, ShipmentState.ORPHAN_WATCH)
        await view.shipments.update(number, 1, check_at=datetime.now(UTC) + timedelta(hours=1))
    assert await due(bench, "orphan") == set()
    async with bench.store.write("orphan") as view:
        await view.shipments.update(number, 1, check_at=datetime.now(UTC))
    assert await due(bench, "orphan") == {"orphans"}
