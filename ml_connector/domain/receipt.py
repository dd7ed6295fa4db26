"""A purchase receipt, as the rest of the domain sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """Goods of one purchase order line that arrived; the order is known only here."""

    po_order: str | None
    po_line: int | None
    quantity: Decimal
    """In base units (`baseReceiptQty`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A purchase receipt as Visma holds it at one version."""

    number: str
    receipt_type: str
    """Visma's own word: PoReceipt, PoReturn or TransferReceipt."""
    status: str
    """Visma's own word: Hold, Balanced, Released or Cancelled."""
    lines: tuple[ReceiptLine, ...]
    custom: Mapping[str, object]
    """The ten custom free fields that are set, by Visma's name (`customStr1`, …)."""
    last_modified: str
    """Visma's own text, without a zone; compare and echo it, never convert it."""
    version: str
    """Row version (`timeStamp`): the value for If-Match, unquoted."""
