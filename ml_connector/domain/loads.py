"""What an order's lines weigh: from items in Visma to loads that can be packed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ml_connector.domain.findings import Finding
from ml_connector.domain.measures import UnknownVolumeUnit, Weight, WeightUnit, cubic_metres
from ml_connector.domain.order import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one order line puts into packages."""

    line: int
    quantity: Decimal
    """In base units; the part after the point travels as one smaller unit."""
    unit_weight: Weight
    """Of one base unit; above zero."""
    unit_volume: Decimal | None = None
    """Of one base unit in cubic metres, where known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """The loads of an order's lines, with what was assumed and what stands in the way."""

    loads: tuple[Load, ...]
    assumed: tuple[Finding, ...]
    """A default was used; the order still ships."""
    missing: tuple[Finding, ...]
    """The order cannot ship."""


def weigh(
    lines: Iterable[tuple[int, str | None, Decimal]],
    items: Mapping[str, Item],
    default_weight: Weight,
) -> Goods:
    """Loads from (line number, item number, open base quantity).

    An item without weight takes `default_weight`; where that is zero it is a finding.
    """
    loads: list[Load] = []
    assumed: list[Finding] = []
    missing: list[Finding] = []
    for number, item_number, quantity in lines:
        item = items.get(item_number or "")
        if item is None:
            missing.append(_unknown_item(number, item_number))
        elif quantity <= 0:
            missing.append(_no_quantity(number))
        elif not _has_weight(item) and default_weight.value == 0:
            missing.append(_no_weight(number, item.number))
        else:
            if not _has_weight(item):
                assumed.append(_default_weight(number, item.number, default_weight))
            loads.append(_load(number, quantity, item, default_weight))
    return Goods(loads=tuple(loads), assumed=tuple(assumed), missing=tuple(missing))


def _has_weight(item: Item) -> bool:
    return item.weight is not None and item.weight.value > 0


def _load(line: int, quantity: Decimal, item: Item, default_weight: Weight) -> Load:
    known = item.weight if _has_weight(item) else None
    return Load(
        line=line,
        quantity=quantity,
        unit_weight=known or default_weight,
        unit_volume=item_volume(item),
    )


def item_volume(item: Item) -> Decimal | None:
    """One base unit's volume in cubic metres; `None` where Visma has none we can read."""
    if not item.volume or item.volume < 0:
        return None
    try:
        return cubic_metres(item.volume, item.volume_unit)
    except UnknownVolumeUnit:
        return None


def shipment_unit(loads: Iterable[Load]) -> WeightUnit:
    """Kilograms, unless everything is weighed in pounds: FedEx takes one unit a shipment."""
    units = {load.unit_weight.unit for load in loads}
    return WeightUnit.LB if units == {WeightUnit.LB} else WeightUnit.KG


def _unknown_item(line: int, item: str | None) -> Finding:
    named = f"item {item}" if item else "no item"
    return Finding(
        code="item_unknown",
        message=f"Line {line} names {named} that Visma's inventory could tell the weight of.",
        remedy="Choose an inventory item on the line in Visma.",
    )


def _no_quantity(line: int) -> Finding:
    return Finding(
        code="base_quantity_missing",
        message=f"Line {line} is open but has no quantity in the item's base unit.",
        remedy="Check the item's unit conversions in Visma, then save the order again.",
    )


def _no_weight(line: int, item: str) -> Finding:
    return Finding(
        code="item_weight_missing",
        message=f"Item {item} on line {line} has no weight in a known unit.",
        remedy="Enter weight and unit under the item's packaging in Visma, "
        "or set shipping.default_item_weight in the tenant file.",
    )


def _default_weight(line: int, item: str, weight: Weight) -> Finding:
    return Finding(
        code="item_weight_assumed",
        message=f"Item {item} on line {line} has no weight; {weight} a unit was used.",
        remedy="Enter weight and unit under the item's packaging in Visma.",
    )
