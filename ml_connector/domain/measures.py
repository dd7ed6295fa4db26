"""Weights, volumes and sizes with their units; the unit is part of the value."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil

from ml_connector.domain.errors import RuleError

KG_PER_LB = Fraction(45359237, 100_000_000)
"""The international avoirdupois pound, exact by definition (1959)."""

_CM_PER_IN = Fraction(254, 100)
_EXACT = Context(prec=60)
_PLACES = 6
_WEIGHT_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")


class WeightUnit(StrEnum):
    """FedEx's spelling of the units it weighs in."""

    KG = "KG"
    LB = "LB"


_KG_PER_UNIT = {WeightUnit.KG: Fraction(1), WeightUnit.LB: KG_PER_LB}

_WEIGHT_UNITS: dict[str, tuple[WeightUnit, Decimal]] = {
    **dict.fromkeys(("KG", "KGS", "KILO", "KILOGRAM"), (WeightUnit.KG, Decimal(1))),
    "HG": (WeightUnit.KG, Decimal("0.1")),
    **dict.fromkeys(("G", "GR", "GRAM"), (WeightUnit.KG, Decimal("0.001"))),
    "MG": (WeightUnit.KG, Decimal("0.000001")),
    **dict.fromkeys(("LB", "LBS", "POUND"), (WeightUnit.LB, Decimal(1))),
    **dict.fromkeys(("OZ", "OUNCE"), (WeightUnit.LB, Decimal("0.0625"))),
}
"""Units of measure are free text in Visma; tons are left out because there are three of them."""

_CUBIC_METRES_PER_UNIT: dict[str, Fraction] = {
    **dict.fromkeys(("M3", "CBM"), Fraction(1)),
    **dict.fromkeys(("DM3", "L", "LTR", "LITER", "LITRE"), Fraction(1, 1_000)),
    "CL": Fraction(1, 100_000),
    **dict.fromkeys(("CM3", "ML", "CCM"), Fraction(1, 1_000_000)),
    "MM3": Fraction(1, 1_000_000_000),
    **dict.fromkeys(("IN3", "CUIN"), (_CM_PER_IN / 100) ** 3),
    **dict.fromkeys(("FT3", "CUFT"), Fraction(3_048, 10_000) ** 3),
}


class UnknownWeightUnit(RuleError):
    """A unit of weight that cannot be converted with certainty."""

    code = "unknown_weight_unit"
    remedy = "Use KG, G, LB or OZ as the weight unit in Visma."


class UnknownVolumeUnit(RuleError):
    """A unit of volume that cannot be converted with certainty."""

    code = "unknown_volume_unit"
    remedy = "Use M3, L, CM3, FT3 or IN3 as the volume unit in Visma."


class NotAWeight(RuleError):
    """Text that is no weight."""

    code = "not_a_weight"
    remedy = 'Write a number and a unit, such as "30 kg".'


@dataclass(frozen=True, slots=True)
class Weight:
    """A gross weight."""

    value: Decimal
    unit: WeightUnit

    def __str__(self) -> str:
        return f"{self.value:f} {self.unit.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Outer size of a package in whole centimetres or inches (`unit` CM or IN)."""

    length: int
    width: int
    height: int
    unit: str

    @property
    def cubic_metres(self) -> Fraction:
        """The volume inside, taken as the volume outside."""
        edge = (_CM_PER_IN if self.unit == "IN" else 1) * Fraction(1, 100)
        return self.length * self.width * self.height * edge**3


def magnitude(weight: Weight, unit: WeightUnit) -> Fraction:
    """The weight's exact number in another unit."""
    return Fraction(weight.value) * _KG_PER_UNIT[weight.unit] / _KG_PER_UNIT[unit]


def converted(weight: Weight, unit: WeightUnit) -> Weight:
    """The same weight in another unit, to a millionth of it; unchanged in its own."""
    if weight.unit is unit:
        return weight
    return Weight(decimal_of(magnitude(weight, unit)), unit)


def total_weight(weights: Iterable[Weight], unit: WeightUnit) -> Weight:
    """The sum in one unit, rounded once at the end (to a millionth)."""
    return Weight(decimal_of(sum((magnitude(each, unit) for each in weights), Fraction())), unit)


def declared(exact: Fraction, unit: WeightUnit) -> Weight:
    """A weight as FedEx takes it: two decimals, rounded up, never zero.

    Rounding down would declare less than the scale shows, and zero is refused
    (`PACKAGE.WEIGHT.INVALID`).
    """
    return Weight(Decimal(max(ceil(exact * 100), 1)).scaleb(-2), unit)


def sized_for(size: Size, unit: WeightUnit) -> Size:
    """The size in the length unit that goes with a weight unit, each edge rounded up.

    Kilograms go with centimetres and pounds with inches: FedEx refuses a mixture
    (`MIXED.MEASURING.UNITS.INCLUDED`).
    """
    wanted = "CM" if unit is WeightUnit.KG else "IN"
    if size.unit == wanted:
        return size
    factor = _CM_PER_IN if wanted == "CM" else 1 / _CM_PER_IN
    return Size(
        length=ceil(size.length * factor),
        width=ceil(size.width * factor),
        height=ceil(size.height * factor),
        unit=wanted,
    )


def weight_from_visma(value: Decimal, unit: str) -> Weight:
    """A weight with its unit as Visma spells it (`weightUOM`), in kilograms or pounds.

    Raises `UnknownWeightUnit`.
    """
    try:
        fedex_unit, factor = _WEIGHT_UNITS[_unit_key(unit)]
    except KeyError:
        raise UnknownWeightUnit(f"Weight unit {unit!r} is not known.") from None
    return Weight(value * factor, fedex_unit)


def parse_weight(text: str) -> Weight:
    """A weight from the tenant file, such as `30 kg`.

    Raises `NotAWeight`, `UnknownWeightUnit`.
    """
    found = _WEIGHT_TEXT.fullmatch(text.strip())
    if found is None:
        raise NotAWeight(f"{text!r} is not a weight.")
    return weight_from_visma(Decimal(found[1]), found[2])


def cubic_metres(value: Decimal, unit: str) -> Decimal:
    """A volume with its unit as Visma spells it (`volumeUOM`), in cubic metres, exactly.

    Raises `UnknownVolumeUnit`.
    """
    try:
        factor = _CUBIC_METRES_PER_UNIT[_unit_key(unit)]
    except KeyError:
        raise UnknownVolumeUnit(f"Volume unit {unit!r} is not known.") from None
    product = Fraction(value) * factor
    # Every factor is a terminating decimal, so the division is exact at this precision.
    return _EXACT.divide(Decimal(product.numerator), Decimal(product.denominator))


def decimal_of(number: Fraction, places: int = _PLACES) -> Decimal:
    """A fraction as a decimal of at most `places` digits, halves to even, no trailing zeros."""
    units = round(number * 10**places)
    while places and units % 10 == 0:
        units, places = units // 10, places - 1
    digits = tuple(int(digit) for digit in str(abs(units)))
    return Decimal((int(units < 0), digits, -places))


def _unit_key(unit: str) -> str:
    key = unit.strip().rstrip(".").upper().replace("³", "3")
    singular = key.removesuffix("S")
    return singular if singular in ("GRAM", "KILOGRAM", "POUND", "OUNCE", "LITER", "LITRE") else key
