"""`PUT /ship/v1/shipments/cancel`, with the outcomes that FedEx reports as errors."""

from ml_connector.sandbox.fedex import journey
from ml_connector.sandbox.fedex.errors import Refusal, refuse
from ml_connector.sandbox.fedex.gateway import Call
from ml_connector.sandbox.fedex.values import Json, Shipment

_DONE = "Success"


def cancel(call: Call) -> Json:
    """Cancel all pieces of a shipment that no courier has scanned.

    A repeat is an error too, and differs by the number used: the master's is
    `MASTERTRACKINGID.TRACKINGNUMBER.CANCELLED`, another piece's
    `CANCELSHIPMENT.TRACKINGNUMBER.DELETED`.
    """
    account = call.body.child("accountNumber").text("value", code="ACCOUNT.NUMBER.INVALID")
    number = call.body.text("trackingNumber", code="TRACKINGNUMBER.ENTERED.INVALID")
    call.body.choice("deletionControl", {"DELETE_ALL_PACKAGES"}, required=False)
    call.settle()
    call.may_use(account)
    found = call.world.find(number)
    if found is None:
        raise refuse("TRACKINGNUMBER.ENTERED.INVALID", "The tracking number is invalid.")
    shipment, _ = found
    if shipment.order.account != account:
        raise refuse(
            "SHIPMENT.USER.UNAUTHORIZED",
            "Requested user is not authorized to perform the operation.",
        )
    _check_open(call, shipment, number)
    return _outcome(call, shipment)


def _check_open(call: Call, shipment: Shipment, number: str) -> None:
    if shipment.cancelled_at is not None:
        raise _already(shipment, number)
    if journey.is_tendered(shipment, call.now):
        raise refuse(
            "TRACKINGIDS.TRACKINGNUMBER.CLOSED",
            "The shipment has been tendered or its ship day is closed.",
        )


def _already(shipment: Shipment, number: str) -> Refusal:
    if number == shipment.master:
        return refuse(
            "MASTERTRACKINGID.TRACKINGNUMBER.CANCELLED", "The shipment is already cancelled."
        )
    return refuse(
        "CANCELSHIPMENT.TRACKINGNUMBER.DELETED", "The tracking number is already deleted."
    )


def _outcome(call: Call, shipment: Shipment) -> Json:
    modes = call.world.modes
    if modes.cancel_outcome == "failure":
        raise refuse(
            "SHIPMENT.CANCELEDWITHOUTPICKUP.FAILURE", "The shipment could not be canceled."
        )
    if modes.cancel_outcome == "false":
        return {"cancelledShipment": False, "cancelledHistory": False, "alerts": []}
    shipment.cancelled_at = call.now
    if modes.cancel_outcome == "success_as_error":
        raise refuse("SHIPMENT.CANCELEDWITHOUTPICKUP.SUCCESS", "The shipment has been canceled.")
    return {
        "cancelledShipment": True,
        "cancelledHistory": True,
        modes.cancel_message_key: _DONE,
        "alerts": [],
    }
