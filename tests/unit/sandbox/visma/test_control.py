"""The operator's routes."""

from datetime import timedelta
from typing import Any

import pytest

from ml_connector.sandbox.visma import orders
from ml_connector.sandbox.visma.calls import Call
from tests.unit.sandbox.visma.conftest import TENANT, Api


async def test_calls_are_counted_by_operation_and_status(api: Api) -> None:
    number = await api.order()
    await api.get(f"/v1/purchaseorder/{number}")
    await api.get("/v1/purchaseorder/404")
    await api.put(f"/v1/purchaseorder/{number}", {"note": {"value": "x"}}, '"AAAAAAAAAAA="')
    state = await api.control("GET", f"/state?tenant={TENANT}")
    one = "/v1/purchaseorder/{purchaseOrderNumber}"
    assert state["calls"][TENANT] == {f"GET {one}": {"200": 1, "404": 1}, f"PUT {one}": {"412": 1}}
    assert state["tokens_issued"] == {TENANT: 1}


async def test_violations_are_named_in_the_state_and_forgotten_on_demand(api: Api) -> None:
    number = await api.order()
    await api.put(f"/v1/purchaseorder/{number}", {"note": {"value": "x"}})
    [violation] = (await api.control("GET", "/state"))["violations"]
    assert (violation["kind"], violation["detail"]) == ("put_without_if_match", number)
    await api.control("DELETE", "/counters")
    state = await api.control("GET", "/state")
    assert (state["violations"], state["calls"]) == ([], {})


async def test_the_state_keeps_amounts_exact(api: Api) -> None:
    number = await api.order(
        lines=[{"inventory": "SENSOR-9", "orderQty": 3, "unitCost": 33.333333}]
    )
    state = await api.control("GET", "/state")
    line = state["companies"][TENANT]["orders"][number]["lines"][0]
    assert (line["unit_cost"], line["amount"]) == ("33.333333", "100.00")


async def test_control_calls_cost_nothing_and_need_no_token(api: Api) -> None:
    await api.order()
    assert api.world.calls == {}
    assert api.world.windows == {}


async def test_a_new_company_in_euro_works_at_once(api: Api) -> None:
    tenant = "11111111-2222-3333-4444-555555555555"
    wish = {"tenant_id": tenant, "base_currency": "EUR", "first_order": 700_000}
    await api.control("POST", "/companies", wish)
    await api.control(
        "POST",
        "/clients",
        {"client_id": "second", "client_secret": "s", "tenants": [tenant]},
    )
    await api.control("POST", f"/companies/{tenant}/orders", {"supplier": "SUP-NO", "lines": []})
    await api.authenticate(client_id="second", client_secret="s", tenant_id=tenant)
    [row] = await api.page("/v1/purchaseorder")
    assert (row["orderNbr"], row["currency"]) == ("700000", "NOK")
    assert row["exchangeRate"] == pytest.approx(1 / 11.725, rel=0.01)


@pytest.mark.parametrize(
    ("table", "key", "patch", "path", "field", "expected"),
    [
        (
            "suppliers",
            "SUP-DE",
            {"address": {"postal_code": "99999"}},
            "/v1/supplier/SUP-DE",
            ("mainAddress", "postalCode"),
            "99999",
        ),
        (
            "supplier_locations",
            "SUP-DE/LEIPZIG",
            {"address": {"city": "Halle"}},
            "/v1/supplierlocation/SUP-DE/LEIPZIG",
            ("address", "city"),
            "Halle",
        ),
        (
            "items",
            "MYSTERY-1",
            {"weight": "2.5"},
            "/v1/inventory/MYSTERY-1",
            ("packaging", "baseItemWeight"),
            2.5,
        ),
        ("accounts", "7140", {"active": False}, "/v1/account/7140", ("active",), False),
        ("projects", "P100", {"status": "OnHold"}, "/v1/project/P100", ("status",), "OnHold"),
        (
            "tasks",
            "P100/10",
            {"visible_in_gl": False},
            "/v1/projecttask/10",
            ("visibility", "visibleInGl"),
            False,
        ),
        (
            "segments",
            "2",
            {"values": {"30": {"id": "30", "description": "North"}}},
            "/v1/dimension/SUBACCOUNT/2/30",
            ("description",),
            "North",
        ),
        (
            "carriers",
            "NEWCO",
            {"description": "A new one"},
            "/v1/carrier/NEWCO",
            ("carrierDescription",),
            "A new one",
        ),
    ],
)
async def test_master_data_is_repaired_or_spoilt_by_hand(
    api: Api,
    table: str,
    key: str,
    patch: dict[str, Any],
    path: str,
    field: tuple[str, ...],
    expected: object,
) -> None:
    await api.control("PATCH", f"/companies/{TENANT}/master/{table}/{key}", patch)
    value = (await api.get(path)).json()
    for name in field:
        value = value[name]
    assert value == expected


async def test_a_repaired_supplier_is_newer_than_before(api: Api) -> None:
    api.clock.advance(timedelta(minutes=5))
    path = f"/companies/{TENANT}/master/suppliers/SUP-CN"
    await api.control("PATCH", path, {"address": {"country": "CN"}})
    rows = await api.page(
        "/v1/supplier",
        lastModifiedDateTime="2026-11-22T10:01:00",
        lastModifiedDateTimeCondition=">",
    )
    assert [row["number"] for row in rows] == ["SUP-CN"]


async def test_rates_can_be_added(api: Api) -> None:
    body = {"from": "EUR", "to": "NOK", "rate": "12.5", "effective": "2026-11-21"}
    await api.control("POST", f"/companies/{TENANT}/rates", body)
    rows = (await api.get("/v2/currencyrate", fromCurrency="EUR", fromDate="2026-11-21")).json()
    assert [row["rate"] for row in rows] == [12.5]


async def test_the_clock_is_moved_over_http(api: Api) -> None:
    await api.control("POST", "/clock", {"advance": "90m"})
    await api.authenticate()
    number = await api.order()
    row = (await api.get(f"/v1/purchaseorder/{number}")).json()
    assert row["lastModifiedDateTime"] == "2026-11-22T11:30:00"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/switches", {"no_such_switch": True}),
        ("PUT", "/switches", {"removed_status": "gone"}),
        ("POST", "/companies", {"name": "no tenant id"}),
        ("POST", "/companies/nobody/orders", {"supplier": "SUP-DE"}),
        ("POST", f"/companies/{TENANT}/orders/404/edit", {"values": {}}),
        ("POST", f"/companies/{TENANT}/receipts", {"orders": ["404"]}),
        ("POST", f"/companies/{TENANT}/receipts/404/release", None),
        ("POST", f"/companies/{TENANT}/journals/404/post", None),
        ("PATCH", f"/companies/{TENANT}/master/items/PUMP-200", {"colour": "red"}),
        ("PATCH", f"/companies/{TENANT}/master/items/PUMP-200", {"weight": "heavy"}),
        ("PATCH", f"/companies/{TENANT}/master/tables/1", {}),
        ("PUT", f"/companies/{TENANT}/periods/209901", {"closed": True}),
    ],
)
async def test_what_makes_no_sense_is_refused(
    api: Api, method: str, path: str, body: object
) -> None:
    reply = await api.http.request(method, f"/sandbox{path}", json=body)
    assert reply.status_code == 422
    assert reply.json()["error"]


async def test_a_test_in_the_process_can_act_between_two_calls(api: Api) -> None:
    number = await api.order()
    order = api.company.orders[number]

    def edit(call: Call) -> None:
        if call.name.startswith("PUT"):
            orders.change(api.world, api.company, order, {"description": "quick"}, "ola")

    api.world.before_call.append(edit)
    etag = (await api.get(f"/v1/purchaseorder/{number}")).headers["ETag"]
    reply = await api.put(f"/v1/purchaseorder/{number}", {"note": {"value": "x"}}, etag)
    assert reply.status_code == 412
