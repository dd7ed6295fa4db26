"""Values come back from the database exactly as they went in."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import StatementError

from ml_connector.store import Store
from ml_connector.store.columns import ExactDecimal, JsonText, UtcInstant, canonical_json

SQLITE = sqlite.dialect()
_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_INSTANTS = st.datetimes(
    min_value=datetime(1900, 1, 2), max_value=datetime(9998, 12, 30), timezones=_ZONES
)


async def test_instants_and_amounts_through_both_databases(store: Store) -> None:
    summer = datetime(2026, 7, 1, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    async with store.write("nordic") as view:
        await view.orders.save(
            "PO1",
            cost_amount=Decimal("1234567890123456.100"),
            cost_currency="NOK",
            first_scan_at=summer,
            written_fields={"customStr1": "æøå", "customDec1": "1.0000"},
            receipts=["R2", "R1"],
        )
    async with store.read("nordic") as view:
        order = await view.orders.get("PO1")
    assert order is not None
    assert str(order.cost_amount) == "1234567890123456.100"
    assert order.first_scan_at == summer
    assert order.first_scan_at is not None
    assert order.first_scan_at.tzinfo is UTC
    assert order.written_fields == {"customStr1": "æøå", "customDec1": "1.0000"}
    assert order.receipts == ["R2", "R1"]


async def test_an_instant_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="time zone"):
        async with store.write("nordic") as view:
            await view.orders.save("PO1", delivered_at=datetime(2026, 7, 1))


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), 1.5])
async def test_an_inexact_amount_is_refused(store: Store, amount: Decimal) -> None:
    with pytest.raises(StatementError, match="exact, finite"):
        async with store.write("nordic") as view:
            await view.orders.save("PO1", cost_amount=amount)


@given(one=_INSTANTS, other=_INSTANTS)
def test_text_order_is_time_order_in_sqlite(one: datetime, other: datetime) -> None:
    column = UtcInstant()
    texts = [column.process_bind_param(instant, SQLITE) for instant in (one, other)]
    assert (texts[0] < texts[1]) == (one < other)
    assert [column.process_result_value(text, SQLITE) for text in texts] == [one, other]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_decimals_keep_value_and_scale(amount: Decimal) -> None:
    column = ExactDecimal()
    stored = column.process_bind_param(amount, SQLITE)
    back = column.process_result_value(stored, SQLITE)
    assert back is not None
    assert back.as_tuple() == amount.as_tuple()


def test_canonical_json_is_one_text_for_one_value() -> None:
    assert canonical_json({"b": [1, None], "a": "ø"}) == '{"a":"ø","b":[1,null]}'
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        JsonText().process_bind_param(float("nan"), SQLITE)
