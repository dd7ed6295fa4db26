"""A purchase order and its master data, as the rest of the domain sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ml_connector.domain.measures import Size, Weight
from ml_connector.domain.party import Address, Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    """Where a cost belongs in the ledger. `None` means that the order line says nothing."""

    account: str | None = None
    subaccount: tuple[tuple[int, str], ...] = ()
    """(segment id, segment value), in segment order."""
    project: str | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One line of a purchase order."""

    number: int
    line_type: str
    """Visma's own word: GoodsForInventory, NonStock, Service, Freight, Description, …"""
    item: str | None
    description: str
    uom: str
    quantity: Decimal
    base_quantity: Decimal
    quantity_on_receipts: Decimal
    amount: Decimal
    """In the order's currency, without tax."""
    canceled: bool
    completed: bool
    dimensions: Dimensions = field(default_factory=Dimensions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLink:
    """A purchase receipt that the order itself names."""

    number: str
    receipt_type: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOrder:
    """A purchase order as Visma holds it at one version."""

    number: str
    order_type: str
    status: str
    on_hold: bool
    ship_via: str | None
    currency: str
    supplier: str
    supplier_location: str | None
    warehouse: str | None
    branch: str | None
    ship_to: Party | None
    """The order's own shipping address, when it has one."""
    supplier_email: str
    lines: tuple[OrderLine, ...]
    receipts: tuple[ReceiptLink, ...]
    custom: Mapping[str, object]
    """The ten custom free fields that are set, by Visma's name (`customStr1`, …)."""
    last_modified: str
    """Visma's own text, without a zone; compare and echo it, never convert it."""
    version: str
    """Row version (`timeStamp`): the value for If-Match, unquoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An inventory item: what one base unit weighs and fills."""

    number: str
    description: str
    base_unit: str
    weight: Weight | None
    """Of one base unit; `None` when Visma has none or zero."""
    volume: Decimal | None
    """Of one base unit, in `volume_unit`."""
    volume_unit: str
    country_of_origin: str = ""
    commodity_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagingType:
    """A box of Visma's packaging types."""

    code: str
    own_weight: Weight | None
    max_weight: Weight | None
    size: Size | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterData:
    """Everything beside the order that a shipment of it needs."""

    supplier_party: Party | None
    """Supplier location's address and contact, else the supplier's main address."""
    warehouse_party: Party | None
    branch_party: Party | None
    items: Mapping[str, Item]
    packaging_types: tuple[PackagingType, ...] = ()


__all__ = [
    "Address",
    "Dimensions",
    "Item",
    "MasterData",
    "OrderLine",
    "PackagingType",
    "PurchaseOrder",
    "ReceiptLink",
]
