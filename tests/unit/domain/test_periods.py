from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ml_connector.domain.freight import FinancialPeriod
from ml_connector.domain.periods import (
    NoOpenPeriod,
    PeriodUnknown,
    PostingDate,
    cutoff_instant,
    due_for_cutoff,
    first_open_after,
    local_day,
    period_for,
    posting_date,
    scanned_in,
)

OSLO = ZoneInfo("Europe/Oslo")


def period(id: str, first: date, last: date, *, open: bool = True) -> FinancialPeriod:
    return FinancialPeriod(id=id, first_day=first, last_day=last, open=open)


OCTOBER = period("202610", date(2026, 10, 1), date(2026, 10, 31))
NOVEMBER = period("202611", date(2026, 11, 1), date(2026, 11, 30))
DECEMBER = period("202612", date(2026, 12, 1), date(2026, 12, 31))
ADJUSTMENT = period("202613", date(2026, 12, 31), date(2026, 12, 31))
JANUARY = period("202701", date(2027, 1, 1), date(2027, 1, 31))
PERIODS = (JANUARY, OCTOBER, ADJUSTMENT, NOVEMBER, DECEMBER)


def closed(found: FinancialPeriod) -> FinancialPeriod:
    return period(found.id, found.first_day, found.last_day, open=False)


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def posted(
    trigger: datetime,
    first_scan: datetime | None = None,
    *,
    cutoff: bool = True,
    periods: tuple[FinancialPeriod, ...] = PERIODS,
) -> PostingDate:
    return posting_date(
        trigger=trigger, first_scan=first_scan, zone=OSLO, periods=periods, cutoff=cutoff
    )


def test_the_day_is_the_tenants_not_greenwichs() -> None:
    # 23:30 UTC on 30 November is half past midnight on 1 December in Oslo.
    assert posted(utc(11, 30, 23, 30)) == PostingDate(day=date(2026, 12, 1), period=DECEMBER)
    assert posted(utc(11, 30, 22, 59)) == PostingDate(day=date(2026, 11, 30), period=NOVEMBER)


def test_delivery_in_the_period_of_the_scan_keeps_its_day() -> None:
    found = posted(utc(10, 20, 12), utc(10, 18, 12))
    assert found == PostingDate(day=date(2026, 10, 20), period=OCTOBER)


def test_cutoff_posts_into_the_period_of_the_first_scan() -> None:
    found = posted(utc(11, 3, 12), utc(10, 30, 12))
    assert found == PostingDate(day=date(2026, 10, 31), period=OCTOBER)


def test_without_cutoff_the_delivery_decides() -> None:
    found = posted(utc(11, 3, 12), utc(10, 30, 12), cutoff=False)
    assert found == PostingDate(day=date(2026, 11, 3), period=NOVEMBER)


def test_a_scan_around_midnight_belongs_to_the_day_in_oslo() -> None:
    # Clocks went back on 25 October; the last local second of October is 22:59:59 UTC.
    assert posted(utc(11, 3, 12), utc(10, 31, 22, 59)).period == OCTOBER
    assert posted(utc(11, 3, 12), utc(10, 31, 23, 0)).period == NOVEMBER


def test_a_closed_period_gives_way_to_the_first_open_one_and_says_so() -> None:
    periods = (closed(OCTOBER), closed(NOVEMBER), DECEMBER, JANUARY)
    found = posted(utc(10, 20, 12), periods=periods)
    assert found == PostingDate(day=date(2026, 12, 1), period=DECEMBER, original=date(2026, 10, 20))


def test_a_closed_scan_period_says_its_last_day() -> None:
    periods = (closed(OCTOBER), NOVEMBER)
    found = posted(utc(11, 3, 12), utc(10, 30, 12), periods=periods)
    assert (found.day, found.original) == (date(2026, 11, 1), date(2026, 10, 31))


def test_an_open_period_before_a_closed_one_is_not_used() -> None:
    with pytest.raises(NoOpenPeriod):
        posted(utc(11, 20, 12), periods=(OCTOBER, closed(NOVEMBER)))


def test_a_day_visma_has_no_period_for() -> None:
    with pytest.raises(PeriodUnknown) as caught:
        posted(utc(9, 1, 12))
    assert caught.value.finding().code == "period_unknown"


def test_december_comes_before_the_adjustment_period() -> None:
    assert period_for(date(2026, 12, 31), PERIODS) == DECEMBER
    assert first_open_after(DECEMBER, PERIODS) == JANUARY


def test_the_last_scans_get_their_time() -> None:
    delay = timedelta(hours=6)
    assert cutoff_instant(NOVEMBER, OSLO, delay) == utc(12, 1, 5)
    periods = (closed(OCTOBER), NOVEMBER, DECEMBER)
    assert due_for_cutoff(periods, utc(12, 1, 4, 59), OSLO, delay) == ()
    assert due_for_cutoff(periods, utc(12, 1, 5), OSLO, delay) == (NOVEMBER,)


def test_the_delay_is_elapsed_time_when_clocks_change() -> None:
    september = period("202609", date(2026, 9, 1), date(2026, 10, 24))
    # Oslo's midnight into 25 October is 22:00 UTC; six hours later the clock shows 05:00.
    found = cutoff_instant(september, OSLO, timedelta(hours=6))
    assert found == utc(10, 25, 4)
    assert found.hour == 5


def test_every_period_that_ended_and_is_open_comes_due_oldest_first() -> None:
    due = due_for_cutoff(PERIODS, utc(12, 15, 0), OSLO, timedelta())
    assert due == (OCTOBER, NOVEMBER)


def test_scans_in_a_period() -> None:
    assert scanned_in(utc(10, 31, 22, 59), OCTOBER, OSLO)
    assert not scanned_in(utc(10, 31, 23), OCTOBER, OSLO)
    assert scanned_in(utc(9, 30, 22), OCTOBER, OSLO)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        local_day(datetime(2026, 11, 2, 10), OSLO)
