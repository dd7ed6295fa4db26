"""The snapshot that `GET /sandbox/state` gives: the truth to compare our own books with."""

from dataclasses import asdict
from datetime import datetime

from ml_connector.sandbox.fedex import journey
from ml_connector.sandbox.fedex.values import Json, Piece, Shipment
from ml_connector.sandbox.fedex.world import FedExWorld


def snapshot(world: FedExWorld, now: datetime) -> Json:
    """Everything that happened. `now` is the carrier's instant; amounts are strings."""
    return {
        "now": now.isoformat(),
        "gateway_now": world.gateway.now().isoformat(),
        "shipments": [_shipment(shipment, now) for shipment in world.shipments],
        "calls": dict(world.calls),
        "token_requests": [
            {**asdict(entry), "at": entry.at.isoformat()} for entry in world.token_requests
        ],
        "violations": [
            {**asdict(entry), "at": entry.at.isoformat()} for entry in world.throttle.violations
        ],
        "leniencies": list(world.leniencies),
        "faults": world.faults.counts(),
    }


def _shipment(shipment: Shipment, now: datetime) -> Json:
    pieces = [_piece(shipment, piece, now) for piece in shipment.pieces]
    order = shipment.order
    return {
        "master": shipment.master,
        "tracking_numbers": [piece.tracking_number for piece in shipment.pieces],
        "order_number": shipment.order_number,
        "reference": shipment.customer_reference,
        "account": order.account,
        "client_id": shipment.client_id,
        "transaction": shipment.transaction,
        "service": order.service,
        "carrier": shipment.carrier,
        "ship_date": order.ship_date.isoformat(),
        "created_at": shipment.created_at.isoformat(),
        "cancelled": shipment.cancelled_at is not None,
        "tendered": journey.is_tendered(shipment, now),
        "delivered": all(piece["delivered_at"] for piece in pieces),
        "returned": any("RS" in piece["scans"] for piece in pieces),
        "cost": _cost(shipment),
        "pieces": pieces,
    }


def _piece(shipment: Shipment, piece: Piece, now: datetime) -> Json:
    scans = journey.scans(shipment, piece, now)
    delivered = journey.delivered_at(shipment, piece, now)
    return {
        "tracking_number": piece.tracking_number,
        "weight_kg": f"{piece.parcel.weight:.2f}",
        "scans": [scan.code for scan in scans],
        "first_scan_at": next(
            (scan.at.isoformat() for scan in scans if scan.code not in journey.LABEL_SCANS), None
        ),
        "delivered_at": delivered.isoformat() if delivered else None,
    }


def _cost(shipment: Shipment) -> Json | None:
    """What the reply said it costs; None where the reply had no rating."""
    rating = shipment.rating
    if rating is None:
        return None
    return {
        "currency": rating.currency,
        "net_charge": str(rating.net_charge),
        "net_fedex_charge": str(rating.net_fedex_charge),
        "taxes": str(rating.total_taxes),
        "surcharges": str(rating.total_surcharges),
    }
