"""What the client hands out beside the domain's own values. Frozen; times are Visma's own text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar

from ml_connector.domain.order import Dimensions
from ml_connector.domain.party import Party

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRow:
    """A row of a list that cannot be understood, so that one dirty record stops no other."""

    number: str
    version: str
    last_modified: str
    why: str
    """Names fields, never their content."""


class Page(list[T], Generic[T]):
    """One page of a list; rows that could not be read stand beside it, never lost."""

    def __init__(self, rows: list[T], unreadable: tuple[UnreadableRow, ...] = ()) -> None:
        super().__init__(rows)
        self.unreadable = unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """One line of a purchase receipt; the link to an order exists only here."""

    number: int
    order_type: str
    order: str
    """Empty when the line stems from no order."""
    order_line: int | None
    item: str
    quantity: Decimal | None
    base_quantity: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseReceipt:
    """A purchase receipt at one version."""

    number: str
    receipt_type: str
    """PoReceipt, PoReturn or TransferReceipt."""
    status: str
    """Hold, Balanced, Released or Cancelled; another word is kept as it came."""
    on_hold: bool
    date: date | None
    supplier: str
    lines: tuple[ReceiptLine, ...]
    custom: Mapping[str, object]
    last_modified: str
    version: str

    @property
    def orders(self) -> tuple[str, ...]:
        """The orders it receives goods of, each once."""
        return tuple(dict.fromkeys(line.order for line in self.lines if line.order))


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedLine:
    """One line of a batch that Visma holds; amounts in the batch's currency."""

    number: int
    account: str
    dimensions: Dimensions
    debit: Decimal
    credit: Decimal
    reference: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedJournal:
    """A batch as Visma holds it."""

    batch: str
    module: str
    """`ModuleGL` for ours."""
    status: str
    """Hold, Balanced, Unposted, Posted, Released, …"""
    on_hold: bool
    period: str
    """YYYYMM"""
    posting_date: date | None
    currency: str
    exchange_rate: Decimal | None
    description: str
    debit_total: Decimal | None
    """In the batch's currency, as Visma computed it."""
    credit_total: Decimal | None
    lines: tuple[PostedLine, ...]
    last_modified: str
    version: str

    @property
    def references(self) -> tuple[str, ...]:
        """The references on its lines, each once."""
        return tuple(dict.fromkeys(line.reference for line in self.lines if line.reference))

    @property
    def released(self) -> bool:
        """Whether it left the hands of the person or program that entered it."""
        return self.status in ("Unposted", "Posted", "Released", "Completed")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedJournal:
    """A batch that Visma has just made."""

    batch: str
    version: str
    """Empty where the reply names none; the batch itself then tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOutcome:
    """What Visma answered to a release; unless `done`, reading the batch again tells."""

    done: bool
    version: str = ""
    background_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundJob:
    """A background call that runs or ended well; one that failed is raised as its error."""

    id: str
    done: bool
    status: int
    """HTTP status of the executed call; 0 while it runs."""
    content: object
    """Its response body, unwrapped; `None` without one."""
    created_id: str = ""
    """The new document's id, when the call created one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """A supplier. `party` is its main address and contact."""

    number: str
    name: str
    status: str
    party: Party | None
    default_location: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierLocation:
    """One of a supplier's locations."""

    id: str
    name: str
    active: bool
    party: Party | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """One of the company's warehouses."""

    id: str
    description: str
    active: bool
    branch: str
    party: Party | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One of the company's branches."""

    number: str
    name: str
    active: bool
    main: Party | None
    delivery: Party | None
    currency: str
    ledger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The company that the token opens."""

    code: str
    name: str
    base_currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A carrier: its id is an order's `ship_via`."""

    id: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A general-ledger account."""

    number: str
    description: str
    type: str
    active: bool
    allow_manual_entry: bool
    """False: a journal on it is refused."""
    cash_account: bool
    control_module: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subaccount:
    """A subaccount as its segments."""

    number: str
    description: str
    active: bool
    segments: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentValue:
    """One allowed value of a segment."""

    value: str
    description: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment of a dimension such as SUBACCOUNT."""

    id: int
    description: str
    length: int
    validated: bool
    """Whether only the listed values are accepted."""
    values: tuple[SegmentValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A ledger; journals go to the one with balance type Actual."""

    number: str
    description: str
    balance_type: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """A currency that the company uses."""

    id: str
    base: bool
    decimals: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project; `visible_in_gl` is `None` where Visma does not say."""

    id: str
    internal_id: int | None
    description: str
    status: str
    on_hold: bool
    visible_in_gl: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTask:
    """A task of a project."""

    id: str
    project: str
    description: str
    status: str
    visible_in_gl: bool | None
    """False: a journal line on it is refused."""
    visible_in_po: bool | None
