"""Ship's replies: pieces, cost, the traps in both, jobs, and that nothing is deduplicated."""

from decimal import Decimal
from typing import Any

import pytest

from ml_connector.sandbox.fedex.values import Account
from ml_connector.sandbox.fedex.world import FedExWorld
from tests.unit.sandbox.fedex.wire import (
    ACCOUNT,
    OTHER_ACCOUNT,
    Api,
    american,
    code,
    package,
    set_at,
    ship_body,
)


def only(reply: Any) -> dict[str, Any]:
    """The one `transactionShipments[]` entry."""
    [entry] = reply.json()["output"]["transactionShipments"]
    return dict(entry)


def actual(entry: dict[str, Any]) -> dict[str, Any]:
    """The rate detail whose type is the actual one."""
    rating = entry["completedShipmentDetail"]["shipmentRating"]
    [detail] = [
        d for d in rating["shipmentRateDetails"] if d["rateType"] == rating["actualRateType"]
    ]
    return dict(detail)


async def test_a_repeated_request_ships_again(api: Api) -> None:
    headers = {"x-customer-transaction-id": "nordic/PO-1/ship/1"}

    first = await api.ship(headers=headers)
    second = await api.ship(headers=headers)

    assert first.json()["customerTransactionId"] == "nordic/PO-1/ship/1"
    assert only(first)["masterTrackingNumber"] != only(second)["masterTrackingNumber"]
    assert [s.transaction for s in api.world.shipments] == ["nordic/PO-1/ship/1"] * 2


async def test_no_transaction_id_sent_means_none_echoed(api: Api) -> None:
    reply = await api.ship()

    assert "customerTransactionId" not in reply.json()
    assert reply.json()["transactionId"]


async def test_every_piece_has_a_response_and_the_first_is_the_master(api: Api) -> None:
    entry = only(await api.ship(ship_body(package(4, count=2), package(7))))

    pieces = entry["pieceResponses"]
    numbers = [piece["trackingNumber"] for piece in pieces]
    assert [piece["packageSequenceNumber"] for piece in pieces] == [1, 2, 3]
    assert len(set(numbers)) == 3
    assert {piece["masterTrackingNumber"] for piece in pieces} == {numbers[0]}
    assert entry["masterTrackingNumber"] == numbers[0]


async def test_the_sum_over_21_pieces_is_21_times_too_much_or_nothing(api: Api) -> None:
    entry = only(await api.ship(ship_body(package(2, count=21))))

    total = actual(entry)["totalNetCharge"]
    assert {piece["netRateAmount"] for piece in entry["pieceResponses"]} == {total}
    assert sum(piece["netChargeAmount"] for piece in entry["pieceResponses"]) == 0


async def test_the_actual_rate_is_not_the_first_one(api: Api) -> None:
    rating = only(await api.ship())["completedShipmentDetail"]["shipmentRating"]

    first = rating["shipmentRateDetails"][0]
    assert rating["actualRateType"] == "PAYOR_ACCOUNT_SHIPMENT"
    assert first["rateType"] == "PAYOR_LIST_SHIPMENT"


async def test_the_charges_add_up_and_taxes_are_on_top(api: Api) -> None:
    body = set_at(ship_body(), "requestedShipment.recipients.0.address.residential", True)

    detail = actual(only(await api.ship(body)))

    def money(key: str) -> Decimal:
        return Decimal(str(detail[key]))

    assert money("totalBaseCharge") - money("totalFreightDiscounts") == money("totalNetFreight")
    assert money("totalNetFreight") + money("totalSurcharges") == money("totalNetFedExCharge")
    assert money("totalNetFedExCharge") + money("totalTaxes") == money("totalNetCharge")
    assert money("totalNetFedExCharge") < money("totalNetCharge")
    assert [s["surchargeType"] for s in detail["surcharges"]] == ["FUEL", "RESIDENTIAL_DELIVERY"]


async def test_the_price_follows_weight_account_currency_and_nothing_else(api: Api) -> None:
    light = actual(only(await api.ship(ship_body(package(2)))))
    again = actual(only(await api.ship(ship_body(package(2)))))
    heavy = actual(only(await api.ship(ship_body(package(9)))))

    assert light == again
    assert light["currency"] == "NOK"
    assert heavy["totalNetCharge"] > light["totalNetCharge"]


async def test_an_account_may_be_rated_in_fedex_own_currency_code(api: Api) -> None:
    api.world.accounts[ACCOUNT] = Account(number=ACCOUNT, currency="UKL")

    assert actual(only(await api.ship()))["currency"] == "UKL"


async def test_volume_counts_where_it_weighs_more(api: Api) -> None:
    bulky = package(1)
    bulky["dimensions"] = {"length": 60, "width": 50, "height": 40, "units": "CM"}

    detail = actual(only(await api.ship(ship_body(bulky))))

    assert detail["ratedWeightMethod"] == "DIM"
    assert detail["totalBillingWeight"] == {"units": "KG", "value": 24.0}


async def test_the_payer_sets_the_currency(api: Api) -> None:
    payment = {
        "paymentType": "THIRD_PARTY",
        "payor": {"responsibleParty": {"accountNumber": {"value": OTHER_ACCOUNT}}},
    }
    body = set_at(ship_body(), "requestedShipment.shippingChargesPayment", payment)

    assert actual(only(await api.ship(body)))["currency"] == "EUR"

    api.mode(third_party_rates=False)
    assert "shipmentRating" not in only(await api.ship(body))["completedShipmentDetail"]


async def test_keys_that_no_specification_has(api: Api) -> None:
    [piece] = only(await api.ship())["pieceResponses"]

    assert {"netRateAmount", "currency", "codcollectionAmount"} <= piece.keys()


async def test_a_missing_rating_still_ships(api: Api) -> None:
    api.mode(missing_rating_for="^PO-1$")

    reply = await api.ship()

    entry = only(reply)
    assert reply.status_code == 200
    assert "shipmentRating" not in entry["completedShipmentDetail"]
    assert [alert["code"] for alert in entry["alerts"]] == ["RATING.IS.UNAVAILABLE"]
    [piece] = entry["pieceResponses"]
    assert "netRateAmount" not in piece
    assert piece["trackingNumber"]


async def test_a_200_without_the_shipment_that_was_made(api: Api) -> None:
    api.mode(empty_ship_for="ref-1")

    reply = await api.ship()

    assert (reply.status_code, reply.json()["output"]["transactionShipments"]) == (200, [])
    assert len(api.world.shipments) == 1


async def test_more_than_forty_pieces_need_a_job(api: Api) -> None:
    body = ship_body(package(1, count=41))

    refused = await api.ship(body)
    accepted = await api.ship({**body, "processingOptionType": "ALLOW_ASYNCHRONOUS"})

    assert refused.status_code == 400
    output = accepted.json()["output"]
    assert output.keys() == {"jobId"}
    wanted = {"accountNumber": {"value": ACCOUNT}, "jobId": output["jobId"]}
    polls = [await api.http.post("/ship/v1/shipments/results", json=wanted) for _ in range(3)]
    assert [poll.status_code for poll in polls] == [200, 200, 200]
    assert ["transactionShipments" in poll.json()["output"] for poll in polls] == [
        False,
        False,
        True,
    ]
    assert len(only(polls[2])["pieceResponses"]) == 41
    assert len(api.world.shipments) == 1


async def test_forty_pieces_are_answered_at_once_also_when_asynchronous_is_allowed(
    api: Api,
) -> None:
    body = {**ship_body(package(1, count=40)), "processingOptionType": "ALLOW_ASYNCHRONOUS"}

    assert len(only(await api.ship(body))["pieceResponses"]) == 40


async def test_an_unknown_job_is_refused(api: Api) -> None:
    body = {"accountNumber": {"value": ACCOUNT}, "jobId": "nonsense"}

    reply = await api.http.post("/ship/v1/shipments/results", json=body)

    assert code(reply) == "SHIPMENT.JOBID.INVALID"


async def test_validate_makes_nothing_and_takes_one_piece(api: Api) -> None:
    url = "/ship/v1/shipments/packages/validate"
    one = set_at(ship_body(), "labelResponseOptions", ...)
    two = set_at(ship_body(package(1, count=2)), "labelResponseOptions", ...)
    wrong = set_at(one, "requestedShipment.packagingType", "BASKET")

    good, many, bad = [await api.http.post(url, json=body) for body in (one, two, wrong)]

    assert good.json()["output"]["alerts"][0]["code"] == "SHIPMENT.VALIDATION.SUCCESS"
    assert many.status_code == 400
    assert code(bad) == "PACKAGINGTYPE.MISSING.OR.INVALID"
    assert api.world.shipments == []


async def test_ground_and_express_numbers_look_different(api: Api) -> None:
    express = await api.shipped()
    ground = await api.shipped(american(ship_body()))

    assert (len(express.master), express.carrier) == (12, "FDXE")
    assert (len(ground.master), ground.carrier) == (15, "FDXG")


def test_a_seed_gives_the_same_numbers() -> None:
    def numbers(seed: int) -> list[str]:
        world = FedExWorld(seed=seed)
        return [world.new_tracking_number("FDXE") for _ in range(50)]

    assert numbers(3) == numbers(3)
    assert numbers(3) != numbers(4)
    assert len(set(numbers(3))) == 50


@pytest.mark.parametrize("account", ["999999999", OTHER_ACCOUNT])
async def test_an_account_belongs_to_a_credential(api: Api, account: str) -> None:
    reply = await api.ship(set_at(ship_body(), "accountNumber.value", account))

    expected = {"999999999": "ACCOUNT.NUMBER.INVALID", OTHER_ACCOUNT: "ACCOUNT.NUMBER.MISMATCH"}
    assert (reply.status_code, code(reply)) == (400, expected[account])
    assert api.world.shipments == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("oneLabelAtATime", True),
        ("requestedShipment.masterTrackingId", {"trackingNumber": "794600000000"}),
    ],
)
async def test_one_label_at_a_time_is_refused_not_misunderstood(
    api: Api, path: str, value: object
) -> None:
    reply = await api.ship(set_at(ship_body(), path, value))

    assert code(reply) == "REQUEST.MISMATCH"
    assert api.world.shipments == []
