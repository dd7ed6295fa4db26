"""Which day and which financial period a journal belongs to.

Days are the tenant's: a parcel scanned at 23:30 UTC on the last of the month was scanned on
the first of the next in Oslo.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from ml_connector.domain.errors import RuleError
from ml_connector.domain.freight import FinancialPeriod


class PeriodUnknown(RuleError):
    """Visma has no financial period for a day."""

    code = "period_unknown"
    remedy = "Generate the financial periods of that year in Visma."


class NoOpenPeriod(RuleError):
    """The day's period is closed, and so are all after it."""

    code = "no_open_period"
    remedy = "Open a financial period in Visma; the order is then posted by itself."


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingDate:
    """Where a journal is posted."""

    day: date
    period: FinancialPeriod
    original: date | None = None
    """The day it belongs to, when that day's period was closed; it is said in the text."""


def posting_date(
    *,
    trigger: datetime,
    first_scan: datetime | None,
    zone: tzinfo,
    periods: Sequence[FinancialPeriod],
    cutoff: bool,
) -> PostingDate:
    """The posting date of a shipment's freight.

    The trigger's day (delivery, return completed, first scan, or now for the cut-off run) in
    `zone`; with `cutoff` no later than the last day of the period that holds the first scan,
    whenever that scan was learnt. A closed period gives way to the first day of the first
    open one after it.

    Raises `PeriodUnknown`, `NoOpenPeriod`; `ValueError` for a time without a zone.
    """
    day = local_day(trigger, zone)
    if cutoff and first_scan is not None:
        scan_period = period_for(local_day(first_scan, zone), periods)
        day = min(day, scan_period.last_day)
    period = period_for(day, periods)
    if period.open:
        return PostingDate(day=day, period=period)
    later = first_open_after(period, periods)
    return PostingDate(day=later.first_day, period=later, original=day)


def period_for(day: date, periods: Iterable[FinancialPeriod]) -> FinancialPeriod:
    """The period that holds a day, open or not.

    Of several the one with the lowest id: an adjustment period of the year's last day comes
    after December. Raises `PeriodUnknown`.
    """
    holding = [period for period in periods if period.first_day <= day <= period.last_day]
    if not holding:
        raise PeriodUnknown(f"Visma has no financial period for {day}.")
    return min(holding, key=lambda period: period.id)


def first_open_after(
    closed: FinancialPeriod, periods: Iterable[FinancialPeriod]
) -> FinancialPeriod:
    """The first open period that begins after a closed one ends. Raises `NoOpenPeriod`."""
    later = [period for period in periods if period.open and period.first_day > closed.last_day]
    if not later:
        raise NoOpenPeriod(f"No financial period is open after {closed.id}.")
    return min(later, key=lambda period: (period.first_day, period.id))


def cutoff_instant(period: FinancialPeriod, zone: tzinfo, delay: timedelta) -> datetime:
    """From when a period's unposted scans are posted: its local midnight, and `delay` after it."""
    midnight = datetime.combine(period.last_day + timedelta(days=1), time(), zone)
    # By way of UTC, so that the delay is elapsed time also where clocks change.
    return (midnight.astimezone(UTC) + delay).astimezone(zone)


def due_for_cutoff(
    periods: Iterable[FinancialPeriod], now: datetime, zone: tzinfo, delay: timedelta
) -> tuple[FinancialPeriod, ...]:
    """Periods that have ended, cut-off delay included, and are still open; oldest first."""
    due = (each for each in periods if each.open and cutoff_instant(each, zone, delay) <= now)
    return tuple(sorted(due, key=lambda period: (period.first_day, period.id)))


def scanned_in(scan: datetime, period: FinancialPeriod, zone: tzinfo) -> bool:
    """Whether a scan falls into a period, by the tenant's calendar."""
    return period.first_day <= local_day(scan, zone) <= period.last_day


def local_day(moment: datetime, zone: tzinfo) -> date:
    """The calendar day of a moment in a zone. Raises `ValueError` for one without a zone."""
    if moment.utcoffset() is None:
        raise ValueError("a moment without a zone has no calendar day")
    return moment.astimezone(zone).date()
