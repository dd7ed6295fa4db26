"""Background calls: accepted at once, executed later, and finished does not mean done."""

from datetime import timedelta

from tests.unit.sandbox.visma.conftest import Api


async def test_a_background_write_is_accepted_and_then_executed(api: Api) -> None:
    await api.control("PUT", "/switches", {"async_delay_s": 30})
    number = await api.order()
    path = f"/v1/purchaseorder/{number}"
    etag = (await api.get(path)).headers["ETag"]
    headers = {"erp-api-background": "none", "If-Match": etag}
    reply = await api.send("PUT", path, json={"note": {"value": "later"}}, headers=headers)
    assert reply.status_code == 202
    state = reply.json()["stateLocation"].removeprefix(str(api.http.base_url).rstrip("/"))
    started = (await api.get(state)).json()
    assert (started["status"], started["statusCode"]) == ("Started", 0)
    assert api.company.orders[number].note == ""
    api.clock.advance(timedelta(seconds=31))
    finished = (await api.get(state)).json()
    assert (finished["status"], finished["statusCode"]) == ("Finished", 204)
    assert finished["responseHeaders"]["ETag"] == (await api.get(path)).headers["ETag"]
    assert finished["receivedUtc"] == "2026-11-22T10:00:00+01:00"
    assert finished["hasResponseContent"] is False
    assert api.company.orders[number].note == "later"


async def test_finished_may_carry_400(api: Api) -> None:
    headers = {"erp-api-background": "subscription:job=1"}
    reply = await api.send("POST", "/v1/purchaseorder", json={}, headers=headers)
    path = f"/v1/background/{reply.json()['id']}"
    assert (await api.get(path)).json()["status"] == "Started"
    state = (await api.get(path)).json()
    assert (state["status"], state["statusCode"]) == ("Finished", 400)
    content = await api.get(state["contentLocation"])
    assert content.status_code == 200
    assert "Supplier" in content.json()["message"]


async def test_a_background_read_keeps_its_body(api: Api) -> None:
    reply = await api.send("GET", "/v1/currency", headers={"erp-api-background": "none"})
    path = f"/v1/background/{reply.json()['id']}"
    await api.get(path)
    content = await api.get(f"{path}/content")
    assert content.json() == (await api.get("/v1/currency")).json()


async def test_a_state_is_kept_for_a_day(api: Api) -> None:
    reply = await api.send("GET", "/v1/currency", headers={"erp-api-background": "none"})
    path = f"/v1/background/{reply.json()['id']}"
    assert (await api.get(path)).status_code == 200
    api.clock.advance(timedelta(hours=25))
    await api.authenticate()
    assert (await api.get(path)).status_code == 404


async def test_an_unknown_wish_is_refused(api: Api) -> None:
    reply = await api.send("GET", "/v1/currency", headers={"erp-api-background": "later"})
    assert reply.status_code == 400
