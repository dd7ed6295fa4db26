from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.measures import (
    NotAWeight,
    Size,
    UnknownVolumeUnit,
    UnknownWeightUnit,
    Weight,
    WeightUnit,
    converted,
    cubic_metres,
    decimal_of,
    declared,
    parse_weight,
    sized_for,
    total_weight,
    weight_from_visma,
)
from tests.unit.domain.builders import kg, lb


@pytest.mark.parametrize(
    ("value", "unit", "weight"),
    [
        ("2.5", "kg", kg("2.5")),
        ("2", "KILO", kg("2")),
        ("250", "g", kg("0.250")),
        ("250", " Gram ", kg("0.250")),
        ("3", "LBS", lb("3")),
        ("8", "oz", lb("0.5")),
    ],
)
def test_visma_units(value: str, unit: str, weight: Weight) -> None:
    assert weight_from_visma(Decimal(value), unit) == weight


@pytest.mark.parametrize("unit", ["", "STK", "TON", "M3"])
def test_an_unknown_weight_unit_is_named(unit: str) -> None:
    with pytest.raises(UnknownWeightUnit):
        weight_from_visma(Decimal(1), unit)


@pytest.mark.parametrize(
    ("text", "weight"), [("30 kg", kg("30")), ("0 kg", kg("0")), ("66.5LB", lb("66.5"))]
)
def test_weights_of_the_tenant_file(text: str, weight: Weight) -> None:
    assert parse_weight(text) == weight
    assert parse_weight(str(weight)) == weight


@pytest.mark.parametrize("text", ["", "30", "kg", "-1 kg", "1,5 kg", "1e3 kg"])
def test_text_that_is_no_weight(text: str) -> None:
    with pytest.raises(NotAWeight):
        parse_weight(text)


def test_a_pound_is_exact() -> None:
    assert converted(lb("100"), WeightUnit.KG) == kg("45.359237")
    assert converted(kg("45.359237"), WeightUnit.LB) == lb("100")


def test_units_are_added_in_one_of_them() -> None:
    assert total_weight([kg("1"), lb("1")], WeightUnit.KG) == kg("1.453592")


@pytest.mark.parametrize(
    ("exact", "value"),
    [
        (Fraction(0), "0.01"),
        (Fraction(1, 10_000), "0.01"),
        (Fraction(12), "12.00"),
        (Fraction(1, 3), "0.34"),
        (Fraction(12001, 1000), "12.01"),
    ],
)
def test_declared_weights_are_rounded_up_to_hundredths_and_never_zero(
    exact: Fraction, value: str
) -> None:
    assert str(declared(exact, WeightUnit.KG).value) == value


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [("2", "L", "0.002"), ("2", "dm³", "0.002"), ("5", "CM3", "0.000005"), ("1", "m3", "1")],
)
def test_volumes_in_cubic_metres(value: str, unit: str, expected: str) -> None:
    assert cubic_metres(Decimal(value), unit) == Decimal(expected)


def test_an_unknown_volume_unit_is_named() -> None:
    with pytest.raises(UnknownVolumeUnit):
        cubic_metres(Decimal(1), "PALL")


def test_sizes_follow_the_weight_unit_and_never_shrink() -> None:
    inches = Size(length=10, width=5, height=1, unit="IN")
    assert sized_for(inches, WeightUnit.LB) == inches
    assert sized_for(inches, WeightUnit.KG) == Size(length=26, width=13, height=3, unit="CM")


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=6))
def test_six_places_survive_a_fraction(value: Decimal) -> None:
    assert decimal_of(Fraction(value)) == value
