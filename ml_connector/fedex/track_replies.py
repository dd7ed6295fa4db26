"""Reading the Track API's results, with every deviation seen in live replies.

`packageIdentifiers[].values` is an array live and `value` in the schema; time stamps come with
and without offset; scans come newest first; a number that FedEx has reused has several results.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from ml_connector.domain.tracking import ParcelReport, Scan
from ml_connector.fedex.reading import Part
from ml_connector.fedex.replies import Envelope, ReplyError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackResult:
    """One of `completeTrackResults[].trackResults[]`: a parcel, or an error in its place."""

    asked: str
    """The number the result stands under."""
    number: str
    """The parcel's own number."""
    part: Part
    error: ReplyError | None


def read_results(envelope: Envelope) -> list[TrackResult]:
    """All results of a reply, in its order."""
    results = []
    for complete in envelope.output["completeTrackResults"]:
        for part in complete["trackResults"]:
            number = part["trackingNumberInfo"]["trackingNumber"].text
            asked = complete["trackingNumber"].text or number
            results.append(
                TrackResult(asked=asked, number=number or asked, part=part, error=_error(part))
            )
    return results


def read_report(result: TrackResult, zone: tzinfo) -> ParcelReport:
    """A parcel's report; stamps without an offset are read in `zone`."""
    status = result.part["latestStatusDetail"]
    stamps = {
        stamp["type"].text: stamp["dateTime"].instant(zone) for stamp in result.part["dateAndTimes"]
    }
    return ParcelReport(
        tracking_number=result.number,
        unique_id=result.part["trackingNumberInfo"]["trackingNumberUniqueId"].text,
        code=status["code"].text,
        derived_code=status["derivedCode"].text,
        description=status.first("description", "statusByLocale").text,
        ship_date=stamps.get("SHIP"),
        actual_delivery=stamps.get("ACTUAL_DELIVERY"),
        scans=_scans(result.part, zone),
    )


def read_references(result: TrackResult) -> Mapping[str, tuple[str, ...]]:
    """The parcel's references by FedEx's type."""
    references: dict[str, tuple[str, ...]] = {}
    for identifier in result.part["additionalTrackingInfo"]["packageIdentifiers"]:
        kind = identifier["type"].text
        values = (*references.get(kind, ()), *identifier.first("values", "value").texts)
        if kind and values:
            references[kind] = tuple(dict.fromkeys(values))
    return references


def _error(part: Part) -> ReplyError | None:
    error = part["error"]
    if not error:
        return None
    return ReplyError(code=error["code"].text, message=error["message"].text)


def _scans(part: Part, zone: tzinfo) -> tuple[Scan, ...]:
    """Oldest first. A scan without a readable time has no place in a parcel's life.

    A stamp without an offset is a wall clock's where the parcel was: it is read with the offset of
    the scan before it, else of the next one that has any, else in `zone`. Read in the zone of a
    tenant far away, a parcel would move before it was picked up, and in another month.
    """
    # Newest first in the reply, and the sort below is stable: turned round, scans of the same
    # minute keep the order in which they happened.
    events = list(part["scanEvents"])[::-1]
    offsets = [stamp.tzinfo for each in events if (stamp := each["date"].stamp) and stamp.tzinfo]
    here: tzinfo = offsets[0] if offsets else zone
    scans = []
    for event in events:
        at = event["date"].instant(here)
        if at is not None:
            here = at.tzinfo or here
            scans.append(_scan(event, at))
    return tuple(sorted(scans, key=lambda scan: scan.at))


def _scan(event: Part, at: datetime) -> Scan:
    place = event["scanLocation"]
    return Scan(
        at=at,
        code=event["eventType"].text,
        description=event["eventDescription"].text,
        exception_code=event["exceptionCode"].text,
        place=", ".join(filter(None, (place["city"].text, place["countryCode"].text))),
    )
