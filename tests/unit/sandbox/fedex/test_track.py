"""Track by number: limits, errors inside a 200, and live replies' habits."""

from datetime import datetime, timedelta

import pytest

from tests.unit.sandbox.fedex.wire import Api, Json, american, code, package, ship_body


def codes(result: Json) -> list[str]:
    """Scan codes, newest first, as FedEx sends them."""
    return [scan["eventType"] for scan in result["scanEvents"]]


async def test_thirty_numbers_and_not_one_more(api: Api) -> None:
    number = (await api.shipped()).master

    assert len(await api.track(*[number] * 30)) == 30
    info = [{"trackingNumberInfo": {"trackingNumber": number}}] * 31
    reply = await api.http.post("/track/v1/trackingnumbers", json={"trackingInfo": info})
    assert code(reply) == "TRACKING.TRACKINGNUMBERS.LIMITEXCEEDED"


async def test_an_unknown_number_is_an_error_of_its_own_inside_the_200(api: Api) -> None:
    number = (await api.shipped()).master

    known, unknown = await api.track(number, "647719948679")

    assert "error" not in known["trackResults"][0]
    [failed] = unknown["trackResults"]
    assert failed.keys() == {"trackingNumberInfo", "error"}
    assert failed["error"]["code"] == "TRACKING.TRACKINGNUMBER.NOTFOUND"


async def test_no_number_at_all_is_refused(api: Api) -> None:
    info = [{"trackingNumberInfo": {"trackingNumber": ""}}]

    reply = await api.http.post("/track/v1/trackingnumbers", json={"trackingInfo": info})

    assert code(reply) == "TRACKING.TRACKINGNUMBER.EMPTY"


async def test_a_fresh_number_is_not_found_until_the_lag_has_passed(api: Api) -> None:
    api.mode(trackable_after=timedelta(minutes=30))
    number = (await api.shipped()).master

    assert "error" in await api.status(number)
    api.world.gateway.advance(timedelta(minutes=30))
    assert (await api.status(number))["latestStatusDetail"]["code"] == "OC"


async def test_a_label_claims_possession_and_a_pickup_nobody_made(api: Api) -> None:
    result = await api.status((await api.shipped()).master)

    assert result["latestStatusDetail"]["code"] == "OC"
    assert result["latestStatusDetail"]["derivedCode"] == "IN"
    assert result["serviceCommitMessage"]["type"] == "SHIPMENT_LABEL_CREATED"
    assert result["shipmentDetails"]["possessionStatus"] is True
    assert "ACTUAL_PICKUP" in {entry["type"] for entry in result["dateAndTimes"]}


async def test_the_normal_journey_has_six_scans_after_the_label(api: Api) -> None:
    number = (await api.shipped()).master
    api.clock.advance(timedelta(hours=72))

    result = await api.status(number)

    assert codes(result) == ["DL", "OD", "IT", "DP", "AR", "PU", "OC"]
    times = {entry["type"]: entry["dateTime"] for entry in result["dateAndTimes"]}
    assert times["ACTUAL_DELIVERY"] == result["scanEvents"][0]["date"]
    assert times["ACTUAL_PICKUP"] == result["scanEvents"][5]["date"]


async def test_out_for_delivery_is_derived_as_in_transit(api: Api) -> None:
    number = (await api.shipped()).master
    api.clock.advance(timedelta(hours=51))

    status = (await api.status(number))["latestStatusDetail"]

    assert (status["code"], status["derivedCode"]) == ("OD", "IT")


async def test_scans_come_only_when_asked_for(api: Api) -> None:
    number = (await api.shipped()).master

    [complete] = await api.track(number, detailed=False)

    assert "scanEvents" not in complete["trackResults"][0]


async def test_some_times_lack_their_offset(api: Api) -> None:
    number = (await api.shipped()).master
    api.clock.advance(timedelta(hours=72))

    scans = (await api.status(number))["scanEvents"]

    naive = {s["eventType"] for s in scans if datetime.fromisoformat(s["date"]).tzinfo is None}
    assert naive == {"OC", "IT"}
    assert all(s["date"].endswith(("+01:00", "+02:00")) for s in scans if s["eventType"] == "DL")


async def test_identifiers_have_values_and_express_renames_the_reference(api: Api) -> None:
    express = await api.status((await api.shipped()).master)
    ground = await api.status((await api.shipped(american(ship_body()))).master)

    def kinds(result: Json) -> dict[str, list[str]]:
        entries = result["additionalTrackingInfo"]["packageIdentifiers"]
        return {entry["type"]: entry["values"] for entry in entries}

    assert kinds(express) == {"PURCHASE_ORDER": ["PO-1"], "SHIPPER_REFERENCE": ["ref-1"]}
    assert kinds(ground) == {"PURCHASE_ORDER": ["PO-1"], "CUSTOMER_REFERENCE": ["ref-1"]}


async def test_a_return_looks_delivered_while_it_is_not_and_ends_at_the_shipper(
    api: Api,
) -> None:
    await api.http.post("/sandbox/journeys", json={"pattern": "PO-1", "script": "returned"})
    number = (await api.shipped()).master

    api.clock.advance(timedelta(hours=61))
    returning = await api.status(number)
    api.clock.advance(timedelta(hours=48))
    returned = await api.status(number)

    newest = returning["scanEvents"][0]
    assert (newest["eventType"], newest["derivedStatusCode"]) == ("RS", "DL")
    assert returning["latestStatusDetail"]["code"] == "DE"
    assert returning["latestStatusDetail"]["ancillaryDetails"][0]["reason"] == "060G"
    assert returned["latestStatusDetail"]["code"] == "DL"
    assert returned["deliveryDetails"]["actualDeliveryAddress"]["city"] == "BERGEN"
    assert "RS" in codes(returned)


async def test_a_reused_number_has_two_parcels_told_apart_by_id_and_date(api: Api) -> None:
    number = (await api.shipped()).master
    await api.http.post("/sandbox/reused-numbers", json={"tracking_number": number})

    [complete] = await api.track(number)
    results = complete["trackResults"]
    ids = [result["trackingNumberInfo"]["trackingNumberUniqueId"] for result in results]
    today = api.clock.now().date()
    narrowed = {
        "trackingInfo": [
            {
                "trackingNumberInfo": {"trackingNumber": number},
                "shipDateBegin": (today - timedelta(days=5)).isoformat(),
                "shipDateEnd": (today + timedelta(days=1)).isoformat(),
            },
            {"trackingNumberInfo": {"trackingNumber": number, "trackingNumberUniqueId": ids[1]}},
        ]
    }
    reply = await api.http.post("/track/v1/trackingnumbers", json=narrowed)

    assert len(set(ids)) == 2
    assert [result["latestStatusDetail"]["code"] for result in results] == ["DL", "OC"]
    for entry in reply.json()["output"]["completeTrackResults"]:
        [result] = entry["trackResults"]
        assert result["trackingNumberInfo"]["trackingNumberUniqueId"] == ids[1]


async def test_the_virtual_sandbox_spells_the_echo_its_own_way(api: Api) -> None:
    api.mode(virtual=True)
    number = (await api.shipped()).master
    info = [{"trackingNumberInfo": {"trackingNumber": number}}]

    reply = await api.http.post(
        "/track/v1/trackingnumbers",
        json={"trackingInfo": info},
        headers={"x-customer-transaction-id": "mine"},
    )

    body = reply.json()
    assert body["customertransactionId"] == "APIF_SV_TRKC_TxIDcustomer test"
    assert "customerTransactionId" not in body
    assert body["output"]["alerts"][0]["code"] == "VIRTUAL.RESPONSE"


async def test_the_pieces_of_a_shipment_by_any_of_their_numbers(api: Api) -> None:
    shipment = await api.shipped(ship_body(package(2, count=3)))
    numbers = [piece.tracking_number for piece in shipment.pieces]

    def wanted(number: str) -> Json:
        info = {"trackingNumberInfo": {"trackingNumber": number}}
        return {"masterTrackingNumberInfo": info, "associatedType": "STANDARD_MPS"}

    url = "/track/v1/associatedshipments"
    found = await api.http.post(url, json=wanted(numbers[2]))
    unknown = await api.http.post(url, json=wanted("1"))
    odd = await api.http.post(url, json={**wanted(numbers[0]), "associatedType": "ALL"})

    entries = found.json()["output"]["completeTrackResults"]
    assert [entry["trackingNumber"] for entry in entries] == numbers
    masters = {
        identifier["values"][0]
        for entry in entries
        for identifier in entry["trackResults"][0]["additionalTrackingInfo"]["packageIdentifiers"]
        if identifier["type"] == "STANDARD_MPS"
    }
    assert masters == {numbers[0]}
    [failed] = unknown.json()["output"]["completeTrackResults"]
    assert "error" in failed["trackResults"][0]
    assert code(odd) == "TRACKING.REFERENCETYPE.INVALID"


@pytest.mark.parametrize(
    ("script", "final"),
    [
        ("label_only", "OC"),
        ("lost", "DP"),
        ("held", "HL"),
        ("exception", "DL"),
    ],
)
async def test_scripts_end_where_they_say(api: Api, script: str, final: str) -> None:
    await api.http.post("/sandbox/journeys", json={"pattern": "ref-1", "script": script})
    number = (await api.shipped()).master
    api.clock.advance(timedelta(days=30))

    assert codes(await api.status(number))[0] == final
