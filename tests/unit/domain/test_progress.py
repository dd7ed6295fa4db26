from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.money import Money
from ml_connector.domain.progress import (
    TEXT_LIMIT,
    ShipmentProgress,
    desired_fields,
    diff,
    status_text,
)
from ml_connector.domain.tenant import FieldMap
from ml_connector.domain.tracking import ParcelState

FIELDS = FieldMap()
NOON = datetime(2026, 11, 5, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))


def progress(number: str = "794791341818", **changes: object) -> ShipmentProgress:
    values: dict[str, object] = {
        "tracking_number": number,
        "state": ParcelState.IN_TRANSIT,
        "cost": Money(Decimal("123.45"), "NOK"),
    }
    return ShipmentProgress(**(values | changes))  # type: ignore[arg-type]


def test_one_shipment_fills_the_fields_of_the_tenant_file() -> None:
    delivered = progress(state=ParcelState.DELIVERED, delivered_at=NOON)
    values = desired_fields(FIELDS, [delivered])
    assert values == {
        "customStr1": "794791341818",
        "customStr2": "Delivered",
        "customDec1": Decimal("123.4500"),
        "customDateTimeUTC1": datetime(2026, 11, 5, 11, 0, tzinfo=UTC),
    }
    assert str(values["customDec1"]) == "123.4500"


def test_what_is_not_known_is_not_written() -> None:
    assert desired_fields(FIELDS, [progress(cost=None)]) == {
        "customStr1": "794791341818",
        "customStr2": "In transit",
    }


def test_a_field_that_is_not_mapped_is_not_written() -> None:
    fields = FieldMap(tracking_status="", freight_cost="", delivered_at="")
    assert desired_fields(fields, [progress()]) == {"customStr1": "794791341818"}


def test_a_return_is_no_delivery() -> None:
    back = progress(state=ParcelState.RETURNED, delivered_at=NOON)
    values = desired_fields(FIELDS, [back])
    assert values["customStr2"] == "Returned to shipper"
    assert "customDateTimeUTC1" not in values


def test_a_receipt_of_two_shipments_names_both() -> None:
    later = NOON + timedelta(hours=5)
    values = desired_fields(
        FIELDS,
        [
            progress("1", state=ParcelState.DELIVERED, delivered_at=later),
            progress("2", state=ParcelState.DELIVERED, delivered_at=NOON),
        ],
    )
    assert values["customStr1"] == "1, 2"
    assert values["customDec1"] == Decimal("246.9000")
    assert values["customDateTimeUTC1"] == datetime(2026, 11, 5, 16, 0, tzinfo=UTC)


def test_the_whole_is_delivered_with_its_last_shipment() -> None:
    delivered = progress("1", state=ParcelState.DELIVERED, delivered_at=NOON)
    values = desired_fields(FIELDS, [delivered, progress("2")])
    assert values["customStr2"] == "In transit"
    assert "customDateTimeUTC1" not in values


def test_costs_of_two_currencies_have_no_sum() -> None:
    euro = progress("2", cost=Money(Decimal(1), "EUR"))
    assert "customDec1" not in desired_fields(FIELDS, [progress(), euro])
    assert "customDec1" not in desired_fields(FIELDS, [progress(), progress("2", cost=None)])


def test_more_numbers_than_fit_are_counted_not_cut() -> None:
    many = [progress(f"79479134{number:04}") for number in range(9)]
    assert desired_fields(FIELDS, many)["customStr1"] == "794791340000 and 8 more"
    seven = desired_fields(FIELDS, many[:7])["customStr1"]
    assert isinstance(seven, str) and len(seven) <= TEXT_LIMIT and seven.count(",") == 6


@pytest.mark.parametrize(
    ("state", "code", "text"),
    [
        (ParcelState.EXCEPTION, "DE", "Exception (DE)"),
        (ParcelState.UNKNOWN, "Z9", "Unknown status (Z9)"),
        (ParcelState.UNKNOWN, "", "Unknown status"),
        (ParcelState.IN_TRANSIT, "IT", "In transit"),
    ],
)
def test_status_in_words(state: ParcelState, code: str, text: str) -> None:
    assert status_text(state, code) == text


@pytest.mark.parametrize("state", ParcelState)
def test_every_state_can_be_written(state: ParcelState) -> None:
    assert desired_fields(FIELDS, [progress(state=state)])["customStr2"] == status_text(state)


def test_progress_needs_a_shipment() -> None:
    with pytest.raises(ValueError, match="at least one"):
        desired_fields(FIELDS, [])


@pytest.mark.parametrize(
    ("slot", "held", "value"),
    [
        ("customStr1", "7947 ", "7947"),
        ("customDec1", 123.45, Decimal("123.4500")),
        ("customDec1", "123.45", Decimal("123.4500")),
        ("customDateTimeUTC1", "2026-11-05T11:00:00", datetime(2026, 11, 5, 11, tzinfo=UTC)),
        ("customDateTimeUTC1", "2026-11-05T12:00:00+01:00", datetime(2026, 11, 5, 11, tzinfo=UTC)),
        ("customDateTimeUTC1", "2026-11-05T11:00:00.98Z", datetime(2026, 11, 5, 11, tzinfo=UTC)),
    ],
)
def test_nothing_is_written_that_is_there_already(slot: str, held: object, value: object) -> None:
    assert diff({slot: held}, {slot: value}, {}) == ({}, ())


@pytest.mark.parametrize(
    ("slot", "held"),
    [("customStr1", None), ("customStr1", " "), ("customDec1", 0), ("customDateTimeUTC1", "")],
)
def test_an_empty_field_is_ours_to_fill(slot: str, held: object) -> None:
    wanted = {"customStr1": "7947", "customDec1": Decimal(5), "customDateTimeUTC1": NOON}[slot]
    assert diff({slot: held}, {slot: wanted}, {}) == ({slot: wanted}, ())
    assert diff({}, {slot: wanted}, {}) == ({slot: wanted}, ())


def test_our_own_older_value_is_replaced() -> None:
    assert diff(
        {"customStr2": "In transit"}, {"customStr2": "Delivered"}, {"customStr2": "In transit"}
    ) == ({"customStr2": "Delivered"}, ())
    assert diff(
        {"customDec1": 5.0}, {"customDec1": Decimal(6)}, {"customDec1": ["4", "5.0000"]}
    ) == ({"customDec1": Decimal(6)}, ())


@pytest.mark.parametrize(
    ("slot", "held"),
    [
        ("customStr1", "call Kari"),
        ("customDec1", 7),
        ("customDec1", "seven"),
        ("customDateTimeUTC1", "2020-01-01T00:00:00"),
        ("customDateTimeUTC1", "some day"),
    ],
)
def test_somebody_elses_value_is_reported_and_stays(slot: str, held: object) -> None:
    wanted = {"customStr1": "7947", "customDec1": Decimal(5), "customDateTimeUTC1": NOON}[slot]
    changes, findings = diff({slot: held}, {slot: wanted}, {slot: None})
    assert changes == {}
    assert [finding.code for finding in findings] == ["foreign_value"]
    assert slot in findings[0].message
    assert str(held) not in findings[0].message


@given(st.text(max_size=20), st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_a_field_is_written_only_when_empty_or_ours(held: str, wanted: str, written: str) -> None:
    changes, findings = diff({"customStr1": held}, {"customStr1": wanted}, {"customStr1": written})
    settled = held.strip() == wanted.strip()
    free = not held.strip() or held.strip() == written.strip()
    assert bool(changes) == (free and not settled)
    assert bool(findings) == (not free and not settled)
