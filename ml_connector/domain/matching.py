"""Which shipments a purchase receipt received.

Receipts name purchase order lines, never shipments. So the goods are told by counting: what
arrives of a line is taken to be what was shipped of it first. One receipt may hold goods of
several orders and shipments, and one shipment may be received in parts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ml_connector.domain.receipt import Receipt, ReceiptLine

_RECEIPT = "PoReceipt"
_CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A live shipment as far as receipts are concerned."""

    shipment: str
    """The caller's own key."""
    order: str
    generation: int
    lines: Mapping[int, Decimal]
    """Order line → base quantity that travelled."""
    earlier_receipts: frozenset[str] = frozenset()
    """Receipts that the order had when this was planned; they hold other goods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A receipt and the shipments its goods came with."""

    receipt: str
    shipments: tuple[str, ...]
    """In the order of purchase order and generation; at least one."""


@dataclass(slots=True)
class _Parcel:
    """One shipment's part of one order line, and how much of it no receipt has claimed."""

    carried: Carried
    left: Decimal


@dataclass(slots=True)
class _Ledger:
    """The parts still open, by (order, line), oldest shipment first."""

    parcels: dict[tuple[str, int], list[_Parcel]] = field(default_factory=dict)

    def add(self, carried: Carried) -> None:
        for line, quantity in carried.lines.items():
            parcels = self.parcels.setdefault((carried.order, line), [])
            parcels.append(_Parcel(carried, quantity))

    def claim(self, receipt: str, line: ReceiptLine) -> list[Carried]:
        """The shipments that a receipt line's quantity came with."""
        if line.po_order is None or line.po_line is None:
            return []
        candidates = [
            parcel
            for parcel in self.parcels.get((line.po_order, line.po_line), [])
            if receipt not in parcel.carried.earlier_receipts
        ]
        claimed, open_quantity = [], line.quantity
        for parcel in candidates:
            taken = min(parcel.left, open_quantity)
            if taken > 0:
                parcel.left -= taken
                open_quantity -= taken
                claimed.append(parcel.carried)
        # More arrived than was ordered: it came with the last shipment of the line.
        if open_quantity > 0 and candidates and not claimed:
            claimed.append(candidates[-1].carried)
        return claimed


def match(receipts: Iterable[Receipt], shipments: Sequence[Carried]) -> tuple[Match, ...]:
    """The receipts that received something of the shipments, in receipt order.

    Give all receipts of the orders concerned and their live shipments, whichever of them
    changed: counting starts at the first. Returns and transfers move other goods, and
    cancelled receipts none; they match nothing and use nothing up.
    """
    ledger = _Ledger()
    for carried in sorted(shipments, key=_age):
        ledger.add(carried)
    matches = []
    for receipt in sorted(receipts, key=_number):
        if receipt.receipt_type != _RECEIPT or receipt.status == _CANCELLED:
            continue
        claimed = [each for line in receipt.lines for each in ledger.claim(receipt.number, line)]
        if claimed:
            keys = dict.fromkeys(each.shipment for each in sorted(claimed, key=_age))
            matches.append(Match(receipt=receipt.number, shipments=tuple(keys)))
    return tuple(matches)


def _age(carried: Carried) -> tuple[str, int]:
    return (carried.order, carried.generation)


def _number(receipt: Receipt) -> tuple[int, str]:
    """Visma numbers receipts in sequence; a longer number is a later one."""
    return (len(receipt.number), receipt.number)
