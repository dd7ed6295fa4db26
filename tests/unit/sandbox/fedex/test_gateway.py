"""Envelope, media types, gzip, limits, and the shapes of unrouted errors."""

from datetime import timedelta

import httpx
import pytest

from tests.unit.sandbox.fedex.wire import Api, ship_body


async def test_only_json_objects_are_read(api: Api) -> None:
    url = "/ship/v1/shipments"

    form = await api.http.post(url, data={"a": "b"})
    broken = await api.http.post(
        url, content=b'{"a": ', headers={"content-type": "application/json"}
    )
    array = await api.http.post(url, json=[])

    assert [reply.status_code for reply in (form, broken, array)] == [415, 400, 400]


async def test_replies_are_gzipped_for_who_takes_it_or_for_everybody(api: Api) -> None:
    plain = {"accept-encoding": "identity"}

    usual = await api.ship()
    spared = await api.ship(headers=plain)
    api.mode(gzip="always")
    forced = await api.ship(headers=plain)

    encodings = [r.headers.get("content-encoding") for r in (usual, spared, forced)]
    assert encodings == ["gzip", None, "gzip"]
    assert forced.json()["output"]["transactionShipments"]


async def test_a_projects_rate_limit_is_429_until_the_window_ends(api: Api) -> None:
    api.mode(rate_limit=2)

    statuses = [(await api.ship()).status_code for _ in range(3)]
    api.world.gateway.advance(timedelta(seconds=10))

    assert statuses == [200, 200, 429]
    assert (await api.ship()).status_code == 200


async def test_the_daily_track_quota_leaves_ship_alone(api: Api) -> None:
    api.mode(track_quota=1)
    number = (await api.shipped()).master
    await api.track(number)
    info = [{"trackingNumberInfo": {"trackingNumber": number}}]

    over = await api.http.post("/track/v1/trackingnumbers", json={"trackingInfo": info})

    assert over.status_code == 429
    assert "daily quota" in over.json()["errors"][0]["message"]
    assert (await api.ship()).status_code == 200
    api.world.gateway.advance(timedelta(minutes=59))
    api.mode(token_lifetime=timedelta(days=2))
    await api.log_in()
    api.world.gateway.advance(timedelta(days=1))
    assert await api.track(number)


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/ship/v1/nothing", {"transactionId", "errors"}),
        ("/availability/v1/nothing", {"error", "error_detail"}),
    ],
)
async def test_two_shapes_of_not_found(api: Api, path: str, keys: set[str]) -> None:
    reply = await api.http.post(path, json={})

    assert reply.status_code == 404
    assert reply.json().keys() == keys


async def test_every_call_is_counted_by_endpoint(api: Api) -> None:
    shipment = await api.shipped()
    await api.track(shipment.master)
    await api.track(shipment.master)
    await api.ship({"wrong": True})

    calls = (await api.http.get("/sandbox/state")).json()["calls"]

    assert calls == {"oauth": 1, "ship.create": 2, "track.numbers": 2}


async def test_the_errors_echo_the_transaction_id(api: Api) -> None:
    reply = await api.ship({"wrong": True}, {"x-customer-transaction-id": "op-1"})

    assert reply.status_code == 400
    assert reply.json()["customerTransactionId"] == "op-1"


async def test_connections_are_kept_alive(api: Api) -> None:
    replies: list[httpx.Response] = [await api.ship(ship_body()) for _ in range(3)]

    assert {reply.headers.get("connection") for reply in replies} == {None}


async def test_values_of_wrong_types_are_refused_not_tripped_over(api: Api) -> None:
    odd: list[object] = [None, 7, True, "x", [], {}, [None], {"value": []}]
    urls = ("/ship/v1/shipments", "/track/v1/referencenumbers", "/rate/v1/rates/quotes")

    for value in odd:
        for url in urls:
            for key in ("requestedShipment", "referencesInformation", "accountNumber"):
                reply = await api.http.post(url, json={**ship_body(), key: value})
                assert reply.status_code == 400 or key not in FIELDS[url], (url, key, value)


FIELDS = {
    "/ship/v1/shipments": {"requestedShipment", "accountNumber"},
    "/track/v1/referencenumbers": {"referencesInformation"},
    "/rate/v1/rates/quotes": {"requestedShipment", "accountNumber"},
}
