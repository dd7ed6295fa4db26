"""Track by reference: FedEx's only way to find a shipment whose number was lost."""

from datetime import date, timedelta

from ml_connector.sandbox.fedex.errors import refuse
from ml_connector.sandbox.fedex.fields import Fields
from ml_connector.sandbox.fedex.gateway import Call
from ml_connector.sandbox.fedex.track import (
    complete_results,
    failed,
    in_range,
    is_visible,
    ship_days,
)
from ml_connector.sandbox.fedex.track_result import indexed_kind
from ml_connector.sandbox.fedex.values import Json, Shipment

REFERENCE_TYPES = frozenset(
    [
        "BILL_OF_LADING",
        "COD_RETURN_TRACKING_NUMBER",
        "CUSTOMER_AUTHORIZATION_NUMBER",
        "CUSTOMER_REFERENCE",
        "DEPARTMENT",
        "DOCUMENT_AIRWAY_BILL",
        "EXPRESS_ALTERNATE_REFERENCE",
        "FEDEX_OFFICE_JOB_ORDER_NUMBER",
        "FREE_FORM_REFERENCE",
        "GROUND_INTERNATIONAL",
        "GROUND_SHIPMENT_ID",
        "INTERNATIONAL_DISTRIBUTION",
        "INVOICE",
        "JOB_GLOBAL_TRACKING_NUMBER",
        "ORDER_GLOBAL_TRACKING_NUMBER",
        "ORDER_TO_PAY_NUMBER",
        "PART_NUMBER",
        "PARTNER_CARRIER_NUMBER",
        "PURCHASE_ORDER",
        "REROUTE_TRACKING_NUMBER",
        "RETURN_MATERIALS_AUTHORIZATION",
        "RETURNED_TO_SHIPPER_TRACKING_NUMBER",
        "SHIPPER_REFERENCE",
        "TRANSBORDER_DISTRIBUTION",
        "TRANSPORTATION_CONTROL_NUMBER",
        "VIRTUAL_CONSOLIDATION",
    ]
)
LONGEST_RANGE = timedelta(days=30)
OLDEST_BEGIN = timedelta(days=730)

_FURTHEST_ZONE = timedelta(hours=14)
"""Somewhere on earth it is already tomorrow; FedEx's own boundary is not published."""

_NOT_FOUND = (
    "TRACKING.REFERENCENUMBER.NOTFOUND",
    "Reference number cannot be found. Please correct the reference number and try again.",
)
_NOT_UNIQUE = (
    "TRACKING.DATA.NOTUNIQUE",
    "Reference matches more than one shipment. Please narrow your search.",
)


def by_reference(call: Call) -> Json:
    """`POST /track/v1/referencenumbers`: one reference a call."""
    wanted = call.body.child("referencesInformation", code="TRACKING.REFERENCEDATA.INCOMPLETE")
    detailed = call.body.flag("includeDetailedScans")
    value = wanted.text("value", code="TRACKING.REFERENCEVALUE.EMPTY")
    kind = wanted.choice(
        "type", REFERENCE_TYPES, required=False, code="TRACKING.REFERENCETYPE.INVALID"
    )
    account = wanted.text("accountNumber", required=False)
    begin, end = _dates(call, wanted)
    _check_combination(wanted, kind, account)
    call.settle()
    found = [
        shipment
        for shipment in call.world.shipments
        if _is_indexed(call, shipment)
        and _carries(shipment, kind, value)
        and any(in_range(day, begin, end) for day in ship_days(shipment))
        and _goes(shipment, wanted, account)
    ]
    if not found or value in call.world.modes.hidden_references:
        return {"completeTrackResults": [failed("", _NOT_FOUND)], "successful": False}
    if len(found) > 1 and call.world.modes.several_matches == "error":
        return {"completeTrackResults": [failed("", _NOT_UNIQUE)], "successful": False}
    results = [r for s in found for r in complete_results(call, s, detailed=detailed)]
    return {"completeTrackResults": results, "successful": True}


def _dates(call: Call, wanted: Fields) -> tuple[date, date]:
    """The searched range, by default the last 30 days and tomorrow.

    The schema calls its end `shipDateEndDate`, all of FedEx's examples `shipDateEnd`.
    """
    today = call.now.date()
    latest = (call.now + _FURTHEST_ZONE).date()
    given_begin = wanted.day("shipDateBegin", code="REFERENCETRACKING.SHIPDATERANGE.INVALID")
    given_end = wanted.day("shipDateEnd", code="REFERENCETRACKING.SHIPDATERANGE.INVALID")
    given_end = given_end or wanted.day("shipDateEndDate")
    end = given_end or today + timedelta(days=1)
    begin = given_begin or min(today, end) - LONGEST_RANGE
    if given_end is not None and given_end > latest:
        raise refuse("TRACKING.SHIPDATEEND.FUTURE", "End date must not be in the future.")
    if end < begin:
        raise refuse("TRACKING.SHIPDATE.ENDDATEBEFOREBEGINDATE", "End date is before begin date.")
    if today - begin > OLDEST_BEGIN:
        raise refuse("TRACKING.SHIPDATEBEGIN.TOOOLD", "Begin date is beyond 2 years.")
    if given_begin is not None and end - begin > LONGEST_RANGE:
        raise refuse("TRACKING.SHIPDATERANGE.TOOLONG", "Date range exceeds 30 days.")
    return begin, end


def _check_combination(wanted: Fields, kind: str, account: str) -> None:
    """Value with account, or type with carrier, dates and destination."""
    if account:
        return
    others = ("carrierCode", "shipDateBegin", "destinationPostalCode", "destinationCountryCode")
    if not (kind and all(wanted.has(key) for key in others)):
        wanted.complain(
            "accountNumber",
            "Please provide the account number, or the type, carrier, dates and destination.",
            "TRACKING.REFERENCEDATA.INCOMPLETE",
        )


def _is_indexed(call: Call, shipment: Shipment) -> bool:
    lag = call.world.modes.reference_lag
    return is_visible(call, shipment) and call.world.gateway.now() >= shipment.known_at + lag


def _carries(shipment: Shipment, kind: str, value: str) -> bool:
    return any(
        reference.value == value and kind in ("", indexed_kind(reference.kind, shipment.carrier))
        for piece in shipment.pieces
        if piece.parcel.retrievable
        for reference in piece.parcel.references
    )


def _goes(shipment: Shipment, wanted: Fields, account: str) -> bool:
    order = shipment.order
    if account:
        return account in (order.account, order.payer)
    carrier = wanted.text("carrierCode", required=False)
    country = wanted.text("destinationCountryCode", required=False)
    postal = wanted.text("destinationPostalCode", required=False)
    return (
        carrier in ("", shipment.carrier)
        and country == order.recipient.country
        and _same_postal_code(postal, order.recipient.postal_code)
    )


def _same_postal_code(left: str, right: str) -> bool:
    return left.replace(" ", "").upper() == right.replace(" ", "").upper()
