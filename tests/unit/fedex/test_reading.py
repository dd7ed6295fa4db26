"""A `Part` answers every question about any value, and never raises."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.fedex.reading import Part

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text()
    | st.sampled_from(["2024-08-15T10:00:00", "9999-12-31T23:59:59+23:59", "QUJD", "12.5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(values, st.text())
def test_no_question_raises(value: object, key: str) -> None:
    part = Part(value)
    for answer in (part, part[key], *part, part.first(key, "a")):
        assert answer.text == answer.text.strip()
        assert isinstance(answer.text.encode(), bytes)
        number = answer.number
        assert number is None or number.is_finite()
        assert answer.whole is None or answer.whole == number
        assert answer.flag in (None, True, False)
        assert answer.blob is None or answer.blob
        assert isinstance(answer.texts, tuple)
        assert isinstance(answer.keys, tuple)
        instant = answer.instant(UTC)
        assert instant is None or instant.astimezone(UTC)
        assert bool(answer) in (True, False)


def test_keys_ignore_case_and_prefer_the_exact_one() -> None:
    part = Part({"customertransactionId": "echo", "a": 1, "A": 2})
    assert part["customerTransactionId"].text == "echo"
    assert (part["a"].whole, part["A"].whole) == (1, 2)
    assert not part["missing"]["deeper"]["still"]


def test_first_takes_the_first_key_that_has_something() -> None:
    part = Part({"values": [], "value": "x", "zero": 0})
    assert part.first("values", "value").texts == ("x",)
    assert part.first("zero", "value").whole == 0
    assert not part.first("none")


def test_a_lone_object_is_a_list_of_one() -> None:
    assert [item["a"].whole for item in Part({"a": 1})] == [1]
    assert [item.whole for item in Part([1, 2])] == [1, 2]
    assert list(Part("text")) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a\x00b\r\nc\ud800 ", "ab  c"),
        (1234567890123456789012, "1234567890123456789012"),
        (Decimal("1E+2"), "100"),
        (True, ""),
        (None, ""),
        ({}, ""),
        (Decimal("1E+999999"), ""),
    ],
)
def test_text(value: object, text: str) -> None:
    assert Part(value).text == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (Decimal("4448.19"), Decimal("4448.19")),
        ("56.22", Decimal("56.22")),
        (" 7 ", Decimal(7)),
        ({"amount": 12.5, "currency": "NOK"}, None),
        ({"amount": "12.5", "currency": "NOK"}, Decimal("12.5")),
        ({"currency": "NOK"}, None),
        ("NaN", None),
        ("1e400", None),
        (10**40, None),
        (Decimal("1E-40"), None),
        (True, None),
        ("", None),
    ],
)
def test_number(value: object, number: Decimal | None) -> None:
    assert Part(value).number == number


@pytest.mark.parametrize(
    ("value", "flag"), [(True, True), ("TRUE", True), ("false", False), (1, None), ("", None)]
)
def test_flag(value: object, flag: bool | None) -> None:
    assert Part(value).flag is flag


@pytest.mark.parametrize(
    ("value", "blob"),
    [("QUJD", b"ABC"), ("QU\r\nJD", b"ABC"), ("QUJ", None), ("é", None), ("", None), (7, None)],
)
def test_blob(value: object, blob: bytes | None) -> None:
    assert Part(value).blob == blob


def test_instant_keeps_an_offset_and_adds_a_missing_one() -> None:
    oslo = ZoneInfo("Europe/Oslo")
    assert Part("2024-08-15T00:00:00-06:00").instant(oslo) == datetime(2024, 8, 15, 6, tzinfo=UTC)
    assert Part("2024-08-15T00:00:00Z").instant(oslo) == datetime(2024, 8, 15, tzinfo=UTC)
    assert Part("2024-08-15T00:00:00").instant(oslo) == datetime(2024, 8, 14, 22, tzinfo=UTC)
    assert Part("2024-08-15").instant(oslo) == datetime(2024, 8, 14, 22, tzinfo=UTC)
    assert Part("0001-01-01T00:00:00+14:00").instant(oslo) is None
    assert Part("soon").instant(oslo) is None
