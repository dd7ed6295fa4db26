"""Answer after answer is lost, and what was given up turns up: nobody loops, nobody starves."""

from datetime import UTC, datetime, timedelta

from activities.recovery import LOST_IN_A_ROW
from ml_connector.domain.shipment import shipment_reference
from ml_connector.domain.stage import Stage
from ml_connector.store.states import ShipmentState
from ml_connector.temporal.messages import TenantInput
from tests.activities.buying import add_buyer, live, outcome, shipments
from tests.activities.workbench import Workbench, some

SHIP = "/ship/v1/shipments$"
REFERENCES = "/track/v1/referencenumbers$"


async def test_many_lost_answers_in_a_row_are_for_a_person(bench: Workbench) -> None:
    """A proxy damages each: without an end, labels would be made and cancelled for ever."""
    await add_buyer(bench, "damaged")
    number = bench.place("damaged")
    await bench.discover("damaged")
    cut = {"id": "cut", "match": {"path": SHIP}, "action": {"kind": "truncate"}}
    await bench.fedex("POST", "faults", **cut)
    for generations in (LOST_IN_A_ROW, 2 * LOST_IN_A_ROW):
        parked = some((await outcome(bench, "damaged", number)).attention)
        assert parked.reason == "answers_keep_getting_lost"
        assert len(shipments(bench, number)) == generations
        assert live(bench, number) == []

    # Nothing but a person begins anew.
    async with bench.store.write("damaged") as view:
        await view.orders.progressed(
            number,
            stage=Stage.NEEDS_ATTENTION,
            attention=parked.reason,
            checked_at=datetime.now(UTC) - timedelta(days=1),
        )
    await bench.discover("damaged")
    looked = await bench.run("recheck_orders", TenantInput(tenant="damaged"))
    assert (looked.read, looked.news) == (1, 0)

    bench.sandbox.fedex.faults.clear()
    bought = await outcome(bench, "damaged", number)
    assert bought.shipment is not None
    assert bought.shipment.generation == 2 * LOST_IN_A_ROW + 1
    assert live(bench, number) == [bought.shipment.tracking_number]


async def test_one_orphan_that_cannot_be_looked_for_keeps_none_waiting(bench: Workbench) -> None:
    """East of FedEx the day begins earlier: a search until today ends in FedEx's future."""
    await add_buyer(bench, "orphans", polling={"recheck": "1ms"})
    early, late = bench.place("orphans"), bench.place("orphans")
    hidden = [shipment_reference("orphans", number, 1) for number in (early, late)]
    await bench.fedex("PATCH", "modes", hidden_references=hidden)
    await bench.discover("orphans")
    for number in (early, late):
        lost = {"kind": "reset_after"}
        match = {"path": SHIP, "body": number}
        await bench.fedex("POST", "faults", id=number, match=match, action=lost, times=1)
        bought = await outcome(bench, "orphans", number)
        assert bought.shipment is not None
        assert bought.shipment.generation == 2

    await bench.fedex("PATCH", "modes", hidden_references=[])
    future = {
        "id": "future",
        "match": {"path": REFERENCES, "body": hidden[0]},
        "action": {"kind": "status", "status": 400, "code": "TRACKING.SHIPDATEEND.FUTURE"},
    }
    await bench.fedex("POST", "faults", **future)

    async def state_of_first(number: str) -> ShipmentState:
        return (await bench.generations("orphans", number))[0].state

    async def the_other_is_found() -> bool:
        await bench.step("watch_orphans", "orphans")
        return await state_of_first(late) is ShipmentState.CANCELLED

    await bench.until(the_other_is_found)
    assert await state_of_first(early) is ShipmentState.ORPHAN_WATCH
    bench.sandbox.fedex.faults.clear()

    async def it_is_found_later() -> bool:
        await bench.step("watch_orphans", "orphans")
        return await state_of_first(early) is ShipmentState.CANCELLED

    await bench.until(it_is_found_later)
    assert [len(live(bench, number)) for number in (early, late)] == [1, 1]
