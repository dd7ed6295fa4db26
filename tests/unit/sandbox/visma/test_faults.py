"""Scripted faults on real connections: what a caller can lose, and when."""

from typing import Any

import httpx
import pytest

from tests.unit.sandbox.visma.conftest import Api
from tests.unit.sandbox.visma.test_journals import JOURNALS, journal


async def script(api: Api, match: dict[str, Any], action: dict[str, Any]) -> None:
    await api.control("POST", "/faults", {"id": "f", "match": match, "action": action, "times": 1})


async def test_an_answer_may_be_lost_after_the_commit(api: Api) -> None:
    await script(api, {"method": "POST", "path": "/v2/journal"}, {"kind": "reset_after"})
    with pytest.raises(httpx.TransportError):
        await api.post(JOURNALS, journal())
    rows = await api.page(JOURNALS, periodId="202611")
    assert len(rows) == 1


async def test_a_request_may_be_lost_before_the_commit(api: Api) -> None:
    await script(api, {"method": "POST", "path": "/v2/journal"}, {"kind": "reset_before"})
    with pytest.raises(httpx.TransportError):
        await api.post(JOURNALS, journal())
    assert api.company.journals == {}


async def test_a_gateway_may_answer_in_html(api: Api) -> None:
    await script(api, {"path": "/v1/currency"}, {"kind": "status", "status": 502, "body": "html"})
    reply = await api.get("/v1/currency")
    assert (reply.status_code, reply.headers["content-type"]) == (502, "text/html")
    assert (await api.get("/v1/currency")).status_code == 200


async def test_an_injected_status_has_vismas_shape(api: Api) -> None:
    await script(api, {"path": "/v1/currency"}, {"kind": "status", "status": 500})
    assert "message" in (await api.get("/v1/currency")).json()


async def test_somebody_may_edit_just_before_the_put(api: Api) -> None:
    number = await api.order()
    path = f"/v1/purchaseorder/{number}"
    await script(api, {"method": "PUT"}, {"kind": "hook", "name": "stale_412"})
    etag = (await api.get(path)).headers["ETag"]
    assert (await api.put(path, {"note": {"value": "x"}}, etag)).status_code == 412
    etag = (await api.get(path)).headers["ETag"]
    assert (await api.put(path, {"note": {"value": "x"}}, etag)).status_code == 204
    order = api.company.orders[number]
    assert (order.note, order.supplier_ref) == ("x", "changed by somebody, 1")
