"""The token endpoint and its thresholds."""

from datetime import timedelta

import pytest

from ml_connector.sandbox.fedex.values import Credential
from tests.unit.sandbox.fedex.wire import ACCOUNT, FORM, Api, code, ship_body


async def test_client_credentials_get_a_token(outside: Api) -> None:
    reply = await outside.http.post("/oauth/token", data=FORM)

    body = reply.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 3599, "CXS")


@pytest.mark.parametrize("grant", ["csp_credentials", "client_pc_credentials"])
async def test_child_grants_need_child_key_with_a_capital_k(outside: Api, grant: str) -> None:
    child = {"child_Key": "child-key", "child_secret": "child-secret"}

    right = await outside.log_in(grant_type=grant, **child)
    lower = await outside.log_in(
        grant_type=grant, child_key="child-key", child_secret="child-secret"
    )
    wrong = await outside.log_in(grant_type=grant, **{**child, "child_secret": "no"})

    assert right.json()["scope"] == "CXS-TP"
    assert lower.status_code == 400
    assert wrong.status_code == 401


async def test_json_is_not_a_form(outside: Api) -> None:
    reply = await outside.http.post("/oauth/token", json=FORM)

    assert reply.status_code == 400
    assert "Missing or duplicate parameters" in reply.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"client_id": "wrong"}, 401),
        ({"grant_type": "password"}, 400),
    ],
)
async def test_wrong_credentials_and_grants_are_refused(
    outside: Api, form: dict[str, str], status: int
) -> None:
    assert (await outside.log_in(**form)).status_code == status


async def test_a_missing_and_a_repeated_parameter_are_refused(outside: Api) -> None:
    short = await outside.http.post("/oauth/token", data={"grant_type": "client_credentials"})
    twice = await outside.http.post("/oauth/token", data={**FORM, "client_id": ["a", "b"]})

    assert (short.status_code, twice.status_code) == (400, 400)


async def test_sixteen_requests_in_five_seconds_block_the_address_for_ten_minutes(
    outside: Api,
) -> None:
    statuses = [(await outside.log_in()).status_code for _ in range(16)]

    assert statuses == [200] * 15 + [403]
    outside.world.gateway.advance(timedelta(minutes=9, seconds=59))
    assert outside.world.throttle.blocked_until("127.0.0.1", outside.world.gateway.now())
    outside.world.gateway.advance(timedelta(seconds=1))
    assert (await outside.log_in()).status_code == 200


async def test_more_than_one_a_second_for_two_minutes_blocks_too(outside: Api) -> None:
    statuses = []
    for _ in range(121):
        statuses.append((await outside.log_in()).status_code)
        outside.world.gateway.advance(timedelta(seconds=0.9))

    assert statuses == [200] * 120 + [403]


async def test_one_a_second_for_ever_is_fine(outside: Api) -> None:
    for _ in range(130):
        assert (await outside.log_in()).status_code == 200
        outside.world.gateway.advance(timedelta(seconds=1))


async def test_trying_while_blocked_makes_the_block_longer(outside: Api) -> None:
    for _ in range(16):
        await outside.log_in()
    outside.world.gateway.advance(timedelta(minutes=9))

    assert (await outside.log_in()).status_code == 403
    outside.world.gateway.advance(timedelta(minutes=9))
    assert (await outside.log_in()).status_code == 403


async def test_the_strict_window_records_a_third_request_and_lets_it_pass(outside: Api) -> None:
    statuses = [(await outside.log_in()).status_code for _ in range(2)]
    assert outside.world.throttle.violations == []
    outside.world.gateway.advance(timedelta(seconds=4.9))

    statuses.append((await outside.log_in()).status_code)

    assert statuses == [200, 200, 200]
    [violation] = outside.world.throttle.violations
    assert violation.rule == "strict token window"


async def test_two_in_each_strict_window_violate_nothing(outside: Api) -> None:
    for _ in range(10):
        await outside.log_in()
        await outside.log_in()
        outside.world.gateway.advance(timedelta(seconds=5))

    assert outside.world.throttle.violations == []


async def test_a_block_from_outside_hits_every_address_and_may_be_html(outside: Api) -> None:
    outside.mode(forbidden_body="html")
    await outside.http.post("/sandbox/tokens/block", json={"for": "30s"})

    blocked = await outside.log_in()
    await outside.http.delete("/sandbox/tokens/block")
    free = await outside.log_in()

    assert blocked.status_code == 403
    assert blocked.text.startswith("<html>")
    assert free.status_code == 200


async def test_an_expired_and_an_unknown_token_differ(api: Api) -> None:
    api.world.gateway.advance(timedelta(hours=1))
    expired = await api.ship()
    api.http.headers["authorization"] = "Bearer nonsense"
    unknown = await api.ship()
    del api.http.headers["authorization"]
    missing = await api.ship()

    assert [reply.status_code for reply in (expired, unknown, missing)] == [401, 401, 401]
    assert expired.json() == {
        "error": "invalid_request",
        "error_description": "CXS JWT is expired",
    }
    assert unknown.json() == missing.json() == {"error_description": "Invalid CXS JWT"}


async def test_the_documented_401_is_a_mode(api: Api) -> None:
    api.mode(auth_errors="documented")
    api.world.gateway.advance(timedelta(hours=1))

    assert code(await api.ship()) == "NOT.AUTHORIZED.ERROR"


async def test_a_revoked_token_is_refused_and_a_new_one_is_not(api: Api) -> None:
    reply = await api.http.post("/sandbox/tokens/revoke", json={})

    assert reply.json() == {"revoked": 1}
    assert (await api.ship()).status_code == 401
    await api.log_in()
    assert (await api.ship()).status_code == 200


async def test_the_carriers_fast_clock_does_not_age_a_token(api: Api) -> None:
    api.clock.advance(timedelta(days=30))

    assert (await api.ship()).status_code == 200


async def test_a_project_without_track_cannot_track(outside: Api) -> None:
    outside.world.register(
        Credential(
            client_id="ship-only",
            client_secret="x",
            accounts=frozenset({ACCOUNT}),
            capabilities=frozenset({"ship"}),
        )
    )
    await outside.log_in(client_id="ship-only", client_secret="x")

    body = {"trackingInfo": [{"trackingNumberInfo": {"trackingNumber": "1"}}]}
    reply = await outside.http.post("/track/v1/trackingnumbers", json=body)

    assert (reply.status_code, code(reply)) == (403, "FORBIDDEN.ERROR")
    assert (await outside.ship(ship_body())).status_code == 200


async def test_every_token_request_is_on_the_record(outside: Api) -> None:
    await outside.log_in()
    await outside.log_in(client_secret="wrong")

    state = (await outside.http.get("/sandbox/state")).json()

    outcomes = [(entry["client_id"], entry["outcome"]) for entry in state["token_requests"]]
    assert outcomes == [("l7key", "issued"), ("l7key", "NOT.AUTHORIZED.ERROR")]
    assert state["calls"] == {"oauth": 2}
