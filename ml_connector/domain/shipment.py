"""A shipment: what is bought from FedEx, and what FedEx answered."""

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from ml_connector.domain.findings import Finding
from ml_connector.domain.measures import Size, Weight
from ml_connector.domain.money import Money
from ml_connector.domain.order import Dimensions
from ml_connector.domain.party import Party

REFERENCE_LIMIT = 30
"""CUSTOMER_REFERENCE: 40 characters on Express, 30 on Ground (FedEx Ship API); we keep to both."""


class CostSource(StrEnum):
    """Where a cost was learnt. None of them is an invoice."""

    SHIP_REPLY = "ship_reply"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One piece."""

    sequence: int
    """From 1."""
    weight: Weight
    size: Size | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commodity:
    """A customs line of an international shipment."""

    description: str
    quantity: int
    quantity_unit: str
    weight: Weight
    unit_price: Money
    customs_value: Money
    country_of_manufacture: str
    harmonized_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedLine:
    """What one order line put on the truck: frozen when the shipment is planned.

    Allocation and posting use this snapshot, so a later edit of the order changes no history.
    """

    number: int
    description: str
    amount: Decimal
    """The open share of the line's amount, in the order's currency."""
    base_quantity: Decimal
    """The open share of the line's base quantity."""
    weight: Weight
    volume: Decimal | None
    """Of the open share, in cubic metres; `None` where Visma has none we can read."""
    dimensions: Dimensions


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpec:
    """FedEx label image type and stock."""

    image_type: str
    """PDF, PNG or ZPLII."""
    stock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentPlan:
    """Everything FedEx needs to create the shipment, and what posting needs afterwards."""

    tenant: str
    order: str
    generation: int
    reference: str
    """Our CUSTOMER_REFERENCE; see `shipment_reference`."""
    shipper: Party
    recipient: Party
    service: str
    packaging: str
    pickup: str
    payment: str
    """SENDER, RECIPIENT or THIRD_PARTY; the payer is always the tenant's own account."""
    label: LabelSpec
    ship_date: date
    """In the tenant's time zone."""
    packages: tuple[Package, ...]
    lines: tuple[ShippedLine, ...]
    branch: str | None = None
    """The order's, to which its freight belongs."""
    commodities: tuple[Commodity, ...] = ()
    """Empty for a domestic shipment."""
    findings: tuple[Finding, ...] = ()
    """What was assumed in planning (a default weight, a country of origin)."""

    @property
    def international(self) -> bool:
        return self.shipper.address.country != self.recipient.address.country


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One surcharge or tax, kept beside the total."""

    kind: str
    """`surcharge` or `tax`."""
    code: str
    description: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentCost:
    """What FedEx says the shipment will cost: an estimate until its invoice.

    Source of the rule: FedEx Ship API, `shipmentRating.shipmentRateDetails` whose `rateType`
    equals `actualRateType`. Never the sum of the pieces.
    """

    net_charge: Decimal
    """`totalNetCharge`: with taxes."""
    net_fedex_charge: Decimal
    """`totalNetFedExCharge`: without taxes."""
    currency: str
    """ISO 4217."""
    raw_currency: str
    """As FedEx spelled it."""
    rate_type: str
    source: CostSource
    charges: tuple[Charge, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One package of a created shipment."""

    sequence: int
    tracking_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A label or customs paper as FedEx returned it."""

    kind: str
    """FedEx's content type: LABEL, COMMERCIAL_INVOICE, MERGED_LABEL_DOCUMENTS, …"""
    media: str
    """PDF, PNG or ZPLII."""
    tracking_number: str
    content: bytes
    copies: int = 0
    """How many FedEx wants printed (`copiesToPrint`); 0 where it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedShipment:
    """A shipment that exists at FedEx."""

    master_tracking_number: str
    service: str
    carrier_code: str
    """FDXE, FDXG, …"""
    pieces: tuple[Piece, ...]
    documents: tuple[Document, ...]
    cost: ShipmentCost | None
    """`None` when FedEx rated nothing: a finding, never zero."""
    alerts: tuple[str, ...]
    transaction_id: str
    """FedEx's own id of the reply."""
    ship_date: date | None = None
    """The day FedEx gave it: ours, or its today where ours had passed there; `None` where it does
    not say."""


def shipment_reference(tenant: str, order: str, generation: int) -> str:
    """Our key on the parcel, unique per tenant, order and generation; at most 30 characters.

    Two tenants may share one FedEx account, so the tenant is part of it, as a digest.
    """
    owner = hashlib.sha256(tenant.encode()).hexdigest()[:6]
    tail = f"-{owner}-{generation}"
    room = REFERENCE_LIMIT - len(tail)
    if len(order) > room:
        order = hashlib.sha256(order.encode()).hexdigest()[:room]
    return order + tail
