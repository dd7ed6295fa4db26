"""More than 40 packages: FedEx answers with a job, and the shipment comes later, or never."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.failures import Later
from activities.recovery import settled_note
from activities.shipped import ship_key
from ml_connector.fedex.errors import FedExTransient
from ml_connector.temporal.order_messages import OrderRef, PrepareRequest
from tests.activities.buying import add_buyer, attempt, live, outcome, shipments
from tests.activities.workbench import Died, Workbench, some
from tests.stage import order_line

RESULTS = "/ship/v1/shipments/results$"
LARGE = [order_line(inventory="CABLE-50", orderQty=41)]


async def add_tenant(bench: Workbench, tenant: str) -> None:
    bench.sandbox.fedex.modes.job_polls = 1
    label = {"format": "ZPL", "stock": "STOCK_4X6"}
    await add_buyer(bench, tenant, shipping={"max_package_weight": "7 kg", "label": label})


async def large_order(bench: Workbench, tenant: str) -> str:
    number = bench.place(tenant, lines=LARGE)
    await bench.discover(tenant)
    return number


async def say(bench: Workbench, **action: Any) -> None:
    """What FedEx answers to the question for results, as if all else had never been."""
    rule = {"id": "results", "match": {"path": RESULTS}, "action": {"kind": "status", **action}}
    await bench.fedex("POST", "faults", **rule)


async def test_a_death_while_the_job_is_given_leaves_one_live_shipment(bench: Workbench) -> None:
    """Between FedEx's job id and our writing it down, too: it is found by its reference."""
    await add_tenant(bench, "dying")
    made: list[int] = []
    while True:
        number = await large_order(bench, "dying")
        wish = PrepareRequest(tenant="dying", order=number, released=False)
        prepared = await bench.run("prepare_shipment", wish)
        bench.death.steps_left = len(made)
        with pytest.raises((Died, Later)) as end:
            ref = OrderRef(tenant="dying", order=number, generation=prepared.generation)
            await bench.run("buy_shipment", ref)
        bench.death.steps_left = None
        if end.type is Later:
            break
        bench.restart()
        await bench.let_deadlines_pass("dying")
        bought = await outcome(bench, "dying", number)
        assert bought.shipment is not None
        assert live(bench, number) == [bought.shipment.tracking_number], made
        made.append(len(shipments(bench, number)))
    # Dead before it was sent; after it was marked, and never sent; with the job id in hand, and
    # in no transaction, an open one, a committed one.
    assert made == [1, 1, 1, 2, 2, 2, 1]


@pytest.mark.parametrize(
    "code", ["SHIPMENT.JOBID.INVALID", "TRACKINGNUMBER.ENTERED.INVALID", "NOT.FOUND.ERROR"]
)
async def test_a_job_that_fedex_has_forgotten(bench: Workbench, code: str) -> None:
    """Its shipment is found by its reference, cancelled, and made anew."""
    tenant = code.split(".")[0].lower()
    await add_tenant(bench, tenant)
    number = await large_order(bench, tenant)
    await say(bench, status=404 if "FOUND" in code else 400, code=code)
    with pytest.raises(Later):
        await attempt(bench, tenant, number)
    await bench.let_deadlines_pass(tenant)

    async def given_up() -> bool:
        try:
            return (await attempt(bench, tenant, number)).outcome == "again"
        except Later:
            return False

    await bench.until(given_up)
    bench.sandbox.fedex.faults.clear()
    bought = await outcome(bench, tenant, number)
    assert bought.shipment is not None
    assert bought.shipment.generation == 2
    assert live(bench, number) == [bought.shipment.tracking_number]
    assert len(shipments(bench, number)) == 2


@pytest.mark.parametrize(
    ("status", "code"), [(400, "PACKAGE.WEIGHT.INVALID"), (422, "NEVER.HEARD.OF"), (418, "")]
)
async def test_a_refusal_of_the_results_is_for_a_person(
    bench: Workbench, status: int, code: str
) -> None:
    """It says nothing of the shipment, so none is bought until somebody has looked."""
    tenant = f"refused-{status}"
    await add_tenant(bench, tenant)
    number = await large_order(bench, tenant)
    await say(bench, status=status, **{"code": code} if code else {"body": "html"})
    for _ in range(2):
        bought = await outcome(bench, tenant, number)
        attention = bought.attention
        assert attention is not None
        assert attention.reason == "outcome_unknown"
        assert "in the background" in attention.detail
        assert (code or f"HTTP {status}") in attention.detail
        assert "--settled" in attention.remedy
        assert len(shipments(bench, number)) == 1
    assert "outcome_unknown" in await bench.findings(tenant, number)

    # FedEx comes round, or a person says what is there: either way it is the one shipment.
    bench.sandbox.fedex.faults.clear()
    [made] = shipments(bench, number)
    if status == 418:
        async with bench.store.write(tenant) as view:
            await view.operations.annotate(ship_key(tenant, number, 1), settled_note(made.master))
    bought = await outcome(bench, tenant, number)
    assert bought.shipment is not None
    assert bought.shipment.tracking_number == made.master
    assert live(bench, number) == [made.master]
    assert "outcome_unknown" not in await bench.findings(tenant, number)


@pytest.mark.parametrize(
    "action",
    [
        {"status": 200, "body": "html"},
        {"status": 200, "body": "empty"},
        {"status": 502, "body": "html"},
        {"status": 503, "code": "SERVICE.UNAVAILABLE.ERROR"},
        {"status": 400, "code": "SYSTEM.UNEXPECTED.ERROR"},
    ],
    ids=["page", "nothing", "proxy", "away", "fault-as-400"],
)
async def test_an_answer_that_says_nothing_is_asked_for_again(
    bench: Workbench, action: dict[str, Any]
) -> None:
    tenant = f"mute-{action['status']}-{action.get('body', 'json')}"
    await add_tenant(bench, tenant)
    number = await large_order(bench, tenant)
    await say(bench, **action)
    with pytest.raises(Later):
        await attempt(bench, tenant, number)
    with pytest.raises(FedExTransient, match="tell the shipment's results"):
        await attempt(bench, tenant, number)
    bench.sandbox.fedex.faults.clear()
    bought = await outcome(bench, tenant, number)
    assert bought.shipment is not None
    assert live(bench, number) == [bought.shipment.tracking_number]
    assert len(shipments(bench, number)) == 1


async def test_a_long_job_is_asked_for_less_and_less_often(bench: Workbench) -> None:
    """Whatever FedEx shows of a job under way, without a shipment it is not done."""
    await add_tenant(bench, "long")
    number = await large_order(bench, "long")
    bench.sandbox.fedex.modes.job_polls = 1_000
    with pytest.raises(Later) as first:
        await attempt(bench, "long", number)
    async with bench.store.read("long") as view:
        sent = some(some(await view.operations.get(ship_key("long", number, 1))).sent_at)
    asked = datetime.now(UTC)
    with pytest.raises(Later) as second:
        await attempt(bench, "long", number)
    retry = (await bench.services.desk("long")).tenant.retry
    assert first.value.at - sent >= retry.initial
    assert second.value.at - asked >= min(asked - sent, retry.maximum)
