"""The story covers what the demo promises, and fits together."""

from starter.demonstration.scenario import SCENARIO, End


def test_two_companies_and_eighteen_orders() -> None:
    assert {company.currency for company in SCENARIO.companies} == {"NOK", "EUR"}
    assert len(SCENARIO.orders) == len({order.number for order in SCENARIO.orders}) == 18


def test_every_case_is_played() -> None:
    orders = SCENARIO.orders
    split = [order for order in orders if len({line.subaccount for line in order.lines}) == 3]
    assert any(len({line.project for line in order.lines} - {None}) == 2 for order in split)
    assert any(order.packages == 2 for order in orders)
    assert any(order.more.get("hold") and not order.quoted for order in orders)
    assert any(order.more.get("hold") and order.quoted for order in orders)
    assert any(line.canceled for order in orders for line in order.lines)
    assert any(not line.goods for order in orders for line in order.lines)
    assert sum(order.repair is not None for order in orders) == 1
    assert sum(order.loses_answer for order in orders) == 1
    assert {order.end for order in orders} == set(End)
    assert any(order.ship_via not in ("FEDEX", "FEDEXECO", None) for order in orders)


def test_receipts_are_of_one_supplier_and_for_delivered_orders() -> None:
    by_number = {order.number: order for order in SCENARIO.orders}
    assert any(len(arrival.orders) == 2 for arrival in SCENARIO.arrivals)
    for arrival in SCENARIO.arrivals:
        covered = [by_number[number] for number in arrival.orders]
        assert len({order.supplier for order in covered}) == 1
        assert all(order.end is End.COMPLETED for order in covered)
        assert arrival.orders == tuple(sorted(arrival.orders))
