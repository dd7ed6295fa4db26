"""Sharing one amount over order lines, to the cent and explainably.

Largest remainder: every line first gets its exact share rounded down to whole minor units,
then the units left over go one each to the lines that lost most by rounding. So the shares
add up to the total, no line is a whole unit away from its exact share, none has the wrong
sign, and the order in which lines are given does not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from ml_connector.domain.errors import RuleError
from ml_connector.domain.freight import Allocation, Basis, Share
from ml_connector.domain.measures import WeightUnit, magnitude
from ml_connector.domain.money import Money, from_minor, to_minor
from ml_connector.domain.shipment import ShippedLine

RULE_VERSION = 1
"""Stored with every allocation; raised whenever the same input would be shared differently."""


class AllocationError(RuleError):
    """A total cannot be shared. Never answered by sharing equally instead."""

    code = "allocation_impossible"
    remedy = "Choose another freight.allocate_by in the tenant file, then resume the order."


class NothingToShareOver(AllocationError):
    """There is no line at all."""

    code = "allocation_no_lines"


class DuplicateLine(AllocationError):
    """One line number is given twice, so a share could not be told apart."""

    code = "allocation_duplicate_line"


class NegativeMeasure(AllocationError):
    """A line counts negative on the basis, or not as a number."""

    code = "allocation_negative_measure"


class AllMeasuresZero(AllocationError):
    """No line counts on the basis."""

    code = "allocation_all_zero"


class MeasureMissing(AllocationError):
    """A line has no weight or volume although the basis asks for it."""

    code = "allocation_measure_missing"
    remedy = (
        "Enter the item's weight or volume in Visma before it ships, "
        "or choose another freight.allocate_by in the tenant file."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """One line's exact part, and what its rounding down leaves."""

    line: int
    weight: Decimal
    whole: int
    remainder: Fraction

    def rank(self) -> tuple[Fraction, Decimal, int]:
        """Sorts first who is next in line for a unit left over."""
        return (-self.remainder, -self.weight, self.line)


def allocate(
    total: Decimal, currency: str, basis: Basis, lines: Sequence[tuple[int, Decimal]]
) -> Allocation:
    """Share `total`, in major units of an ISO currency, over (line number, measure) pairs.

    Shares come back in line order, one for every line given, zero measures with zero. Each
    has the total's sign. A unit left over goes to the largest remainder, then to the larger
    share, then to the lower line number.

    Raises `AllocationError` (by its subclasses), `UnknownCurrency`, `NotRepresentable`.
    """
    units = to_minor(Money(total, currency))
    _check(lines)
    sign = -1 if units < 0 else 1
    claims = _claims(abs(units), lines)
    left_over = abs(units) - sum(claim.whole for claim in claims)
    lucky = {claim.line for claim in sorted(claims, key=_Claim.rank)[:left_over]}
    shares = (
        Share(
            line=claim.line,
            weight=claim.weight,
            amount=from_minor(sign * (claim.whole + (claim.line in lucky)), currency).amount,
        )
        for claim in sorted(claims, key=lambda claim: claim.line)
    )
    return Allocation(
        total=total,
        currency=currency,
        basis=basis,
        rule_version=RULE_VERSION,
        shares=tuple(shares),
    )


def basis_weights(basis: Basis, lines: Iterable[ShippedLine]) -> tuple[tuple[int, Decimal], ...]:
    """What each shipped line counts on a basis.

    Amounts in the order's currency, quantities in base units, weights in kilograms, volumes
    in cubic metres. Raises `MeasureMissing`.
    """
    return tuple((line.number, _measure(basis, line)) for line in lines)


def _measure(basis: Basis, line: ShippedLine) -> Decimal:
    match basis:
        case Basis.AMOUNT:
            return line.amount
        case Basis.QUANTITY:
            return line.base_quantity
        case Basis.EQUAL:
            return Decimal(1)
        case Basis.WEIGHT:
            return _weight_in_kilograms(line)
        case Basis.VOLUME:
            if not line.volume:
                raise MeasureMissing(f"Line {line.number} has no volume to share freight by.")
            return line.volume


def _weight_in_kilograms(line: ShippedLine) -> Decimal:
    if not line.weight.value:
        raise MeasureMissing(f"Line {line.number} has no weight to share freight by.")
    if line.weight.unit is WeightUnit.KG:
        return line.weight.value
    exact = magnitude(line.weight, WeightUnit.KG)
    return Decimal(exact.numerator) / Decimal(exact.denominator)


def _check(lines: Sequence[tuple[int, Decimal]]) -> None:
    if not lines:
        raise NothingToShareOver("There is no line to share the freight over.")
    numbers = [number for number, _ in lines]
    if len(set(numbers)) != len(numbers):
        raise DuplicateLine("A line number occurs twice.")
    for number, weight in lines:
        if not weight.is_finite() or weight < 0:
            raise NegativeMeasure(f"Line {number} counts {weight}, which is not zero or more.")
    if not any(weight for _, weight in lines):
        raise AllMeasuresZero("Every line counts zero on the chosen basis.")


def _claims(units: int, lines: Sequence[tuple[int, Decimal]]) -> list[_Claim]:
    whole_measure = sum((Fraction(weight) for _, weight in lines), Fraction())
    claims = []
    for number, weight in lines:
        exact = units * Fraction(weight) / whole_measure
        whole = floor(exact)
        claims.append(_Claim(line=number, weight=weight, whole=whole, remainder=exact - whole))
    return claims
