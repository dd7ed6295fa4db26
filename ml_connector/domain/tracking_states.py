"""From FedEx's scan codes to what a parcel is doing.

Codes: FedEx "Tracking Status Codes" (reference guide), and the webhook table for DO, IP, US,
MD, RT. The meaning is read from `code`, which is finer than `derivedCode`: an order for
delivery today (OD) is only "in transit" (IT) there, and a parcel at its destination (FD) is
"running late" (RL). Possession flags and ACTUAL_PICKUP are not read at all: FedEx's own
samples show them on a parcel that has nothing but a label.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from ml_connector.domain.tenant import DueSettings
from ml_connector.domain.tracking import ParcelReport, ParcelState, ParcelStatus, Scan

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Event:
    """What a code tells. `state` is `None` for a notice that changes nothing by itself."""

    state: ParcelState | None
    physical: bool
    """FedEx holds the parcel: cost exists, and the shipment can no longer be cancelled."""


_LABEL = _Event(ParcelState.LABEL_CREATED, physical=False)
_PICKED_UP = _Event(ParcelState.PICKED_UP, physical=True)
_MOVING = _Event(ParcelState.IN_TRANSIT, physical=True)
_ON_VEHICLE = _Event(ParcelState.OUT_FOR_DELIVERY, physical=True)
_DELIVERED = _Event(ParcelState.DELIVERED, physical=True)
_HELD = _Event(ParcelState.HELD, physical=True)
_RETURNING = _Event(ParcelState.RETURNING, physical=True)
_TROUBLE = _Event(ParcelState.EXCEPTION, physical=True)
_DELAY = _Event(ParcelState.EXCEPTION, physical=False)
"""Announced for a parcel wherever it is, also before its pickup."""
_FORECAST = _Event(ParcelState.IN_TRANSIT, physical=False)
"""About papers or times, not about the parcel itself."""
_CANCELLED = _Event(ParcelState.CANCELLED, physical=False)
_NOTICE = _Event(None, physical=False)

_EVENTS: dict[str, _Event] = {
    # Label only. IN ("initiated") is how derivedCode says OC.
    **dict.fromkeys(("OC", "IN", "AP", "EP", "DR", "DS"), _LABEL),
    **dict.fromkeys(("PU", "PX", "DO", "IP"), _PICKED_UP),
    **dict.fromkeys(("OF", "AR", "DP", "LO", "IT", "IX", "AF", "SF", "FD", "TR"), _MOVING),
    **dict.fromkeys(("AA", "AC", "AX", "EO", "PF", "PL", "PM", "OW"), _MOVING),
    # EA is "enroute to airport" and "export approved"; the second is paper only.
    **dict.fromkeys(("EA", "CC", "CP", "AO", "AE", "RL"), _FORECAST),
    **dict.fromkeys(("OD", "AD", "ED"), _ON_VEHICLE),
    "DL": _DELIVERED,
    **dict.fromkeys(("HL", "HP"), _HELD),
    **dict.fromkeys(("RS", "RT"), _RETURNING),
    **dict.fromkeys(("DE", "SE"), _TROUBLE),
    **dict.fromkeys(("DY", "DD", "PD", "CD"), _DELAY),
    "CA": _CANCELLED,
    # The recipient's delivery options, return label links, changed places and schedules.
    **dict.fromkeys(("RR", "RM", "RC", "RD", "RG", "RP", "LP"), _NOTICE),
    **dict.fromkeys(("CH", "MD", "OX", "SP", "US"), _NOTICE),
}

FINISHED = frozenset({ParcelState.DELIVERED, ParcelState.RETURNED, ParcelState.CANCELLED})
"""States in which a parcel is never looked at again."""

_ARRIVED = frozenset({ParcelState.DELIVERED, ParcelState.RETURNED})

_SHOWN_FIRST = (
    ParcelState.EXCEPTION,
    ParcelState.RETURNING,
    ParcelState.HELD,
    ParcelState.UNKNOWN,
)
"""What one piece of a shipment shows for all, most urgent first."""

_LEAST_ADVANCED_FIRST = (
    ParcelState.LABEL_CREATED,
    ParcelState.PICKED_UP,
    ParcelState.IN_TRANSIT,
    ParcelState.OUT_FOR_DELIVERY,
)

_LONG_AGO = datetime.min.replace(tzinfo=UTC)

SHIP_DATE_EARLY = timedelta(days=2)
"""FedEx's ship date may be the day before ours, by zone, and a day is kept to spare."""
SHIP_DATE_LATE = timedelta(days=45)
"""A label may lie before it is tendered; a number comes back only after months."""


def interpret(report: ParcelReport) -> ParcelStatus:
    """What a report says about one parcel.

    A parcel that turned back is never `DELIVERED`: its return ends with a plain DL on the
    same number, at the shipper, so RS or RT anywhere in the history decides.
    """
    state = _state(report)
    return ParcelStatus(
        state=state,
        code=report.code or report.derived_code,
        description=_description(report, state),
        first_scan=_first_physical_scan(report.scans),
        delivered_at=_arrival(report, state),
    )


def shipment_status(pieces: Sequence[ParcelStatus]) -> ParcelStatus:
    """One status for all pieces of a shipment.

    Delivered only when all pieces are, at the latest time; the first scan is the earliest.
    Cancelled pieces count only when there is no other. Otherwise the most urgent piece
    speaks, else the least advanced; a piece without a scan does not hold back one that moves.

    Raises `ValueError` without pieces.
    """
    if not pieces:
        raise ValueError("a shipment has at least one piece")
    live = [piece for piece in pieces if piece.state is not ParcelState.CANCELLED] or list(pieces)
    state = _shipment_state({piece.state for piece in live})
    unfinished = (piece for piece in live if piece.state not in FINISHED)
    speaker = next((piece for piece in live if piece.state is state), None)
    speaker = speaker or next(unfinished, live[0])
    return ParcelStatus(
        state=state,
        code=speaker.code,
        description=speaker.description,
        first_scan=min(_known(piece.first_scan for piece in live), default=None),
        delivered_at=_latest_arrival(live) if state in _ARRIVED else None,
    )


def select_report(
    reports: Iterable[ParcelReport], shipped_on: date, unique_id: str = ""
) -> ParcelReport | None:
    """Our parcel among several that had its number, or `None` when none is ours yet.

    FedEx reuses tracking numbers. A `unique_id` seen before decides; otherwise the ship date
    (else the first scan) has to lie near `shipped_on`, the nearest wins, then the latest
    scan. A report without any date is taken only when there is no other.
    """
    reports = tuple(reports)
    if unique_id:
        known = next((report for report in reports if report.unique_id == unique_id), None)
        if known is not None:
            return known
    ours = [report for report in reports if _shipped_near(report, shipped_on)]
    return min(ours, key=lambda report: _distance(report, shipped_on), default=None)


def due_after(state: ParcelState, settings: DueSettings) -> timedelta | None:
    """How long until a number is looked at again; `None`: never, it is finished."""
    if state in FINISHED:
        return None
    match state:
        case ParcelState.LABEL_CREATED:
            return settings.label_created
        case ParcelState.OUT_FOR_DELIVERY:
            return settings.out_for_delivery
        case ParcelState.EXCEPTION | ParcelState.HELD | ParcelState.UNKNOWN:
            return settings.exception
        case _:
            return settings.in_transit


def is_physical(code: str) -> bool:
    """Whether a scan with this code means that FedEx holds the parcel."""
    event = _EVENTS.get(_code(code))
    return event is not None and event.physical


def _state(report: ParcelReport) -> ParcelState:
    latest = _latest_state(report)
    turned_back = any(_event_state(scan.code) is ParcelState.RETURNING for scan in report.scans)
    if latest is ParcelState.CANCELLED or not turned_back:
        return latest
    return ParcelState.RETURNED if latest is ParcelState.DELIVERED else ParcelState.RETURNING


def _latest_state(report: ParcelReport) -> ParcelState:
    event = _EVENTS.get(_code(report.code or report.derived_code))
    if event is None:
        return ParcelState.UNKNOWN
    if event.state is not None:
        return event.state
    # A notice: the parcel still does what the last telling scan said.
    told = (_event_state(scan.code) for scan in sorted(report.scans, key=_time_of, reverse=True))
    return next(_known(told), ParcelState.UNKNOWN)


def _event_state(code: str) -> ParcelState | None:
    event = _EVENTS.get(_code(code))
    return event.state if event else None


def _description(report: ParcelReport, state: ParcelState) -> str:
    """FedEx's words; for an exception with its reason code, such as `DE 060G`."""
    if state is not ParcelState.EXCEPTION:
        return report.description
    reasons = [scan.exception_code for scan in report.scans if scan.exception_code]
    return f"{report.description} ({reasons[-1]})" if reasons else report.description


def _first_physical_scan(scans: Iterable[Scan]) -> datetime | None:
    return min((scan.at for scan in scans if is_physical(scan.code)), default=None)


def _arrival(report: ParcelReport, state: ParcelState) -> datetime | None:
    """When it was delivered; for a return, its end, which ACTUAL_DELIVERY may not be."""
    last_scan = max((scan.at for scan in report.scans if _code(scan.code) == "DL"), default=None)
    match state:
        case ParcelState.DELIVERED:
            return report.actual_delivery or last_scan
        case ParcelState.RETURNED:
            return last_scan or report.actual_delivery
        case _:
            return None


def _shipment_state(states: set[ParcelState]) -> ParcelState:
    if len(states) == 1:
        return next(iter(states))
    if states <= FINISHED:
        return ParcelState.RETURNED
    if ParcelState.RETURNED in states:
        states = states | {ParcelState.RETURNING}
    for state in _SHOWN_FIRST:
        if state in states:
            return state
    moving = [state for state in _LEAST_ADVANCED_FIRST if state in states]
    if moving == [ParcelState.LABEL_CREATED]:
        return ParcelState.IN_TRANSIT
    return next(state for state in moving if state is not ParcelState.LABEL_CREATED)


def _latest_arrival(pieces: Iterable[ParcelStatus]) -> datetime | None:
    """The time of the last arrival; unknown as soon as one piece's is."""
    times = [piece.delivered_at for piece in pieces]
    known = list(_known(times))
    return max(known) if len(known) == len(times) else None


def _shipped_near(report: ParcelReport, shipped_on: date) -> bool:
    day = _ship_day(report)
    return day is None or shipped_on - SHIP_DATE_EARLY <= day <= shipped_on + SHIP_DATE_LATE


def _distance(report: ParcelReport, shipped_on: date) -> tuple[timedelta, timedelta]:
    """Sorts the report nearest to the ship date first, the most recently scanned of several."""
    day = _ship_day(report)
    away = timedelta.max if day is None else abs(day - shipped_on)
    latest = max((scan.at for scan in report.scans), default=_LONG_AGO)
    return away, _LONG_AGO - latest


def _ship_day(report: ParcelReport) -> date | None:
    moment = report.ship_date or min((scan.at for scan in report.scans), default=None)
    return moment.date() if moment else None


def _code(raw: str) -> str:
    return raw.strip().upper()


def _time_of(scan: Scan) -> datetime:
    return scan.at


def _known(values: Iterable[T | None]) -> Iterator[T]:
    return (value for value in values if value is not None)
