"""Where discovery stands, and from where it must ask again. Pure: no clock, no I/O.

The rules, from what Visma.net documents and what it leaves open:

- The cursor is the greatest `lastModifiedDateTime` that the *server* returned, never our clock.
- Those texts are the server's wall clock without a zone. When autumn repeats an hour, a later
  change carries a smaller text, so around that hour the next question starts an hour earlier.
- Whether `>` includes its bound is not certain, a row may become visible late, and the list may
  change while it is read: each question overlaps the last one by minutes.
- A time from the future is a broken record and moves nothing. For this alone our own clock is
  asked, with a day to spare.
- What the overlap brings back again is known by (number, version) and dropped.

Lists are not ordered by time. A cursor that has seen only some pages must not be kept: advance
over every page, hand the orders on, and only then save the result.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Protocol, TypeVar

_STAMP = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<time>\d{2}:\d{2}:\d{2})(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<zone>[Zz]|(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2}))?)?",
    re.ASCII,
)
_YEARS = range(1900, 2200)
"""Outside lie .NET's ways of writing "never" and "forever", which would poison a cursor."""

_NEIGHBOUR = timedelta(hours=1)
"""Visma does not document the zone of its timestamps. Companies' zones differ by an hour from the
one that was observed, and all of Europe repeats the same hour at the same instant."""

_TICK = timedelta(milliseconds=1)
"""The finest step of a filter value."""


class Changed(Protocol):
    """A row of a list: an order, a receipt, or one that could not be read."""

    @property
    def number(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def last_modified(self) -> str: ...


RowT = TypeVar("RowT", bound=Changed)


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Seen:
    """A version that was handed on."""

    number: str
    version: str
    modified: str
    """The latest reading of its server time, by which it is forgotten one day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far discovery has come. `Cursor()` has seen nothing and asks for everything."""

    value: str | None = None
    """Greatest server time seen, as `yyyy-MM-ddTHH:mm:ss.fff`."""
    seen: tuple[Seen, ...] = ()
    """Every version that the next question may bring back."""


def clock_time(text: object) -> datetime | None:
    """The wall-clock time a timestamp shows, to the millisecond, its zone left aside.

    Reads what Visma was seen to write: RFC 3339, without a zone, with an offset; a date alone; a
    blank instead of the `T`. `None` for anything else.
    """
    found = _STAMP.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        return None
    milliseconds = (found["fraction"] or "").ljust(3, "0")[:3]
    try:
        shown = datetime.fromisoformat(
            f"{found['day']}T{found['time'] or '00:00:00'}.{milliseconds}"
        )
    except ValueError:
        return None
    return shown if shown.year in _YEARS else None


def normalised(text: object, zone: tzinfo) -> str | None:
    """A timestamp as the server's clock in `zone` shows it; comparable as text.

    A stamp with a zone has two readings: converted, or as written with a zone that was added in
    error. The earlier one counts, because a cursor that is too early repeats a row and one that
    is too late loses it.
    """
    shown = _readings(text, zone)
    return _text(min(shown)) if shown else None


def query_from(cursor: Cursor, overlap: timedelta, zone: tzinfo) -> str | None:
    """The bound of the next question; `None` asks for everything.

    `zone` is the tenant's. Raises `ValueError` for a negative overlap.
    """
    if cursor.value is None:
        return None
    return _text(_reach_back(_clock(cursor.value), overlap, zone))


def fresh(cursor: Cursor, rows: Iterable[RowT]) -> list[RowT]:
    """The rows that were not handed on at this version, each once, in their order.

    A row without a version counts as new every time.
    """
    known = {(entry.number, entry.version) for entry in cursor.seen}
    new: list[RowT] = []
    for row in rows:
        key = (row.number, row.version)
        if row.version and key in known:
            continue
        known.add(key)
        new.append(row)
    return new


def advance(
    cursor: Cursor,
    rows: Iterable[Changed],
    *,
    overlap: timedelta,
    zone: tzinfo,
    latest: str | None = None,
) -> Cursor:
    """The cursor after these rows; it never moves back, and keeps what may come again.

    It moves no further than `latest`: a row with a time that cannot be yet would hide all that
    change before it.
    """
    taken = {(entry.number, entry.version): entry.modified for entry in cursor.seen}
    newest = cursor.value
    for row in rows:
        shown = [_text(reading) for reading in _readings(row.last_modified, zone)]
        if shown and (latest is None or min(shown) <= latest):
            newest = max(newest or "", min(shown))
        if row.version:
            taken[row.number, row.version] = max(shown, default=newest or "")
    if newest is None:
        return cursor
    forget = _forget_before(_clock(newest), overlap, zone)
    return Cursor(
        value=newest,
        seen=tuple(
            sorted(
                Seen(number=number, version=version, modified=modified)
                for (number, version), modified in taken.items()
                if modified >= forget
            )
        ),
    )


def _readings(text: object, zone: tzinfo) -> list[datetime]:
    """What the server's clock may have shown: nothing, one time, or two."""
    shown = clock_time(text)
    if shown is None or not isinstance(text, str):
        return []
    offset = _offset(text)
    if offset is None:
        return [shown]
    return [shown, shown.replace(tzinfo=offset).astimezone(zone).replace(tzinfo=None)]


def _reach_back(shown: datetime, overlap: timedelta, zone: tzinfo) -> datetime:
    if overlap < timedelta():
        raise ValueError("an overlap is not negative")
    return shown - max(overlap, _TICK) - _repeated(shown, zone)


def _forget_before(shown: datetime, overlap: timedelta, zone: tzinfo) -> str:
    """No question from now on starts before this, also when the repeated hour is still ahead."""
    repeated = max(_repeated(shown, zone), _repeated(shown + _NEIGHBOUR, zone))
    return _text(shown - max(overlap, _TICK) - repeated)


def _repeated(shown: datetime, zone: tzinfo) -> timedelta:
    """How much a clock showing this may have been set back; zero but for a few hours a year."""
    return max(_fold(shown + shift, zone) for shift in (timedelta(), _NEIGHBOUR, -_NEIGHBOUR))


def _fold(shown: datetime, zone: tzinfo) -> timedelta:
    """The length of the repeated stretch that holds this wall-clock time, else zero."""
    first = shown.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
    second = shown.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
    return max(first - second, timedelta())


def _offset(text: str) -> tzinfo | None:
    found = _STAMP.fullmatch(text.strip())
    if found is None or found["zone"] is None:
        return None
    if found["sign"] is None:
        return UTC
    size = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    # A nonsensical offset counts as none.
    if size >= timedelta(hours=24):
        return None
    return timezone(-size if found["sign"] == "-" else size)


def _clock(normal: str) -> datetime:
    """Raises `ValueError` for a cursor that was not made here."""
    shown = clock_time(normal)
    if shown is None:
        raise ValueError(f"not a server time: {normal!r}")
    return shown


def _text(shown: datetime) -> str:
    return shown.isoformat(timespec="milliseconds")
