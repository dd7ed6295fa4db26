"""The reply of Ship: `transactionShipments[]` with FedEx's documented and its stray keys."""

import base64
from decimal import Decimal

from ml_connector.sandbox.fedex import catalogue, labels
from ml_connector.sandbox.fedex.values import Charge, Json, Piece, Problem, Rating, Shipment

RATING_UNAVAILABLE = Problem(
    code="RATING.IS.UNAVAILABLE",
    message="We are not able to retrieve the message for the warning or error.",
)


def transaction_shipment(shipment: Shipment, list_rating: Rating | None, base_url: str) -> Json:
    """One entry of `transactionShipments[]`. `list_rating` is the price without discount."""
    order = shipment.order
    service = catalogue.SERVICES[order.service]
    detail: Json = {
        "usDomestic": order.shipper.country == order.recipient.country == "US",
        "carrierCode": shipment.carrier,
        "masterTrackingId": {
            "trackingIdType": "FEDEX",
            "formId": "0201",
            "trackingNumber": shipment.master,
        },
        "packagingDescription": order.packaging,
        "completedPackageDetails": [_completed_package(shipment, p) for p in shipment.pieces],
    }
    alerts = list(order.alerts)
    if shipment.rating is None:
        alerts.append(RATING_UNAVAILABLE)
    else:
        detail["shipmentRating"] = _shipment_rating(shipment.rating, list_rating)
    return {
        "masterTrackingNumber": shipment.master,
        "serviceType": order.service,
        "serviceName": service.name,
        "serviceCategory": "GROUND" if service.carrier == "FDXG" else "EXPRESS",
        "shipDatestamp": order.ship_date.isoformat(),
        "alerts": [alert.as_alert() for alert in alerts],
        "shipmentDocuments": [],
        "pieceResponses": [_piece(shipment, piece, base_url) for piece in shipment.pieces],
        "completedShipmentDetail": detail,
        "shipmentAdvisoryDetails": {},
    }


def _shipment_rating(rating: Rating, list_rating: Rating | None) -> Json:
    """The list price first: whoever takes the first entry takes the wrong one."""
    details = [_rate_detail(rating, "PAYOR_ACCOUNT_SHIPMENT")]
    if list_rating is not None:
        details.insert(0, _rate_detail(list_rating, "PAYOR_LIST_SHIPMENT"))
    return {"actualRateType": "PAYOR_ACCOUNT_SHIPMENT", "shipmentRateDetails": details}


def _rate_detail(rating: Rating, rate_type: str) -> Json:
    return {
        "rateType": rate_type,
        "rateScale": "",
        "rateZone": rating.zone,
        "ratedWeightMethod": rating.weight_method,
        "currency": rating.currency,
        "fuelSurchargePercent": amount(rating.fuel_percent),
        "totalBillingWeight": {"units": "KG", "value": amount(rating.billing_weight)},
        "totalBaseCharge": amount(rating.base),
        "totalFreightDiscounts": amount(rating.discount),
        "totalNetFreight": amount(rating.net_freight),
        "totalSurcharges": amount(rating.total_surcharges),
        "totalNetFedExCharge": amount(rating.net_fedex_charge),
        "totalTaxes": amount(rating.total_taxes),
        "totalNetCharge": amount(rating.net_charge),
        "totalRebates": 0,
        "surcharges": [charge_json(charge, "surchargeType") for charge in rating.surcharges],
        "taxes": [charge_json(charge, "taxType") for charge in rating.taxes],
        "freightDiscounts": [],
    }


def charge_json(charge: Charge, type_key: str) -> Json:
    """A surcharge or a tax; Ship and Rate name its type differently."""
    return {
        type_key: charge.kind,
        "level": "SHIPMENT",
        "description": charge.description,
        "amount": amount(charge.amount),
    }


def amount(value: Decimal) -> float:
    """FedEx sends numbers, not strings."""
    return float(value)


def _piece(shipment: Shipment, piece: Piece, base_url: str) -> Json:
    """One `pieceResponses[]` entry.

    As in the real 21-piece reply, every piece repeats the net charge of the whole shipment as
    `netRateAmount` and has 0 as `netChargeAmount`; `netRateAmount`, `currency` and
    `codcollectionAmount` are in no specification.
    """
    body: Json = {
        "masterTrackingNumber": shipment.master,
        "trackingNumber": piece.tracking_number,
        "packageSequenceNumber": piece.sequence,
        "deliveryDatestamp": "",
        "netChargeAmount": 0,
        "netDiscountAmount": 0,
        "additionalChargesDiscount": 0,
        "codcollectionAmount": 0,
        "customerReferences": _references(piece),
        "packageDocuments": [_label(shipment, piece, base_url)],
    }
    if shipment.rating is not None:
        body["netRateAmount"] = amount(shipment.rating.net_charge)
        body["baseRateAmount"] = amount(shipment.rating.base)
        body["currency"] = shipment.rating.currency
    return body


def _references(piece: Piece) -> list[Json]:
    if not piece.parcel.retrievable:
        return []
    return [
        {"customerReferenceType": reference.kind, "value": reference.value}
        for reference in piece.parcel.references
    ]


def _label(shipment: Shipment, piece: Piece, base_url: str) -> Json:
    wish = shipment.order.label
    document: Json = {"contentType": "LABEL", "copiesToPrint": 1, "docType": wish.image}
    if wish.by_url:
        document["url"] = f"{base_url}/document/v1/labels/{piece.tracking_number}"
    else:
        content, _ = labels.render(shipment, piece)
        document["encodedLabel"] = base64.b64encode(content).decode()
    return document


def _completed_package(shipment: Shipment, piece: Piece) -> Json:
    return {
        "sequenceNumber": piece.sequence,
        "groupNumber": 0,
        "trackingIds": [
            {
                "trackingIdType": "FEDEX",
                "formId": "0201",
                "trackingNumber": piece.tracking_number,
            }
        ],
        "signatureOption": "SERVICE_DEFAULT",
        "operationalDetail": {
            "barcodes": {
                "stringBarcodes": [{"type": "FEDEX_1D", "value": piece.tracking_number}],
                "binaryBarcodes": [],
            }
        },
    }
