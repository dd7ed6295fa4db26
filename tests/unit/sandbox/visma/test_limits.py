"""Rate limits: fixed windows, told on every answer."""

from datetime import timedelta

from tests.unit.sandbox.visma.conftest import TENANT, Api


async def test_every_answer_tells_what_is_left(api: Api) -> None:
    good = await api.get("/v1/currency")
    bad = await api.get("/v1/purchaseorder/404")
    assert (good.headers["X-RateLimit-Limit"], good.headers["X-RateLimit-Remaining"]) == (
        "15000",
        "14999",
    )
    assert bad.headers["X-RateLimit-Remaining"] == "14998"
    assert bad.headers["X-RateLimit-Policy"] == "4-fixed-window"
    assert bad.headers["X-RateLimit-Reset"] == "3600"
    assert "Retry-After" not in bad.headers


async def test_the_window_runs_out_and_the_next_one_opens(api: Api) -> None:
    await api.control("PATCH", f"/companies/{TENANT}", {"rate_limit": 2})
    statuses = [(await api.get("/v1/currency")).status_code for _ in range(3)]
    api.clock.advance(timedelta(minutes=45))
    throttled = await api.get("/v1/currency")
    assert statuses == [200, 200, 429]
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "900")
    assert throttled.headers["X-RateLimit-Remaining"] == "0"
    api.clock.advance(timedelta(seconds=900))
    await api.authenticate()
    assert (await api.get("/v1/currency")).status_code == 200


async def test_a_throttled_write_changes_nothing(api: Api) -> None:
    number = await api.order()
    await api.control("PATCH", f"/companies/{TENANT}", {"rate_limit": 0})
    reply = await api.put(f"/v1/purchaseorder/{number}", {"note": {"value": "x"}})
    assert reply.status_code == 429
    assert api.company.orders[number].note == ""


async def test_each_company_has_a_window_of_its_own(api: Api) -> None:
    other = "11111111-2222-3333-4444-555555555555"
    await api.control("POST", "/companies", {"tenant_id": other})
    api.world.clients["connector"].tenants.add(other)
    await api.control("PATCH", f"/companies/{TENANT}", {"rate_limit": 0})
    assert (await api.get("/v1/currency")).status_code == 429
    await api.authenticate(tenant_id=other)
    assert (await api.get("/v1/currency")).status_code == 200


async def test_seconds_are_the_callers_own_on_a_fast_clock(api: Api) -> None:
    api.clock.set_speed(60)
    reply = await api.get("/v1/currency")
    assert 3590 <= int(reply.headers["X-RateLimit-Reset"]) <= 3600
