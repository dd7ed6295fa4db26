"""Requests of the Ship API: create, validate, results, cancel."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from ml_connector.domain.measures import Size, Weight, WeightUnit, total_weight
from ml_connector.domain.shipment import Package, ShipmentPlan
from ml_connector.fedex.wire import (
    Wire,
    WireAccount,
    WireCommodity,
    WireDate,
    WireMoney,
    WirePackage,
    WireParty,
    wire_commodities,
)

MOST_LINES = 30
"""`requestedPackageLineItems` takes no more; identical packages can share one."""

MOST_SYNCHRONOUS = 40
"""Packages of one shipment that FedEx answers at once; above, it answers with a job id."""


class WireReference(Wire):
    customer_reference_type: Literal["CUSTOMER_REFERENCE", "P_O_NUMBER"]
    value: str


class WireShipPackage(WirePackage):
    sequence_number: int | None = None
    customer_references: list[WireReference]


class WireResponsibleParty(Wire):
    account_number: WireAccount


class WirePayor(Wire):
    responsible_party: WireResponsibleParty


class WirePayment(Wire):
    payment_type: str
    payor: WirePayor

    @classmethod
    def by(cls, payment_type: str, account_number: str) -> "WirePayment":
        party = WireResponsibleParty(account_number=WireAccount(value=account_number))
        return cls(payment_type=payment_type, payor=WirePayor(responsible_party=party))


class WireLabel(Wire):
    image_type: str
    label_stock_type: str


class WireInvoice(Wire):
    shipment_purpose: Literal["SOLD"] = "SOLD"


class WireCustoms(Wire):
    is_document_only: bool = False
    duties_payment: WirePayment
    commercial_invoice: WireInvoice
    commodities: list[WireCommodity]
    total_customs_value: WireMoney


class WireRequestedShipment(Wire):
    """`total_weight` is required by the schema, though FedEx's own examples omit it."""

    shipper: WireParty
    recipients: list[WireParty]
    ship_datestamp: WireDate
    service_type: str
    packaging_type: str
    pickup_type: str
    total_weight: Decimal
    total_package_count: int | None = None
    shipping_charges_payment: WirePayment
    label_specification: WireLabel
    rate_request_type: list[Literal["ACCOUNT"]]
    customs_clearance_detail: WireCustoms | None = None
    requested_package_line_items: list[WireShipPackage]


class CreateShipmentRequest(Wire):
    """`POST /ship/v1/shipments`: labels inline, because their URLs die within a day."""

    label_response_options: Literal["LABEL"] = "LABEL"
    processing_option_type: Literal["SYNCHRONOUS_ONLY", "ALLOW_ASYNCHRONOUS"]
    account_number: WireAccount
    requested_shipment: WireRequestedShipment

    @classmethod
    def of(cls, plan: ShipmentPlan, account_number: str) -> "CreateShipmentRequest":
        asynchronous = len(plan.packages) > MOST_SYNCHRONOUS
        return cls(
            processing_option_type=("ALLOW_ASYNCHRONOUS" if asynchronous else "SYNCHRONOUS_ONLY"),
            account_number=WireAccount(value=account_number),
            requested_shipment=_requested(
                plan,
                account_number,
                # "Total weight in pounds, one explicit decimal position" (Ship API schema).
                total=_rounded_up(_total(plan, WeightUnit.LB), Decimal("0.1")),
                package_count=len(plan.packages),
            ),
        )


class ValidateShipmentRequest(Wire):
    """`POST /ship/v1/shipments/packages/validate`: one package only, creates nothing."""

    account_number: WireAccount
    requested_shipment: WireRequestedShipment

    @classmethod
    def of(cls, plan: ShipmentPlan, account_number: str) -> "ValidateShipmentRequest":
        unit = plan.packages[0].weight.unit
        return cls(
            account_number=WireAccount(value=account_number),
            requested_shipment=_requested(
                plan,
                account_number,
                # Here the schema wants a whole number, "in Kg or in Lbs".
                total=_rounded_up(_total(plan, unit), Decimal(1)),
                package_count=None,
            ),
        )


class ResultsRequest(Wire):
    """`POST /ship/v1/shipments/results`: the outcome of an asynchronous shipment."""

    account_number: WireAccount
    job_id: str


class CancelRequest(Wire):
    """`PUT /ship/v1/shipments/cancel`: all packages of the shipment, by any of its numbers."""

    account_number: WireAccount
    tracking_number: str
    deletion_control: Literal["DELETE_ALL_PACKAGES"] = "DELETE_ALL_PACKAGES"


def package_lines(packages: Iterable[Package]) -> list[tuple[Package, int]]:
    """(package, how many like it): one line each, or identical ones together beyond 30 lines."""
    each = [(package, 1) for package in packages]
    if len(each) <= MOST_LINES:
        return each
    groups: dict[tuple[Weight, Size | None], tuple[Package, int]] = {}
    for package, _ in each:
        key = (package.weight, package.size)
        first, count = groups.get(key, (package, 0))
        groups[key] = (first, count + 1)
    return list(groups.values())


def _requested(
    plan: ShipmentPlan, account_number: str, *, total: Decimal, package_count: int | None
) -> WireRequestedShipment:
    return WireRequestedShipment(
        shipper=WireParty.of(plan.shipper),
        recipients=[WireParty.of(plan.recipient)],
        ship_datestamp=plan.ship_date,
        service_type=plan.service,
        packaging_type=plan.packaging,
        pickup_type=plan.pickup,
        total_weight=total,
        total_package_count=package_count,
        shipping_charges_payment=WirePayment.by(plan.payment, account_number),
        label_specification=WireLabel(
            image_type=plan.label.image_type, label_stock_type=plan.label.stock
        ),
        rate_request_type=["ACCOUNT"],
        customs_clearance_detail=_customs(plan, account_number),
        requested_package_line_items=_lines(plan),
    )


def _lines(plan: ShipmentPlan) -> list[WireShipPackage]:
    references = [
        WireReference(customer_reference_type="CUSTOMER_REFERENCE", value=plan.reference),
        WireReference(customer_reference_type="P_O_NUMBER", value=plan.order),
    ]
    lines = package_lines(plan.packages)
    grouped = len(lines) != len(plan.packages)
    return [
        WireShipPackage(
            # The sequence number is for individual packages only.
            sequence_number=None if grouped else package.sequence,
            # Without a count FedEx keeps no customer references.
            group_package_count=count,
            weight=(bare := WirePackage.of(package)).weight,
            dimensions=bare.dimensions,
            customer_references=references,
        )
        for package, count in lines
    ]


def _customs(plan: ShipmentPlan, account_number: str) -> WireCustoms | None:
    if not plan.commodities:
        return None
    commodities = wire_commodities(plan.commodities, plan.packages)
    return WireCustoms(
        # The company that ordered the goods imports them, whoever pays for the transport.
        duties_payment=WirePayment.by("RECIPIENT", account_number),
        commercial_invoice=WireInvoice(),
        commodities=commodities,
        total_customs_value=WireMoney(
            # Of the rounded values: customs adds up what it reads.
            amount=sum((line.customs_value.amount for line in commodities), Decimal(0)),
            currency=commodities[0].customs_value.currency,
        ),
    )


def _total(plan: ShipmentPlan, unit: WeightUnit) -> Decimal:
    return total_weight((package.weight for package in plan.packages), unit).value


def _rounded_up(value: Decimal, quantum: Decimal) -> Decimal:
    return max(value.quantize(quantum, rounding=ROUND_CEILING), quantum)
