"""Track by number, and the pieces of a multi-piece shipment."""

from collections.abc import Sequence
from datetime import date, timedelta

from ml_connector.sandbox.fedex.errors import refuse
from ml_connector.sandbox.fedex.fields import Fields
from ml_connector.sandbox.fedex.gateway import Call
from ml_connector.sandbox.fedex.track_result import older_result, track_result, unique_id
from ml_connector.sandbox.fedex.values import Json, Piece, Shipment

MAX_NUMBERS = 30
NOT_FOUND = (
    "TRACKING.TRACKINGNUMBER.NOTFOUND",
    "Tracking number cannot be found. Please correct the tracking number and try again.",
)


def by_number(call: Call) -> Json:
    """`POST /track/v1/trackingnumbers`: up to 30, each with its own error inside the 200."""
    entries = call.body.children("trackingInfo")
    detailed = call.body.flag("includeDetailedScans")
    if len(entries) > MAX_NUMBERS:
        raise refuse(
            "TRACKING.TRACKINGNUMBERS.LIMITEXCEEDED",
            "Please limit your inquiry to 30 tracking numbers or references.",
        )
    wanted = [(_read_number(entry), entry) for entry in entries]
    call.settle()
    return {
        "completeTrackResults": [
            {
                "trackingNumber": number,
                "trackResults": _results(call, number, entry, detailed=detailed),
            }
            for number, entry in wanted
        ]
    }


def associated(call: Call) -> Json:
    """`POST /track/v1/associatedshipments`: the pieces of the shipment a number belongs to."""
    master = call.body.child("masterTrackingNumberInfo")
    number = _read_number(master)
    detailed = call.body.flag("includeDetailedScans")
    call.body.choice(
        "associatedType",
        {"STANDARD_MPS", "GROUP_MPS", "OUTBOUND_LINK_TO_RETURN"},
        code="TRACKING.REFERENCETYPE.INVALID",
    )
    call.settle()
    found = call.world.find(number)
    if found is None or not is_visible(call, found[0]):
        return {"completeTrackResults": [failed(number, NOT_FOUND)]}
    return {"completeTrackResults": complete_results(call, found[0], detailed=detailed)}


def complete_results(call: Call, shipment: Shipment, *, detailed: bool) -> list[Json]:
    """`completeTrackResults[]`, one for every piece."""
    modes = call.world.modes
    return [
        {
            "trackingNumber": piece.tracking_number,
            "trackResults": [track_result(shipment, piece, call.now, modes, detailed=detailed)],
        }
        for piece in shipment.pieces
    ]


def failed(number: str, error: tuple[str, str]) -> Json:
    """A `completeTrackResults[]` entry that holds an error."""
    return {"trackingNumber": number, "trackResults": [_error(number, error)]}


def is_visible(call: Call, shipment: Shipment) -> bool:
    """Whether Track knows the shipment yet, or still."""
    modes = call.world.modes
    if shipment.cancelled_at is not None and modes.cancelled_shows == "NOTFOUND":
        return False
    return call.world.gateway.now() >= shipment.known_at + modes.trackable_after


def _read_number(entry: Fields) -> str:
    info = entry.child("trackingNumberInfo", code="TRACKING.TRACKINGNUMBER.EMPTY")
    return info.text("trackingNumber", code="TRACKING.TRACKINGNUMBER.EMPTY")


def _results(call: Call, number: str, entry: Fields, *, detailed: bool) -> list[Json]:
    """All parcels that had the number, an older one first, narrowed as the caller asks."""
    begin, end = entry.day("shipDateBegin"), entry.day("shipDateEnd")
    wanted_id = entry.child("trackingNumberInfo").text("trackingNumberUniqueId", required=False)
    candidates: list[tuple[str, Sequence[date], Json]] = []
    if (age := call.world.reused.get(number)) is not None:
        old = older_result(number, call.now - age)
        shipped = (call.now - age - timedelta(days=2)).date()
        candidates.append((f"2457821000~{number}~FX", (shipped,), old))
    found = call.world.find(number)
    if found is not None and is_visible(call, found[0]):
        candidates.append(_candidate(call, *found, detailed=detailed))
    results = [
        result
        for result_id, days, result in candidates
        if wanted_id in ("", result_id) and any(in_range(day, begin, end) for day in days)
    ]
    return results or [_error(number, NOT_FOUND)]


def _candidate(
    call: Call, shipment: Shipment, piece: Piece, *, detailed: bool
) -> tuple[str, Sequence[date], Json]:
    result = track_result(shipment, piece, call.now, call.world.modes, detailed=detailed)
    return unique_id(shipment, piece), ship_days(shipment), result


def ship_days(shipment: Shipment) -> tuple[date, date]:
    """The dates a shipment counts under.

    The date that the caller wished is one of them although FedEx moves a past date to today:
    with a carrier's clock that runs ahead, the caller's today is such a past date.
    """
    return shipment.order.wished_date, shipment.order.ship_date


def in_range(day: date, begin: date | None, end: date | None) -> bool:
    return (begin is None or begin <= day) and (end is None or day <= end)


def _error(number: str, error: tuple[str, str]) -> Json:
    return {
        "trackingNumberInfo": {
            "trackingNumber": number,
            "trackingNumberUniqueId": "",
            "carrierCode": "",
        },
        "error": {"code": error[0], "message": error[1]},
    }
