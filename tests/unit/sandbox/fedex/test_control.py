"""The operator's side: journeys, credentials, modes, the state."""

from datetime import timedelta

import pytest

from tests.unit.sandbox.fedex.wire import ACCOUNT, Api, Json, code, package, ship_body


async def state_of(api: Api) -> Json:
    reply = await api.http.get("/sandbox/state")
    assert reply.status_code == 200
    return dict(reply.json())


async def test_a_registered_credential_works_and_a_removed_one_does_not(outside: Api) -> None:
    wish = {
        "client_id": "new",
        "client_secret": "x",
        "accounts": [{"number": "111111111", "currency": "UKL", "vat_percent": "0"}],
        "children": [{"key": "k", "secret": "s", "accounts": ["111111111"]}],
    }
    reply = await outside.http.post("/sandbox/credentials", json=wish)
    assert reply.status_code == 201
    child = {"grant_type": "csp_credentials", "child_Key": "k", "child_secret": "s"}
    await outside.log_in(client_id="new", client_secret="x", **child)

    body = {**ship_body(), "accountNumber": {"value": "111111111"}}
    shipment = await outside.shipped(body)
    assert shipment.rating is not None
    assert shipment.rating.currency == "UKL"
    assert shipment.rating.net_charge == shipment.rating.net_fedex_charge

    await outside.http.delete("/sandbox/credentials/new")
    assert (await outside.ship(body)).status_code == 401
    assert (await outside.log_in(client_id="new", client_secret="x")).status_code == 401


async def test_the_last_journey_rule_wins_also_for_parcels_under_way(api: Api) -> None:
    shipment = await api.shipped()
    api.clock.advance(timedelta(hours=20))
    await api.http.post("/sandbox/journeys", json={"pattern": "^PO-1$", "script": "lost"})
    api.clock.advance(timedelta(days=9))
    lost = (await api.status(shipment.master))["latestStatusDetail"]["code"]

    await api.http.delete("/sandbox/journeys")

    assert lost == "DP"
    assert (await api.status(shipment.master))["latestStatusDetail"]["code"] == "DL"


async def test_a_custom_journey_and_a_late_piece(api: Api) -> None:
    rule = {
        "pattern": "PO-1",
        "script": "custom",
        "steps": [
            {"after": "3h", "code": "DL", "where": "destination"},
            {"after": "1h", "code": "PU", "where": "origin"},
        ],
        "delays": {"2": "2d"},
    }
    await api.http.post("/sandbox/journeys", json=rule)
    shipment = await api.shipped(ship_body(package(2, count=2, P_O_NUMBER="PO-1")))
    api.clock.advance(timedelta(hours=4))

    [entry] = (await state_of(api))["shipments"]
    assert [piece["scans"] for piece in entry["pieces"]] == [["OC", "PU", "DL"], ["OC"]]
    assert (entry["tendered"], entry["delivered"]) == (True, False)

    api.clock.advance(timedelta(days=2))
    [entry] = (await state_of(api))["shipments"]
    assert entry["delivered"] is True
    assert entry["pieces"][1]["first_scan_at"] > entry["pieces"][0]["delivered_at"]
    assert shipment.pieces[1].sequence == 2


async def test_a_scan_can_be_made_now(api: Api) -> None:
    number = (await api.shipped()).master

    await api.http.post("/sandbox/scans", json={"tracking_number": number, "code": "PU"})

    assert code(await api.cancel(number)) == "TRACKINGIDS.TRACKINGNUMBER.CLOSED"


async def test_modes_change_one_by_one_and_read_back_as_they_are_written(api: Api) -> None:
    changes: Json = {"reference_lag": "90s", "naive_scans": [], "strict_window": None}

    shown = (await api.http.patch("/sandbox/modes", json=changes)).json()
    again = await api.http.patch("/sandbox/modes", json=shown)

    assert shown["reference_lag"] == "90s"
    assert shown["strict_window"] is None
    assert shown["gzip"] == "auto"
    assert again.json() == shown


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "modes", {"gzipp": "auto"}),
        ("PATCH", "modes", {"reference_lag": "soon"}),
        ("POST", "credentials", {"client_id": "x"}),
        ("POST", "credentials", {"client_id": "x", "client_secret": "y", "capabilities": ["fly"]}),
        ("DELETE", "credentials/none", {}),
        ("POST", "journeys", {"pattern": "x", "script": "custom"}),
        ("POST", "journeys", {"pattern": "("}),
        ("POST", "scans", {"tracking_number": "1", "code": "PU"}),
        ("POST", "clock", {"set": "2026-01-01T00:00:00"}),
        ("DELETE", "faults/none", {}),
    ],
)
async def test_wrong_control_calls_are_422(api: Api, method: str, path: str, body: Json) -> None:
    reply = await api.http.request(method, f"/sandbox/{path}", json=body)

    assert reply.status_code == 422
    assert reply.json()["error"]


async def test_the_state_tells_what_our_own_books_must_say(api: Api) -> None:
    headers = {"x-customer-transaction-id": "nordic/PO-1/ship/1"}
    await api.ship(headers=headers)
    shipment = api.world.shipments[0]
    await api.cancel(shipment.master)

    state = await state_of(api)

    [entry] = state["shipments"]
    assert entry["order_number"] == "PO-1"
    assert entry["reference"] == "ref-1"
    assert entry["account"] == ACCOUNT
    assert entry["transaction"] == "nordic/PO-1/ship/1"
    assert entry["tracking_numbers"] == [shipment.master]
    assert (entry["cancelled"], entry["tendered"], entry["delivered"]) == (True, False, False)
    assert shipment.rating is not None
    assert entry["cost"]["net_charge"] == str(shipment.rating.net_charge)
    assert entry["cost"]["currency"] == "NOK"
    assert state["violations"] == []
