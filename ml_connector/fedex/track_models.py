"""Requests of the Track API ("Basic Integrated Visibility")."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ml_connector.fedex.wire import Wire, WireDate

MOST_NUMBERS = 30
"""Tracking numbers a call; more is `TRACKING.TRACKINGNUMBERS.LIMITEXCEEDED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackQuery:
    """One number to track. FedEx reuses numbers, so a range of ship dates is worth giving."""

    tracking_number: str
    ship_date_begin: date | None = None
    ship_date_end: date | None = None


class WireNumber(Wire):
    tracking_number: str


class WireTracking(Wire):
    tracking_number_info: WireNumber
    ship_date_begin: WireDate | None = None
    ship_date_end: WireDate | None = None


class TrackRequest(Wire):
    """`POST /track/v1/trackingnumbers`; without detailed scans there are no scans at all."""

    include_detailed_scans: bool = True
    tracking_info: list[WireTracking]

    @classmethod
    def of(cls, queries: Iterable[TrackQuery]) -> "TrackRequest":
        return cls(
            tracking_info=[
                WireTracking(
                    tracking_number_info=WireNumber(tracking_number=query.tracking_number),
                    ship_date_begin=query.ship_date_begin,
                    ship_date_end=query.ship_date_end,
                )
                for query in queries
            ]
        )


class WireReferenceSearch(Wire):
    """The schema calls the end `shipDateEndDate`; every example and client sends `shipDateEnd`."""

    value: str
    type: str | None = None
    account_number: str
    carrier_code: str | None = None
    ship_date_begin: WireDate
    ship_date_end: WireDate
    destination_country_code: str | None = None
    destination_postal_code: str | None = None


class ReferenceRequest(Wire):
    """`POST /track/v1/referencenumbers`: one reference a call."""

    references_information: WireReferenceSearch
    include_detailed_scans: bool = True


class WirePaging(Wire):
    paging_token: str


class AssociatedRequest(Wire):
    """`POST /track/v1/associatedshipments`: the pieces of a multi-piece shipment."""

    master_tracking_number_info: WireTracking
    associated_type: Literal["STANDARD_MPS"] = "STANDARD_MPS"
    paging_details: WirePaging | None = None
    include_detailed_scans: bool = False

    @classmethod
    def of(cls, master: str, paging_token: str) -> "AssociatedRequest":
        number = WireNumber(tracking_number=master)
        return cls(
            master_tracking_number_info=WireTracking(tracking_number_info=number),
            paging_details=WirePaging(paging_token=paging_token) if paging_token else None,
        )
