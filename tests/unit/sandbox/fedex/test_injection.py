"""Each fault as an HTTP client meets it, and whether the app did its work."""

import json
from typing import Any

import httpx
import pytest

from ml_connector.sandbox.faults import FaultPlan, Rule, Seen
from ml_connector.sandbox.injection import FaultMiddleware
from tests.unit.sandbox.fedex.wire import Api, ship_body


def script(api: Api, action: dict[str, Any], **more: Any) -> None:
    rule = {"id": "r", "match": {"path": "/ship/v1/shipments$"}, "action": action, **more}
    api.world.faults.add(Rule.model_validate(rule))


async def test_reset_before_breaks_the_connection_and_ships_nothing(api: Api) -> None:
    script(api, {"kind": "reset_before"})

    with pytest.raises(httpx.ReadError):
        await api.ship()

    assert api.world.shipments == []


async def test_reset_after_breaks_the_connection_although_it_shipped(api: Api) -> None:
    script(api, {"kind": "reset_after"})

    with pytest.raises(httpx.ReadError):
        await api.ship()

    assert len(api.world.shipments) == 1


async def test_reset_midway_delivers_half_an_answer(api: Api) -> None:
    script(api, {"kind": "reset_midway"})

    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without"):
        await api.ship()

    assert len(api.world.shipments) == 1


async def test_after_a_reset_the_next_call_goes_through(api: Api) -> None:
    script(api, {"kind": "reset_before"}, times=1)
    with pytest.raises(httpx.TransportError):
        await api.ship()

    reply = await api.ship()

    assert reply.status_code == 200
    assert api.world.faults.counts() == {"r": {"matched": 2, "fired": 1}}


async def test_slow_before_makes_the_client_give_up_before_it_shipped(api: Api) -> None:
    script(api, {"kind": "slow", "delay_ms": 400})

    with pytest.raises(httpx.ReadTimeout):
        await api.http.post("/ship/v1/shipments", json=ship_body(), timeout=0.1)

    assert api.world.shipments == []


async def test_slow_after_commit_makes_the_client_give_up_although_it_shipped(api: Api) -> None:
    script(api, {"kind": "slow", "delay_ms": 400, "after_commit": True})

    with pytest.raises(httpx.ReadTimeout):
        await api.http.post("/ship/v1/shipments", json=ship_body(), timeout=0.2)

    assert len(api.world.shipments) == 1


@pytest.mark.parametrize(("after_commit", "shipments"), [(False, 0), (True, 1)])
async def test_a_status_comes_before_or_after_the_work(
    api: Api, after_commit: bool, shipments: int
) -> None:
    script(api, {"kind": "status", "status": 503, "after_commit": after_commit})

    reply = await api.ship()

    assert reply.status_code == 503
    assert reply.json()["errors"][0]["code"] == "SERVICE.UNAVAILABLE.ERROR"
    assert len(api.world.shipments) == shipments


async def test_a_429_carries_its_headers(api: Api) -> None:
    script(api, {"kind": "status", "status": 429, "headers": {"Retry-After": "10"}})

    reply = await api.ship()

    assert (reply.status_code, reply.headers["retry-after"]) == (429, "10")


@pytest.mark.parametrize(("body", "starts"), [("html", "<!DOCTYPE html>"), ("empty", "")])
async def test_a_status_may_have_a_page_or_nothing_as_its_body(
    api: Api, body: str, starts: str
) -> None:
    script(api, {"kind": "status", "status": 502, "body": body})

    reply = await api.ship()

    assert reply.status_code == 502
    assert reply.text.startswith(starts)
    assert bool(reply.text) == bool(starts)


async def test_truncate_is_a_whole_http_message_with_broken_json(api: Api) -> None:
    api.mode(gzip="never")
    script(api, {"kind": "truncate"})

    reply = await api.ship()

    assert reply.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        reply.json()
    assert len(api.world.shipments) == 1


async def test_a_hook_runs_before_the_app(api: Api) -> None:
    before: list[tuple[str, int]] = []

    async def note(request: Seen) -> None:
        before.append((request.path, len(api.world.shipments)))

    api.world.faults.hooks["note"] = note
    script(api, {"kind": "hook", "name": "note"})

    reply = await api.ship()

    assert reply.status_code == 200
    assert before == [("/ship/v1/shipments", 0)]


async def test_a_fault_can_aim_at_one_order(api: Api) -> None:
    rule = {"id": "r", "match": {"body": "PO-2"}, "action": {"kind": "status"}}
    api.world.faults.add(Rule.model_validate(rule))

    assert (await api.ship()).status_code == 200
    body = ship_body()
    items = body["requestedShipment"]["requestedPackageLineItems"]
    items[0]["customerReferences"][0]["value"] = "PO-2"
    assert (await api.ship(body)).status_code == 500


async def test_the_control_routes_never_suffer(api: Api) -> None:
    api.world.faults.add(Rule.model_validate({"id": "r", "action": {"kind": "reset_before"}}))

    reply = await api.http.get("/sandbox/state")

    assert reply.status_code == 200


async def test_faults_are_scripted_over_http(api: Api) -> None:
    rule = {"id": "r", "match": {"path": "/ship"}, "action": {"kind": "status", "status": 500}}

    added = await api.http.post("/sandbox/faults", json={"seed": 9, "rules": [rule]})
    await api.ship()
    shown = (await api.http.get("/sandbox/faults")).json()
    await api.http.delete("/sandbox/faults/r")
    again = await api.ship()

    assert added.status_code == 200
    assert shown["seed"] == 9
    assert shown["counts"] == {"r": {"matched": 1, "fired": 1}}
    assert shown["injections"] == [
        {"rule": "r", "kind": "status", "method": "POST", "path": "/ship/v1/shipments"}
    ]
    assert again.status_code == 200


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"id": "r", "action": {"kind": "explode"}}'])
async def test_a_wrong_script_is_refused_with_the_reason(api: Api, content: bytes) -> None:
    reply = await api.http.post("/sandbox/faults", content=content)

    assert reply.status_code == 422
    assert reply.json()["error"]
    assert api.world.faults.rules == ()


async def test_an_app_without_connections_says_why_it_cannot_reset() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("not reached")

    rule = Rule.model_validate({"id": "r", "action": {"kind": "reset_before"}})
    transport = httpx.ASGITransport(FaultMiddleware(app, FaultPlan([rule])))

    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
        with pytest.raises(RuntimeError, match="real connection"):
            await http.get("/")
