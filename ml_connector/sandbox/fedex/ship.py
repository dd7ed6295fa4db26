"""Ship: create, validate, and the results of asynchronous shipments.

Nothing here deduplicates. FedEx only echoes `x-customer-transaction-id`; a repeated request is
a second shipment with a second number.
"""

from ml_connector.sandbox.fedex import catalogue, journey, rating
from ml_connector.sandbox.fedex.errors import refuse
from ml_connector.sandbox.fedex.gateway import Call
from ml_connector.sandbox.fedex.ship_reply import transaction_shipment
from ml_connector.sandbox.fedex.ship_request import read_ship_order
from ml_connector.sandbox.fedex.values import Json, Piece, Rating, Shipment, ShipOrder
from ml_connector.sandbox.fedex.world import FedExWorld, Job

_VALIDATED: Json = {
    "code": "SHIPMENT.VALIDATION.SUCCESS",
    "message": "Shipment validated successfully. No errors found.",
    "alertType": "NOTE",
}


def create(call: Call) -> Json:
    """`POST /ship/v1/shipments`."""
    _refuse_one_by_one(call)
    order = _accepted(call, with_label=True)
    asynchronous = len(order.parcels) > call.world.modes.sync_pieces
    if asynchronous and not order.asynchronous:
        raise refuse(
            "PACKAGECOUNT.LIMIT.EXCEEDED",
            "More packages than one synchronous request takes: use ALLOW_ASYNCHRONOUS.",
        )
    shipment = _ship(call, order)
    if asynchronous:
        job_id = call.world.new_id()
        call.world.jobs[job_id] = Job(shipment=shipment)
        return {"jobId": job_id}
    return _output(call, shipment)


def validate(call: Call) -> Json:
    """`POST /ship/v1/shipments/packages/validate`: a single piece, and nothing is made."""
    order = _accepted(call, with_label=False)
    if len(order.parcels) != 1:
        raise refuse("PACKAGECOUNT.INVALID", "Validation takes a shipment of a single package.")
    return {"alerts": [_VALIDATED, *(alert.as_alert() for alert in order.alerts)]}


def results(call: Call) -> Json:
    """`POST /ship/v1/shipments/results`.

    FedEx does not document the answer while a job runs; here it repeats the job's id and has no
    `transactionShipments`.
    """
    account = call.body.child("accountNumber").text("value")
    job_id = call.body.text("jobId", code="SHIPMENT.JOBID.INVALID")
    call.settle()
    call.may_use(account)
    job = call.world.jobs.get(job_id)
    if job is None or job.shipment.order.account != account:
        raise refuse("SHIPMENT.JOBID.INVALID", "The job id is invalid.")
    job.polls += 1
    if job.polls <= call.world.modes.job_polls:
        return {"jobId": job_id, "alerts": []}
    return _output(call, job.shipment)


def _refuse_one_by_one(call: Call) -> None:
    """The simulator makes all labels of a shipment in one request, and says so."""
    wanted = call.body.child("requestedShipment", required=False)
    if call.body.flag("oneLabelAtATime") or wanted.has("masterTrackingId"):
        raise refuse(
            "REQUEST.MISMATCH",
            "The response is unavailable for the request payload sent to this virtualized "
            "sandbox instance: one label at a time is not simulated.",
        )


def _accepted(call: Call, *, with_label: bool) -> ShipOrder:
    order = read_ship_order(call.body, call.now, with_label=with_label)
    call.settle()
    call.may_use(order.account)
    if order.payer and order.payer not in call.world.accounts:
        raise refuse("PAYOR.ACCOUNTNUMBER.INVALID", "The payor's account number is invalid.")
    return order


def _ship(call: Call, order: ShipOrder) -> Shipment:
    world, carrier = call.world, catalogue.SERVICES[order.service].carrier
    pieces = [
        Piece(sequence=sequence, tracking_number=world.new_tracking_number(carrier), parcel=parcel)
        for sequence, parcel in enumerate(order.parcels, start=1)
    ]
    order_number = order.reference("P_O_NUMBER")
    reference = order.reference("CUSTOMER_REFERENCE")
    shipment = Shipment(
        serial=len(world.shipments) + 1,
        order=order,
        client_id=call.token.client_id,
        transaction=call.transaction,
        carrier=carrier,
        pieces=pieces,
        created_at=call.now,
        known_at=world.gateway.now(),
        rating=_price(world, order, discounted=True) if _is_rated(world, order) else None,
        steps=(),
        empty_reply=world.is_named(world.modes.empty_ship_for, order_number, reference),
    )
    journey.assign(shipment, world.journeys)
    world.add(shipment)
    return shipment


def _is_rated(world: FedExWorld, order: ShipOrder) -> bool:
    if order.payer and order.payer != order.account and not world.modes.third_party_rates:
        return False
    reference = order.reference("CUSTOMER_REFERENCE")
    return not world.is_named(
        world.modes.missing_rating_for, order.reference("P_O_NUMBER"), reference
    )


def _price(world: FedExWorld, order: ShipOrder, *, discounted: bool) -> Rating:
    """In the payer's currency: the account that pays sets it."""
    payer = world.accounts[order.payer or order.account]
    return rating.rate(
        catalogue.SERVICES[order.service],
        order.parcels,
        payer,
        (order.shipper.country, order.recipient.country),
        residential=order.recipient.residential,
        discounted=discounted,
    )


def _output(call: Call, shipment: Shipment) -> Json:
    if shipment.empty_reply:
        return {"transactionShipments": [], "alerts": []}
    list_rating = None
    if shipment.rating is not None:
        list_rating = _price(call.world, shipment.order, discounted=False)
    return {"transactionShipments": [transaction_shipment(shipment, list_rating, call.base_url)]}
