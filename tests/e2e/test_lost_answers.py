"""Answers that never arrive: nothing is bought twice, nothing is posted twice, nothing is lost."""

import itertools
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ml_connector.domain.shipment import shipment_reference
from ml_connector.store.states import OperationState, ShipmentState
from tests.e2e.test_order import RELEASED
from tests.installation import Json
from tests.stage import Stage, company_of, order_line

SHIP = "/ship/v1/shipments$"
JOURNALS = "/v2/journaltransaction"
RECOVERY = timedelta(milliseconds=200)
"""The tenants' `recovery_wait`."""


async def lose(stage: Stage, number: str, kind: str, *, times: int = 1) -> None:
    """The next Ship answers of an order are lost."""
    rule = {
        "id": f"ship-{number}",
        "match": {"method": "POST", "path": SHIP, "body": number},
        "action": {"kind": kind},
        "times": times,
    }
    await stage.fedex("POST", "faults", **rule)


async def order_whose_answer_is_lost(stage: Stage, tenant: str, kind: str, **more: Any) -> str:
    """A discovered order whose first Ship answer was lost; its number."""
    number = await stage.order(tenant)
    await lose(stage, number, kind, **more)
    await stage.discover(tenant)
    return number


async def one_is_live(stage: Stage, tenant: str, number: str, generation: int) -> list[Json]:
    """Wait for a label of this generation; all of FedEx's shipments, one of them alive."""
    row = await stage.at(tenant, number, "label_created")
    shipments = await stage.shipments(number)
    assert row.generation == generation
    assert [each["master"] for each in shipments if not each["cancelled"]] == [row.master_tracking]
    return shipments


async def operation(stage: Stage, tenant: str, number: str, generation: int = 1) -> Any:
    async with stage.store.read(tenant) as view:
        return await view.operations.get(f"{tenant}/{number}/ship/{generation}")


# -- one answer ---------------------------------------------------------------------------------


async def test_a_shipment_that_was_made_is_cancelled_and_made_anew(stage: Stage) -> None:
    await stage.add_tenant("after")
    number = await order_whose_answer_is_lost(stage, "after", "reset_after")
    first, second = await one_is_live(stage, "after", number, generation=2)
    assert first["cancelled"]
    assert first["reference"] != second["reference"]
    assert (await operation(stage, "after", number)).state is OperationState.REJECTED


async def test_a_shipment_that_was_never_made_is_made_after_two_looks(stage: Stage) -> None:
    await stage.add_tenant("before")
    calls = stage.calls("before")
    number = await order_whose_answer_is_lost(stage, "before", "reset_before")
    await one_is_live(stage, "before", number, generation=2)
    looks = (stage.calls("before") - calls)["fedex track.references"]
    assert looks == 4, "two looks under both reference types"
    [first, _] = await stage.generations("before", number)
    assert first.state is ShipmentState.ORPHAN_WATCH


async def test_an_answer_is_lost_after_an_attempt_that_was_turned_away(stage: Stage) -> None:
    """A refusal for too many requests is sent again; what it leaves behind confuses no look-up."""
    await stage.add_tenant("busy")
    number = await stage.order("busy")
    rule = {
        "id": "busy",
        "match": {"method": "POST", "path": SHIP, "body": number, "nth": 1},
        "action": {"kind": "status", "status": 429, "headers": {"retry-after": "1"}},
    }
    await stage.fedex("POST", "faults", **rule)
    await lose(stage, number, "reset_before")
    await stage.discover("busy")
    row = await stage.at("busy", number, "label_created")
    assert row.attention is None
    assert len(await stage.shipments(number)) == 1


async def test_a_parcel_that_was_collected_meanwhile_is_adopted(stage: Stage) -> None:
    await stage.add_tenant("adopted", retry={"recovery_wait": "700ms"})
    number = await order_whose_answer_is_lost(stage, "adopted", "reset_after")

    async def made() -> bool:
        return bool(await stage.shipments(number))

    await stage.until(made)
    stage.travel(timedelta(hours=6))
    row = await stage.at("adopted", number, "label_created")
    [shipment] = await stage.shipments(number)
    assert not shipment["cancelled"]
    assert (row.master_tracking, row.generation) == (shipment["master"], 1)
    assert (row.cost_source, row.cost_amount) == (
        "quote",
        Decimal(shipment["cost"]["net_fedex_charge"]),
    )
    assert "label_unavailable" in await stage.findings("adopted", number)

    await stage.deliver("adopted")
    await stage.finished("adopted", number)
    [journal] = await stage.journals("adopted", number)
    assert journal["status"] == RELEASED


@pytest.mark.parametrize("collected", [False, True])
async def test_an_orphan_that_shows_up_late_is_cancelled_or_reported(
    stage: Stage, collected: bool
) -> None:
    """Whatever FedEx says of the one before it."""
    tenant = "reported" if collected else "orphan"
    await stage.add_tenant(tenant)
    refused, number = numbers = await stage.orders(tenant, 2)
    hidden = [shipment_reference(tenant, each, 1) for each in numbers]
    await stage.fedex("PATCH", "modes", hidden_references=hidden)
    for each in numbers:
        await lose(stage, each, "reset_after")
    await stage.discover(tenant)
    for each in numbers:
        row = await stage.at(tenant, each, "label_created")
        assert row.generation == 2
    assert [each["cancelled"] for each in await stage.shipments(number)] == [False, False]
    look = {"path": "/track/v1/referencenumbers", "body": hidden[0]}
    refusal = {"kind": "status", "status": 400}
    await stage.fedex("POST", "faults", id="refused", match=look, action=refusal)

    if collected:
        stage.travel(timedelta(hours=6))
    await stage.fedex("PATCH", "modes", hidden_references=[])

    async def settled() -> bool:
        await stage.discover(tenant)
        first = (await stage.generations(tenant, number))[0]
        return first.state is not ShipmentState.ORPHAN_WATCH

    await stage.until(settled)
    orphan, live = await stage.shipments(number)
    assert (orphan["cancelled"], live["cancelled"]) == (not collected, False)
    assert ("orphan_shipped" in await stage.findings(tenant, number)) == collected
    assert stage.sandbox.fedex.faults.counts()["refused"]["fired"]
    assert (await stage.generations(tenant, refused))[0].state is ShipmentState.ORPHAN_WATCH


async def unclear(stage: Stage, number: str) -> None:
    """FedEx finds an order's references, and will not name what it found."""
    rule = {
        "id": f"unclear-{number}",
        "match": {"method": "POST", "path": "/track/v1/referencenumbers", "body": number},
        "action": {"kind": "status", "status": 400, "code": "TRACKING.DATA.NOTUNIQUE"},
    }
    await stage.fedex("POST", "faults", **rule)


async def test_fedex_lives_on_an_earlier_day(stage: Stage) -> None:
    """Its date line is not ours: the ship date is refused as future, and looked for later."""
    await stage.add_tenant("earlier")
    number = await stage.order("earlier")
    future = {
        "id": "future",
        "match": {"path": "/track/v1/referencenumbers", "body": number},
        "action": {"kind": "status", "status": 400, "code": "TRACKING.SHIPDATEEND.FUTURE"},
        "times": 1,
    }
    await stage.fedex("POST", "faults", **future)
    await lose(stage, number, "reset_after")
    await stage.discover("earlier")
    first, _ = await one_is_live(stage, "earlier", number, generation=2)
    assert first["cancelled"]


async def test_a_large_shipment_whose_job_is_forgotten_is_found_by_its_reference(
    stage: Stage,
) -> None:
    """More than 40 packages: FedEx makes it in the background, and may not know the job later."""
    await stage.add_tenant("large", shipping={"max_package_weight": "7 kg"})
    number = await stage.order("large", lines=[order_line(inventory="CABLE-50", orderQty=45)])
    forgotten = {
        "id": "forgotten",
        "match": {"path": "/ship/v1/shipments/results$"},
        "action": {"kind": "status", "status": 400, "code": "SHIPMENT.JOBID.INVALID"},
        "times": 2,
    }
    await stage.fedex("POST", "faults", **forgotten)
    await stage.discover("large")
    first, second = await one_is_live(stage, "large", number, generation=2)
    assert first["cancelled"]
    async with stage.store.read("large") as view:
        pieces = await view.parcels.by_order(number, 2)
    assert len(pieces) == len(second["pieces"]) > 40


# -- many ---------------------------------------------------------------------------------------


async def test_a_third_of_a_hundred_answers_lost(stage: Stage) -> None:
    await stage.add_tenant("crowd")
    numbers = await stage.orders("crowd", 100)
    kinds = ("reset_after", "reset_before", "reset_after")
    rules = [
        {
            "id": f"crowd-{nth}-{kind}",
            "match": {"method": "POST", "path": SHIP, "body": "|".join(numbers), "nth": nth},
            "action": {"kind": kind},
        }
        for nth, kind in zip(range(1, len(numbers), 3), itertools.cycle(kinds), strict=False)
    ]
    await stage.fedex("POST", "faults", rules=rules)
    await stage.discover("crowd")

    async def all_have_labels() -> bool:
        async with stage.store.read("crowd") as view:
            return (await view.orders.counts()).get("label_created") == len(numbers)

    await stage.until(all_have_labels)
    shipments = await stage.shipments(*numbers)
    live = Counter(each["order_number"] for each in shipments if not each["cancelled"])
    assert live == Counter(numbers)
    counts = stage.sandbox.fedex.faults.counts()
    assert {name: rule["fired"] for name, rule in counts.items()} == {
        str(rule["id"]): 1 for rule in rules
    }
    lost_after = sum(str(rule["id"]).endswith("after") for rule in rules)
    # A busy machine loses an answer or two of its own.
    assert len(shipments) >= len(numbers) + lost_after
    for number in numbers:
        row = await stage.row("crowd", number)
        assert row is not None
        [alive] = [e for e in shipments if e["order_number"] == number and not e["cancelled"]]
        assert row.master_tracking == alive["master"]
        assert alive["transaction"] == f"crowd/{number}/ship/{row.generation}"


def lost_journal_answers(count: int) -> list[Json]:
    """Of so many journals every other one's creation, and its release, in every way."""
    html = {"kind": "status", "status": 502, "body": "html"}
    actions: dict[str, Json] = {
        "lost": {"kind": "reset_after"},
        "cut": {"kind": "truncate"},
        "late": {**html, "after_commit": True},
        "unheard": {"kind": "reset_before"},
        "proxy": html,
    }
    return [
        {
            "id": f"{step}-{nth}-{name}",
            "match": {"method": "POST", "path": path, "nth": nth},
            "action": action,
        }
        for step, path in (
            ("create", f"{JOURNALS}$"),
            ("release", f"{JOURNALS}/[^/]+/action/release$"),
        )
        for nth, (name, action) in zip(
            range(1, count, 2), itertools.cycle(actions.items()), strict=False
        )
    ]


async def test_journals_with_lost_answers_are_posted_once(stage: Stage) -> None:
    await stage.add_tenant("lossy")
    numbers = await stage.orders("lossy", 20)
    await stage.discover("lossy")

    async def all_have_labels() -> bool:
        async with stage.store.read("lossy") as view:
            return (await view.orders.counts()).get("label_created") == len(numbers)

    await stage.until(all_have_labels)
    rules = lost_journal_answers(len(numbers))
    await stage.visma("POST", "faults", rules=rules)
    await stage.deliver("lossy")
    rows = await stage.all_finished("lossy", numbers)

    shipments = {each["order_number"]: each for each in await stage.shipments(*numbers)}
    journals = list((await stage.company("lossy"))["journals"].values())
    assert len(journals) == len(numbers)
    assert {each["status"] for each in journals} == {RELEASED}
    by_batch = {each["number"]: each for each in journals}
    for number, row in rows.items():
        assert row.journal_batch is not None
        lines = by_batch[row.journal_batch]["lines"]
        cost = Decimal(shipments[number]["cost"]["net_fedex_charge"])
        assert sum(Decimal(line["debit"]) for line in lines) == cost
        assert sum(Decimal(line["credit"]) for line in lines) == cost
    counts = stage.sandbox.visma.faults.counts()
    assert {name: rule["fired"] for name, rule in counts.items()} == {
        str(rule["id"]): 1 for rule in rules
    }


# -- answers that are merely late ---------------------------------------------------------------


@pytest.fixture
async def hasty_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """An installation that waits for an answer only 600 ms."""
    async with Stage(home=tmp_path, http_timeout="600ms") as stage:
        yield stage


async def test_what_takes_effect_after_our_patience_is_not_done_twice(hasty_stage: Stage) -> None:
    """The other side goes on working when we have given up: not found is not yet an answer."""
    stage = hasty_stage
    await stage.add_tenant("slow", retry={"recovery_wait": "1s"})
    number = await stage.order("slow")
    slow = {"kind": "slow", "delay_ms": 1100}
    await stage.fedex(
        "POST", "faults", id="ship", match={"method": "POST", "path": SHIP}, action=slow, times=1
    )
    await stage.visma(
        "POST",
        "faults",
        id="journal",
        match={"method": "POST", "path": f"{JOURNALS}$"},
        action=slow,
        times=1,
    )
    await stage.discover("slow")
    row = await stage.at("slow", number, "label_created")
    live = [each for each in await stage.shipments(number) if not each["cancelled"]]
    assert [each["master"] for each in live] == [row.master_tracking]
    await stage.idle("slow", number)
    await stage.deliver("slow")
    await stage.finished("slow", number)

    async def all_has_taken_effect() -> bool:
        calls = stage.calls("slow")
        arrived = {
            "fedex ship.create": stage.sandbox.fedex.faults.counts()["ship"]["matched"],
            f"visma POST {JOURNALS}": stage.sandbox.visma.faults.counts()["journal"]["matched"],
        }
        return all(calls[name] == count for name, count in arrived.items())

    await stage.until(all_has_taken_effect)
    company = stage.sandbox.visma.companies[company_of("slow")]
    assert [journal.status for journal in company.journals.values()] == [RELEASED]
