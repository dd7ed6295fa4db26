"""Requests of Rate, Service Availability and Address Validation: they only ask."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ml_connector.domain.party import Address
from ml_connector.domain.shipment import Commodity, Package, ShipmentPlan
from ml_connector.fedex.ship_models import MOST_LINES, package_lines
from ml_connector.fedex.wire import (
    Wire,
    WireAccount,
    WireAddress,
    WireCommodity,
    WireDate,
    WirePackage,
    WirePlace,
    WireWeight,
    wire_commodities,
)

MOST_QUOTED = 100
"""Packages of one quote (Rate API schema, `totalPackageCount`)."""

MOST_ADDRESSES = 100
"""Addresses a call of Address Validation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRequest:
    """What a price or a transit time depends on."""

    shipper: Address
    recipient: Address
    packages: tuple[Package, ...]
    packaging: str = "YOUR_PACKAGING"
    pickup: str = "USE_SCHEDULED_PICKUP"
    ship_date: date | None = None
    """In the tenant's time zone; `None` is FedEx's today. At most ten days ahead."""
    commodities: tuple[Commodity, ...] = ()

    @classmethod
    def of(cls, plan: ShipmentPlan) -> "RateRequest":
        """As if it shipped today, without a date: a plan's own day may be over by the time its
        missing price is asked for, or be over at the shipper's, and Rate refuses a past one."""
        return cls(
            shipper=plan.shipper.address,
            recipient=plan.recipient.address,
            packages=plan.packages,
            packaging=plan.packaging,
            pickup=plan.pickup,
            commodities=plan.commodities,
        )


class WireGoods(Wire):
    """Customs lines where nothing is declared yet."""

    commodities: list[WireCommodity]


class WireRateControl(Wire):
    """Stands beside `requestedShipment`; inside it FedEx ignores it without a word."""

    return_transit_times: bool = True


class WireRateShipment(Wire):
    """A single `recipient`, and `shipDateStamp` with a capital S: both differ from Ship."""

    shipper: WirePlace
    recipient: WirePlace
    service_type: str | None = None
    packaging_type: str
    pickup_type: str
    ship_date_stamp: WireDate | None = None
    rate_request_type: list[Literal["ACCOUNT"]]
    total_package_count: int
    customs_clearance_detail: WireGoods | None = None
    requested_package_line_items: list[WirePackage]


class QuoteRequest(Wire):
    """`POST /rate/v1/rates/quotes`; without a service FedEx quotes every one it offers."""

    account_number: WireAccount
    rate_request_control_parameters: WireRateControl
    requested_shipment: WireRateShipment

    @classmethod
    def of(cls, wanted: RateRequest, account_number: str, service: str | None) -> "QuoteRequest":
        return cls(
            account_number=WireAccount(value=account_number),
            rate_request_control_parameters=WireRateControl(),
            requested_shipment=WireRateShipment(
                shipper=WirePlace.of(wanted.shipper),
                recipient=WirePlace.of(wanted.recipient),
                service_type=service,
                packaging_type=wanted.packaging,
                pickup_type=wanted.pickup,
                ship_date_stamp=wanted.ship_date,
                rate_request_type=["ACCOUNT"],
                total_package_count=len(wanted.packages),
                customs_clearance_detail=_goods(wanted),
                requested_package_line_items=_packages(wanted),
            ),
        )


class WireTransitPackage(Wire):
    """A weight only: Availability knows no `groupPackageCount`, and no size changes the time."""

    weight: WireWeight


class WireTransitShipment(Wire):
    shipper: WirePlace
    recipients: list[WirePlace]
    service_type: str | None = None
    packaging_type: str
    pickup_type: str
    ship_datestamp: WireDate | None = None
    customs_clearance_detail: WireGoods | None = None
    requested_package_line_items: list[WireTransitPackage]


class TransitTimesRequest(Wire):
    """`POST /availability/v1/transittimes`; thirty packages stand for all the others."""

    requested_shipment: WireTransitShipment

    @classmethod
    def of(cls, wanted: RateRequest, service: str | None) -> "TransitTimesRequest":
        return cls(
            requested_shipment=WireTransitShipment(
                shipper=WirePlace.of(wanted.shipper),
                recipients=[WirePlace.of(wanted.recipient)],
                service_type=service,
                packaging_type=wanted.packaging,
                pickup_type=wanted.pickup,
                ship_datestamp=wanted.ship_date,
                customs_clearance_detail=_goods(wanted),
                requested_package_line_items=[
                    WireTransitPackage(weight=WireWeight.of(package.weight))
                    for package in wanted.packages[:MOST_LINES]
                ],
            )
        )


class WireRoute(Wire):
    shipper: WirePlace
    recipients: list[WirePlace]


class ServiceOptionsRequest(Wire):
    """`POST /availability/v1/packageandserviceoptions`."""

    requested_shipment: WireRoute

    @classmethod
    def of(cls, shipper: Address, recipient: Address) -> "ServiceOptionsRequest":
        route = WireRoute(shipper=WirePlace.of(shipper), recipients=[WirePlace.of(recipient)])
        return cls(requested_shipment=route)


class WireResolvable(Wire):
    address: WireAddress


class ResolveRequest(Wire):
    """`POST /address/v1/addresses/resolve`."""

    addresses_to_validate: list[WireResolvable]

    @classmethod
    def of(cls, addresses: Iterable[Address]) -> "ResolveRequest":
        return cls(
            addresses_to_validate=[
                WireResolvable(address=WireAddress.of(address)) for address in addresses
            ]
        )


def _packages(wanted: RateRequest) -> list[WirePackage]:
    return [
        WirePackage.of(package).model_copy(update={"group_package_count": count})
        for package, count in package_lines(wanted.packages)
    ]


def _goods(wanted: RateRequest) -> WireGoods | None:
    if not wanted.commodities:
        return None
    return WireGoods(commodities=wire_commodities(wanted.commodities, wanted.packages))
