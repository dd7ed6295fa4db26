"""The values the FedEx simulator keeps: who may call, what was shipped, where it went."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

Json = dict[str, Any]

CAPABILITIES = frozenset({"ship", "rate", "track", "address", "availability"})
"""What a FedEx project can be enabled for. Track commonly has a project of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An alert or an entry of `errors[]`."""

    code: str
    message: str
    level: str = "WARNING"
    field: str = ""

    def as_error(self) -> Json:
        body: Json = {"code": self.code, "message": self.message}
        if self.field:
            body["parameterList"] = [{"key": self.field, "value": self.message}]
        return body

    def as_alert(self) -> Json:
        return {
            "code": self.code,
            "message": self.message,
            "alertType": self.level,
            "parameterList": [],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A FedEx account. `currency` is FedEx's own code (UKL, not GBP)."""

    number: str
    currency: str = "EUR"
    vat_percent: Decimal = Decimal(25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A child of a credential, for the csp and parent-child grants."""

    key: str
    secret: str
    accounts: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """An API key with its secret, the accounts it may use, and its enabled capabilities."""

    client_id: str
    client_secret: str
    accounts: frozenset[str]
    capabilities: frozenset[str] = CAPABILITIES
    children: tuple[Child, ...] = ()


@dataclass(slots=True, kw_only=True)
class Token:
    """An issued bearer token. Instants are on the gateway's clock."""

    value: str
    client_id: str
    child_key: str
    accounts: frozenset[str]
    capabilities: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """One call of the token endpoint, for the record."""

    at: datetime
    address: str
    client_id: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A rule that a caller broke."""

    at: datetime
    rule: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A validated address."""

    lines: tuple[str, ...] = ()
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    residential: bool = False

    def brief(self) -> Json:
        """As Track shows it to a caller that is not known to own the shipment."""
        body: Json = {
            "city": self.city.upper(),
            "countryCode": self.country,
            "residential": self.residential,
        }
        if self.state:
            body["stateOrProvinceCode"] = self.state
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A customer reference in Ship's vocabulary (`P_O_NUMBER`, `CUSTOMER_REFERENCE`, …)."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One package as requested; weight in kg, dimensions in cm or none."""

    weight: Decimal
    dimensions: tuple[Decimal, Decimal, Decimal] | None = None
    references: tuple[Reference, ...] = ()
    retrievable: bool = True
    """Whether its references can be found again: only with `groupPackageCount`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelWish:
    """How the label is wanted."""

    image: str
    stock: str
    by_url: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipOrder:
    """A Ship request that passed validation."""

    account: str
    shipper: Address
    recipient: Address
    service: str
    packaging: str
    ship_date: date
    wished_date: date
    payer: str
    parcels: tuple[Parcel, ...]
    label: LabelWish
    asynchronous: bool = False
    alerts: tuple[Problem, ...] = ()

    @property
    def weight(self) -> Decimal:
        return sum((parcel.weight for parcel in self.parcels), Decimal(0))

    def reference(self, kind: str) -> str:
        """The first value of a kind over all parcels, or an empty string."""
        found = (r.value for p in self.parcels for r in p.references if r.kind == kind)
        return next(found, "")


@dataclass(slots=True, kw_only=True)
class Piece:
    """One package of a shipment, with the number it travels under."""

    sequence: int
    tracking_number: str
    parcel: Parcel


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One event of a parcel's life. `place` is the address it happened at."""

    at: datetime
    code: str
    place: Address
    exception: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A scan still to come: how long after the label, which code, and where.

    `where` is `origin`, `hub` or `destination`.
    """

    after: timedelta
    code: str
    where: str = "hub"
    exception: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A surcharge or a tax."""

    kind: str
    description: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a shipment costs, in `currency` (FedEx's own code), two decimals throughout."""

    currency: str
    zone: str
    billing_weight: Decimal
    weight_method: str
    base: Decimal
    discount: Decimal
    fuel_percent: Decimal
    surcharges: tuple[Charge, ...]
    taxes: tuple[Charge, ...]

    @property
    def net_freight(self) -> Decimal:
        return self.base - self.discount

    @property
    def total_surcharges(self) -> Decimal:
        return total(self.surcharges)

    @property
    def total_taxes(self) -> Decimal:
        return total(self.taxes)

    @property
    def net_fedex_charge(self) -> Decimal:
        return self.net_freight + self.total_surcharges

    @property
    def net_charge(self) -> Decimal:
        return self.net_fedex_charge + self.total_taxes


def total(charges: Iterable[Charge]) -> Decimal:
    """The sum of some charges."""
    return sum((charge.amount for charge in charges), Decimal("0.00"))


@dataclass(slots=True, kw_only=True)
class Shipment:
    """A label that was made. `created_at` is on the carrier's clock."""

    serial: int
    order: ShipOrder
    client_id: str
    transaction: str
    carrier: str
    pieces: list[Piece]
    created_at: datetime
    known_at: datetime
    """When it was made on the gateway's clock, from which indexing lags are counted."""
    rating: Rating | None
    steps: tuple[Step, ...]
    delays: dict[int, timedelta] = field(default_factory=dict)
    cancelled_at: datetime | None = None
    empty_reply: bool = False

    @property
    def master(self) -> str:
        return self.pieces[0].tracking_number

    @property
    def order_number(self) -> str:
        return self.order.reference("P_O_NUMBER")

    @property
    def customer_reference(self) -> str:
        return self.order.reference("CUSTOMER_REFERENCE")
