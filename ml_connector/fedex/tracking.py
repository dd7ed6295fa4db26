"""The Track API: by number, by reference, and the pieces of a shipment.

No track reply is ever checked against FedEx's schema: live replies fail it on most fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta, tzinfo

from ml_connector.domain.tracking import ParcelReport
from ml_connector.fedex.errors import FedExRejected
from ml_connector.fedex.session import Answered, Call, Session
from ml_connector.fedex.track_models import (
    MOST_NUMBERS,
    AssociatedRequest,
    ReferenceRequest,
    TrackQuery,
    TrackRequest,
    WireReferenceSearch,
)
from ml_connector.fedex.track_replies import (
    TrackResult,
    read_references,
    read_report,
    read_results,
)
from ml_connector.fedex.verdicts import explained

LONGEST_SEARCH = timedelta(days=30)
"""Between the ship dates of a search by reference (`TRACKING.SHIPDATERANGE.TOOLONG`)."""

RESULT_MISSING = "TRACKING.RESULT.MISSING"
"""Our own code: FedEx's reply says nothing about a number that was asked for."""

NOT_FOUND = frozenset({"TRACKING.TRACKINGNUMBER.NOTFOUND", "TRACKING.REFERENCENUMBER.NOTFOUND"})
NOT_UNIQUE = "TRACKING.DATA.NOTUNIQUE"

_MOST_PAGES = 20
_TRACK = Call(path="/track/v1/trackingnumbers", what="track")
_BY_REFERENCE = Call(path="/track/v1/referencenumbers", what="search by reference")
_ASSOCIATED = Call(path="/track/v1/associatedshipments", what="list the pieces of a shipment")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackError:
    """Why FedEx reports nothing for one number."""

    code: str
    message: str
    """In plain words."""

    @property
    def not_found(self) -> bool:
        """A definite not-found. A fresh number is unknown for up to a day."""
        return self.code in NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceMatch:
    """A parcel that carries the searched reference."""

    tracking_number: str
    master_tracking_number: str | None
    """`None` when FedEx names no master: a single parcel, or not known yet."""
    report: ParcelReport
    references: Mapping[str, tuple[str, ...]]
    """By FedEx's type: CUSTOMER_REFERENCE, SHIPPER_REFERENCE, PURCHASE_ORDER, STANDARD_MPS, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSearch:
    """What a search by reference says. Nothing found is a definite answer of FedEx's index,
    which lags behind and has been seen incomplete: it is no proof of absence."""

    found: tuple[ReferenceMatch, ...] = ()
    not_unique: bool = False
    """FedEx knows several and names none: something exists."""
    transaction_id: str = field(default="", compare=False)


async def track(
    session: Session,
    queries: Sequence[TrackQuery],
    *,
    transaction_id: str,
    zone: tzinfo = UTC,
) -> Mapping[str, tuple[ParcelReport, ...] | TrackError]:
    """Reports by number; several for one number are different parcels (FedEx reuses numbers).

    Stamps without an offset are read in `zone`. Raises `ValueError` for more than 30 queries.
    """
    distinct = tuple(dict.fromkeys(queries))
    if len(distinct) > MOST_NUMBERS:
        raise ValueError(f"FedEx tracks at most {MOST_NUMBERS} numbers a call")
    numbers = dict.fromkeys(query.tracking_number for query in distinct)
    if not numbers:
        return {}
    try:
        answered = await session.ask(
            _TRACK,
            TrackRequest.of(distinct),
            transaction_id=transaction_id,
            tokens=session.track_tokens,
        )
        results = read_results(answered.envelope)
        if not results:
            raise answered.lacks("there are no results in it")
    except FedExRejected as error:
        # Of several numbers it would not say which one is meant.
        if len(numbers) == 1 and error.code in NOT_FOUND:
            return {number: TrackError(code=error.code, message=error.why) for number in numbers}
        raise
    return {
        number: _reports([result for result in results if result.asked == number], zone)
        for number in numbers
    }


async def find_by_reference(
    session: Session,
    reference: str,
    *,
    ship_date_begin: date,
    ship_date_end: date,
    reference_type: str | None,
    transaction_id: str,
    carrier: str | None = None,
    destination_country: str | None = None,
    destination_postal_code: str | None = None,
    zone: tzinfo = UTC,
) -> ReferenceSearch:
    """Parcels of the account that carry a reference, by ship date.

    Raises `ValueError` for a range that FedEx would refuse (longer than 30 days, or backwards),
    and a `FedExError` for every error but a definite not-found.
    """
    if not timedelta(0) <= ship_date_end - ship_date_begin <= LONGEST_SEARCH:
        raise ValueError(f"FedEx searches at most {LONGEST_SEARCH.days} days, first to last")
    search = WireReferenceSearch(
        value=reference,
        type=reference_type,
        account_number=session.account_number,
        carrier_code=carrier,
        ship_date_begin=ship_date_begin,
        ship_date_end=ship_date_end,
        destination_country_code=destination_country,
        destination_postal_code=destination_postal_code,
    )
    try:
        answered = await session.ask(
            _BY_REFERENCE,
            ReferenceRequest(references_information=search),
            transaction_id=transaction_id,
            tokens=session.track_tokens,
        )
        return _searched(answered, zone)
    except FedExRejected as error:
        if NOT_UNIQUE in error.codes:
            return ReferenceSearch(not_unique=True, transaction_id=error.request_id)
        if error.codes and NOT_FOUND.issuperset(error.codes):
            return ReferenceSearch(transaction_id=error.request_id)
        raise


async def associated_shipments(
    session: Session, master: str, *, transaction_id: str
) -> tuple[str, ...]:
    """Tracking numbers of a multi-piece shipment; empty where FedEx knows of none."""
    numbers: dict[str, None] = {}
    token = ""
    for _ in range(_MOST_PAGES):
        try:
            answered = await session.ask(
                _ASSOCIATED,
                AssociatedRequest.of(master, token),
                transaction_id=transaction_id,
                tokens=session.track_tokens,
            )
        except FedExRejected as error:
            if error.codes and NOT_FOUND.issuperset(error.codes):
                return tuple(numbers)
            raise
        results = read_results(answered.envelope)
        _raise_errors(answered, results, tolerated=NOT_FOUND)
        numbers.update((each.number, None) for each in results if each.number and not each.error)
        # FedEx's text promises paging, its schema has none of it; both are respected.
        output = answered.envelope.output
        following = output["pagingToken"].text if output["moreDataAvailable"].flag else ""
        if not following or following == token:
            return tuple(numbers)
        token = following
    raise answered.lacks(f"it has more than {_MOST_PAGES} pages")


def _reports(results: list[TrackResult], zone: tzinfo) -> tuple[ParcelReport, ...] | TrackError:
    reports = [read_report(result, zone) for result in results if not result.error]
    if reports:
        # The same parcel may be listed twice; without an id only an equal report is the same.
        distinct: dict[str | ParcelReport, ParcelReport] = {}
        for report in reports:
            distinct.setdefault(report.unique_id or report, report)
        return tuple(distinct.values())
    error = next((result.error for result in results if result.error), None)
    if error is None:
        return TrackError(code=RESULT_MISSING, message="FedEx's reply leaves the number out.")
    return TrackError(code=error.code, message=explained(error))


def _searched(answered: Answered, zone: tzinfo) -> ReferenceSearch:
    results = read_results(answered.envelope)
    if not results:
        raise answered.lacks("it names neither a parcel nor a definite not-found")
    _raise_errors(answered, results, tolerated=NOT_FOUND | {NOT_UNIQUE})
    named = [result for result in results if not result.error and result.number]
    return ReferenceSearch(
        found=tuple(_match(result, zone) for result in named),
        not_unique=any(_exists_unnamed(result) for result in results),
        transaction_id=answered.envelope.transaction_id,
    )


def _exists_unnamed(result: TrackResult) -> bool:
    if result.error:
        return result.error.code == NOT_UNIQUE
    return not result.number


def _match(result: TrackResult, zone: tzinfo) -> ReferenceMatch:
    references = read_references(result)
    return ReferenceMatch(
        tracking_number=result.number,
        master_tracking_number=next(iter(references.get("STANDARD_MPS", ())), None),
        report=read_report(result, zone),
        references=references,
    )


def _raise_errors(
    answered: Answered, results: list[TrackResult], *, tolerated: frozenset[str]
) -> None:
    errors = (result.error for result in results if result.error)
    refused = answered.refused(tuple(error for error in errors if error.code not in tolerated))
    if refused is not None:
        raise refused
