"""Quotes, address resolution and transit times."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.unit.sandbox.fedex.wire import ACCOUNT, OTHER_ACCOUNT, Api, Json, code, ship_body

QUOTES = "/rate/v1/rates/quotes"


def quote_body(service: str | None = "FEDEX_PRIORITY", /, **more: Any) -> Json:
    wanted: Json = {
        "shipper": {"address": {"postalCode": "5003", "countryCode": "NO"}},
        "recipient": {"address": {"postalCode": "0150", "countryCode": "NO"}},
        "pickupType": "USE_SCHEDULED_PICKUP",
        "rateRequestType": ["ACCOUNT"],
        "requestedPackageLineItems": [{"weight": {"units": "KG", "value": 5}}],
        **more,
    }
    if service is not None:
        wanted["serviceType"] = service
    return {"accountNumber": {"value": ACCOUNT}, "requestedShipment": wanted}


def details(reply: httpx.Response) -> list[Json]:
    assert reply.status_code == 200, reply.text
    return list(reply.json()["output"]["rateReplyDetails"])


async def test_a_quote_costs_what_the_shipment_will(api: Api) -> None:
    [detail] = details(await api.http.post(QUOTES, json=quote_body()))
    [rated] = detail["ratedShipmentDetails"]
    shipment = await api.shipped(ship_body())

    assert shipment.rating is not None
    assert rated["rateType"] == "ACCOUNT"
    assert rated["totalNetCharge"] == float(shipment.rating.net_charge)
    assert rated["totalNetFedExCharge"] == float(shipment.rating.net_fedex_charge)
    assert rated["currency"] == "NOK"
    assert [s["type"] for s in rated["shipmentRateDetail"]["surCharges"]] == ["FUEL"]
    assert len(api.world.shipments) == 1


async def test_without_a_service_every_one_that_goes_there_is_quoted(api: Api) -> None:
    services = [
        d["serviceType"] for d in details(await api.http.post(QUOTES, json=quote_body(None)))
    ]

    assert "FEDEX_PRIORITY" in services
    assert "FEDEX_INTERNATIONAL_PRIORITY" not in services
    assert "FEDEX_GROUND" not in services
    assert len(services) > 3


async def test_list_and_preferred_prices_only_when_asked(api: Api) -> None:
    kinds: Json = {"rateRequestType": ["LIST", "ACCOUNT", "PREFERRED"], "preferredCurrency": "GBP"}

    [detail] = details(await api.http.post(QUOTES, json=quote_body("FEDEX_PRIORITY", **kinds)))

    found = {r["rateType"]: r["currency"] for r in detail["ratedShipmentDetails"]}
    assert found == {"LIST": "NOK", "ACCOUNT": "NOK", "PREFERRED_CURRENCY": "UKL"}


async def test_an_unknown_preferred_currency_is_ignored(api: Api) -> None:
    kinds: Json = {"rateRequestType": ["PREFERRED"], "preferredCurrency": "ZZZ"}

    [detail] = details(await api.http.post(QUOTES, json=quote_body("FEDEX_PRIORITY", **kinds)))

    assert [r["rateType"] for r in detail["ratedShipmentDetails"]] == ["ACCOUNT"]


async def test_transit_times_are_asked_for_beside_the_shipment_not_inside(api: Api) -> None:
    control: Json = {"rateRequestControlParameters": {"returnTransitTimes": True}}

    [inside] = details(await api.http.post(QUOTES, json=quote_body("FEDEX_PRIORITY", **control)))
    [beside] = details(await api.http.post(QUOTES, json={**quote_body(), **control}))

    assert "commit" not in inside
    assert beside["operationalDetail"]["transitTime"] == "ONE_DAY"


async def test_quote_errors(api: Api) -> None:
    nowhere = quote_body(recipient={"address": {"postalCode": "1", "countryCode": "KP"}})
    foreign = {**quote_body(), "accountNumber": {"value": OTHER_ACCOUNT}}
    late = quote_body(shipDateStamp=(api.clock.now() + timedelta(days=12)).date().isoformat())

    assert code(await api.http.post(QUOTES, json=nowhere)) == "RATE.LOCATION.NOSERVICE"
    assert code(await api.http.post(QUOTES, json=foreign)) == "ACCOUNT.NUMBER.MISMATCH"
    assert (await api.http.post(QUOTES, json=late)).status_code == 400
    api.mode(quotes=False)
    reply = await api.http.post(QUOTES, json=quote_body())
    assert code(reply) == "RATING.QUOTE.NOTAVAILABLE"


ADDRESS: Json = {
    "streetLines": ["Storgata 1"],
    "city": "Oslo",
    "postalCode": "0150",
    "countryCode": "NO",
}


async def test_resolved_attributes_are_strings(api: Api) -> None:
    body = {"addressesToValidate": [{"address": ADDRESS, "clientReferenceId": "a"}]}

    reply = await api.http.post("/address/v1/addresses/resolve", json=body)

    [resolved] = reply.json()["output"]["resolvedAddresses"]
    assert resolved["attributes"]["Resolved"] == "true"
    assert resolved["customerMessages"] == []
    assert resolved["city"] == "OSLO"
    assert resolved["clientReferenceId"] == "a"


async def test_an_address_that_is_nowhere_and_too_many(api: Api) -> None:
    url = "/address/v1/addresses/resolve"
    nowhere = {"addressesToValidate": [{"address": {**ADDRESS, "streetLines": ["NOWHERE 1"]}}]}
    many = {"addressesToValidate": [{"address": ADDRESS}] * 101}

    assert code(await api.http.post(url, json=nowhere)) == "STANDARDIZED.ADDRESS.NOTFOUND"
    assert (await api.http.post(url, json=many)).status_code == 400


def transit_body(**more: Any) -> Json:
    wanted = {
        "shipper": {"address": {"postalCode": "5003", "countryCode": "NO"}},
        "recipients": [{"address": {"postalCode": "0150", "countryCode": "NO"}}],
        "packagingType": "YOUR_PACKAGING",
        "requestedPackageLineItems": [{"weight": {"units": "KG", "value": "5"}}],
    }
    return {"requestedShipment": {**wanted, **more}}


async def test_transit_times_by_lane_and_carrier(api: Api) -> None:
    url = "/availability/v1/transittimes"
    reply = await api.http.post(url, json=transit_body())
    ground = await api.http.post(url, json={**transit_body(), "carrierCodes": ["FDXG"]})
    both = await api.http.post(url, json={**transit_body(), "carrierCodes": ["FDXG", "FDXE"]})

    [times] = reply.json()["output"]["transitTimes"]
    services = {d["serviceType"]: d["commit"] for d in times["transitTimeDetails"]}
    assert services["FEDEX_PRIORITY"]["transitDays"] == {"minimumTransitTime": "ONE_DAY"}
    assert ground.json()["output"]["transitTimes"] == [{"transitTimeDetails": []}]
    assert both.status_code == 400


@pytest.mark.parametrize("address", [{"countryCode": "NO"}, {}])
async def test_transit_times_need_the_origins_postal_code(api: Api, address: Json) -> None:
    body = transit_body(shipper={"address": address})

    reply = await api.http.post("/availability/v1/transittimes", json=body)

    assert code(reply) == "ORIGIN.POSTAL.REQUIRED"


async def test_a_carrier_ahead_of_its_callers_still_quotes_their_today(api: Api) -> None:
    today = api.world.gateway.now().date()
    api.clock.advance(timedelta(days=9))

    assert details(await api.http.post(QUOTES, json=quote_body(shipDateStamp=today.isoformat())))
    past = (today - timedelta(days=2)).isoformat()
    refused = await api.http.post(QUOTES, json=quote_body(shipDateStamp=past))
    assert refused.status_code == 400


async def test_a_quote_takes_a_hundred_packages(api: Api) -> None:
    def lines(count: int) -> list[Json]:
        return [{"weight": {"units": "KG", "value": 5}, "groupPackageCount": count}]

    assert details(
        await api.http.post(QUOTES, json=quote_body(requestedPackageLineItems=lines(100)))
    )
    refused = await api.http.post(QUOTES, json=quote_body(requestedPackageLineItems=lines(101)))
    assert refused.status_code == 400
