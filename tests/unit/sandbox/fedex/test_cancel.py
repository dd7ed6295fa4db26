"""Cancel: a PUT whose successes may look like errors."""

from datetime import timedelta

import pytest

from ml_connector.sandbox.fedex.values import Credential
from tests.unit.sandbox.fedex.wire import (
    OTHER_ACCOUNT,
    Api,
    code,
    package,
    ship_body,
)


@pytest.mark.parametrize("key", ["message", "successMessage"])
async def test_cancelling_takes_all_pieces_and_says_so_under_either_key(api: Api, key: str) -> None:
    api.mode(cancel_message_key=key)
    shipment = await api.shipped(ship_body(package(3, count=2)))

    reply = await api.cancel(shipment.pieces[1].tracking_number)

    output = reply.json()["output"]
    assert output["cancelledShipment"] is True
    assert output[key] == "Success"
    assert shipment.cancelled_at is not None


async def test_a_repeat_is_an_error_that_depends_on_the_number(api: Api) -> None:
    shipment = await api.shipped(ship_body(package(3, count=2)))
    await api.cancel(shipment.master)

    master = await api.cancel(shipment.master)
    piece = await api.cancel(shipment.pieces[1].tracking_number)

    assert (master.status_code, piece.status_code) == (400, 400)
    assert code(master) == "MASTERTRACKINGID.TRACKINGNUMBER.CANCELLED"
    assert code(piece) == "CANCELSHIPMENT.TRACKINGNUMBER.DELETED"


async def test_a_tendered_parcel_is_too_late(api: Api) -> None:
    shipment = await api.shipped()
    api.clock.advance(timedelta(hours=6))

    assert code(await api.cancel(shipment.master)) == "TRACKINGIDS.TRACKINGNUMBER.CLOSED"
    assert shipment.cancelled_at is None


@pytest.mark.parametrize(
    ("outcome", "expected", "cancelled"),
    [
        ("success_as_error", "SHIPMENT.CANCELEDWITHOUTPICKUP.SUCCESS", True),
        ("failure", "SHIPMENT.CANCELEDWITHOUTPICKUP.FAILURE", False),
    ],
)
async def test_outcomes_that_come_as_errors(
    api: Api, outcome: str, expected: str, cancelled: bool
) -> None:
    api.mode(cancel_outcome=outcome)
    shipment = await api.shipped()

    reply = await api.cancel(shipment.master)

    assert (reply.status_code, code(reply)) == (400, expected)
    assert (shipment.cancelled_at is not None) is cancelled


async def test_a_200_may_still_say_no(api: Api) -> None:
    api.mode(cancel_outcome="false")
    shipment = await api.shipped()

    reply = await api.cancel(shipment.master)

    assert (reply.status_code, reply.json()["output"]["cancelledShipment"]) == (200, False)
    assert shipment.cancelled_at is None


async def test_unknown_numbers_and_other_peoples_accounts_are_refused(api: Api) -> None:
    shipment = await api.shipped()

    assert code(await api.cancel("000000000000")) == "TRACKINGNUMBER.ENTERED.INVALID"
    foreign = await api.cancel(shipment.master, OTHER_ACCOUNT)
    assert code(foreign) == "ACCOUNT.NUMBER.MISMATCH"

    other = Credential(client_id="other", client_secret="x", accounts=frozenset({OTHER_ACCOUNT}))
    api.world.register(other)
    await api.log_in(client_id="other", client_secret="x")
    stolen = await api.cancel(shipment.master, OTHER_ACCOUNT)
    assert code(stolen) == "SHIPMENT.USER.UNAUTHORIZED"
    assert shipment.cancelled_at is None


async def test_cancel_is_a_put(api: Api) -> None:
    reply = await api.http.post("/ship/v1/shipments/cancel", json={})

    assert (reply.status_code, code(reply)) == (405, "METHOD.NOT.ALLOWED.ERROR")


async def test_a_cancelled_parcel_shows_ca_or_nothing(api: Api) -> None:
    shipment = await api.shipped()
    await api.cancel(shipment.master)
    api.clock.advance(timedelta(days=3))

    assert (await api.status(shipment.master))["latestStatusDetail"]["code"] == "CA"
    api.mode(cancelled_shows="NOTFOUND")
    error = (await api.status(shipment.master))["error"]
    assert error["code"] == "TRACKING.TRACKINGNUMBER.NOTFOUND"
