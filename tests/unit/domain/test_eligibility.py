from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.eligibility import (
    Eligible,
    Skipped,
    assess,
    fingerprint,
    open_goods_lines,
    open_share,
    shipping_fingerprint,
)
from ml_connector.domain.order import Dimensions, PurchaseOrder, ReceiptLink
from tests.unit.domain.builders import line, order, party, tenant


def test_an_open_order_of_a_mapped_carrier_ships_its_open_goods_lines() -> None:
    found = assess(order(line(2), line(1)), tenant())
    assert isinstance(found, Eligible)
    assert found.service == "FEDEX_INTERNATIONAL_PRIORITY"
    assert [each.number for each in found.lines] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"order_type": "DropShip"}, "order_type"),
        ({"order_type": "Blanket", "on_hold": True}, "order_type"),
        ({"on_hold": True}, "on_hold"),
        ({"on_hold": True, "status": "Hold"}, "on_hold"),
        ({"status": "Hold"}, "on_hold"),
        ({"status": "Balanced"}, "status_balanced"),
        ({"status": "Closed"}, "status_closed"),
        ({"status": "Cancelled"}, "status_cancelled"),
        ({"status": "PendingEmail"}, "status_pending_email"),
        ({"status": "PendingApproval"}, "status_unknown"),
        ({"ship_via": "DHL"}, "carrier_not_mapped"),
        ({"ship_via": None}, "carrier_not_mapped"),
        ({"lines": ()}, "no_open_goods_lines"),
        ({"lines": (line(line_type="Service"),)}, "no_open_goods_lines"),
    ],
)
def test_every_skipped_order_has_a_reason(changes: dict[str, object], code: str) -> None:
    found = assess(order(**changes), tenant())
    assert isinstance(found, Skipped)
    assert found.code == code
    assert found.message


@pytest.mark.parametrize(
    "line_type", ["NonStock", "NonStockForSalesOrder", "Service", "Freight", "Description"]
)
def test_only_goods_travel(line_type: str) -> None:
    assert open_goods_lines(order(line(line_type=line_type))) == ()


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({}, Fraction(1)),
        ({"quantity_on_receipts": Decimal(1)}, Fraction(3, 4)),
        ({"quantity_on_receipts": Decimal(4)}, Fraction(0)),
        ({"quantity_on_receipts": Decimal(5)}, Fraction(0)),
        ({"quantity_on_receipts": Decimal(-1)}, Fraction(1)),
        ({"quantity": Decimal(0)}, Fraction(0)),
        ({"canceled": True}, Fraction(0)),
        ({"completed": True}, Fraction(0)),
        ({"canceled": True, "completed": True}, Fraction(0)),
    ],
)
def test_the_share_left_to_receive(changes: dict[str, object], share: Fraction) -> None:
    assert open_share(line(1, **changes)) == share


custom_fields = st.dictionaries(
    st.sampled_from(["customStr1", "customStr2", "customDec1", "customDateTimeUTC1"]),
    st.one_of(st.text(), st.decimals(allow_nan=False), st.datetimes()),
)


@given(custom_fields, st.text(), st.text(), st.decimals(0, 4, places=2))
def test_our_own_writes_and_the_warehouse_leave_the_fingerprint(
    custom: dict[str, object], modified: str, version: str, received: Decimal
) -> None:
    before = order()
    after = order(
        line(quantity_on_receipts=received),
        custom=custom,
        last_modified=modified,
        version=version,
        receipts=(ReceiptLink(number="R1", receipt_type="PoReceipt", status="Released"),),
    )
    assert fingerprint(after) == fingerprint(before)
    assert shipping_fingerprint(after) == shipping_fingerprint(before)


@pytest.mark.parametrize(
    "after",
    [
        order(order_type="DropShip"),
        order(status="Cancelled"),
        order(on_hold=True),
        order(line(completed=True)),
        order(line(dimensions=Dimensions(project="P1"))),
    ],
)
def test_what_concerns_the_order_but_not_its_parcel(after: PurchaseOrder) -> None:
    assert fingerprint(after) != fingerprint(order())
    assert shipping_fingerprint(after) == shipping_fingerprint(order())


@pytest.mark.parametrize(
    "after",
    [
        order(ship_via="DHL"),
        order(ship_to=party()),
        order(supplier="20002"),
        order(supplier_location="2"),
        order(warehouse="NORTH"),
        order(branch="2"),
        order(currency="EUR"),
        order(line(), line(2)),
        order(line(quantity=Decimal(5))),
        order(line(base_quantity=Decimal(5))),
        order(line(amount=Decimal("400.01"))),
        order(line(item="VALVE")),
        order(line(description="Valve")),
        order(line(canceled=True)),
    ],
)
def test_what_would_make_another_parcel(after: PurchaseOrder) -> None:
    assert fingerprint(after) != fingerprint(order())
    assert shipping_fingerprint(after) != shipping_fingerprint(order())


def test_spelling_and_services_do_not_count() -> None:
    respelled = order(line(2, line_type="Service"), line(amount=Decimal("400.0000")))
    assert fingerprint(respelled) == fingerprint(order())


def test_line_order_does_not_count() -> None:
    one = order(line(1), line(2))
    assert fingerprint(replace(one, lines=one.lines[::-1])) == fingerprint(one)
