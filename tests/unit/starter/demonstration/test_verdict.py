"""The demo's verdict: silent about a right world, and one clear line for each thing wrong."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.domain.tenant import Tenant, load_tenant
from ml_connector.store.orders import OrderRow
from starter.demonstration.scenario import Arrival, End, Line, Order, Scenario
from starter.demonstration.tenants import EXAMPLES
from starter.demonstration.verdict import Judge
from starter.demonstration.watch import Sight
from starter.demonstration.world import Books

NORDIC = load_tenant((EXAMPLES / "nordic.toml").read_text(encoding="utf-8"))
COMPANY = NORDIC.visma.tenant_id
ACCOUNT = "510000000"

SHIPPED = Order(
    tenant="nordic",
    number="1",
    story="three lines, two places",
    lines=(
        Line(item="SENSOR-9", subaccount=("100", "10"), project="P100"),
        Line(item="SENSOR-9", subaccount=("100", "10"), project="P100"),
        Line(item="SENSOR-9", subaccount=("300", "00")),
        Line(item="SRV-INST", goods=False, subaccount=("200", "20")),
    ),
)
TOGETHER = Order(
    tenant="nordic", number="2", story="on the same receipt", lines=(Line(item="SENSOR-9"),)
)
CANCELLED = Order(
    tenant="nordic",
    number="3",
    story="cancelled",
    lines=(Line(item="SENSOR-9"),),
    end=End.CANCELLED,
)
QUOTED = Order(
    tenant="nordic",
    number="4",
    story="quoted",
    lines=(Line(item="SENSOR-9"),),
    end=End.LEFT_ALONE,
    quoted=True,
)
LOST = Order(
    tenant="nordic",
    number="5",
    story="lost answer",
    lines=(Line(item="SENSOR-9"),),
    end=End.RETURNED,
    loses_answer=True,
)
ORDERS = (SHIPPED, TOGETHER, CANCELLED, QUOTED, LOST)
SCENARIO = Scenario(
    companies=(), orders=ORDERS, arrivals=(Arrival(tenant="nordic", orders=("1", "2")),)
)
JUDGE = Judge(scenario=SCENARIO, tenants={"nordic": NORDIC}, accounts={"nordic": ACCOUNT})

World = dict[str, Any]


def shipment(order: str, master: str, **changes: Any) -> World:
    return {
        "master": master,
        "order_number": order,
        "account": ACCOUNT,
        "service": "FEDEX_INTERNATIONAL_PRIORITY",
        "cancelled": False,
        "delivered": True,
        "returned": False,
        "cost": {"currency": "NOK", "net_charge": "12.50", "net_fedex_charge": "10.00"},
        "pieces": [
            {
                "tracking_number": master,
                "first_scan_at": "2026-11-22T05:00:00+00:00",
                # After midnight in Oslo, not yet in UTC.
                "delivered_at": "2026-11-24T23:30:15+00:00",
            }
        ],
        **changes,
    }


def journal(order: str, master: str, debits: Sequence[tuple[str, str, str | None, str]]) -> World:
    """`debits`: subaccount such as 100-10, project, task, amount."""
    reference = f"F{order}-1"
    lines = [
        {
            "account": "7140",
            "sub": dict(zip("12", sub.split("-"), strict=True)),
            "project": project,
            "task": task,
            "reference": reference,
            "debit": amount,
            "credit": "0",
        }
        for sub, project, task, amount in debits
    ]
    total = str(sum(Decimal(amount) for *_, amount in debits))
    credit = {
        "account": "2960",
        "sub": {"1": "000", "2": "00"},
        "project": "X",
        "task": None,
        "reference": reference,
        "debit": "0",
        "credit": total,
    }
    return {
        "number": f"J{order}",
        "status": "Posted",
        "transaction_date": "2026-11-25",
        "period": "202611",
        "currency": "NOK",
        "description": f"Freight {order} FedEx {master}",
        "lines": [*lines, credit],
    }


def progress(*masters: str, status: str = "Delivered") -> World:
    values = {
        "customStr1": ", ".join(masters),
        "customStr2": status,
        "customDec1": f"{10 * len(masters)}.0000",
    }
    if status == "Delivered":
        values["customDateTimeUTC1"] = "2026-11-24T23:30:15"
    return values


def document(number: str, custom: World, status: str = "Open") -> World:
    return {"number": number, "status": status, "custom": custom}


def right_world() -> World:
    """Both simulators as they are when all went well."""
    one_place = [("000-00", "X", None, "10.00")]
    journals = [
        journal("1", "M1", [("100-10", "P100", "10", "6.67"), ("300-00", "X", None, "3.33")]),
        journal("2", "M2", one_place),
        journal("5", "M5", one_place),
    ]
    orders = [
        document("1", progress("M1"), "Closed"),
        document("2", progress("M2"), "Closed"),
        document("3", {"customStr1": "M3", "customStr2": "Cancelled"}, "Cancelled"),
        document("4", {"customStr4": "Cheapest Intl Economy 512.30 NOK 4d"}, "Hold"),
        document("5", progress("M5", status="Returned to shipper")),
    ]
    receipt = {
        **document("R1", progress("M1", "M2"), "Released"),
        "lines": [{"order": "2"}, {"order": "1"}, {"order": "1"}],
    }
    return {
        "fedex": {
            "shipments": [
                shipment("1", "M1"),
                shipment("2", "M2"),
                shipment("3", "M3", cancelled=True, delivered=False),
                shipment("5", "M4", cancelled=True, delivered=False),
                shipment("5", "M5", returned=True),
            ],
            "violations": [],
            "leniencies": [],
            "faults": {"lost-answer-5": {"matched": 2, "fired": 1}},
        },
        "visma": {
            "companies": {
                COMPANY: {
                    "orders": {each["number"]: each for each in orders},
                    "receipts": {"R1": receipt},
                    "journals": {each["number"]: each for each in journals},
                    "periods": {
                        "202611": {"id": "202611", "start": "2026-11-01", "end": "2026-11-30"}
                    },
                }
            },
            "violations": [],
            "calls": {COMPANY: {"GET /v1/purchaseorder": {"200": 7}}},
        },
        "stages": {order.number: order.end.value for order in ORDERS},
    }


def row(order: str, stage: str) -> OrderRow:
    empty: dict[str, Any] = dict.fromkeys(field.name for field in fields(OrderRow))
    return OrderRow(**{**empty, "order": order, "stage": stage})


def verdict(world: World, restarts: int = 0) -> list[str]:
    books = Books.model_validate(world)
    sight = Sight(
        books=books,
        rows={("nordic", order): row(order, stage) for order, stage in world["stages"].items()},
        companies={"nordic": books.visma.companies[COMPANY]},
        rounds={"nordic": books.visma.rounds(COMPANY)},
    )
    return [str(mismatch) for mismatch in JUDGE.judge(sight, restarts=restarts)]


def test_a_right_world() -> None:
    assert verdict(right_world()) == []


Change = Callable[[World, World], object]
"""Spoils FedEx's books and those of the company in Visma."""


def _pay(world: World, amount: str) -> None:
    world["shipments"][1]["cost"]["net_fedex_charge"] = amount


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda fedex, _: fedex["shipments"].append(shipment("1", "M9")),
            "nordic/1 has 2 live shipments at FedEx, not 1",
        ),
        (
            lambda fedex, _: fedex["shipments"].append(shipment("4", "M9")),
            "nordic/4 has 1 live shipments at FedEx, not 0",
        ),
        (
            lambda fedex, _: fedex["shipments"].append(shipment("1", "M9", cancelled=True)),
            "nordic/1 has 1 cancelled shipments at FedEx, nobody asked for them",
        ),
        (
            lambda fedex, _: fedex["shipments"][2].update(cancelled=False),
            "nordic/3 has 1 live shipments at FedEx, not 0",
        ),
        (
            lambda fedex, _: fedex["shipments"][0].update(service="INTERNATIONAL_ECONOMY"),
            "nordic/1 travels by INTERNATIONAL_ECONOMY",
        ),
        (
            lambda fedex, _: fedex["shipments"][0]["pieces"].append(
                fedex["shipments"][0]["pieces"][0]
            ),
            "nordic/1 travels in 2 packages, not in 1",
        ),
        (
            lambda fedex, _: fedex["shipments"][0].update(delivered=False),
            "nordic/1 is still under way at FedEx, as M1",
        ),
        (
            lambda fedex, _: fedex["shipments"][0].update(returned=True),
            "nordic/1 was returned by FedEx",
        ),
        (
            lambda fedex, _: fedex["shipments"][0].update(account="other"),
            "nordic/1 has 0 live shipments at FedEx, not 1",
        ),
        (
            lambda fedex, _: fedex["faults"].clear(),
            "nordic/5 never lost an answer of FedEx",
        ),
        (
            lambda fedex, _: fedex["violations"].append(
                {"rule": "strict token window", "detail": "3 in 5 s"}
            ),
            "FedEx counts a strict token window: 3 in 5 s",
        ),
        (
            lambda fedex, _: fedex["leniencies"].append("weight.value: a text"),
            "FedEx let pass weight.value: a text",
        ),
        (
            lambda _, visma: visma["orders"]["1"]["custom"].update(customStr1="M9"),
            "nordic/1 says M9 in customStr1 (tracking_number), not M1",
        ),
        (
            lambda _, visma: visma["orders"]["1"]["custom"].update(customStr2="In transit"),
            "nordic/1 says In transit in customStr2 (tracking_status), not Delivered",
        ),
        (
            lambda _, visma: visma["orders"]["1"]["custom"].update(customDec1="10.0100"),
            "nordic/1 says 10.0100 in customDec1 (freight_cost), not 10.00",
        ),
        (
            lambda _, visma: visma["orders"]["1"]["custom"].pop("customDateTimeUTC1"),
            "nordic/1 says nothing in customDateTimeUTC1 (delivered_at), "
            "not 2026-11-24T23:30:15+00:00",
        ),
        (
            lambda _, visma: visma["orders"]["3"]["custom"].update(customStr1="M9"),
            "nordic/3 says M9 in customStr1, no number of its own",
        ),
        (
            lambda _, visma: visma["orders"]["3"]["custom"].update(customStr2="Label created"),
            "nordic/3 says Label created in customStr2, not Cancelled",
        ),
        (
            lambda _, visma: visma["orders"]["4"]["custom"].update(customStr1="M9"),
            "nordic/4 has the tracking number M9, but must not ship",
        ),
        (
            lambda _, visma: visma["orders"]["4"]["custom"].pop("customStr4"),
            "nordic/4 has no quote in customStr4",
        ),
        (
            lambda _, visma: visma["orders"]["4"]["custom"].update(
                customStr4="No quote: The order is on hold."
            ),
            "nordic/4 was refused its quote: No quote: The order is on hold.",
        ),
        (
            lambda _, visma: visma["orders"]["4"]["custom"].update(customStr3="QUOTE"),
            "nordic/4 still asks for a quote in customStr3",
        ),
        (
            lambda _, visma: visma["receipts"].clear(),
            "nordic/1 is on 0 receipts, not on 1",
        ),
        (
            lambda _, visma: visma["receipts"]["R1"]["custom"].update(customStr1="M1"),
            "nordic/2 on receipt R1 says M1 in customStr1 (tracking_number), not M1, M2",
        ),
        (
            lambda _, visma: visma["receipts"]["R1"].update(lines=[{"order": "1"}]),
            "nordic/1 is on receipt R1 with 1",
        ),
        (
            lambda _, visma: visma["journals"].pop("J1"),
            "nordic/1 has 0 freight journals in Visma, not one",
        ),
        (
            lambda _, visma: visma["journals"].update(again={**visma["journals"]["J1"]}),
            "nordic/1 has 2 freight journals in Visma, not one",
        ),
        (
            lambda _, visma: visma["journals"].update(
                J3=journal("3", "M3", [("000-00", "X", None, "10.00")])
            ),
            "nordic/3 has freight journal J3 without a shipment",
        ),
        (
            lambda _, visma: visma["journals"]["J1"].update(status="Balanced"),
            "nordic/1 journal J1 is Balanced, the tenant file says released",
        ),
        (
            lambda _, visma: visma["journals"]["J1"].update(currency="EUR"),
            "nordic/1 journal J1 is in EUR, FedEx charged NOK",
        ),
        (
            lambda _, visma: visma["journals"]["J1"].update(description="Freight 1"),
            "nordic/1 journal J1 does not name the parcel M1: 'Freight 1'",
        ),
        (
            lambda _, visma: visma["journals"]["J1"]["lines"][0].update(reference="F1-2"),
            "nordic/1 journal J1 has several references: F1-1, F1-2",
        ),
        (
            lambda _, visma: visma["journals"]["J1"].update(transaction_date="2026-11-24"),
            "nordic/1 journal J1 is of 2026-11-24, not of 2026-11-25",
        ),
        (
            lambda _, visma: visma["journals"]["J1"].update(period="202612"),
            "nordic/1 journal J1 is in period 202612, not 202611",
        ),
        (
            lambda _, visma: visma["journals"]["J1"]["lines"][0].update(debit="6.66"),
            "nordic/1 journal J1 is not balanced: debit 9.99, credit 10.00",
        ),
        (
            lambda fedex, _: _pay(fedex, "10.01"),
            "nordic/2 journal J2 posts 10.00, FedEx charged 10.01",
        ),
        (
            lambda _, visma: (
                visma["journals"]["J1"]["lines"][0].update(debit="6.69"),
                visma["journals"]["J1"]["lines"][1].update(debit="3.31"),
            ),
            "nordic/1 journal J1 debits 6.69 to 7140/100-10/P100/10, its share is 6.6667",
        ),
        (
            lambda _, visma: visma["journals"]["J1"]["lines"][1].update(project="P200"),
            "nordic/1 journal J1 debits 7140/100-10/P100/10, 7140/300-00/P200, "
            "not 7140/100-10/P100/10, 7140/300-00/X",
        ),
        (
            lambda _, visma: visma["journals"]["J1"]["lines"][0].update(account="7199"),
            "nordic/1 journal J1 debits 7140/300-00/X, 7199/100-10/P100/10, not 7140/",
        ),
        (
            lambda _, visma: visma["journals"]["J1"]["lines"][2].update(account="2400"),
            "nordic/1 journal J1 credits 2400/000-00/X, not 2960/000-00/X",
        ),
    ],
)
def test_one_thing_wrong(change: Change, said: str) -> None:
    world = right_world()
    change(world["fedex"], world["visma"]["companies"][COMPANY])
    assert any(line.startswith(said) for line in verdict(world)), verdict(world)


def test_what_a_careful_client_does_not_do() -> None:
    world = right_world()
    world["visma"]["violations"].append(
        {"kind": "put_without_if_match", "call": "PUT /v1/purchaseorder", "detail": "1"}
    )
    assert verdict(world) == ["Visma saw put_without_if_match at PUT /v1/purchaseorder: 1"]


def test_the_connectors_own_stage_must_be_the_true_one() -> None:
    world = right_world()
    world["stages"]["1"] = "delivered"
    del world["stages"]["4"]
    assert verdict(world) == [
        "nordic/1 is delivered, not completed",
        "nordic/4 was not discovered",
    ]


def test_a_killed_worker_excuses_a_cancelled_shipment_but_no_second_live_one() -> None:
    world = right_world()
    world["fedex"]["shipments"].append(shipment("1", "M8", cancelled=True))
    assert verdict(world, restarts=1) == []
    world["fedex"]["shipments"].append(shipment("1", "M9"))
    assert "nordic/1 has 2 live shipments at FedEx, not 1" in verdict(world, restarts=1)


def test_a_parcel_delivered_after_the_period_of_its_first_scan_is_posted_into_that() -> None:
    world = right_world()
    company = world["visma"]["companies"][COMPANY]
    company["periods"]["202612"] = {"id": "202612", "start": "2026-12-01", "end": "2026-12-31"}
    late = copy.deepcopy(world["fedex"]["shipments"][1])
    late["pieces"][0]["delivered_at"] = "2026-12-01T10:00:00+00:00"
    world["fedex"]["shipments"][1] = late
    assert "nordic/2 journal J2 is of 2026-11-25, not of 2026-11-30" in verdict(world)


def test_freight_by_weight_onto_the_lines_own_accounts() -> None:
    iberia: Tenant = load_tenant((EXAMPLES / "iberia.toml").read_text(encoding="utf-8"))
    order = Order(
        tenant="nordic",
        number="2",
        story="by weight",
        lines=(
            Line(item="CABLE-50", account="600000"),
            Line(item="SENSOR-9", quantity=2),
        ),
    )
    judge = Judge(
        scenario=Scenario(companies=(), orders=(order,), arrivals=()),
        tenants={"nordic": iberia},
        accounts={"nordic": ACCOUNT},
    )
    world = right_world()
    held = world["visma"]["companies"][COMPANY]
    held["receipts"].clear()
    booked = journal("2", "M2", [("000-00", "X", None, "8.99"), ("000-00", "X", None, "1.01")])
    booked.update(status="Balanced", transaction_date="2026-11-22")
    for line, account in zip(booked["lines"], ("600000", "624000", "410900"), strict=True):
        line["account"] = account
    held["journals"] = {"J2": booked}
    books = Books.model_validate(world)
    sight = Sight(
        books=books,
        rows={("nordic", "2"): row("2", "completed")},
        companies={"nordic": books.visma.companies[COMPANY]},
        rounds={"nordic": 1},
    )
    assert [str(each) for each in judge.judge(sight)] == []
