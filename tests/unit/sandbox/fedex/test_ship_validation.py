"""What Ship refuses, what it lets pass, and what it only remarks on."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.sandbox.fedex.wire import (
    Api,
    Json,
    american,
    code,
    package,
    party,
    set_at,
    ship_body,
)

WANTED = "requestedShipment"
ITEM = f"{WANTED}.requestedPackageLineItems.0"
GENERAL = "INVALID.INPUT.EXCEPTION"


def abroad(commodities: list[Json] | None = None) -> Json:
    """From Germany to Norway: over a customs border."""
    body = set_at(ship_body(), f"{WANTED}.shipper", party("DE", "20095", "Hamburg"))
    body = set_at(body, f"{WANTED}.serviceType", "FEDEX_INTERNATIONAL_PRIORITY")
    if commodities is not None:
        body[WANTED]["customsClearanceDetail"] = {"commodities": commodities}
    return body


COMMODITY: Json = {
    "description": "Brackets",
    "countryOfManufacture": "DE",
    "quantity": 3,
    "quantityUnits": "PCS",
    "unitPrice": {"amount": 10, "currency": "EUR"},
    "customsValue": {"amount": 30, "currency": "EUR"},
    "weight": {"units": "KG", "value": 5},
}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("accountNumber", ..., "ACCOUNTNUMBER.REGISTRATION.REQUIRED"),
        ("accountNumber.value", "1234567890", "ACCOUNT.NUMBER.INVALID"),
        ("labelResponseOptions", ..., GENERAL),
        ("labelResponseOptions", "FAX", GENERAL),
        (f"{WANTED}.serviceType", "PIGEON", "SERVICETYPE.NOT.ALLOWED"),
        (f"{WANTED}.serviceType", "FEDEX_GROUND", "INCOUNTRY.SERVICES.NOTALLOWED"),
        (f"{WANTED}.packagingType", "BASKET", "PACKAGINGTYPE.MISSING.OR.INVALID"),
        (f"{WANTED}.pickupType", "NEVER", GENERAL),
        (f"{WANTED}.shipper.address.city", ..., "CITY.REQUIRED"),
        (f"{WANTED}.shipper.address.countryCode", "Norway", "SHIPPER.COUNTRY.INVALID"),
        (f"{WANTED}.shipper.address.postalCode", "N-5003", "COUNTRY.POSTALCODEORZIP.INVALID"),
        (f"{WANTED}.recipients.0.address.postalCode", ..., "COUNTRY.POSTALCODEORZIP.INVALID"),
        (f"{WANTED}.recipients.0.address.streetLines", [], GENERAL),
        (f"{WANTED}.recipients.0.address.streetLines", ["x" * 36], GENERAL),
        (f"{WANTED}.recipients.0.address.city", "x" * 36, "CITY.REQUIRED"),
        (f"{WANTED}.recipients.0.contact.companyName", "x" * 36, GENERAL),
        (f"{WANTED}.recipients.0.contact.companyName", ..., GENERAL),
        (
            f"{WANTED}.recipients.0.contact.phoneNumber",
            "22000000",
            "RECIPIENTCONTACT.PHONENUMBER.INVALID",
        ),
        (f"{WANTED}.shipper.contact.phoneNumber", ..., "SHIPPERCONTACT.PHONENUMBER.INVALID"),
        (f"{WANTED}.labelSpecification.imageType", "GIF", GENERAL),
        (f"{WANTED}.labelSpecification.labelStockType", ..., GENERAL),
        (f"{WANTED}.requestedPackageLineItems", [], GENERAL),
        (f"{ITEM}.weight.value", 0, "PACKAGE.WEIGHT.INVALID"),
        (f"{ITEM}.weight.value", "heavy", "PACKAGE.WEIGHT.INVALID"),
        (f"{ITEM}.weight.value", 68.1, "MAXIMUMWEIGHT.TYPE.ERROR"),
        (f"{ITEM}.weight.units", "ST", "PACKAGE.WEIGHT.INVALID"),
        (f"{ITEM}.groupPackageCount", 0, GENERAL),
        (f"{ITEM}.customerReferences.0.value", "x" * 31, GENERAL),
        (f"{ITEM}.customerReferences.1.value", "x" * 41, GENERAL),
        (f"{ITEM}.customerReferences.0.customerReferenceType", "PURCHASE_ORDER", GENERAL),
    ],
)
async def test_a_wrong_field_is_refused_with_its_code(
    api: Api, path: str, value: object, expected: str
) -> None:
    reply = await api.ship(set_at(ship_body(), path, value))

    assert reply.status_code == 400
    assert code(reply) == expected
    assert api.world.shipments == []


async def test_all_problems_come_at_once(api: Api) -> None:
    body = set_at(ship_body(), f"{WANTED}.packagingType", "BASKET")
    body = set_at(body, f"{WANTED}.shipper.address.city", ...)
    body = set_at(body, f"{ITEM}.weight.value", -1)

    reply = await api.ship(body)

    codes = {error["code"] for error in reply.json()["errors"]}
    assert codes == {
        "CITY.REQUIRED",
        "PACKAGINGTYPE.MISSING.OR.INVALID",
        "PACKAGE.WEIGHT.INVALID",
    }


async def test_the_heaviest_package_is_68_kg_or_150_lb(api: Api) -> None:
    pounds = set_at(ship_body(), f"{ITEM}.weight", {"units": "LB", "value": 150})

    assert (await api.ship(ship_body(package(68)))).status_code == 200
    assert (await api.ship(pounds)).status_code == 200
    pounds[WANTED]["requestedPackageLineItems"][0]["weight"]["value"] = 151
    assert code(await api.ship(pounds)) == "MAXIMUMWEIGHT.TYPE.ERROR"


async def test_units_are_not_mixed(api: Api) -> None:
    pounds = package(1)
    pounds["weight"]["units"] = "LB"

    reply = await api.ship(ship_body(package(1), pounds))

    assert code(reply) == "MIXED.MEASURING.UNITS.INCLUDED"


async def test_missing_units_of_length_mean_inches(api: Api) -> None:
    box = {"length": 120, "width": 20, "height": 20}
    metric = set_at(ship_body(), f"{ITEM}.dimensions", {**box, "units": "CM"})
    bare = set_at(ship_body(), f"{ITEM}.dimensions", box)

    assert (await api.ship(metric)).status_code == 200
    assert code(await api.ship(bare)) == "DIMENSIONS.EXCEEDS.LIMITS"


async def test_a_ground_reference_is_shorter_than_an_express_one(api: Api) -> None:
    body = ship_body(package(CUSTOMER_REFERENCE="x" * 40))

    assert (await api.ship(body)).status_code == 200
    assert code(await api.ship(american(body))) == GENERAL
    assert (await api.ship(american(body, "FEDEX_2_DAY"))).status_code == 200


async def test_american_phones_and_states(api: Api) -> None:
    body = american(ship_body())
    long = set_at(body, f"{WANTED}.shipper.contact.phoneNumber", "+1 901 555 1234")
    stateless = set_at(body, f"{WANTED}.shipper.address.stateOrProvinceCode", ...)

    assert code(await api.ship(long)) == "SHIPPERCONTACT.PHONENUMBER.INVALID"
    assert code(await api.ship(stateless)) == GENERAL


async def test_ground_takes_own_packaging_only(api: Api) -> None:
    body = set_at(american(ship_body()), f"{WANTED}.packagingType", "FEDEX_PAK")

    assert code(await api.ship(body)) == "SERVICE.PACKAGECOMBINATION.INVALID"


async def test_a_customs_border_needs_commodities(api: Api) -> None:
    bare, empty, full = (
        await api.ship(abroad()),
        await api.ship(abroad([])),
        await api.ship(abroad([COMMODITY])),
    )

    assert (bare.status_code, empty.status_code, full.status_code) == (400, 400, 200)


@pytest.mark.parametrize(("currency", "status"), [("UKL", 200), ("GBP", 400), ("SGD", 400)])
async def test_customs_values_are_in_fedex_own_currency_codes(
    api: Api, currency: str, status: int
) -> None:
    reply = await api.ship(
        abroad([{**COMMODITY, "customsValue": {"amount": 30, "currency": currency}}])
    )

    assert reply.status_code == status
    assert status == 200 or code(reply) == "CURRENCY.TYPE.INVALID"


async def test_inside_the_european_union_there_is_no_customs(api: Api) -> None:
    body = set_at(abroad(), f"{WANTED}.recipients", [party("SE", "111 22", "Stockholm")])

    assert (await api.ship(body)).status_code == 200


async def test_a_domestic_service_does_not_cross_a_border(api: Api) -> None:
    body = set_at(abroad([COMMODITY]), f"{WANTED}.serviceType", "FEDEX_PRIORITY")

    assert code(await api.ship(body)) == "SERVICETYPE.NOT.ALLOWED"


@pytest.mark.parametrize("kind", ["RECIPIENT", "THIRD_PARTY", "COLLECT"])
async def test_whoever_else_pays_must_be_named(api: Api, kind: str) -> None:
    payment: Json = {"paymentType": kind}
    unnamed = set_at(ship_body(), f"{WANTED}.shippingChargesPayment", payment)
    stranger = {"responsibleParty": {"accountNumber": {"value": "111111111"}}}
    unknown = set_at(unnamed, f"{WANTED}.shippingChargesPayment.payor", stranger)

    assert (await api.ship(unnamed)).status_code == 400
    assert code(await api.ship(unknown)) == "PAYOR.ACCOUNTNUMBER.INVALID"


async def test_a_paying_sender_pays_with_the_shippers_account(api: Api) -> None:
    payor = {"responsibleParty": {"accountNumber": {"value": "111111111"}}}
    body = set_at(ship_body(), f"{WANTED}.shippingChargesPayment.payor", payor)

    assert code(await api.ship(body)) == "ACCOUNT.NUMBER.MISMATCH"


async def test_a_past_ship_date_becomes_today_with_an_alert(api: Api) -> None:
    yesterday = (api.clock.now() - timedelta(days=3)).date().isoformat()
    far = (api.clock.now() + timedelta(days=12)).date().isoformat()

    past = await api.ship(set_at(ship_body(), f"{WANTED}.shipDatestamp", yesterday))
    future = await api.ship(set_at(ship_body(), f"{WANTED}.shipDatestamp", far))

    [entry] = past.json()["output"]["transactionShipments"]
    assert entry["shipDatestamp"] > yesterday
    assert entry["alerts"][0]["code"] == "SHIPMENT.SHIPDATESTAMP.INVALID"
    assert code(future) == "SHIPMENT.SHIPDATESTAMP.INVALID"


LENIENT: list[tuple[str, Any]] = [
    (f"{WANTED}.shipper.address.postalCode", 5003),
    (f"{WANTED}.shipper.contact.phoneNumber", 4722000000),
    (f"{ITEM}.weight.value", "5"),
    (f"{WANTED}.recipients.0.address.residential", "true"),
]


@pytest.mark.parametrize(("path", "value"), LENIENT)
async def test_a_number_for_a_string_passes_and_is_remembered(
    api: Api, path: str, value: object
) -> None:
    reply = await api.ship(set_at(ship_body(), path, value))

    assert reply.status_code == 200
    [leniency] = api.world.leniencies
    assert path.rpartition(".")[2] in leniency


@pytest.mark.parametrize(("path", "value"), LENIENT)
async def test_strictly_it_does_not_pass(api: Api, path: str, value: object) -> None:
    await api.http.patch("/sandbox/modes", json={"strict_types": True})

    assert (await api.ship(set_at(ship_body(), path, value))).status_code == 400
    assert (await api.ship()).status_code == 200
