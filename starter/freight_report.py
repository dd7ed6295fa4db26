"""A period's freight by account and project: posted, estimated, unposted, reversed.

posted      debits of the period's freight journals that Visma holds
estimated   the part of posted whose cost is from a quote, not from FedEx's answer to the shipment
reversed    what was taken back by mirrored journals of the period
unposted    scanned in the period and not in the ledger: allocated as posting would do it now
"""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from activities.journal_drafts import lines_of
from activities.shipped import load_cost, load_plan
from ml_connector.domain.errors import RuleError
from ml_connector.domain.freight import FinancialPeriod, JournalLine
from ml_connector.domain.periods import PostingDate
from ml_connector.domain.posting import (
    JournalHead,
    allocate_freight,
    build_journal,
    journal_reference,
)
from ml_connector.domain.posting import JournalKind as ReferenceKind
from ml_connector.domain.shipment import CostSource
from ml_connector.domain.tenant import Tenant
from ml_connector.store.journals import JournalRecord
from ml_connector.store.orders import OrderRow
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import JournalKind, JournalState
from ml_connector.store.view import TenantView

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where freight stands in the ledger."""

    currency: str
    """ISO 4217."""
    account: str
    subaccount: str
    project: str
    task: str


@dataclass(slots=True, kw_only=True)
class Sums:
    """Amounts at one place, in its currency, in major units."""

    posted: Decimal = ZERO
    estimated: Decimal = ZERO
    unposted: Decimal = ZERO
    reversed: Decimal = ZERO

    def add(self, other: "Sums") -> None:
        self.posted += other.posted
        self.estimated += other.estimated
        self.unposted += other.unposted
        self.reversed += other.reversed

    @property
    def net(self) -> Decimal:
        """What the period bears in the ledger."""
        return self.posted - self.reversed


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Freight that cannot be put into figures: scanned, and nobody can say what it costs."""

    order: str
    why: str


@dataclass(slots=True, kw_only=True)
class FreightReport:
    """One tenant's period."""

    tenant: str
    period: FinancialPeriod
    places: dict[Place, Sums] = field(default_factory=dict)
    unknown: list[Unknown] = field(default_factory=list)

    def totals(self) -> dict[str, Sums]:
        """By currency: amounts of two currencies are never added."""
        found: dict[str, Sums] = {}
        for place, sums in self.places.items():
            found.setdefault(place.currency, Sums()).add(sums)
        return found

    def add(self, place: Place, sums: Sums) -> None:
        self.places.setdefault(place, Sums()).add(sums)


def calendar_month(period: str) -> FinancialPeriod:
    """The calendar's idea of a period (YYYYMM), where Visma is not asked."""
    year, month = int(period[:4]), int(period[4:])
    last = calendar.monthrange(year, month)[1]
    return FinancialPeriod(
        id=period, first_day=date(year, month, 1), last_day=date(year, month, last), open=True
    )


async def freight_report(
    view: TenantView, tenant: Tenant, period: FinancialPeriod
) -> FreightReport:
    """What the subledger says about a period, from the store alone."""
    report = FreightReport(tenant=tenant.id, period=period)
    for journal in await view.journals.list(period.id):
        if journal.state is not JournalState.DRAFT:
            _add_posted(report, journal)
    for row in await _unposted(view, tenant, period):
        shipment = await view.shipments.get(row.order, row.generation)
        if shipment is not None:
            _add_unposted(report, tenant, row, shipment)
    return report


def _add_posted(report: FreightReport, journal: JournalRecord) -> None:
    for line in lines_of(journal):
        if not line.order_lines:
            continue
        if journal.kind is JournalKind.REVERSAL:
            report.add(_place(journal.currency, line), Sums(reversed=line.credit))
            continue
        quoted = journal.cost_source == CostSource.QUOTE
        sums = Sums(posted=line.debit, estimated=line.debit if quoted else ZERO)
        report.add(_place(journal.currency, line), sums)


async def _unposted(
    view: TenantView, tenant: Tenant, period: FinancialPeriod
) -> Iterable[OrderRow]:
    zone = ZoneInfo(tenant.timezone)
    begin = datetime.combine(period.first_day, time(), zone)
    end = datetime.combine(period.last_day + timedelta(days=1), time(), zone)
    return await view.orders.list(
        scanned_from=begin.astimezone(UTC), scanned_before=end.astimezone(UTC), posted=False
    )


def _add_unposted(report: FreightReport, tenant: Tenant, row: OrderRow, shipment: Shipment) -> None:
    """As posting would allocate it; its rate and date do not matter here."""
    plan = load_plan(shipment).plan
    head = JournalHead(
        order=row.order,
        tracking_number=shipment.master_tracking or "",
        reference=journal_reference(row.order, shipment.generation, ReferenceKind.FREIGHT),
        when=PostingDate(day=report.period.last_day, period=report.period),
    )
    try:
        allocation = allocate_freight(load_cost(shipment), plan.lines, tenant.freight)
        journal = build_journal(allocation, plan.lines, tenant.freight, head)
    except RuleError as rule:
        report.unknown.append(Unknown(order=row.order, why=f"{rule} [{rule.code}]"))
        return
    for line in journal.lines:
        if line.order_lines:
            report.add(_place(journal.currency, line), Sums(unposted=line.debit))


def _place(currency: str, line: JournalLine) -> Place:
    return Place(
        currency=currency,
        account=line.account,
        subaccount="-".join(value for _, value in line.dimensions.subaccount),
        project=line.dimensions.project or "",
        task=line.dimensions.task or "",
    )
