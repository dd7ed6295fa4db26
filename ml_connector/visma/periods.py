"""Financial periods: their id, their last day, and which of them count.

Visma describes `period` as "the period no and the year" without a format, and does not say whether
`endDate` belongs to the period. Both follow from the data.
"""

import re
from datetime import date, timedelta

from ml_connector.domain.freight import FinancialPeriod
from ml_connector.visma.wire import Day, Flag, Row, Text, Whole, WireModel, parse, unreadable

_DIGITS = re.compile(r"\d+", re.ASCII)


class _PeriodDto(WireModel):
    year: Whole = None
    period: Text = ""
    start_date: Day = None
    end_date: Day = None
    active: Flag = None
    closed_in_general_ledger: Flag = None


def read_periods(rows: list[Row], what: str) -> tuple[FinancialPeriod, ...]:
    """The periods in order of time. Raises `VismaUnreadable` for one that cannot be placed.

    Adjustment periods of no length are left out: no document's date falls into them.
    """
    dated = [_dated(parse(_PeriodDto, row, what), what) for row in rows]
    dated.sort(key=lambda each: (each[1], each[2]))
    starts = {start for _, start, _, _ in dated}
    # Where one period's end is the next one's start, the end no longer belongs to it.
    exclusive = any(end in starts and start < end for _, start, end, _ in dated)
    return tuple(
        FinancialPeriod(
            id=identifier,
            first_day=start,
            last_day=end - timedelta(days=1) if exclusive else end,
            open=is_open,
        )
        for identifier, start, end, is_open in dated
        if start < end
    )


def _dated(period: _PeriodDto, what: str) -> tuple[str, date, date, bool]:
    if period.start_date is None or period.end_date is None:
        raise unreadable(what, f"Period {period.period} has no dates.")
    return (
        _identifier(period, what),
        period.start_date,
        period.end_date,
        bool(period.active) and not period.closed_in_general_ledger,
    )


def _identifier(period: _PeriodDto, what: str) -> str:
    """YYYYMM out of `202611`, `112026`, `11-2026`, `2026-11` or `11` beside the year."""
    digits = "".join(_DIGITS.findall(period.period))
    year = f"{period.year:04d}" if period.year is not None else ""
    if len(digits) == 6:
        if digits.startswith(year):
            return digits
        if digits.endswith(year):
            return year + digits[:2]
    if year and 0 < len(digits) <= 2:
        return year + digits.zfill(2)
    raise unreadable(what, f"A period is called '{period.period[:20]}'.")
