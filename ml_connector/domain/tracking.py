"""A parcel's life as scans tell it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ParcelState(StrEnum):
    """What a parcel is doing. `UNKNOWN` keeps FedEx's code beside it, never a guess."""

    LABEL_CREATED = "label_created"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    HELD = "held"
    RETURNING = "returning"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One scan event."""

    at: datetime
    """With an offset; a stamp without one is read in the zone given by the caller."""
    code: str
    """FedEx event type, e.g. PU, AR, OD, DL."""
    description: str
    exception_code: str = ""
    place: str = ""
    """City and country; never a street."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelReport:
    """What FedEx answered for one tracking number, reduced to what we use."""

    tracking_number: str
    unique_id: str
    """Tells reused numbers apart."""
    code: str
    """latestStatusDetail.code"""
    derived_code: str
    description: str
    ship_date: datetime | None
    actual_delivery: datetime | None
    scans: tuple[Scan, ...]
    """Oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelStatus:
    """The domain's reading of a report."""

    state: ParcelState
    code: str
    """FedEx's raw code, shown when the state is unknown or an exception."""
    description: str
    first_scan: datetime | None
    """First physical scan: FedEx holds the parcel."""
    delivered_at: datetime | None
    """Delivery, or completed return."""
