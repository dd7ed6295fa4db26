from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.allocation import (
    RULE_VERSION,
    AllMeasuresZero,
    AllocationError,
    DuplicateLine,
    MeasureMissing,
    NegativeMeasure,
    NothingToShareOver,
    allocate,
    basis_weights,
)
from ml_connector.domain.freight import Basis
from ml_connector.domain.money import NotRepresentable, UnknownCurrency, decimals, from_minor
from tests.unit.domain.builders import kg, lb, shipped


def amounts(total: str, weights: list[str], currency: str = "NOK") -> list[str]:
    lines = [(number, Decimal(weight)) for number, weight in enumerate(weights, start=1)]
    allocation = allocate(Decimal(total), currency, Basis.AMOUNT, lines)
    return [str(share.amount) for share in allocation.shares]


def test_five_cents_over_ten_lines_leave_no_line_negative() -> None:
    """Residue on the last line, as some systems do it, gives nine cents and minus four."""
    assert amounts("0.05", ["1"] * 10) == ["0.01"] * 5 + ["0.00"] * 5


def test_685_over_six_lines_puts_the_odd_cent_on_one() -> None:
    """The second published case of a residue rule, where the last line is off."""
    assert amounts("6.85", ["1"] * 6) == ["1.15"] + ["1.14"] * 5


def test_a_tie_goes_to_the_larger_share_before_the_lower_line() -> None:
    # Both lose exactly half a cent by rounding down: 0.5 and 1.5 of two cents.
    assert amounts("0.02", ["1", "3"]) == ["0.00", "0.02"]


def test_lines_of_measure_zero_get_nothing() -> None:
    assert amounts("0.05", ["0", "1", "0", "1"]) == ["0.00", "0.03", "0.00", "0.02"]


def test_a_credit_note_is_the_mirror_of_its_invoice() -> None:
    assert amounts("-6.85", ["1"] * 6) == ["-1.15"] + ["-1.14"] * 5


def test_yen_have_no_cents() -> None:
    assert amounts("100", ["1", "1", "1"], "JPY") == ["34", "33", "33"]


def test_everything_needed_to_explain_it_is_kept() -> None:
    allocation = allocate(Decimal("1.00"), "EUR", Basis.WEIGHT, [(7, Decimal("2.5"))])
    assert (allocation.basis, allocation.currency) == (Basis.WEIGHT, "EUR")
    assert (allocation.total, allocation.rule_version) == (Decimal("1.00"), RULE_VERSION)
    assert allocation.shares[0].weight == Decimal("2.5")


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([], NothingToShareOver),
        ([(1, Decimal(0)), (2, Decimal(0))], AllMeasuresZero),
        ([(1, Decimal(5)), (2, Decimal(-1))], NegativeMeasure),
        ([(1, Decimal("NaN"))], NegativeMeasure),
        ([(1, Decimal("Infinity"))], NegativeMeasure),
        ([(1, Decimal(1)), (1, Decimal(2))], DuplicateLine),
    ],
)
def test_what_cannot_be_shared_is_refused(
    lines: list[tuple[int, Decimal]], error: type[AllocationError]
) -> None:
    with pytest.raises(error):
        allocate(Decimal("1.00"), "NOK", Basis.AMOUNT, lines)


def test_the_total_has_to_be_whole_units_of_a_known_currency() -> None:
    with pytest.raises(NotRepresentable):
        allocate(Decimal("0.005"), "NOK", Basis.AMOUNT, [(1, Decimal(1))])
    with pytest.raises(UnknownCurrency):
        allocate(Decimal(1), "UKL", Basis.AMOUNT, [(1, Decimal(1))])


def test_measures_by_basis() -> None:
    line = shipped(
        amount=Decimal("99.5"), base_quantity=Decimal(3), weight=lb("10"), volume=Decimal("0.2")
    )
    measured = {basis: basis_weights(basis, [line])[0][1] for basis in Basis}
    assert measured == {
        Basis.AMOUNT: Decimal("99.5"),
        Basis.QUANTITY: Decimal(3),
        Basis.WEIGHT: Decimal("4.5359237"),
        Basis.VOLUME: Decimal("0.2"),
        Basis.EQUAL: Decimal(1),
    }


@pytest.mark.parametrize(
    ("basis", "line"),
    [
        (Basis.VOLUME, shipped(volume=None)),
        (Basis.VOLUME, shipped(volume=Decimal(0))),
        (Basis.WEIGHT, shipped(weight=kg("0"))),
    ],
)
def test_a_missing_measure_is_an_error_not_zero(basis: Basis, line: object) -> None:
    with pytest.raises(MeasureMissing):
        basis_weights(basis, [line])  # type: ignore[list-item]


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, str, list[tuple[int, Decimal]]]:
    """(minor units, currency, lines in any order), with at least one measure above zero."""
    measure = st.decimals(min_value=0, max_value=10**9, places=4)
    numbers = draw(st.lists(st.integers(1, 10_000), min_size=1, max_size=25, unique=True))
    weights = draw(st.lists(measure, min_size=len(numbers), max_size=len(numbers)))
    if not any(weights):
        weights[0] = Decimal(1)
    units = draw(st.integers(-(10**10), 10**10))
    return (
        units,
        draw(st.sampled_from(["JPY", "NOK", "KWD"])),
        list(zip(numbers, weights, strict=True)),
    )


@given(cases(), st.randoms(use_true_random=False))
def test_shares_are_exact_close_of_one_sign_and_order_independent(case, random) -> None:  # type: ignore[no-untyped-def]
    units, currency, lines = case
    total = from_minor(units, currency).amount
    quantum = Fraction(1, 10 ** decimals(currency))
    whole = sum((Fraction(weight) for _, weight in lines), Fraction())

    allocation = allocate(total, currency, Basis.AMOUNT, lines)

    assert sum(share.amount for share in allocation.shares) == total
    assert [share.line for share in allocation.shares] == sorted(number for number, _ in lines)
    for share in allocation.shares:
        exact = Fraction(total) * Fraction(share.weight) / whole
        assert abs(Fraction(share.amount) - exact) < quantum
        assert share.amount * total >= 0
        assert share.weight or not share.amount

    shuffled = list(lines)
    random.shuffle(shuffled)
    assert allocate(total, currency, Basis.AMOUNT, shuffled) == allocation


@given(cases())
def test_the_negative_total_mirrors_the_positive(case) -> None:  # type: ignore[no-untyped-def]
    units, currency, lines = case
    there = allocate(from_minor(units, currency).amount, currency, Basis.AMOUNT, lines)
    back = allocate(from_minor(-units, currency).amount, currency, Basis.AMOUNT, lines)
    assert [-share.amount for share in back.shares] == [share.amount for share in there.shares]
