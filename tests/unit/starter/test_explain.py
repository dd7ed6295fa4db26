"""`explain`: whatever a person has in hand leads to the same story."""

from decimal import Decimal

import pytest

from ml_connector.store.view import TenantView
from tests.command_line import Cli
from tests.unit.starter.orders import BATCH, MASTER, SECOND, in_store, label, post, scan


async def story(view: TenantView) -> None:
    await label(view)
    await view.operations.begin(
        "nordic/PO1/ship/1", step="ship", order="PO1", generation=1, request_digest="d"
    )
    await scan(view)
    await post(view)


@pytest.fixture
def told(nordic: Cli) -> Cli:
    in_store("nordic", story)
    return nordic


@pytest.mark.parametrize("name", ["PO1", "nordic/PO1", MASTER, SECOND, BATCH])
def test_every_name_leads_to_the_cent(told: Cli, name: str) -> None:
    [found] = told("explain", name, "--json").data
    [shipment] = found["shipments"]
    [journal] = shipment["journals"]
    [debit] = [line for line in journal["lines"] if line["shares"]]
    shares = {each["order_line"]: Decimal(each["amount"]) for each in debit["shares"]}
    assert shares == {1: Decimal("75.00"), 2: Decimal("25.00")}
    assert shipment["cost"]["rate_type"] == "PAYOR_ACCOUNT_SHIPMENT"
    assert shipment["parcels"][0]["scans"][0]["place"] == "Hamburg"
    assert [each["key"] for each in shipment["operations"]] == ["nordic/PO1/ship/1"]


def test_for_people(told: Cli) -> None:
    shown = told("explain", BATCH).out
    assert "order line 1 (300 → 75.00)" in shown
    assert "Picked up Hamburg" in shown


def test_a_name_nobody_knows(told: Cli) -> None:
    refused = told("explain", "999999999999")
    assert (refused.code, "[unknown_name]" in refused.err) == (1, True)
