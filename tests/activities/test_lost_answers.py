"""Answer after answer is lost, and what was given up turns up: nobody loops, nobody starves."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from activities.failures import Later
from activities.recovery import LOST_IN_A_ROW
from activities.shipped import ship_key
from ml_connector.domain.shipment import shipment_reference
from ml_connector.domain.stage import Stage
from ml_connector.fedex.errors import FedExOutcomeUnknown
from ml_connector.store.errors import IllegalTransition
from ml_connector.store.states import OperationState, ShipmentState
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import OrderRef, PrepareRequest
from tests.activities.buying import add_buyer, attempt, live, outcome, shipments
from tests.activities.workbench import Died, Workbench, some

SHIP = "/ship/v1/shipments$"
REFERENCES = "/track/v1/referencenumbers$"
STEPS_UNTIL_THE_ANSWER = 3
"""Around the transaction that marks the operation as sent."""


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


async def test_who_was_given_up_for_lost_records_no_success(bench: Workbench) -> None:
    """A process that stands still for minutes wakes up while its shipment is being cancelled."""
    await add_buyer(bench, "sleeper")
    number = bench.place("sleeper")
    await bench.discover("sleeper")
    key = ship_key("sleeper", number, 1)
    away = {"match": {"path": "/shipments/cancel$"}, "action": {"kind": "reset_before"}}
    await bench.fedex("POST", "faults", id="away", **away)

    wish = PrepareRequest(tenant="sleeper", order=number, released=False)
    prepared = await bench.run("prepare_shipment", wish)
    bench.death.steps_left = STEPS_UNTIL_THE_ANSWER
    with pytest.raises(Died):
        ref = OrderRef(tenant="sleeper", order=number, generation=prepared.generation)
        await bench.run("buy_shipment", ref)
    bench.death.steps_left = None
    assert live(bench, number), "FedEx has answered, and nobody has written it down"

    async def being_cancelled() -> bool:
        with suppress(Later, FedExOutcomeUnknown):
            await attempt(bench, "sleeper", number)
        return bench.sandbox.fedex.faults.counts()["away"]["fired"] > 0

    await bench.until(being_cancelled)
    with pytest.raises(IllegalTransition):
        async with bench.store.write("sleeper") as view:
            await view.operations.succeed(key, {}, only_from=OperationState.SENT)
    bench.sandbox.fedex.faults.clear()
    bought = await outcome(bench, "sleeper", number)
    assert bought.shipment is not None
    assert live(bench, number) == [bought.shipment.tracking_number]
