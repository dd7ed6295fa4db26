"""The Ship API: create, validate, results of a large shipment, cancel."""

from dataclasses import dataclass
from enum import StrEnum

from ml_connector.domain.shipment import CreatedShipment, Document, Piece, ShipmentPlan
from ml_connector.fedex.costs import shipment_cost
from ml_connector.fedex.errors import FedExError, FedExRejected
from ml_connector.fedex.reading import Part
from ml_connector.fedex.replies import Alert, Envelope, read_alerts
from ml_connector.fedex.session import Answered, Call, Session
from ml_connector.fedex.ship_models import (
    MOST_LINES,
    CancelRequest,
    CreateShipmentRequest,
    ResultsRequest,
    ValidateShipmentRequest,
    package_lines,
)
from ml_connector.fedex.wire import WireAccount
from ml_connector.http.transport import Effect

LABEL_UNREADABLE = "LABEL.UNREADABLE"
"""Our own alert code: a document came without bytes, or with damaged ones."""

_CREATE = Call(path="/ship/v1/shipments", what="create the shipment", effect=Effect.WRITE)
_VALIDATE = Call(path="/ship/v1/shipments/packages/validate", what="validate the shipment")
_RESULTS = Call(path="/ship/v1/shipments/results", what="tell the shipment's results")
_CANCEL = Call(
    method="PUT",
    path="/ship/v1/shipments/cancel",
    what="cancel the shipment",
    effect=Effect.WRITE,
)


class CancelOutcome(StrEnum):
    """What became of a cancellation. Any other end of it is an error."""

    CANCELLED = "cancelled"
    ALREADY_CANCELLED = "already_cancelled"
    TOO_LATE = "too_late"
    """The shipping day is closed: the parcel can only be stopped by FedEx."""


_CANCEL_CODES = {
    "SHIPMENT.CANCELEDWITHOUTPICKUP.SUCCESS": CancelOutcome.CANCELLED,
    "CANCELSHIPMENT.TRACKINGNUMBER.DELETED": CancelOutcome.ALREADY_CANCELLED,
    "MASTERTRACKINGID.TRACKINGNUMBER.CANCELLED": CancelOutcome.ALREADY_CANCELLED,
    "TRACKINGIDS.TRACKINGNUMBER.CLOSED": CancelOutcome.TOO_LATE,
}
"""FedEx reports these as errors, one success included; the HTTP status is not documented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingShipment:
    """A shipment of more than 40 packages that FedEx is still working on."""

    job_id: str
    transaction_id: str = ""


async def create_shipment(
    session: Session, plan: ShipmentPlan, *, transaction_id: str
) -> CreatedShipment | PendingShipment:
    """Buy a shipment. FedEx deduplicates nothing: each call that succeeds is another one."""
    if len(package_lines(plan.packages)) > MOST_LINES:
        raise FedExRejected(
            "The shipment was not sent to FedEx.",
            why=f"It has more than {MOST_LINES} different kinds of packages.",
            remedy="Split the order, or pack it into fewer kinds of boxes.",
        )
    request = CreateShipmentRequest.of(plan, session.account_number)
    answered = await session.ask(_CREATE, request, transaction_id=transaction_id)
    outcome = _outcome(answered)
    if outcome is None:
        raise answered.lacks("there is neither a shipment nor a job in it")
    return outcome


async def validate_shipment(
    session: Session, plan: ShipmentPlan, *, transaction_id: str
) -> tuple[Alert, ...]:
    """Let FedEx check a shipment without creating it; problems come as `FedExRejected`.

    Raises `ValueError` for more than one package: FedEx validates single pieces only.
    """
    if len(plan.packages) != 1:
        raise ValueError("FedEx validates shipments of a single package only")
    request = ValidateShipmentRequest.of(plan, session.account_number)
    answered = await session.ask(_VALIDATE, request, transaction_id=transaction_id)
    if answered.envelope.errors:
        raise answered.lacks("it objects without an error")
    return answered.envelope.alerts


async def shipment_results(
    session: Session, job_id: str, *, transaction_id: str
) -> CreatedShipment | PendingShipment:
    """The shipment of a job. What FedEx says of an unfinished one is not documented, so every
    readable answer without a shipment or an error counts as unfinished."""
    request = ResultsRequest(
        account_number=WireAccount(value=session.account_number), job_id=job_id
    )
    answered = await session.ask(_RESULTS, request, transaction_id=transaction_id)
    outcome = _outcome(answered)
    if isinstance(outcome, CreatedShipment):
        return outcome
    if answered.envelope.errors:
        raise answered.lacks("there is no shipment in it")
    return PendingShipment(job_id=job_id, transaction_id=answered.envelope.transaction_id)


async def cancel_shipment(
    session: Session, tracking_number: str, *, transaction_id: str
) -> CancelOutcome:
    """Cancel all packages of a shipment that FedEx does not hold yet.

    Safe to repeat: the second call answers `ALREADY_CANCELLED`.
    """
    request = CancelRequest(
        account_number=WireAccount(value=session.account_number), tracking_number=tracking_number
    )
    try:
        answered = await session.ask(_CANCEL, request, transaction_id=transaction_id)
    except FedExError as error:
        outcome = _cancel_outcome(error.codes)
        if outcome is None:
            raise
        return outcome
    return _confirmed(answered)


def _confirmed(answered: Answered) -> CancelOutcome:
    envelope = answered.envelope
    done = envelope.output["cancelledShipment"].flag
    if done:
        return CancelOutcome.CANCELLED
    outcome = _cancel_outcome((*envelope.alert_codes, *(error.code for error in envelope.errors)))
    if outcome is not None:
        return outcome
    if done is None:
        raise answered.lacks("it does not say whether the shipment is cancelled")
    raise FedExRejected(
        "FedEx did not cancel the shipment.",
        why="Its answer says `cancelledShipment: false`.",
        remedy="Look the shipment up in FedEx Ship Manager and cancel it there.",
        codes=envelope.alert_codes,
        status=answered.reply.status,
        request_id=envelope.transaction_id,
    )


def _cancel_outcome(codes: tuple[str, ...]) -> CancelOutcome | None:
    return next((_CANCEL_CODES[code] for code in codes if code in _CANCEL_CODES), None)


def _outcome(answered: Answered) -> CreatedShipment | PendingShipment | None:
    output = answered.envelope.output
    for shipment in output["transactionShipments"]:
        created = read_shipment(shipment, answered.envelope)
        if created is not None:
            return created
    if output["jobId"].text:
        return PendingShipment(
            job_id=output["jobId"].text, transaction_id=answered.envelope.transaction_id
        )
    return None


def read_shipment(shipment: Part, envelope: Envelope) -> CreatedShipment | None:
    """A shipment from `transactionShipments[]`; `None` when it names no tracking number.

    Labels and cost may be missing: FedEx ships without them, and so do we.
    """
    pieces = _pieces(shipment)
    completed = shipment["completedShipmentDetail"]
    master = (
        shipment["masterTrackingNumber"].text
        or completed["masterTrackingId"]["trackingNumber"].text
        or next((piece.tracking_number for piece in pieces), "")
    )
    if not master:
        return None
    documents, damaged = _documents(shipment, master)
    cost, cost_alerts = shipment_cost(shipment)
    own = tuple(alert.code for alert in read_alerts(shipment) if alert.code)
    return CreatedShipment(
        master_tracking_number=master,
        service=shipment["serviceType"].text,
        carrier_code=completed["carrierCode"].text,
        pieces=pieces or (Piece(sequence=1, tracking_number=master),),
        documents=documents,
        cost=cost,
        alerts=tuple(dict.fromkeys((*envelope.alert_codes, *own, *cost_alerts, *damaged))),
        transaction_id=envelope.transaction_id,
        ship_date=shipment["shipDatestamp"].day,
    )


def _pieces(shipment: Part) -> tuple[Piece, ...]:
    """From the piece replies; a reply without them still lists its completed packages."""
    listed = [
        (piece["packageSequenceNumber"].whole, piece["trackingNumber"].text)
        for piece in shipment["pieceResponses"]
    ] or [
        (package["sequenceNumber"].whole, tracking["trackingNumber"].text)
        for package in shipment["completedShipmentDetail"]["completedPackageDetails"]
        for tracking in package["trackingIds"]
    ]
    numbers: dict[str, int] = {}
    for place, (sequence, number) in enumerate(listed, start=1):
        if number:
            numbers.setdefault(number, sequence or place)
    return tuple(
        Piece(sequence=sequence, tracking_number=number)
        for number, sequence in sorted(numbers.items(), key=lambda item: item[1])
    )


def _documents(shipment: Part, master: str) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """Labels and customs papers, and an alert if one of them has no readable bytes."""
    listed = [
        (document, piece["trackingNumber"].text)
        for piece in shipment["pieceResponses"]
        for document in piece["packageDocuments"]
    ]
    listed += [
        (document, document["trackingNumber"].text) for document in shipment["shipmentDocuments"]
    ]
    read = tuple(
        Document(
            kind=document["contentType"].text,
            media=document["docType"].text,
            tracking_number=number or master,
            content=content,
            copies=max(document["copiesToPrint"].whole or 0, 0),
        )
        for document, number in listed
        if (content := document["encodedLabel"].blob) is not None
    )
    return read, () if len(read) == len(listed) else (LABEL_UNREADABLE,)
