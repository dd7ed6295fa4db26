"""What crosses a border: the commodities of an international shipment.

Source: FedEx Ship API, `customsClearanceDetail.commodities`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from ml_connector.domain.findings import Finding
from ml_connector.domain.measures import decimal_of, declared
from ml_connector.domain.money import Money, UnknownCurrency, iso_currency, rounded
from ml_connector.domain.order import Item
from ml_connector.domain.shipment import Commodity, ShippedLine

COMMODITY_LIMIT = 999
DESCRIPTION_LIMIT = 450

_PIECES = "PCS"
_UNIT_PRICE_STEP = Decimal("0.000001")
"""Screws cost less than a cent; the customs value beside it is exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Commodities, what was assumed for them, and what they cannot do without."""

    commodities: tuple[Commodity, ...]
    assumed: tuple[Finding, ...]
    missing: tuple[Finding, ...]


NOTHING = Declaration(commodities=(), assumed=(), missing=())
"""Of a shipment that stays in its country."""


def declare(
    lines: Sequence[tuple[ShippedLine, Item]],
    *,
    currency: str,
    origin: str,
    unweighed: Sequence[ShippedLine] = (),
) -> Declaration:
    """One commodity for each shipped line; `unweighed` ones are checked, and not declared.

    `currency` is the order's, as Visma spells it. `origin` is the shipper's country: it is
    declared as the country of manufacture where the item has none, because FedEx requires
    one; the plan says so.
    """
    try:
        iso = iso_currency(currency)
    except UnknownCurrency as error:
        return Declaration(commodities=(), assumed=(), missing=(error.finding(),))
    checked = sorted((*(line for line, _ in lines), *unweighed), key=lambda line: line.number)
    missing = [finding for line in checked for finding in _check(line, iso)]
    if len(lines) > COMMODITY_LIMIT:
        missing.append(_too_many(len(lines)))
    without_origin = (line for line, item in lines if not item.country_of_origin.strip())
    return Declaration(
        commodities=tuple(_commodity(line, item, iso, origin) for line, item in lines),
        assumed=tuple(_assumed_origin(line) for line in without_origin),
        missing=tuple(missing),
    )


def _commodity(line: ShippedLine, item: Item, currency: str, origin: str) -> Commodity:
    value = rounded(Money(line.amount, currency))
    quantity = _pieces(line)
    each = (value.amount / quantity).quantize(_UNIT_PRICE_STEP, ROUND_HALF_UP)
    return Commodity(
        description=line.description,
        quantity=quantity,
        quantity_unit=_PIECES,
        weight=declared(Fraction(line.weight.value), line.weight.unit),
        unit_price=Money(decimal_of(Fraction(each)), currency),
        customs_value=value,
        country_of_manufacture=item.country_of_origin.strip().upper() or origin,
        harmonized_code=item.commodity_code.strip(),
    )


def _pieces(line: ShippedLine) -> int:
    """FedEx counts in whole numbers; goods sold by the metre are declared as one piece."""
    whole = int(line.base_quantity)
    return whole if whole == line.base_quantity else 1


def _check(line: ShippedLine, currency: str) -> Iterator[Finding]:
    if not line.description:
        yield Finding(
            code="commodity_description_missing",
            message=f"Line {line.number} has no description for customs.",
            remedy="Describe the goods on the line or on its item in Visma.",
        )
    if len(line.description) > DESCRIPTION_LIMIT:
        yield Finding(
            code="commodity_description_too_long",
            message=f"Line {line.number} has {len(line.description)} characters of "
            f"description; customs takes {DESCRIPTION_LIMIT}.",
            remedy="Shorten the line's description in Visma.",
        )
    if rounded(Money(line.amount, currency)).amount <= 0:
        yield Finding(
            code="customs_value_missing",
            message=f"Line {line.number} has no value for customs.",
            remedy="Enter the goods' price on the line in Visma; free goods have a value too.",
        )


def _assumed_origin(line: ShippedLine) -> Finding:
    return Finding(
        code="country_of_manufacture_assumed",
        message=f"The item on line {line.number} has no country of origin; "
        "the shipper's country was declared to customs.",
        remedy="Enter the country of origin on the item in Visma.",
    )


def _too_many(count: int) -> Finding:
    return Finding(
        code="too_many_commodities",
        message=f"{count} lines cross the border; FedEx takes {COMMODITY_LIMIT}.",
        remedy="Split the order in Visma.",
    )
