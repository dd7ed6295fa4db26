"""Freight in the ledger: shares, journals, and the facts that explain them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from ml_connector.domain.order import Dimensions


class Basis(StrEnum):
    """What freight is shared out by (`freight.allocate_by`)."""

    AMOUNT = "amount"
    QUANTITY = "quantity"
    WEIGHT = "weight"
    VOLUME = "volume"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One order line's exact part of a total."""

    line: int
    weight: Decimal
    """The line's measure on the chosen basis."""
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A total shared over order lines, with everything needed to explain it later."""

    total: Decimal
    currency: str
    basis: Basis
    rule_version: int
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line of a journal; exactly one of debit and credit is not zero."""

    account: str
    dimensions: Dimensions
    """Subaccount, project and task; its `account` is not used here."""
    debit: Decimal
    credit: Decimal
    text: str
    order_lines: tuple[int, ...] = ()
    """The order lines merged into this one; empty on the credit line."""
    branch: str | None = None
    """The same on all lines of a journal; `None` leaves it to Visma."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A balanced general-ledger batch, ready to be sent."""

    reference: str
    """On every line; unique per shipment; the exact look-up after a lost answer."""
    batch_number: str | None = None
    """Our own number, where the company allows it."""
    posting_date: date
    period: str
    """YYYYMM"""
    currency: str
    exchange_rate: Decimal | None
    """To the base currency at Visma's rate of the posting date; `None` in base currency."""
    description: str
    hold: bool
    lines: tuple[JournalLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinancialPeriod:
    """A Visma financial period."""

    id: str
    """YYYYMM"""
    first_day: date
    last_day: date
    open: bool
    """Active and not closed in the general ledger."""
