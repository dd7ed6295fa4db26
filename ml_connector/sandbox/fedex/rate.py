"""`POST /rate/v1/rates/quotes`: one service's price, or every service's that goes there."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from ml_connector.sandbox.fedex import catalogue, rating
from ml_connector.sandbox.fedex.catalogue import Service
from ml_connector.sandbox.fedex.errors import refuse
from ml_connector.sandbox.fedex.fields import Fields
from ml_connector.sandbox.fedex.gateway import Call
from ml_connector.sandbox.fedex.ship_reply import amount, charge_json
from ml_connector.sandbox.fedex.ship_request import (
    FURTHEST_SHIP_DATE,
    read_parcels,
    read_place,
)
from ml_connector.sandbox.fedex.values import Account, Address, Json, Parcel, Rating

RATE_TYPES = frozenset({"LIST", "ACCOUNT", "PREFERRED", "INCENTIVE", "NONE"})
MOST_PACKAGES = 100
_DAYS = {1: "ONE_DAY", 2: "TWO_DAYS", 3: "THREE_DAYS", 4: "FOUR_DAYS"}


def quote(call: Call) -> Json:
    """Price a shipment that is not made. Controls inside `requestedShipment` are ignored."""
    account_number = call.body.child("accountNumber").text("value", code="ACCOUNT.NUMBER.INVALID")
    wanted = call.body.child("requestedShipment")
    origin = read_place(wanted.child("shipper").child("address"), "SHIPPER")
    destination = read_place(wanted.child("recipient").child("address"), "RECIPIENT")
    wanted.choice("pickupType", catalogue.PICKUP_TYPES)
    service = wanted.choice(
        "serviceType", catalogue.SERVICES, required=False, code="SERVICETYPE.NOT.ALLOWED"
    )
    parcels = read_parcels(wanted, service)
    if len(parcels) > MOST_PACKAGES:
        wanted.complain("totalPackageCount", f"a rate request has at most {MOST_PACKAGES} packages")
    zone = catalogue.zone_of(origin.country)
    # The caller's today: the carrier's own clock may run ahead of it.
    today = min(call.now, call.world.gateway.now()).astimezone(zone).date()
    day = _ship_day(wanted, today)
    kinds = wanted.texts("rateRequestType", required=False)
    for kind in set(kinds) - RATE_TYPES:
        wanted.complain("rateRequestType", f"{kind!r} is not a rate type")
    preferred = wanted.text("preferredCurrency", required=False)
    call.settle()
    call.may_use(account_number)
    if not call.world.modes.quotes:
        raise refuse("RATING.QUOTE.NOTAVAILABLE", "Rate quote is not available.")
    services = _services(service, origin, destination)
    account = call.world.accounts[account_number]
    transit = call.body.child("rateRequestControlParameters", required=False)
    with_transit = transit.flag("returnTransitTimes")
    details = [
        _detail(
            known,
            list(_priced(known, parcels, account, (origin, destination), kinds, preferred)),
            day if with_transit else None,
        )
        for known in services
    ]
    return {
        "alerts": [],
        "rateReplyDetails": details,
        "quoteDate": day.isoformat(),
        "encoded": False,
    }


def _ship_day(wanted: Fields, today: date) -> date:
    """`shipDateStamp`: not past, not more than ten days ahead."""
    day = wanted.day("shipDateStamp")
    if day is None:
        return today
    if not today - timedelta(days=1) <= day <= today + FURTHEST_SHIP_DATE:
        wanted.complain("shipDateStamp", "the ship date is past or more than ten days ahead")
    return day


def _services(wanted: str, origin: Address, destination: Address) -> list[Service]:
    services = [
        service
        for code, service in catalogue.SERVICES.items()
        if wanted in ("", code) and catalogue.serves(service, origin.country, destination.country)
    ]
    if not services:
        raise refuse(
            "RATE.LOCATION.NOSERVICE",
            "FedEx service is not currently available to this origin / destination combination. "
            "Enter new information or contact FedEx Customer Service.",
        )
    return services


def _priced(
    service: Service,
    parcels: tuple[Parcel, ...],
    account: Account,
    lane: tuple[Address, Address],
    kinds: Iterable[str],
    preferred: str,
) -> Iterable[tuple[str, Rating]]:
    """Rate types with their price; the list price and the preferred currency only when asked.

    An unknown preferred currency is ignored in silence, as FedEx does.
    """
    origin, destination = lane
    countries = (origin.country, destination.country)

    def priced(payer: Account, *, discounted: bool) -> Rating:
        return rating.rate(
            service,
            parcels,
            payer,
            countries,
            residential=destination.residential,
            discounted=discounted,
        )

    if "LIST" in kinds:
        yield "LIST", priced(account, discounted=False)
    yield "ACCOUNT", priced(account, discounted=True)
    currency = rating.known_currency(preferred)
    if "PREFERRED" in kinds and currency is not None:
        yield "PREFERRED_CURRENCY", priced(replace(account, currency=currency), discounted=True)


def _detail(service: Service, priced: list[tuple[str, Rating]], day: date | None) -> Json:
    body: Json = {
        "serviceType": service.code,
        "serviceName": service.name,
        "packagingType": "YOUR_PACKAGING",
        "signatureOptionType": "SERVICE_DEFAULT",
        "customerMessages": [],
        "ratedShipmentDetails": [_rated(kind, price) for kind, price in priced],
    }
    if day is not None:
        arrival = day + timedelta(days=service.days)
        body["commit"] = {
            "label": "",
            "dateDetail": {"dayFormat": f"{arrival.isoformat()}T12:00:00"},
        }
        body["operationalDetail"] = {
            "commitDate": f"{arrival.isoformat()}T12:00:00",
            "transitTime": _DAYS[service.days],
        }
    return body


def _rated(kind: str, price: Rating) -> Json:
    """A domestic reply has no duty fields, and this simulator never estimates duties."""
    return {
        "rateType": kind,
        "ratedWeightMethod": price.weight_method,
        "totalDiscounts": amount(price.discount),
        "totalBaseCharge": amount(price.base),
        "totalNetCharge": amount(price.net_charge),
        "totalNetFedExCharge": amount(price.net_fedex_charge),
        "totalVatCharge": amount(price.total_taxes),
        "currency": price.currency,
        "shipmentRateDetail": {
            "rateZone": price.zone,
            "dimDivisor": 0,
            "fuelSurchargePercent": amount(price.fuel_percent),
            "totalSurcharges": amount(price.total_surcharges),
            "totalFreightDiscount": amount(price.discount),
            "surCharges": [charge_json(charge, "type") for charge in price.surcharges],
            "taxes": [charge_json(charge, "type") for charge in price.taxes],
            "pricingCode": "",
            "totalBillingWeight": {"units": "KG", "value": amount(price.billing_weight)},
            "currency": price.currency,
        },
        "ratedPackages": [],
    }
