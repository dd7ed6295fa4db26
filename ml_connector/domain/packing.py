"""Cartonization: which packages an order's goods travel in.

First fit, heaviest goods first, in whole units: a unit is never split over two packages.
Weight is bounded by the tenant's maximum and by the box; volume by the box, where both the
item and the box tell theirs. The same goods always give the same packages.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Self

from ml_connector.domain.findings import Finding
from ml_connector.domain.loads import Load, shipment_unit
from ml_connector.domain.measures import (
    Size,
    Weight,
    WeightUnit,
    declared,
    magnitude,
    sized_for,
)
from ml_connector.domain.order import PackagingType
from ml_connector.domain.shipment import Package

PACKAGE_LIMIT = 200
"""The most pieces of one FedEx shipment (Ship API, one label at a time; the widest limit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """The packages, or why there are none."""

    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]


def pack(
    loads: Sequence[Load], *, max_weight: Weight, boxes: Sequence[PackagingType] = ()
) -> Packing:
    """Packages for the loads, in the shipment's unit, each with its weight as declared.

    A declared weight is contents and box, rounded up to two decimals; none is above
    `max_weight`. Goods that fit in no box travel without one.
    """
    unit = shipment_unit(loads)
    bare = _Container(weight=_usable(magnitude(max_weight, unit)), volume=None, own=Fraction())
    containers = _containers(boxes, bare.weight, unit)
    units = [_Units.of(load, unit) for load in loads]
    too_heavy = tuple(_too_heavy(each.line) for each in units if each.weight > bare.weight)
    if too_heavy:
        return Packing(packages=(), findings=too_heavy)
    packages = _Packages(containers, bare)
    for each in sorted(units, key=lambda each: (-each.weight, each.line)):
        for count, piece in each.pieces():
            if not packages.put(piece, count):
                return Packing(packages=(), findings=(_too_many(),))
    return Packing(packages=packages.declared(unit), findings=())


@dataclass(frozen=True, slots=True)
class _Container:
    """A kind of package: what may go into it, in the shipment's unit and cubic metres."""

    weight: Fraction
    volume: Fraction | None
    own: Fraction
    size: Size | None = None
    code: str = ""

    def holds(self, weight: Fraction, volume: Fraction) -> bool:
        return weight <= self.weight and (self.volume is None or volume <= self.volume)

    def bulk(self) -> tuple[bool, Fraction, Fraction, str]:
        """Sorts by the room it takes; boxes of unknown size come last."""
        return (self.volume is None, self.volume or Fraction(), self.weight, self.code)

    def rank(self) -> tuple[Fraction, bool, Fraction, str]:
        """Sorts by how much goes in; equal ones by code."""
        return (self.weight, self.volume is None, self.volume or Fraction(), self.code)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One indivisible unit."""

    weight: Fraction
    volume: Fraction


@dataclass(frozen=True, slots=True)
class _Units:
    """A load in the shipment's unit."""

    line: int
    quantity: Fraction
    unit: _Piece

    @classmethod
    def of(cls, load: Load, unit: WeightUnit) -> Self:
        piece = _Piece(magnitude(load.unit_weight, unit), Fraction(load.unit_volume or 0))
        return cls(load.line, Fraction(load.quantity), piece)

    @property
    def weight(self) -> Fraction:
        """Of the heaviest unit that has to stay whole."""
        return self.unit.weight * min(self.quantity, Fraction(1))

    def pieces(self) -> list[tuple[int, _Piece]]:
        """(count, piece): the whole units, and the broken one if there is any."""
        whole = floor(self.quantity)
        rest = self.quantity - whole
        broken = _Piece(self.unit.weight * rest, self.unit.volume * rest)
        return [each for each in ((whole, self.unit), (int(rest > 0), broken)) if each[0]]


class _Packages:
    """The packages filled so far."""

    def __init__(self, containers: Sequence[_Container], bare: _Container) -> None:
        self._containers = containers
        self._bare = bare
        self._filled: list[_Filled] = []

    def put(self, piece: _Piece, count: int) -> bool:
        """Place all the pieces; false when the shipment would have too many packages."""
        container = self._container_for(piece)
        for package in self._filled:
            if package.container == container:
                count -= package.take(piece, count)
        while count:
            if len(self._filled) == PACKAGE_LIMIT:
                return False
            package = _Filled(container)
            count -= package.take(piece, count)
            self._filled.append(package)
        return True

    def declared(self, unit: WeightUnit) -> tuple[Package, ...]:
        """The packages as FedEx is told, each in the smallest box that holds its contents."""
        return tuple(
            package.declared(sequence, self._smallest_for(package), unit)
            for sequence, package in enumerate(self._filled, start=1)
        )

    def _container_for(self, piece: _Piece) -> _Container:
        """The largest box, so that there are few packages; none where the piece fits in none."""
        fitting = [each for each in self._containers if each.holds(piece.weight, piece.volume)]
        return max(fitting, key=_Container.rank, default=self._bare)

    def _smallest_for(self, package: "_Filled") -> _Container:
        if package.container == self._bare:
            return self._bare
        fitting = [each for each in self._containers if each.holds(package.weight, package.volume)]
        return min(fitting, key=_Container.bulk)


class _Filled:
    """A package and what is in it."""

    def __init__(self, container: _Container) -> None:
        self.container = container
        self.weight = Fraction()
        self.volume = Fraction()

    def take(self, piece: _Piece, count: int) -> int:
        """Take as many of the pieces as fit; says how many."""
        taken = min(count, floor((self.container.weight - self.weight) / piece.weight))
        if self.container.volume is not None and piece.volume:
            taken = min(taken, floor((self.container.volume - self.volume) / piece.volume))
        self.weight += taken * piece.weight
        self.volume += taken * piece.volume
        return taken

    def declared(self, sequence: int, container: _Container, unit: WeightUnit) -> Package:
        return Package(
            sequence=sequence,
            weight=declared(self.weight + container.own, unit),
            size=sized_for(container.size, unit) if container.size else None,
        )


def is_parcel(size: Size) -> bool:
    """Whether FedEx takes a package of this size as a parcel, not as freight.

    At most 274 cm (108 in) long, and 330 cm (130 in) in length and girth together (FedEx
    service guide, package dimension limits).
    """
    longest, *others = sorted((size.length, size.width, size.height), reverse=True)
    most_length, most_girth = (274, 330) if size.unit == "CM" else (108, 130)
    return longest <= most_length and longest + 2 * sum(others) <= most_girth


def _usable(limit: Fraction) -> Fraction:
    """The limit in whole hundredths, so that rounding a weight up never exceeds it."""
    return Fraction(floor(limit * 100), 100)


def _containers(
    boxes: Iterable[PackagingType], max_weight: Fraction, unit: WeightUnit
) -> tuple[_Container, ...]:
    """Visma's boxes in the shipment's unit; a box's `maxWeight` is gross, as ours is."""
    found = []
    for box in boxes:
        if box.size is not None and not is_parcel(box.size):
            continue
        own = magnitude(box.own_weight, unit) if box.own_weight else Fraction()
        gross = max_weight
        if box.max_weight is not None and box.max_weight.value > 0:
            gross = min(gross, _usable(magnitude(box.max_weight, unit)))
        if gross > own:
            volume = box.size.cubic_metres if box.size else None
            found.append(_Container(gross - own, volume or None, own, box.size, box.code))
    return tuple(found)


def _too_heavy(line: int) -> Finding:
    return Finding(
        code="item_too_heavy",
        message=f"One unit on line {line} weighs more than shipping.max_package_weight.",
        remedy="Correct the item's weight or its base unit in Visma, or raise the maximum.",
    )


def _too_many() -> Finding:
    return Finding(
        code="too_many_packages",
        message=f"The order fills more than {PACKAGE_LIMIT} packages, the limit of one shipment.",
        remedy="Split the order in Visma, or raise shipping.max_package_weight.",
    )
