"""Purchase orders, purchase receipts and journals as Visma's database holds them.

Instants are aware UTC; dates are the company's own; money is in the document's currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

ZERO = Decimal(0)
CUSTOM_TEXTS = tuple(f"customStr{n}" for n in range(1, 6))
CUSTOM_DECIMALS = ("customDec1", "customDec2")
CUSTOM_INTEGERS = ("customInt1", "customInt2")
CUSTOM_MOMENT = "customDateTimeUTC1"
CUSTOM_FIELDS = (*CUSTOM_TEXTS, *CUSTOM_DECIMALS, *CUSTOM_INTEGERS, CUSTOM_MOMENT)
"""The ten custom free fields of a header and of a line."""


@dataclass(kw_only=True)
class Address:
    """A postal address; `country` should be ISO 3166 alpha-2, but nobody checks."""

    line1: str = ""
    line2: str = ""
    line3: str = ""
    postal_code: str = ""
    city: str = ""
    country: str = ""
    county: str = ""


@dataclass(kw_only=True)
class Contact:
    """Whom to call."""

    name: str = ""
    attention: str = ""
    email: str = ""
    phone1: str = ""
    phone2: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of a document: who, when, and each field's old and new value."""

    at: datetime
    by: str
    """`api:<client id>` or the name of a person."""
    action: str
    changes: Mapping[str, tuple[object, object]]
    version: int


@dataclass(kw_only=True)
class Versioned:
    """A row with a version and a time of last change."""

    version: int = 0
    modified_at: datetime = datetime.min


@dataclass(kw_only=True)
class Document(Versioned):
    """What orders, receipts and journals share."""

    number: str
    edits: list[Edit] = field(default_factory=list)
    pending_edits: list[dict[str, object]] = field(default_factory=list)
    """What people will change just before the next PUT arrives, one each."""


@dataclass(kw_only=True)
class OrderLine:
    """A line of a purchase order."""

    number: int
    line_type: str = "GoodsForInventory"
    item: str | None = None
    description: str = ""
    warehouse: str | None = None
    uom: str = "EA"
    quantity: Decimal = ZERO
    base_quantity: Decimal = ZERO
    quantity_on_receipts: Decimal = ZERO
    unit_cost: Decimal = ZERO
    discount: Decimal = ZERO
    amount: Decimal = ZERO
    account: str | None = None
    sub: dict[int, str] = field(default_factory=dict)
    """Segment values by segment id; empty where the line has no subaccount."""
    project: str | None = None
    task: str | None = None
    promised: date | None = None
    completed: bool = False
    canceled: bool = False
    note: str = ""
    custom: dict[str, object] = field(default_factory=dict)

    @property
    def is_goods(self) -> bool:
        return self.line_type.startswith("Goods")

    @property
    def open_quantity(self) -> Decimal:
        if self.completed or self.canceled:
            return ZERO
        return max(self.quantity - self.quantity_on_receipts, ZERO)


@dataclass(kw_only=True)
class Order(Document):
    """A purchase order."""

    order_type: str = "RegularOrder"
    status: str = "Open"
    hold: bool = False
    ordered_on: date
    promised_on: date | None = None
    description: str = ""
    supplier: str
    location: str | None = None
    """The supplier location's id, such as MAIN."""
    branch: str = ""
    warehouse: str | None = None
    destination_type: str = "Site"
    shipping_address: Address | None = None
    shipping_contact: Contact | None = None
    override_address: bool = False
    override_contact: bool = False
    remit_address: Address | None = None
    remit_contact: Contact | None = None
    """The supplier's, unless somebody wrote another one onto the order."""
    override_remit_address: bool = False
    override_remit_contact: bool = False
    ship_via: str | None = None
    fob_point: str | None = None
    ship_terms: str | None = None
    terms: str | None = None
    owner: str | None = None
    currency: str = "NOK"
    exchange_rate: Decimal = Decimal(1)
    supplier_ref: str = ""
    note: str = ""
    lines: list[OrderLine] = field(default_factory=list)
    custom: dict[str, object] = field(default_factory=dict)
    receipts: list[str] = field(default_factory=list)
    """The numbers of the receipts that cover it."""

    def line(self, number: int) -> OrderLine | None:
        """A line by its number."""
        return next((line for line in self.lines if line.number == number), None)


@dataclass(kw_only=True)
class ReceiptLine:
    """A line of a purchase receipt: so much of that order's line."""

    number: int
    order: str | None = None
    order_line: int | None = None
    line_type: str = "GoodsForInventory"
    item: str | None = None
    description: str = ""
    warehouse: str | None = None
    uom: str = "EA"
    quantity: Decimal = ZERO
    base_quantity: Decimal = ZERO
    unit_cost: Decimal = ZERO
    account: str | None = None
    sub: dict[int, str] = field(default_factory=dict)
    project: str | None = None
    task: str | None = None
    complete_order_line: bool = False
    note: str = ""
    custom: dict[str, object] = field(default_factory=dict)

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.unit_cost


@dataclass(kw_only=True)
class Receipt(Document):
    """A purchase receipt, or with type PoReturn goods that went back."""

    receipt_type: str = "PoReceipt"
    status: str = "Balanced"
    hold: bool = False
    received_on: date
    period: str
    """YYYYMM."""
    supplier: str
    location: str | None = None
    branch: str = ""
    warehouse: str | None = None
    currency: str = "NOK"
    exchange_rate: Decimal = Decimal(1)
    create_bill: bool = False
    supplier_ref: str = ""
    note: str = ""
    control_quantity: Decimal = ZERO
    lines: list[ReceiptLine] = field(default_factory=list)
    custom: dict[str, object] = field(default_factory=dict)

    @property
    def orders(self) -> list[str]:
        """The numbers of the orders it covers, each once."""
        return list(dict.fromkeys(line.order for line in self.lines if line.order))


@dataclass(kw_only=True)
class JournalLine:
    """One debit or credit, in the journal's currency."""

    number: int
    account: str
    sub: dict[int, str] = field(default_factory=dict)
    project: str = ""
    task: str | None = None
    reference: str = ""
    description: str = ""
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    branch: str = ""
    uom: str = ""
    quantity: Decimal = ZERO
    note: str = ""


@dataclass(kw_only=True)
class Journal(Document):
    """A batch of the general ledger."""

    module: str = "GL"
    status: str = "Hold"
    hold: bool = True
    transaction_date: date
    period: str
    """YYYYMM."""
    ledger: str
    branch: str = ""
    currency: str
    exchange_rate: Decimal = Decimal(1)
    """Base currency per unit of `currency`."""
    description: str = ""
    control_total: Decimal = ZERO
    auto_reversing: bool = False
    lines: list[JournalLine] = field(default_factory=list)
    release_due: datetime | None = None
    """When a queued release will be executed."""
    error: str = ""
    """Why the last queued release failed."""

    @property
    def debit_total(self) -> Decimal:
        return sum((line.debit for line in self.lines), ZERO)

    @property
    def credit_total(self) -> Decimal:
        return sum((line.credit for line in self.lines), ZERO)

    @property
    def released(self) -> bool:
        return self.status in ("Unposted", "Posted")
