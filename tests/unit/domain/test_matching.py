from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.matching import Carried, Match, match
from ml_connector.domain.receipt import Receipt, ReceiptLine


def receipt(
    number: str,
    *lines: tuple[str | None, int | None, int],
    kind: str = "PoReceipt",
    status: str = "Released",
) -> Receipt:
    return Receipt(
        number=number,
        receipt_type=kind,
        status=status,
        lines=tuple(
            ReceiptLine(po_order=order, po_line=line, quantity=Decimal(quantity))
            for order, line, quantity in lines
        ),
        custom={},
        last_modified="2026-11-05T10:00:00",
        version="v1",
    )


def carried(
    order: str, generation: int, lines: dict[int, int], earlier: tuple[str, ...] = ()
) -> Carried:
    return Carried(
        shipment=f"{order}/{generation}",
        order=order,
        generation=generation,
        lines={line: Decimal(quantity) for line, quantity in lines.items()},
        earlier_receipts=frozenset(earlier),
    )


def matched(receipts: list[Receipt], shipments: list[Carried]) -> dict[str, tuple[str, ...]]:
    return {found.receipt: found.shipments for found in match(receipts, shipments)}


def test_a_receipt_of_one_shipment() -> None:
    found = match([receipt("R1", ("A", 1, 10))], [carried("A", 1, {1: 10})])
    assert found == (Match(receipt="R1", shipments=("A/1",)),)


def test_partial_receipts_belong_to_the_same_shipment() -> None:
    receipts = [receipt("R1", ("A", 1, 4)), receipt("R2", ("A", 1, 6))]
    assert matched(receipts, [carried("A", 1, {1: 10})]) == {"R1": ("A/1",), "R2": ("A/1",)}


def test_one_receipt_over_two_orders() -> None:
    shipments = [carried("B", 1, {1: 5}), carried("A", 1, {1: 10})]
    found = matched([receipt("R1", ("B", 1, 5), ("A", 1, 10))], shipments)
    assert found == {"R1": ("A/1", "B/1")}


def test_the_second_shipment_waits_for_the_firsts_goods() -> None:
    shipments = [carried("A", 2, {1: 4}), carried("A", 1, {1: 6})]
    receipts = [receipt("R10", ("A", 1, 4)), receipt("R9", ("A", 1, 6))]
    assert matched(receipts, shipments) == {"R9": ("A/1",), "R10": ("A/2",)}


def test_one_receipt_of_two_shipments() -> None:
    shipments = [carried("A", 1, {1: 6}), carried("A", 2, {1: 4})]
    assert matched([receipt("R1", ("A", 1, 10))], shipments) == {"R1": ("A/1", "A/2")}


def test_lines_tell_shipments_apart() -> None:
    shipments = [carried("A", 1, {1: 6}), carried("A", 2, {2: 4})]
    assert matched([receipt("R1", ("A", 2, 4))], shipments) == {"R1": ("A/2",)}


def test_what_had_arrived_before_the_shipment_is_not_its() -> None:
    shipments = [carried("A", 1, {1: 6}, earlier=("R1",))]
    receipts = [receipt("R1", ("A", 1, 4)), receipt("R2", ("A", 1, 6))]
    assert matched(receipts, shipments) == {"R2": ("A/1",)}


def test_more_than_was_shipped_came_with_the_last_shipment() -> None:
    shipments = [carried("A", 1, {1: 6}), carried("A", 2, {1: 4})]
    receipts = [receipt("R1", ("A", 1, 10)), receipt("R2", ("A", 1, 1))]
    assert matched(receipts, shipments)["R2"] == ("A/2",)


def test_returns_match_nothing_and_use_nothing_up() -> None:
    shipments = [carried("A", 1, {1: 10}), carried("A", 2, {1: 4})]
    receipts = [
        receipt("R1", ("A", 1, 10)),
        receipt("R2", ("A", 1, 4), kind="PoReturn"),
        receipt("R3", ("A", 1, 4)),
    ]
    assert matched(receipts, shipments) == {"R1": ("A/1",), "R3": ("A/2",)}


@pytest.mark.parametrize(
    "stranger",
    [
        receipt("R1", ("A", 1, 10), status="Cancelled"),
        receipt("R1", ("A", 1, 10), kind="TransferReceipt"),
        receipt("R1", ("B", 1, 10)),
        receipt("R1", ("A", 2, 10)),
        receipt("R1", (None, None, 10)),
        receipt("R1", ("A", 1, 0)),
        receipt("R1"),
    ],
)
def test_what_is_no_receipt_of_the_shipment(stranger: Receipt) -> None:
    assert matched([stranger], [carried("A", 1, {1: 10})]) == {}


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=8),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
def test_matches_do_not_depend_on_the_order_of_listing(  # type: ignore[no-untyped-def]
    received, shipped, random
) -> None:
    receipts = [
        receipt(f"R{number:03}", ("A", line, quantity))
        for number, (line, quantity) in enumerate(received)
    ]
    shipments = [
        carried("A", generation, {1: quantity, 2: quantity})
        for generation, quantity in enumerate(shipped, start=1)
    ]
    found = match(receipts, shipments)
    # Lines 1 and 2 are on every shipment, line 3 on none: each receipt finds its own.
    assert [each.receipt for each in found] == [
        each.number for each in receipts if each.lines[0].po_line != 3
    ]
    random.shuffle(receipts)
    random.shuffle(shipments)
    assert match(receipts, shipments) == found
