"""Every body the client can send validates against FedEx's own schema, and says what it should."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ml_connector.domain.measures import Size, Weight, WeightUnit
from ml_connector.domain.money import Money
from ml_connector.domain.shipment import LabelSpec, Package, ShipmentPlan
from ml_connector.fedex.client import FedExClient, RateRequest, TrackQuery
from ml_connector.fedex.errors import FedExError, FedExRejected
from ml_connector.fedex.rate_models import QuoteRequest, TransitTimesRequest
from ml_connector.fedex.ship_models import CreateShipmentRequest, ValidateShipmentRequest
from ml_connector.fedex.tokens import FedExCredential, request_token
from ml_connector.fedex.track_models import AssociatedRequest
from ml_connector.fedex.wire import Wire
from ml_connector.http.transport import Transport, encode_json
from tests.contract.fedex import specs
from tests.contract.fedex.plans import (
    ACCOUNT,
    COMMODITY,
    DOMESTIC,
    INTERNATIONAL,
    KEY,
    REFERENCE,
    SUPPLIER,
    WAREHOUSE,
    Tokens,
    client_for,
    identical,
    packages,
)
from tests.unit.http.loopback import Asked, Loopback, answer

IN_POUNDS = replace(INTERNATIONAL, packages=packages(2, WeightUnit.LB))
BARE = replace(
    DOMESTIC,
    shipper=replace(SUPPLIER, email="", person=""),
    packages=(Package(sequence=1, weight=Weight(Decimal("0.001"), WeightUnit.KG)),),
    label=LabelSpec(image_type="ZPLII", stock="STOCK_4X6"),
    pickup="CONTACT_FEDEX_TO_SCHEDULE",
)
PLANS = {
    "domestic": DOMESTIC,
    "bare": BARE,
    "recipient-pays": replace(DOMESTIC, payment="RECIPIENT"),
    "third-party-pays": replace(DOMESTIC, payment="THIRD_PARTY"),
    "multi-piece": replace(DOMESTIC, packages=packages(7)),
    "thirty": replace(DOMESTIC, packages=packages(30)),
    "thirty-one-identical": replace(DOMESTIC, packages=identical(31)),
    "beyond-forty": replace(DOMESTIC, packages=identical(41)),
    "international": INTERNATIONAL,
    "international-in-pounds": IN_POUNDS,
    "international-beyond-forty": replace(INTERNATIONAL, packages=identical(60)),
}


def body_of(request: Wire) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(encode_json(request.body()))
    return sent


def created(plan: ShipmentPlan) -> dict[str, Any]:
    return body_of(CreateShipmentRequest.of(plan, ACCOUNT))


@specs.needs_specs
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
class TestAgainstTheSchemas:
    """Shipments of every kind, in every API that takes one."""

    def test_create(self, plan: ShipmentPlan) -> None:
        assert specs.errors("ship", "Full_Schema_Ship", created(plan)) == []

    def test_validate(self, plan: ShipmentPlan) -> None:
        single = replace(plan, packages=plan.packages[:1])
        body = body_of(ValidateShipmentRequest.of(single, ACCOUNT))
        assert specs.errors("ship", "FullSchema-VerifyShipment", body) == []

    @pytest.mark.parametrize("service", [None, "FEDEX_PRIORITY"])
    def test_quote(self, plan: ShipmentPlan, service: str | None) -> None:
        body = body_of(QuoteRequest.of(RateRequest.of(plan), ACCOUNT, service))
        assert specs.errors("rate", "Full_Schema_Quote_Rate", body) == []

    @pytest.mark.parametrize("service", [None, "FEDEX_PRIORITY"])
    def test_transit_times(self, plan: ShipmentPlan, service: str | None) -> None:
        body = body_of(TransitTimesRequest.of(RateRequest.of(plan), service))
        name = "Full_Schema_TransitTime"
        assert specs.errors("service-availability-transittimes", name, body) == []


async def sent_by(
    pool: httpx.AsyncClient, call: Callable[[FedExClient], Awaitable[object]]
) -> Asked:
    """The request of one client call, captured on the wire."""
    async with Loopback([answer(400, {"errors": [{"code": "ANY", "message": ""}]})]) as server:
        with pytest.raises(FedExError):
            await call(client_for(server.url, pool))
    [asked] = server.asked
    return asked


DAY = date(2026, 11, 1)
CALLS: dict[str, tuple[str, str, str, str, Callable[[FedExClient], Awaitable[object]]]] = {
    "create": (
        "POST",
        "/ship/v1/shipments",
        "ship",
        "Full_Schema_Ship",
        lambda client: client.create_shipment(INTERNATIONAL, transaction_id=KEY),
    ),
    "validate": (
        "POST",
        "/ship/v1/shipments/packages/validate",
        "ship",
        "FullSchema-VerifyShipment",
        lambda client: client.validate_shipment(DOMESTIC, transaction_id=KEY),
    ),
    "results": (
        "POST",
        "/ship/v1/shipments/results",
        "ship",
        "FullSchema-getConfirmedShipmentAsyncResults",
        lambda client: client.shipment_results("job-1", transaction_id=KEY),
    ),
    "cancel": (
        "PUT",
        "/ship/v1/shipments/cancel",
        "ship",
        "Full_Schema_Cancel_Shipment",
        lambda client: client.cancel_shipment("794791341818", transaction_id=KEY),
    ),
    "track": (
        "POST",
        "/track/v1/trackingnumbers",
        "track-trackingnumbers",
        "Full_Schema_Tracking_Numbers",
        lambda client: client.track(
            [
                TrackQuery(tracking_number="1", ship_date_begin=DAY, ship_date_end=DAY),
                TrackQuery(tracking_number="2"),
            ],
            transaction_id=KEY,
        ),
    ),
    "find-by-account": (
        "POST",
        "/track/v1/referencenumbers",
        "track-referencenumbers",
        "Full_Schema_Tracking_References",
        lambda client: client.find_by_reference(
            REFERENCE,
            ship_date_begin=DAY,
            ship_date_end=DAY,
            reference_type=None,
            transaction_id=KEY,
        ),
    ),
    "find-by-destination": (
        "POST",
        "/track/v1/referencenumbers",
        "track-referencenumbers",
        "Full_Schema_Tracking_References",
        lambda client: client.find_by_reference(
            REFERENCE,
            ship_date_begin=DAY,
            ship_date_end=DAY,
            reference_type="SHIPPER_REFERENCE",
            carrier="FDXE",
            destination_country="NO",
            destination_postal_code="5003",
            transaction_id=KEY,
        ),
    ),
    "associated": (
        "POST",
        "/track/v1/associatedshipments",
        "track-associatedshipments",
        "Full_Schema_Multiple_Piece_Shipment",
        lambda client: client.associated_shipments("794791341818", transaction_id=KEY),
    ),
    "quote": (
        "POST",
        "/rate/v1/rates/quotes",
        "rate",
        "Full_Schema_Quote_Rate",
        lambda client: client.quote(INTERNATIONAL, service=None, transaction_id=KEY),
    ),
    "transit-times": (
        "POST",
        "/availability/v1/transittimes",
        "service-availability-transittimes",
        "Full_Schema_TransitTime",
        lambda client: client.transit_times(INTERNATIONAL, service=None, transaction_id=KEY),
    ),
    "service-options": (
        "POST",
        "/availability/v1/packageandserviceoptions",
        "service-availability-transittimes",
        "Full_Schema_Package_And_Service_Options",
        lambda client: client.service_options(
            SUPPLIER.address, WAREHOUSE.address, transaction_id=KEY
        ),
    ),
    "resolve": (
        "POST",
        "/address/v1/addresses/resolve",
        "address-validation",
        "Full_Schema_Validate_Address",
        lambda client: client.resolve_address(
            [SUPPLIER.address, WAREHOUSE.address], transaction_id=KEY
        ),
    ),
}


@specs.needs_specs
@pytest.mark.parametrize("call", CALLS)
async def test_call_on_the_wire(pool: httpx.AsyncClient, call: str) -> None:
    method, path, spec, schema, made = CALLS[call]
    asked = await sent_by(pool, made)
    assert (asked.method, asked.target) == (method, path)
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["authorization"] == "Bearer T0P-SECRET-1"
    assert asked.headers["x-customer-transaction-id"] == KEY
    assert specs.errors(spec, schema, asked.json) == []


@specs.needs_specs
def test_the_next_page_of_a_shipments_pieces() -> None:
    body = body_of(AssociatedRequest.of("794791341818", "next"))
    assert body["pagingDetails"] == {"pagingToken": "next"}
    schema = "Full_Schema_Multiple_Piece_Shipment"
    assert specs.errors("track-associatedshipments", schema, body) == []


@specs.needs_specs
async def test_named_exceptions_are_needed() -> None:
    """Each exception stands for a body that the schema as it is would refuse."""
    in_pounds = created(IN_POUNDS)
    assert specs.errors("ship", "Full_Schema_Ship", in_pounds, with_exceptions=False)
    pickup = body_of(ValidateShipmentRequest.of(BARE, ACCOUNT))
    assert specs.errors("ship", "FullSchema-VerifyShipment", pickup, with_exceptions=False)
    search = {"referencesInformation": {"value": "1", "shipDateBegin": "", "shipDateEnd": ""}}
    name = "Full_Schema_Tracking_References"
    assert specs.errors("track-referencenumbers", name, search, with_exceptions=False)


@specs.needs_specs
def test_a_misspelt_key_would_be_noticed() -> None:
    body = created(DOMESTIC)
    body["requestedShipment"]["shipDateStamp"] = body["requestedShipment"].pop("shipDatestamp")
    assert len(specs.errors("ship", "Full_Schema_Ship", body)) == 1


def test_references_stand_on_every_package_line() -> None:
    lines = created(PLANS["multi-piece"])["requestedShipment"]["requestedPackageLineItems"]
    assert [line["sequenceNumber"] for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    for line in lines:
        assert line["groupPackageCount"] == 1
        assert line["customerReferences"] == [
            {"customerReferenceType": "CUSTOMER_REFERENCE", "value": REFERENCE},
            {"customerReferenceType": "P_O_NUMBER", "value": "PO000017"},
        ]


def test_identical_packages_share_a_line_once_there_are_too_many() -> None:
    mixed = identical(28) + packages(2) + identical(3)
    shipment = created(replace(DOMESTIC, packages=mixed))["requestedShipment"]
    lines = shipment["requestedPackageLineItems"]
    assert [line["groupPackageCount"] for line in lines] == [31, 1, 1]
    assert all("sequenceNumber" not in line for line in lines)
    assert shipment["totalPackageCount"] == 33


async def test_more_kinds_of_packages_than_lines_are_refused_unsent(
    pool: httpx.AsyncClient,
) -> None:
    plan = replace(DOMESTIC, packages=packages(31))
    async with Loopback([answer(200, {})]) as server:
        with pytest.raises(FedExRejected, match="30 different kinds"):
            await client_for(server.url, pool).create_shipment(plan, transaction_id=KEY)
    assert server.asked == []


@pytest.mark.parametrize(("count", "mode"), [(40, "SYNCHRONOUS_ONLY"), (41, "ALLOW_ASYNCHRONOUS")])
def test_more_than_forty_packages_are_asynchronous(count: int, mode: str) -> None:
    assert created(replace(DOMESTIC, packages=identical(count)))["processingOptionType"] == mode


@pytest.mark.parametrize("payment", ["SENDER", "RECIPIENT", "THIRD_PARTY"])
def test_the_tenants_account_pays_whoever_is_named(payment: str) -> None:
    body = created(replace(INTERNATIONAL, payment=payment))
    payor = {"responsibleParty": {"accountNumber": {"value": ACCOUNT}}}
    shipment = body["requestedShipment"]
    assert body["accountNumber"] == {"value": ACCOUNT}
    assert shipment["shippingChargesPayment"] == {"paymentType": payment, "payor": payor}
    assert shipment["customsClearanceDetail"]["dutiesPayment"] == {
        "paymentType": "RECIPIENT",
        "payor": payor,
    }


def test_weights_have_two_decimals_rounded_up() -> None:
    [line] = created(DOMESTIC)["requestedShipment"]["requestedPackageLineItems"]
    assert line["weight"] == {"units": "KG", "value": 11.13}
    [tiny] = created(BARE)["requestedShipment"]["requestedPackageLineItems"]
    assert tiny["weight"] == {"units": "KG", "value": 0.01}


def test_total_weight_is_in_pounds_with_one_decimal() -> None:
    assert created(DOMESTIC)["requestedShipment"]["totalWeight"] == 24.6  # 11.125 kg


def test_customs_follow_the_packages_unit_and_add_up() -> None:
    customs = created(INTERNATIONAL)["requestedShipment"]["customsClearanceDetail"]
    first, second = customs["commodities"]
    assert first["weight"] == {"units": "KG", "value": 2.0}
    assert first["unitPrice"] == {"amount": 33.33, "currency": "NOK"}
    assert first["customsValue"] == {"amount": 100.01, "currency": "NOK"}
    assert customs["totalCustomsValue"] == {"amount": 200.02, "currency": "NOK"}
    assert customs["commercialInvoice"] == {"shipmentPurpose": "SOLD"}
    assert (first["harmonizedCode"], "harmonizedCode" in second) == ("853620", False)
    assert created(IN_POUNDS)["requestedShipment"]["customsClearanceDetail"]["commodities"][0][
        "weight"
    ] == {"units": "LB", "value": 4.41}


@pytest.mark.parametrize(
    ("iso", "fedex"), [("GBP", "UKL"), ("CHF", "SFR"), ("JPY", "JYE"), ("EUR", "EUR")]
)
def test_customs_name_currencies_as_fedex_does(iso: str, fedex: str) -> None:
    commodity = replace(
        COMMODITY, unit_price=Money(Decimal(5), iso), customs_value=Money(Decimal(15), iso)
    )
    customs = created(replace(INTERNATIONAL, commodities=(commodity,)))["requestedShipment"][
        "customsClearanceDetail"
    ]
    [line] = customs["commodities"]
    named = (line["unitPrice"], line["customsValue"], customs["totalCustomsValue"])
    assert {money["currency"] for money in named} == {fedex}


def test_a_unit_price_below_a_cent_is_not_declared_as_nothing() -> None:
    screws = replace(COMMODITY, quantity=10_000, unit_price=Money(Decimal("0.004"), "NOK"))
    [line] = created(replace(INTERNATIONAL, commodities=(screws,)))["requestedShipment"][
        "customsClearanceDetail"
    ]["commodities"]
    assert "unitPrice" not in line
    assert line["customsValue"]["amount"] == 100.01


def test_domestic_shipment_declares_nothing() -> None:
    assert "customsClearanceDetail" not in created(DOMESTIC)["requestedShipment"]


def test_empty_elements_are_left_out() -> None:
    shipper = created(BARE)["requestedShipment"]["shipper"]
    assert shipper["contact"] == {
        "companyName": "Elektro Grossist AS",
        "phoneNumber": "+4722334455",
    }
    assert "stateOrProvinceCode" not in shipper["address"]


def test_size_is_sent_with_its_unit() -> None:
    inches = Package(
        sequence=1,
        weight=Weight(Decimal(2), WeightUnit.LB),
        size=Size(length=9, width=8, height=7, unit="IN"),
    )
    body = created(replace(DOMESTIC, packages=(inches,)))
    [line] = body["requestedShipment"]["requestedPackageLineItems"]
    assert line["dimensions"] == {"length": 9, "width": 8, "height": 7, "units": "IN"}


async def test_quote_and_search_send_no_streets_and_no_names(pool: httpx.AsyncClient) -> None:
    for call in ("quote", "transit-times", "service-options"):
        sent = (await sent_by(pool, CALLS[call][-1])).body.decode()
        assert "streetLines" not in sent
        assert "contact" not in sent


async def test_transaction_id_of_any_letters_fits_a_header(pool: httpx.AsyncClient) -> None:
    asked = await sent_by(
        pool, lambda client: client.cancel_shipment("1", transaction_id="bærum/PO 1\r\nx: y")
    )
    sent = asked.headers["x-customer-transaction-id"]
    assert sent == "b%C3%A6rum/PO 1%0D%0Ax: y"
    assert "x" not in asked.headers


async def test_track_credentials_are_used_for_track_only(pool: httpx.AsyncClient) -> None:
    ship, track = Tokens(), Tokens()
    async with Loopback([answer(400, {"errors": [{"code": "ANY"}]})]) as server:
        client = client_for(server.url, pool, tokens=ship, track_tokens=track)
        for name, (*_, made) in CALLS.items():
            with pytest.raises(FedExError):
                await made(client)
            mine = track if name in ("track", "associated") or "find" in name else ship
            assert len(mine.stale) == 1, name
            mine.stale.clear()


@specs.needs_specs
@pytest.mark.parametrize(
    "credential",
    [
        FedExCredential(grant_type="client_credentials", client_id="k", client_secret="s"),
        *(
            FedExCredential(
                grant_type=grant,
                client_id="k",
                client_secret="s",
                child_key="ck",
                child_secret="cs",
            )
            for grant in ("csp_credentials", "client_pc_credentials")
        ),
    ],
    ids=lambda credential: credential.grant_type,
)
async def test_token_request(pool: httpx.AsyncClient, credential: FedExCredential) -> None:
    async with Loopback([answer(200, {"access_token": "t", "expires_in": 3599})]) as server:
        await request_token(Transport("FedEx", server.url, client=pool), credential)
    [asked] = server.asked
    assert (asked.method, asked.target) == ("POST", "/oauth/token")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert specs.errors("authorization", "FullSchema", asked.form) == []
    assert ("child_Key" in asked.form) == (credential.child_key is not None)
