"""Tokens: who gets one, what it opens, and how it ends."""

from datetime import timedelta

import pytest

from ml_connector.sandbox.visma.world import Client
from tests.unit.sandbox.visma.conftest import CUSTOMER_TENANT, TENANT, Api


async def test_a_token_lives_an_hour_and_opens_its_company(api: Api) -> None:
    reply = await api.authenticate()
    assert reply.json()["expires_in"] == 3600
    assert (await api.get("/v1/currency")).status_code == 200


async def test_the_client_may_name_itself_by_http_basic(api: Api) -> None:
    form = {"grant_type": "client_credentials", "tenant_id": TENANT}
    reply = await api.http.post("/connect/token", data=form, auth=("connector", "secret"))
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"tenant_id": "00000000-0000-0000-0000-000000000000"}, "invalid_tenant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "vismanet_erp_service_api:everything"}, "invalid_scope"),
    ],
)
async def test_the_token_endpoint_says_why_not(api: Api, form: dict[str, str], error: str) -> None:
    reply = await api.authenticate(**form)
    assert (reply.status_code, reply.json()["error"]) == (400, error)


async def test_a_token_request_is_a_form(api: Api) -> None:
    reply = await api.http.post("/connect/token", json={"grant_type": "client_credentials"})
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


async def test_an_app_that_the_tenant_has_not_approved_is_an_invalid_tenant(api: Api) -> None:
    api.world.add_client(Client(id="stranger", secret="secret", tenants=set()))
    reply = await api.authenticate(client_id="stranger")
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_tenant")


async def test_the_customer_tenant_gets_a_token_that_opens_nothing(api: Api) -> None:
    assert (await api.authenticate(tenant_id=CUSTOMER_TENANT)).status_code == 200
    reply = await api.get("/v1/currency")
    assert (reply.status_code, reply.content) == (401, b"")
    assert "invalid_token" in reply.headers["WWW-Authenticate"]


async def test_a_token_expires(api: Api) -> None:
    api.clock.set_speed(1)
    await api.authenticate()
    api.clock.advance(timedelta(seconds=3601))
    assert (await api.get("/v1/currency")).status_code == 401


async def test_a_fast_clock_does_not_shorten_a_token(api: Api) -> None:
    api.clock.set_speed(1000)
    reply = await api.authenticate()
    api.clock.advance(timedelta(hours=20))
    assert reply.json()["expires_in"] == 3600
    assert (await api.get("/v1/currency")).status_code == 200


async def test_tokens_are_revoked_by_the_operator(api: Api) -> None:
    await api.control("POST", "/tokens/revoke", {"tenant_id": TENANT})
    assert (await api.get("/v1/currency")).status_code == 401
    await api.authenticate()
    assert (await api.get("/v1/currency")).status_code == 200


@pytest.mark.parametrize(
    ("granted", "method", "status"),
    [
        ("read", "GET", 200),
        ("read", "PUT", 403),
        ("read", "POST", 403),
        ("update", "GET", 403),
        ("update", "PUT", 204),
        ("create", "POST", 201),
    ],
)
async def test_each_method_needs_its_scope(
    api: Api, granted: str, method: str, status: int
) -> None:
    number = await api.order()
    await api.authenticate(scope=f"vismanet_erp_service_api:{granted}")
    path = "/v1/purchaseorder" if method == "POST" else f"/v1/purchaseorder/{number}"
    body = {"supplier": {"value": "SUP-DE"}, "note": {"value": method}}
    reply = await api.send(method, path, json=None if method == "GET" else body)
    assert reply.status_code == status


async def test_a_company_without_a_licence_answers_in_the_platforms_shape(api: Api) -> None:
    await api.control("PATCH", f"/companies/{TENANT}", {"licensed": False})
    reply = await api.get("/v1/currency")
    assert reply.status_code == 403
    assert reply.json()["ExceptionType"] == "IPPException"
    assert reply.json()["ExceptionFaultCode"] == "12027"


async def test_a_token_of_one_company_never_sees_another(api: Api) -> None:
    number = await api.order()
    other = "11111111-2222-3333-4444-555555555555"
    await api.control("POST", "/companies", {"tenant_id": other, "base_currency": "EUR"})
    api.world.clients["connector"].tenants.add(other)
    await api.authenticate(tenant_id=other)
    assert (await api.get(f"/v1/purchaseorder/{number}")).status_code == 404
    branch = (await api.get("/v1/branch")).json()[0]
    assert branch["name"] == "Hanse Handel GmbH"
