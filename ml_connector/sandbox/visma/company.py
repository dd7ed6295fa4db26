"""One company's master data, and the documents it holds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ml_connector.sandbox.visma.documents import (
    Address,
    Contact,
    Journal,
    Order,
    Receipt,
    Versioned,
)

NON_PROJECT = "X"
"""The project code of everything that belongs to no project."""
SUBACCOUNT = "SUBACCOUNT"


@dataclass(kw_only=True)
class Record(Versioned):
    """A row of master data under its own key."""

    id: str
    internal_id: int = 0
    description: str = ""
    active: bool = True


@dataclass(kw_only=True)
class Account(Record):
    """An account of the general ledger. `type`: Asset, Liability, Income or Expense."""

    type: str = "Expense"
    allow_manual_entry: bool = True
    cash: bool = False
    account_group: str | None = None
    """Without one, the account takes no project but the non-project code."""
    currency: str | None = None


@dataclass(kw_only=True)
class SegmentValue:
    """A value of one segment of the subaccount."""

    id: str
    description: str = ""
    active: bool = True


@dataclass(kw_only=True)
class Segment(Versioned):
    """One segment of the subaccount: values of a fixed length."""

    id: int
    description: str
    length: int
    values: dict[str, SegmentValue] = field(default_factory=dict)


@dataclass(kw_only=True)
class Task(Record):
    """A project's task. `status`: Planned, Active, Completed or Cancelled."""

    project: str
    status: str = "Active"
    visible_in_gl: bool = True
    visible_in_po: bool = True


@dataclass(kw_only=True)
class Project(Record):
    """A project. `status`: Planned, Active, Completed, Cancelled, OnHold or PendingApproval."""

    status: str = "Active"
    visible_in_gl: bool = True
    visible_in_po: bool = True
    tasks: dict[str, Task] = field(default_factory=dict)


@dataclass(kw_only=True)
class Period:
    """A financial period; `id` is YYYYMM, the last day included."""

    id: str
    start: date
    end: date
    active: bool = True
    closed: bool = False
    """In the general ledger."""


@dataclass(kw_only=True)
class Currency:
    """A currency and how many decimals it is kept with."""

    id: str
    description: str = ""
    symbol: str = ""
    precision: int = 2


@dataclass(kw_only=True)
class Rate(Versioned):
    """What one unit of a currency costs in another, from a day on.

    `multiply` False means that `rate` is the reciprocal: divide by it.
    """

    internal_id: int
    from_currency: str
    to_currency: str
    rate: Decimal
    effective: date
    multiply: bool = True
    rate_type: str = "SPOT"

    @property
    def factor(self) -> Decimal:
        """Units of `to_currency` for one of `from_currency`."""
        return self.rate if self.multiply else 1 / self.rate


@dataclass(kw_only=True)
class SupplierLocation(Record):
    """A place a supplier ships from."""

    supplier: str
    address: Address = field(default_factory=Address)
    contact: Contact = field(default_factory=Contact)


@dataclass(kw_only=True)
class Supplier(Record):
    """Who sells to the company. `status`: Active, OnHold, Inactive, …"""

    name: str
    status: str = "Active"
    currency: str = "NOK"
    address: Address = field(default_factory=Address)
    contact: Contact = field(default_factory=Contact)
    people: list[Contact] = field(default_factory=list)
    """The contact persons, beside the main contact."""
    default_location: str = "MAIN"
    locations: dict[str, SupplierLocation] = field(default_factory=dict)
    landed_cost: bool = False


@dataclass(kw_only=True)
class Item(Record):
    """An inventory item. Weight and volume are of one base unit."""

    stock: bool = True
    type: str = "FinishedGoodItem"
    base_unit: str = "EA"
    purchase_unit: str | None = None
    weight: Decimal | None = None
    weight_unit: str = "KG"
    volume: Decimal | None = None
    volume_unit: str = "M3"
    conversions: dict[str, Decimal] = field(default_factory=dict)
    """Base units in one of a larger unit."""
    country_of_origin: str | None = None
    commodity_code: str | None = None
    cost: Decimal = Decimal(0)


@dataclass(kw_only=True)
class PackagingType(Record):
    """A box: whole centimetres or inches, weights in `weight_unit`."""

    box_weight: Decimal = Decimal(0)
    max_weight: Decimal = Decimal(0)
    weight_unit: str = "KG"
    length: int = 0
    width: int = 0
    height: int = 0


@dataclass(kw_only=True)
class Warehouse(Record):
    """Where goods are received."""

    branch: str
    address: Address = field(default_factory=Address)
    contact: Contact = field(default_factory=Contact)


@dataclass(kw_only=True)
class Branch(Record):
    """A legal unit of the company."""

    name: str
    address: Address = field(default_factory=Address)
    contact: Contact = field(default_factory=Contact)
    delivery_address: Address = field(default_factory=Address)
    delivery_contact: Contact = field(default_factory=Contact)


@dataclass(kw_only=True)
class Carrier(Record):
    """A ship-via code."""


@dataclass(kw_only=True)
class Ledger(Record):
    """`balance_type`: Actual, Report, Statistical or Budget."""

    balance_type: str = "Actual"


@dataclass(kw_only=True)
class Company:
    """A Visma company: what one Company tenant id opens."""

    tenant_id: str
    name: str
    base_currency: str
    customer_tenant_id: str = ""
    """The tenant id of the customer that owns the company; it opens nothing."""
    timezone: str = "Europe/Oslo"
    """In which timestamps without a zone are written."""
    licensed: bool = True
    manual_batch_numbers: bool = False
    """"Allow manual numbering on imports" for the journals' number series."""
    manual_order_numbers: bool = True
    hold_new_journals: bool = True
    auto_post: bool = True
    """A released journal is Posted at once; otherwise it stays Unposted until it is posted."""
    rate_limit: int | None = None
    next_order: int = 500_000
    next_receipt: int = 300_000
    next_journal: int = 1

    branches: dict[str, Branch] = field(default_factory=dict)
    warehouses: dict[str, Warehouse] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    periods: dict[str, Period] = field(default_factory=dict)
    currencies: dict[str, Currency] = field(default_factory=dict)
    rates: list[Rate] = field(default_factory=list)
    suppliers: dict[str, Supplier] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    packaging_types: dict[str, PackagingType] = field(default_factory=dict)
    carriers: dict[str, Carrier] = field(default_factory=dict)

    orders: dict[str, Order] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    journals: dict[str, Journal] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def local(self, instant: datetime) -> datetime:
        """An instant as the company's wall clock shows it, without a zone."""
        return instant.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def today(self, now: datetime) -> date:
        return self.local(now).date()

    def order_number(self) -> str:
        """The next number of the order series that is not taken."""
        self.next_order, number = _next_free(self.next_order, self.orders)
        return number

    def receipt_number(self) -> str:
        self.next_receipt, number = _next_free(self.next_receipt, self.receipts)
        return number

    def journal_number(self) -> str:
        self.next_journal, number = _next_free(self.next_journal, self.journals)
        return number

    def period_of(self, day: date) -> Period | None:
        """The financial period that holds a day."""
        return next((p for p in self.periods.values() if p.start <= day <= p.end), None)

    def rate_on(self, currency: str, day: date) -> Decimal | None:
        """Base currency for one unit of `currency` on a day; None where no rate is known."""
        if currency == self.base_currency:
            return Decimal(1)
        known = [
            rate
            for rate in self.rates
            if (rate.from_currency, rate.to_currency) == (currency, self.base_currency)
            and rate.effective <= day
        ]
        return max(known, key=lambda rate: rate.effective).factor if known else None

    def tasks(self) -> Iterable[Task]:
        for project in self.projects.values():
            yield from project.tasks.values()

    def supplier_locations(self) -> Iterable[SupplierLocation]:
        for supplier in self.suppliers.values():
            yield from supplier.locations.values()

    def records(self) -> Iterable[Versioned]:
        """Every versioned row of master data."""
        yield from self.branches.values()
        yield from self.warehouses.values()
        yield from self.accounts.values()
        yield from self.segments.values()
        yield from self.projects.values()
        yield from self.tasks()
        yield from self.ledgers.values()
        yield from self.rates
        yield from self.suppliers.values()
        yield from self.supplier_locations()
        yield from self.items.values()
        yield from self.packaging_types.values()
        yield from self.carriers.values()


def _next_free(start: int, taken: Collection[str]) -> tuple[int, str]:
    """The series' next place and the number that was drawn: six digits, never one in use."""
    while f"{start:06d}" in taken:
        start += 1
    return start + 1, f"{start:06d}"


def month_end(year: int, month: int) -> date:
    """The last day of a month."""
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return first_of_next - timedelta(days=1)
