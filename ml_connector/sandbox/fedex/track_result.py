"""One `trackResults[]` entry, with the habits of live replies that no schema shows."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ml_connector.sandbox.fedex import catalogue, journey
from ml_connector.sandbox.fedex.modes import Modes
from ml_connector.sandbox.fedex.values import Address, Json, Piece, Scan, Shipment

DESCRIPTIONS = {
    "OC": "Shipment information sent to FedEx",
    "PU": "Picked up",
    "AR": "Arrived at FedEx location",
    "DP": "Left FedEx origin facility",
    "IT": "In transit",
    "OD": "On FedEx vehicle for delivery",
    "DL": "Delivered",
    "DE": "Delivery exception",
    "SE": "Shipment exception",
    "DY": "Delay",
    "HL": "Hold at location",
    "RS": "Returning package to shipper",
    "CA": "Shipment cancelled by sender",
    "CD": "Clearance delay",
    "FD": "At destination sort facility",
}
_DERIVED = {
    "OC": ("IN", "Initiated"),
    "PU": ("PU", "Picked up"),
    "DL": ("DL", "Delivered"),
    "DE": ("DE", "Delivery exception"),
    "SE": ("SE", "Shipment exception"),
    "DY": ("DY", "Delayed"),
    "HL": ("HL", "Ready for pickup"),
    "CA": ("CA", "Cancelled"),
    "CD": ("CD", "Clearance delay"),
    "FD": ("RL", "Running late"),
    "RS": ("DL", "Delivered"),
}
"""FedEx's coarser status; everything else is in transit. RS is FedEx's own trap."""

_INDEXED = {
    "P_O_NUMBER": "PURCHASE_ORDER",
    "INVOICE_NUMBER": "INVOICE",
    "DEPARTMENT_NUMBER": "DEPARTMENT",
    "RMA_ASSOCIATION": "RETURN_MATERIALS_AUTHORIZATION",
    "INTRACOUNTRY_REGULATORY_REFERENCE": "FREE_FORM_REFERENCE",
}


def indexed_kind(kind: str, carrier: str) -> str:
    """Ship's reference type as Track knows it: Express files CUSTOMER_REFERENCE elsewhere."""
    if kind == "CUSTOMER_REFERENCE":
        return "SHIPPER_REFERENCE" if carrier == "FDXE" else "CUSTOMER_REFERENCE"
    return _INDEXED[kind]


def unique_id(shipment: Shipment, piece: Piece) -> str:
    """Tells apart the parcels that travelled under one number."""
    suffix = "FDEG" if shipment.carrier == "FDXG" else "FX"
    return f"{12000 + shipment.serial}~{piece.tracking_number}~{suffix}"


def track_result(
    shipment: Shipment, piece: Piece, now: datetime, modes: Modes, *, detailed: bool
) -> Json:
    """What Track shows of a piece at an instant of the carrier's clock."""
    scans = journey.scans(shipment, piece, now)
    order = shipment.order
    result: Json = {
        "trackingNumberInfo": {
            "trackingNumber": piece.tracking_number,
            "trackingNumberUniqueId": unique_id(shipment, piece),
            "carrierCode": shipment.carrier,
        },
        "additionalTrackingInfo": {
            "nickname": "",
            "packageIdentifiers": _identifiers(shipment, piece),
            "hasAssociatedShipments": len(shipment.pieces) > 1,
        },
        "shipperInformation": {"address": order.shipper.brief()},
        "recipientInformation": {"address": order.recipient.brief()},
        "latestStatusDetail": _latest(scans, modes),
        "dateAndTimes": _dates(shipment, scans),
        "availableImages": [],
        "packageDetails": _package(shipment, piece),
        "shipmentDetails": {"possessionStatus": True},
        "deliveryDetails": _delivery(scans, order.recipient),
        "serviceDetail": {
            "type": order.service,
            "description": catalogue.SERVICES[order.service].name,
        },
        "goodsClassificationCode": "",
        "returnDetail": {},
    }
    if scans[-1].code == "OC":
        result["serviceCommitMessage"] = {
            "message": "The delivery date may be updated when FedEx receives the package.",
            "type": "SHIPMENT_LABEL_CREATED",
        }
    if detailed:
        result["scanEvents"] = [_scan(scan, modes) for scan in reversed(scans)]
    return result


def older_result(number: str, delivered: datetime) -> Json:
    """A parcel of somebody else's that once had the same number, long since delivered."""
    place = Address(city="Memphis", state="TN", postal_code="38118", country="US")
    shipped = delivered - timedelta(days=2)
    scans = [Scan(at=shipped, code="PU", place=place), Scan(at=delivered, code="DL", place=place)]
    return {
        "trackingNumberInfo": {
            "trackingNumber": number,
            "trackingNumberUniqueId": f"2457821000~{number}~FX",
            "carrierCode": "FDXE",
        },
        "latestStatusDetail": _status(scans[-1]),
        "dateAndTimes": [
            {"type": "ACTUAL_DELIVERY", "dateTime": _local(delivered, place)},
            {"type": "SHIP", "dateTime": _local(shipped, place)},
        ],
        "scanEvents": [_scan(scan, Modes(naive_scans=frozenset())) for scan in reversed(scans)],
        "shipmentDetails": {"possessionStatus": True},
    }


def _identifiers(shipment: Shipment, piece: Piece) -> list[Json]:
    """`values`, a list, where the specification says `value`."""
    found: list[Json] = []
    if piece.parcel.retrievable:
        for reference in piece.parcel.references:
            kind = indexed_kind(reference.kind, shipment.carrier)
            found.append(_identifier(kind, reference.value))
    if len(shipment.pieces) > 1:
        found.append(_identifier("STANDARD_MPS", shipment.master))
    return found


def _identifier(kind: str, value: str) -> Json:
    return {"type": kind, "values": [value], "trackingNumberUniqueId": "", "carrierCode": ""}


def _latest(scans: Sequence[Scan], modes: Modes) -> Json:
    """The status of the last scan; with the RS quirk a return stays at its exception."""
    last = scans[-1]
    if last.code == "RS" and modes.rs_quirk:
        exceptions = [scan for scan in scans if scan.code == "DE"]
        last = exceptions[-1] if exceptions else last
    return _status(last)


def _status(scan: Scan) -> Json:
    derived, text = _derived(scan.code)
    body: Json = {
        "code": scan.code,
        "derivedCode": derived,
        "statusByLocale": text,
        "description": DESCRIPTIONS.get(scan.code, scan.code),
        "scanLocation": scan.place.brief(),
    }
    if scan.exception:
        body["ancillaryDetails"] = [
            {
                "reason": scan.exception,
                "reasonDescription": f"Exception {scan.exception}",
                "action": "",
                "actionDescription": "",
            }
        ]
    if scan.code == "FD":
        body["delayDetail"] = {"status": "DELAYED"}
    return body


def _derived(code: str) -> tuple[str, str]:
    return _DERIVED.get(code, ("IT", "In transit"))


def _scan(scan: Scan, modes: Modes) -> Json:
    derived, text = _derived(scan.code)
    return {
        "date": _local(scan.at, scan.place, naive=scan.code in modes.naive_scans),
        "eventType": scan.code,
        "eventDescription": DESCRIPTIONS.get(scan.code, scan.code),
        "exceptionCode": scan.exception,
        "exceptionDescription": f"Exception {scan.exception}" if scan.exception else "",
        "scanLocation": {
            "streetLines": [""],
            "postalCode": scan.place.postal_code,
            **scan.place.brief(),
        },
        "locationType": "CUSTOMER" if scan.code == "OC" else "FEDEX_FACILITY",
        "derivedStatusCode": derived,
        "derivedStatus": text,
    }


def _local(at: datetime, place: Address, *, naive: bool = False) -> str:
    """The instant as the place's wall clock shows it, usually with its offset."""
    local = at.astimezone(catalogue.zone_of(place.country))
    return (local.replace(tzinfo=None) if naive else local).isoformat(timespec="seconds")


def _dates(shipment: Shipment, scans: Sequence[Scan]) -> list[Json]:
    """`dateAndTimes`. Label-only parcels too claim a pickup, as in FedEx's own sandbox."""
    order = shipment.order
    dates: list[Json] = []
    for scan in reversed(scans):
        if scan.code == "DL":
            dates.append({"type": "ACTUAL_DELIVERY", "dateTime": _local(scan.at, scan.place)})
            break
    else:
        due = shipment.created_at + timedelta(days=catalogue.SERVICES[order.service].days)
        arrival = _local(due, order.recipient)
        dates.append({"type": "ESTIMATED_DELIVERY", "dateTime": arrival})
    picked_up = next((scan for scan in scans if scan.code not in journey.LABEL_SCANS), scans[0])
    pickup = _local(picked_up.at, picked_up.place)
    dates.append({"type": "ACTUAL_PICKUP", "dateTime": pickup})
    dates.append({"type": "SHIP", "dateTime": f"{order.ship_date.isoformat()}T00:00:00"})
    return dates


def _package(shipment: Shipment, piece: Piece) -> Json:
    kilograms = piece.parcel.weight
    pounds = kilograms / catalogue.KG_PER_LB
    return {
        "packagingDescription": {"type": shipment.order.packaging, "description": "Package"},
        "physicalPackagingType": "PACKAGE",
        "sequenceNumber": str(piece.sequence),
        "count": str(len(shipment.pieces)),
        "weightAndDimensions": {
            "weight": [
                {"value": f"{pounds:.1f}", "unit": "LB"},
                {"value": f"{kilograms:.2f}", "unit": "KG"},
            ]
        },
        "packageContent": [],
    }


def _delivery(scans: Sequence[Scan], recipient: Address) -> Json:
    attempts = sum(scan.code == "DE" for scan in scans)
    body: Json = {"deliveryAttempts": str(attempts)}
    last = scans[-1]
    if last.code == "DL":
        body["actualDeliveryAddress"] = last.place.brief()
        if last.place == recipient:
            body["receivedByName"] = "R.RECEIVING"
    return body
