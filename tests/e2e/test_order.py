"""One order from Visma to the ledger, on real parts, and what it costs."""

import base64
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.client import WorkflowHistory

from ml_connector.store.states import JournalState
from ml_connector.temporal.ids import ScheduleKind, schedule_id
from tests.stage import Stage, order_line

RELEASED = "Posted"
"""The company posts what is released."""
MOST_EVENTS = 70
MOST_BYTES = 12 * 1024
SCANS = ("PU", "AR", "DP", "IT", "OD", "DL")
"""A normal journey's, five hours apart or more."""
HOURS = (5, 4, 6, 13, 22, 5)
ORDER_WRITE = "visma PUT /v1/purchaseorder/{purchaseOrderNumber}"
NUMBER_AND_COST = {"tracking_status": "", "delivered_at": ""}
PLAIN = (b"SENSOR-9", b"Hammer Deich", b"Elbe Werkzeuge", b"Hamburg", b"FEDEX_INTERNATIONAL")
"""Texts of the order that must not be readable in Temporal; long enough that no id holds one."""


async def test_an_order_of_three_lines_and_six_scans(stage: Stage) -> None:
    await stage.add_tenant("order")
    number = await stage.order(
        "order",
        lines=3,
        description="Sensors for the pump station",
    )
    before = stage.calls("order")
    await stage.discover("order")
    await stage.at("order", number, "label_created")
    for hours in HOURS:
        stage.travel(timedelta(hours=hours))
        await stage.sweep("order")
    row = await stage.finished("order", number)

    [shipment] = await stage.shipments(number)
    [piece] = shipment["pieces"]
    assert [code for code in piece["scans"] if code in SCANS] == list(SCANS)
    assert (shipment["delivered"], shipment["cancelled"]) == (True, False)
    assert shipment["reference"] != number
    assert shipment["transaction"] == f"order/{number}/ship/1"

    cost = Decimal(shipment["cost"]["net_fedex_charge"])
    assert row.stage == "completed"
    assert (row.cost_amount, row.cost_currency, row.cost_source) == (cost, "NOK", "ship_reply")
    assert row.master_tracking == shipment["master"]
    assert row.first_scan_at == instant(piece["first_scan_at"])
    assert row.delivered_at == instant(piece["delivered_at"])
    assert row.attention is None

    await _holds_our_fields(stage, number, shipment["master"], cost)
    await _is_in_the_ledger(stage, number, cost)
    _costs_little(await stage.history("order", number))
    _calls(stage.calls("order") - before)


def instant(text: str) -> datetime:
    """A scan's time as FedEx tells it: whole seconds."""
    return datetime.fromisoformat(text).replace(microsecond=0)


async def _holds_our_fields(stage: Stage, number: str, master: str, cost: Decimal) -> None:
    order = (await stage.company("order"))["orders"][number]
    held = order["custom"]
    assert (held["customStr1"], held["customStr2"]) == (master, "Delivered")
    assert Decimal(held["customDec1"]) == cost
    assert {edit["by"] for edit in order["edits"][1:]} == {"api:visma-order"}


async def _is_in_the_ledger(stage: Stage, number: str, cost: Decimal) -> None:
    """Balanced, released, equal to the cost, and on the lines' own projects and tasks."""
    [journal] = await stage.journals("order", number)
    lines = journal["lines"]
    debits = [line for line in lines if Decimal(line["debit"])]
    [credit] = [line for line in lines if Decimal(line["credit"])]
    assert journal["status"] == RELEASED
    assert sum(Decimal(line["debit"]) for line in debits) == Decimal(credit["credit"]) == cost
    assert {line["account"] for line in debits} == {"7140"}
    assert (credit["account"], credit["project"]) == ("2960", "X")
    # Lines 1 and 3 are of P200, line 2 is of P100: 2 and 4 pieces against 3 of one price.
    shares = {(line["project"], line["task"]): Decimal(line["debit"]) for line in debits}
    assert shares.keys() == {("P200", "10"), ("P100", "10")}
    assert abs(shares["P200", "10"] - cost * 6 / 9) <= Decimal("0.01")
    assert {tuple(line["sub"].items()) for line in lines} == {(("1", "000"), ("2", "00"))}
    [posting] = await stage.postings("order", number)
    assert (posting.state, posting.amount, posting.batch) == (
        JournalState.RELEASED,
        cost,
        journal["number"],
    )


def _costs_little(history: WorkflowHistory) -> None:
    events = len(history.events)
    size = sum(event.ByteSize() for event in history.events)
    print(f"\nhistory: {events} events, {size} bytes")
    assert events <= MOST_EVENTS
    assert size <= MOST_BYTES
    raw = b"".join(event.SerializeToString() for event in history.events)
    assert not [text for text in PLAIN if text in raw]
    payloads = list(_payloads([MessageToDict(event) for event in history.events]))
    encodings = {base64.b64decode(each["metadata"]["encoding"]) for each in payloads}
    assert b"binary/encrypted" in encodings
    assert not encodings & {b"json/protobuf", b"binary/plain"}


def _payloads(value: object) -> "list[dict[str, dict[str, str]]]":
    """Every payload in a message, however deep."""
    if isinstance(value, list):
        return [found for each in value for found in _payloads(each)]
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("metadata"), dict) and "encoding" in value["metadata"]:
        return [value]
    return _payloads(list(value.values()))


def _calls(calls: "Counter[str]") -> None:
    """Printed, so that everybody sees what an order costs."""
    show_calls("one order with six scans", calls)
    once = {name: count for name, count in calls.items() if "track" not in name}
    # One write a state that a person in Visma sees: label, on its way, out for delivery, delivered.
    writes = once.pop(ORDER_WRITE)
    assert writes <= 5
    assert set(once.values()) == {1}
    assert calls["fedex track.numbers"] == len(HOURS)


@pytest.mark.parametrize("shows_status", [True, False], ids=["default", "number and cost only"])
async def test_what_a_quiet_order_costs(stage: Stage, shows_status: bool) -> None:
    """Label, parcel, delivery and receipt, a discovery after each, and nothing in between.

    The floor is one read and one write of the order, one write of the receipt, the journal's
    creation and its release, and the lists that all orders share. A status that people see costs
    one write more: the number may not wait for the delivery, nor the delivery be missing.
    """
    tenant = f"quiet-{shows_status}".lower()
    await stage.add_tenant(tenant, visma={} if shows_status else {"fields": NUMBER_AND_COST})
    for _ in range(2):
        # The first order warms the caches of master data: those lists are shared.
        number = await stage.order(tenant)
        before = stage.calls(tenant)
        await stage.discover(tenant)
        await stage.at(tenant, number, "label_created")
        await stage.idle(tenant, number)
        await stage.discover(tenant)
        await stage.deliver(tenant)
        await stage.finished(tenant, number)
        await stage.discover(tenant)
        await stage.receive(tenant, number)
        await stage.discover(tenant)
        calls = stage.calls(tenant) - before
    show_calls("a quiet order", calls)
    shared = {"visma GET /v1/purchaseorder": 4, "visma GET /v2/PurchaseReceipt": 4}
    made = {name: count for name, count in calls.items() if name.startswith("visma")}
    assert made == shared | {
        "visma GET /v1/purchaseorder/{purchaseOrderNumber}": 1,
        ORDER_WRITE: 2 if shows_status else 1,
        "visma PUT /v1/PurchaseReceipt/{receiptNumber}": 1,
        "visma POST /v2/journaltransaction": 1,
        "visma POST /v2/journaltransaction/{journalTransactionNumber}/action/release": 1,
    }
    assert sum(made.values()) <= 1.1 * (5 + sum(shared.values()))


def show_calls(what: str, calls: "Counter[str]") -> None:
    """Calls by endpoint."""
    print(f"calls of {what}:")
    for name, count in sorted(calls.items()):
        print(f"  {count:3} {name}")


async def test_an_unchanged_poll_costs_the_order_nothing(stage: Stage) -> None:
    await stage.add_tenant("quiet")
    number = await stage.order("quiet")
    await stage.discover("quiet")
    await stage.idle("quiet", number)
    stage.travel(timedelta(hours=6))
    await stage.sweep("quiet")
    await stage.at("quiet", number, "in_transit")
    await stage.idle("quiet", number)
    before = await stage.history("quiet", number)
    calls = stage.calls("quiet")
    for _ in range(3):
        assert await stage.sweep("quiet") == "1 polled, 0 changed"
        await stage.discover("quiet")
    assert len((await stage.history("quiet", number)).events) == len(before.events)
    since = stage.calls("quiet") - calls
    assert since == Counter(
        {
            "fedex track.numbers": 3,
            "visma GET /v1/purchaseorder": 3,
            "visma GET /v2/PurchaseReceipt": 3,
        }
    )
    run = stage.client.get_workflow_handle(schedule_id(ScheduleKind.DISCOVERY, "quiet"))
    steps = activities_of(await run.fetch_history())
    assert steps == ["discover_orders", "discover_receipts"], "where nothing is due, nothing runs"


def activities_of(history: WorkflowHistory) -> list[str]:
    """What a workflow has asked for, in its order."""
    scheduled = (each.activity_task_scheduled_event_attributes for each in history.events)
    return [each.activity_type.name for each in scheduled if each.activity_type.name]


async def test_an_order_in_several_packages_is_delivered_with_its_last(stage: Stage) -> None:
    await stage.add_tenant("pieces")
    heavy = order_line(inventory="FRAME-01", orderQty=3)
    number = await stage.order("pieces", lines=[heavy])
    await stage.fedex("POST", "journeys", pattern=number, delays={"3": "10d"})
    await stage.discover("pieces")
    await stage.at("pieces", number, "label_created")
    await stage.deliver("pieces")
    assert (await stage.idle("pieces", number)).stage == "in_transit"
    stage.travel(timedelta(days=10))
    await stage.sweep("pieces")
    row = await stage.finished("pieces", number)
    [shipment] = await stage.shipments(number)
    assert len(shipment["pieces"]) == 3
    assert row.delivered_at == max(instant(piece["delivered_at"]) for piece in shipment["pieces"])
    [journal] = await stage.journals("pieces", number)
    assert journal["status"] == RELEASED
    assert Decimal(shipment["cost"]["net_fedex_charge"]) == row.cost_amount
