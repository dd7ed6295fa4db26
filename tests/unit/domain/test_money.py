from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.money import (
    Money,
    NotRepresentable,
    UnknownCurrency,
    decimals,
    fedex_currency,
    from_minor,
    iso_currency,
    rounded,
    to_minor,
)

CURRENCIES = st.sampled_from(["JPY", "NOK", "KWD", "CLF"])


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        ("UKL", "GBP"),
        ("NMP", "MXN"),
        ("JYE", "JPY"),
        ("SID", "SGD"),
        ("SFR", "CHF"),
        ("NTD", "TWD"),
        ("WON", "KRW"),
        ("DHS", "AED"),
        ("CHP", "CLP"),
        ("KUD", "KWD"),
        ("ARN", "ARS"),
        ("RDD", "DOP"),
        ("JAD", "JMD"),
        ("ECD", "XCD"),
        ("CID", "KYD"),
        ("NOK", "NOK"),
        (" eur ", "EUR"),
    ],
)
def test_fedex_spellings_become_iso(raw: str, iso: str) -> None:
    assert iso_currency(raw) == iso
    assert fedex_currency(iso) == raw.strip().upper()


@pytest.mark.parametrize("raw", ["", "KRONER", "XXX", "NKR"])
def test_an_unknown_currency_is_named_not_guessed(raw: str) -> None:
    with pytest.raises(UnknownCurrency) as caught:
        iso_currency(raw)
    assert caught.value.finding().code == "unknown_currency"


@pytest.mark.parametrize(("code", "places"), [("JPY", 0), ("NOK", 2), ("BHD", 3), ("CLF", 4)])
def test_minor_units_by_currency(code: str, places: int) -> None:
    assert decimals(code) == places


@given(st.integers(min_value=-(10**40), max_value=10**40), CURRENCIES)
def test_minor_units_round_trip_at_any_size(units: int, currency: str) -> None:
    money = from_minor(units, currency)
    assert to_minor(money) == units
    assert money.amount.as_tuple().exponent == -decimals(currency)


@pytest.mark.parametrize(
    "money",
    [Money(Decimal("1.5"), "JPY"), Money(Decimal("0.001"), "NOK"), Money(Decimal("NaN"), "NOK")],
)
def test_an_amount_between_two_units_is_refused(money: Money) -> None:
    with pytest.raises(NotRepresentable):
        to_minor(money)


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("10.005", "NOK", "10.01"),
        ("-10.005", "NOK", "-10.01"),
        ("10.5", "JPY", "11"),
        ("7", "KWD", "7.000"),
    ],
)
def test_rounding_is_half_away_from_zero(amount: str, currency: str, expected: str) -> None:
    assert str(rounded(Money(Decimal(amount), currency)).amount) == expected
