"""Is a shipment's freight in the ledger as it should be?

Computed anew from the scenario and the tenant file, with other means than the connector's: each
debit is compared with its exact share, which it may miss by less than a cent for each order line.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from ml_connector.domain.freight import Basis
from ml_connector.domain.tenant import FreightSettings, Tenant
from starter.demonstration.scenario import Line, Order
from starter.demonstration.world import CompanyBooks, Cost, Journal, JournalLine, Shipment

_CENT = Fraction(1, 100)
_STATUSES = {
    "hold": frozenset({"Hold"}),
    "balanced": frozenset({"Balanced"}),
    "released": frozenset({"Unposted", "Posted"}),
}
"""What Visma calls a batch that the tenant file wants so."""

_Place = tuple[str, tuple[tuple[int, str], ...], str, str | None]
"""Account, subaccount, project and task."""


def freight(cost: Cost, settings: FreightSettings) -> Decimal:
    """The part of a shipment's cost that is the company's."""
    return cost.net_charge if settings.include_taxes else cost.net_fedex_charge


def journals_of(order: Order, company: CompanyBooks) -> list[Journal]:
    """The batches that bear an order's freight, known by the reference on their lines."""
    return [
        journal
        for journal in company.journals.values()
        if any(text.startswith(f"F{order.number}-") for text in journal.references)
    ]


def check_freight(
    order: Order, tenant: Tenant, shipment: Shipment, company: CompanyBooks
) -> Iterator[str]:
    """Everything that is wrong with the posting of an order's freight."""
    journals = journals_of(order, company)
    if len(journals) != 1:
        yield f"has {len(journals)} freight journals in Visma, not one"
        return
    [journal] = journals
    yield from (f"journal {journal.number} {wrong}" for wrong in _head(journal, tenant, shipment))
    if shipment.cost is not None:
        total = freight(shipment.cost, tenant.freight)
        lines = _lines(journal, order, tenant.freight, total)
        yield from (f"journal {journal.number} {wrong}" for wrong in lines)


def _head(journal: Journal, tenant: Tenant, shipment: Shipment) -> Iterator[str]:
    wanted = tenant.freight.journal
    if journal.status not in _STATUSES[wanted]:
        yield f"is {journal.status}, the tenant file says {wanted}"
    if len(journal.references) != 1:
        yield f"has several references: {', '.join(sorted(journal.references))}"
    if shipment.master not in journal.description:
        yield f"does not name the parcel {shipment.master}: {journal.description!r}"
    if shipment.cost is not None and journal.currency != shipment.cost.currency:
        yield f"is in {journal.currency}, FedEx charged {shipment.cost.currency}"


def check_date(
    order: Order, tenant: Tenant, shipment: Shipment, company: CompanyBooks
) -> Iterator[str]:
    """Whether freight stands on the day of delivery or pickup, at the latest in the period in
    which the parcel was first scanned."""
    by_pickup = tenant.freight.post_on == "pickup"
    trigger = shipment.first_scan_at if by_pickup else shipment.delivered_at
    if trigger is None or shipment.first_scan_at is None:
        return
    day, scanned = _day(trigger, tenant), _day(shipment.first_scan_at, tenant)
    last = next(
        period.end for period in company.periods.values() if period.start <= scanned <= period.end
    )
    expected = min(day, last) if tenant.freight.cutoff else day
    for journal in journals_of(order, company):
        if journal.transaction_date != expected:
            yield f"journal {journal.number} is of {journal.transaction_date}, not of {expected}"
        if journal.period != f"{expected:%Y%m}":
            yield f"journal {journal.number} is in period {journal.period}, not {expected:%Y%m}"


def _day(moment: datetime, tenant: Tenant) -> date:
    return moment.astimezone(tenant.zone).date()


def _lines(
    journal: Journal, order: Order, settings: FreightSettings, total: Decimal
) -> Iterator[str]:
    debits = [line for line in journal.lines if line.debit]
    credits = [line for line in journal.lines if not line.debit]
    debit, credit = (sum(map(_amount, side), Decimal(0)) for side in (debits, credits))
    if debit != credit:
        yield f"is not balanced: debit {debit}, credit {credit}"
    if debit != total:
        yield f"posts {debit}, FedEx charged {total}"
    accrual = (settings.accrual_account, _subaccount(None, settings), settings.non_project, None)
    if [_place(line) for line in credits] != [accrual]:
        yield f"credits {_texts(map(_place, credits))}, not {_text(accrual)}"
    yield from _debits(debits, _shares(order, settings), total)


def _debits(
    lines: list[JournalLine], shares: dict[_Place, tuple[Fraction, int]], total: Decimal
) -> Iterator[str]:
    places = [_place(line) for line in lines]
    if sorted(map(_text, places)) != sorted(map(_text, shares)):
        yield f"debits {_texts(places)}, not {_texts(shares)}"
        return
    for line in lines:
        share, merged = shares[_place(line)]
        exact = Fraction(total) * share
        if abs(Fraction(line.debit) - exact) >= merged * _CENT:
            yield f"debits {line.debit} to {_text(_place(line))}, its share is {float(exact):.4f}"


def _shares(order: Order, settings: FreightSettings) -> dict[_Place, tuple[Fraction, int]]:
    """By place: its exact part of the freight, and how many order lines share it."""
    lines = [line for line in order.lines if line.travels]
    whole = sum(_measure(line, settings.allocate_by) for line in lines)
    shares: dict[_Place, tuple[Fraction, int]] = {}
    for line in lines:
        place = _wanted_place(line, settings)
        share, merged = shares.get(place, (Fraction(), 0))
        part = Fraction(_measure(line, settings.allocate_by)) / Fraction(whole)
        shares[place] = (share + part, merged + 1)
    return shares


def _measure(line: Line, basis: Basis) -> Decimal:
    match basis:
        case Basis.AMOUNT:
            return line.amount
        case Basis.WEIGHT:
            return line.weight
    raise ValueError(f"no example tenant allocates by {basis}")


def _wanted_place(line: Line, settings: FreightSettings) -> _Place:
    account = settings.debit_account
    if account == "line":
        account = line.account or settings.default_debit_account or ""
    project = line.project or settings.non_project
    task = line.task if line.project else None
    return (account, _subaccount(line.subaccount, settings), project, task)


def _subaccount(
    own: tuple[str, str] | None, settings: FreightSettings
) -> tuple[tuple[int, str], ...]:
    segments = {**settings.default_subaccount, **dict(enumerate(own or (), start=1))}
    return tuple(sorted(segments.items()))


def _place(line: JournalLine) -> _Place:
    return (line.account, tuple(sorted(line.sub.items())), line.project, line.task or None)


def _amount(line: JournalLine) -> Decimal:
    return line.debit or line.credit


def _text(place: _Place) -> str:
    account, subaccount, project, task = place
    segments = "-".join(value for _, value in subaccount)
    return f"{account}/{segments}/{project}" + (f"/{task}" if task else "")


def _texts(places: Iterable[_Place]) -> str:
    return ", ".join(sorted(_text(place) for place in places)) or "nothing"
