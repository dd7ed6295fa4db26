"""Track by reference, the recovery path: renamed types, lag, dates, ambiguity."""

from datetime import timedelta

import pytest

from tests.unit.sandbox.fedex.wire import (
    OTHER_ACCOUNT,
    Api,
    american,
    code,
    found_numbers,
    package,
    search_error,
    set_at,
    ship_body,
)

NOT_FOUND = "TRACKING.REFERENCENUMBER.NOTFOUND"


async def test_express_files_the_customer_reference_under_another_type(api: Api) -> None:
    number = (await api.shipped()).master

    wrong = await api.search("ref-1", type="CUSTOMER_REFERENCE")
    right = await api.search("ref-1", type="SHIPPER_REFERENCE")
    untyped = await api.search("ref-1")

    assert search_error(wrong) == NOT_FOUND
    assert wrong.json()["output"]["successful"] is False
    assert found_numbers(right) == found_numbers(untyped) == [number]
    assert right.json()["output"]["successful"] is True


async def test_ground_keeps_the_type(api: Api) -> None:
    number = (await api.shipped(american(ship_body()))).master

    assert found_numbers(await api.search("ref-1", type="CUSTOMER_REFERENCE")) == [number]
    assert search_error(await api.search("ref-1", type="SHIPPER_REFERENCE")) == NOT_FOUND


async def test_search_speaks_another_language_than_ship(api: Api) -> None:
    number = (await api.shipped()).master

    assert found_numbers(await api.search("PO-1", type="PURCHASE_ORDER")) == [number]
    reply = await api.search("PO-1", type="P_O_NUMBER")
    assert code(reply) == "TRACKING.REFERENCETYPE.INVALID"


async def test_nothing_is_found_before_the_index_has_it(api: Api) -> None:
    api.mode(reference_lag=timedelta(minutes=10))
    number = (await api.shipped()).master
    api.clock.advance(timedelta(hours=1))

    assert search_error(await api.search("ref-1")) == NOT_FOUND
    api.world.gateway.advance(timedelta(minutes=10))
    today = (api.clock.now() - timedelta(hours=1)).date().isoformat()
    assert found_numbers(await api.search("ref-1", shipDateBegin=today)) == [number]


async def test_absence_is_no_proof(api: Api) -> None:
    number = (await api.shipped()).master
    api.mode(hidden_references=frozenset({"ref-1"}))

    assert search_error(await api.search("ref-1")) == NOT_FOUND
    assert found_numbers(await api.search("PO-1")) == [number]


async def test_two_shipments_under_one_reference_are_not_unique(api: Api) -> None:
    numbers = [(await api.shipped()).master for _ in range(2)]

    assert search_error(await api.search("ref-1")) == "TRACKING.DATA.NOTUNIQUE"
    api.mode(several_matches="list")
    assert found_numbers(await api.search("ref-1")) == numbers


async def test_the_pieces_of_one_shipment_are_unique(api: Api) -> None:
    shipment = await api.shipped(ship_body(package(2, count=3, CUSTOMER_REFERENCE="ref-9")))

    found = found_numbers(await api.search("ref-9"))

    assert found == [piece.tracking_number for piece in shipment.pieces]


async def test_without_a_group_count_references_are_lost(api: Api) -> None:
    item = "requestedShipment.requestedPackageLineItems.0.groupPackageCount"

    reply = await api.ship(set_at(ship_body(), item, ...))

    [entry] = reply.json()["output"]["transactionShipments"]
    assert entry["pieceResponses"][0]["customerReferences"] == []
    assert search_error(await api.search("ref-1")) == NOT_FOUND


async def test_a_cancelled_shipment_is_still_found(api: Api) -> None:
    number = (await api.shipped()).master
    await api.cancel(number)

    assert found_numbers(await api.search("ref-1")) == [number]
    api.mode(cancelled_shows="NOTFOUND")
    assert search_error(await api.search("ref-1")) == NOT_FOUND


async def test_another_account_finds_nothing(api: Api) -> None:
    await api.shipped()

    assert search_error(await api.search("ref-1", accountNumber=OTHER_ACCOUNT)) == NOT_FOUND


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (-31, 0, "TRACKING.SHIPDATERANGE.TOOLONG"),
        (0, 2, "TRACKING.SHIPDATEEND.FUTURE"),
        (-740, -735, "TRACKING.SHIPDATEBEGIN.TOOOLD"),
        (0, -1, "TRACKING.SHIPDATE.ENDDATEBEFOREBEGINDATE"),
    ],
)
async def test_date_rules(api: Api, begin: int, end: int, expected: str) -> None:
    today = api.clock.now().date()

    reply = await api.search(
        "ref-1",
        shipDateBegin=(today + timedelta(days=begin)).isoformat(),
        shipDateEnd=(today + timedelta(days=end)).isoformat(),
    )

    assert (reply.status_code, code(reply)) == (400, expected)


async def test_a_shipment_outside_the_range_is_not_found(api: Api) -> None:
    await api.shipped()
    api.clock.advance(timedelta(days=10))

    assert search_error(await api.search("ref-1")) == NOT_FOUND
    assert len(found_numbers(await api.search("ref-1", shipDateBegin=None, shipDateEnd=None))) == 1


async def test_the_schemas_name_of_the_end_date_is_understood_too(api: Api) -> None:
    number = (await api.shipped()).master
    today = api.clock.now().date().isoformat()

    reply = await api.search("ref-1", shipDateEnd=None, shipDateEndDate=today)

    assert found_numbers(reply) == [number]


async def test_a_callers_today_counts_although_the_carriers_clock_runs_ahead(api: Api) -> None:
    today = api.clock.now().date().isoformat()
    api.clock.advance(timedelta(days=2))
    body = set_at(ship_body(), "requestedShipment.shipDatestamp", today)
    number = (await api.shipped(body)).master

    assert found_numbers(await api.search("ref-1", shipDateBegin=today, shipDateEnd=today)) == [
        number
    ]


async def test_without_an_account_the_type_and_destination_are_needed(api: Api) -> None:
    number = (await api.shipped()).master
    destination = {
        "type": "SHIPPER_REFERENCE",
        "carrierCode": "FDXE",
        "destinationPostalCode": "0150",
        "destinationCountryCode": "NO",
    }

    short = await api.search("ref-1", accountNumber=None)
    full = await api.search("ref-1", accountNumber=None, **destination)
    elsewhere = {**destination, "destinationPostalCode": "0151"}
    wrong = await api.search("ref-1", accountNumber=None, **elsewhere)

    assert code(short) == "TRACKING.REFERENCEDATA.INCOMPLETE"
    assert found_numbers(full) == [number]
    assert search_error(wrong) == NOT_FOUND


async def test_an_empty_value_is_refused(api: Api) -> None:
    assert code(await api.search("")) == "TRACKING.REFERENCEVALUE.EMPTY"
