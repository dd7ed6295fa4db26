from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.money import Money
from ml_connector.domain.quotes import (
    ANSWER_LIMIT,
    MixedCurrencies,
    NoOption,
    QuoteOption,
    cheapest,
    fastest,
    quote_requested,
    render_quote,
)

AT = datetime(2026, 11, 2, 10, 15, tzinfo=ZoneInfo("Europe/Oslo"))


def option(service: str, amount: str, days: int | None, currency: str = "NOK") -> QuoteOption:
    return QuoteOption(service=service, amount=Money(Decimal(amount), currency), transit_days=days)


ECONOMY = option("INTERNATIONAL_ECONOMY", "512.30", 4)
PRIORITY = option("FEDEX_INTERNATIONAL_PRIORITY", "900.00", 1)


def test_cheapest_and_fastest_are_named() -> None:
    assert render_quote([PRIORITY, ECONOMY], AT) == (
        "Cheapest Intl Economy 512.30 NOK 4d; fastest Intl Priority 900.00 NOK 1d"
        " (2026-11-02 10:15)"
    )


@pytest.mark.parametrize(
    ("length", "ending"),
    [(24, "1d (2026-11-02)"), (34, "4d (2026-11-02 10:15)"), (50, "4d (2026-11-02 10:15)")],
)
def test_a_long_answer_gives_up_time_then_the_fastest_never_its_date(
    length: int, ending: str
) -> None:
    quick = option("P" * length, "900.00", 1)
    answer = render_quote([ECONOMY, quick], AT)
    assert answer.startswith("Cheapest Intl Economy 512.30 NOK 4d")
    assert answer.endswith(ending)


def test_one_service_is_both() -> None:
    assert render_quote([PRIORITY], AT) == (
        "Cheapest and fastest Intl Priority 900.00 NOK 1d (2026-11-02 10:15)"
    )


def test_without_promises_there_is_no_fastest() -> None:
    answer = render_quote([option("FEDEX_PRIORITY", "5.00", None)], AT)
    assert answer == "Cheapest Priority 5.00 NOK (2026-11-02 10:15)"


def test_ties_are_broken_by_the_other_measure() -> None:
    slow, quick = option("A", "5.00", 4), option("B", "5.00", 2)
    dear = option("C", "9.00", 2)
    assert cheapest([slow, dear, quick]) == quick
    assert fastest([dear, slow, quick]) == quick
    assert fastest([option("A", "5.00", None)]) is None


def test_no_option_and_mixed_currencies_are_named() -> None:
    with pytest.raises(NoOption):
        render_quote([], AT)
    with pytest.raises(MixedCurrencies):
        render_quote([ECONOMY, option("FEDEX_PRIORITY", "9.00", 1, "EUR")], AT)


@given(
    st.lists(
        st.builds(
            option,
            st.from_regex(r"(FEDEX_)?(INTERNATIONAL_)?[A-Z_]{1,60}", fullmatch=True),
            st.decimals("0.01", 10**9, places=2).map(str),
            st.none() | st.integers(0, 30),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_an_answer_always_fits_and_names_the_lowest_price(options: list[QuoteOption]) -> None:
    answer = render_quote(options, AT)
    assert len(answer) <= ANSWER_LIMIT
    assert str(min(each.amount.amount for each in options)) in answer
    assert "(2026-11-02" in answer


@pytest.mark.parametrize("value", ["QUOTE", "quote", " Quote \n"])
def test_a_request(value: str) -> None:
    assert quote_requested(value)


@pytest.mark.parametrize("value", ["", "QUOTE please", "QUOTES", None, 1, ["QUOTE"]])
def test_anything_else_is_none(value: object) -> None:
    assert not quote_requested(value)
