"""Master data: what is there, and what only shows on demand."""

import pytest

from tests.unit.sandbox.visma.conftest import Api


async def test_branch_sub_objects_need_their_flags(api: Api) -> None:
    [bare] = (await api.get("/v1/branch")).json()
    assert not {"mainAddress", "deliveryAddress", "currency", "ledger"} & bare.keys()
    [full] = (
        await api.get("/v1/branch", expandAddress="true", expandDeliveryAddress="true")
    ).json()
    assert full["deliveryAddress"]["postalCode"] == "1086"
    assert "currency" not in full


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/v1/supplier/SUP-DE", "timeStamp"),
        ("/v1/supplierlocation/SUP-DE/MAIN", "timeStamp"),
        ("/v1/inventory/PUMP-200", "timestamp"),
        ("/v1/warehouse/1", "timestamp"),
        ("/v1/project/P100", "timeStamp"),
        ("/v1/account/7140", "timeStamp"),
    ],
)
async def test_one_record_has_its_version_in_header_and_body(
    api: Api, path: str, version: str
) -> None:
    reply = await api.get(path)
    assert reply.headers["ETag"] == f'"{reply.json()[version]}"'


@pytest.mark.parametrize(
    "path",
    [
        "/v1/supplier/X",
        "/v1/supplier/X/contact",
        "/v1/supplierlocation/SUP-DE/X",
        "/v1/supplierlocation/X/MAIN",
        "/v1/inventory/X",
        "/v1/inventory/internal/0",
        "/v1/packagingType/X",
        "/v1/warehouse/X",
        "/v1/branch/X",
        "/v1/carrier/X",
        "/v1/account/X",
        "/v1/subaccount/X",
        "/v1/dimension/X",
        "/v1/dimension/SUBACCOUNT/9",
        "/v1/dimension/SUBACCOUNT/1/X",
        "/v1/project/X",
        "/v1/project/internal/0",
        "/v1/projecttask/0",
        "/v1/financialPeriod/209901",
        "/v1/currency/XXX",
        "/v2/journaltransaction/X",
        "/v2/PurchaseReceipt/X",
        "/v1/background/X",
    ],
)
async def test_an_unknown_record_is_404(api: Api, path: str) -> None:
    reply = await api.get(path)
    assert (reply.status_code, "message" in reply.json()) == (404, True)


async def test_weights_are_of_one_base_unit(api: Api) -> None:
    bolt = (await api.get("/v1/inventory/BOLT-M8")).json()
    assert bolt["packaging"] == {
        "baseItemWeight": 0.012,
        "weightUOM": "KG",
        "baseItemVolume": 0,
        "volumeUOM": "M3",
    }
    [unit] = bolt["inventoryUnits"]
    assert (unit["fromUnit"], unit["toUnit"], unit["unitRate"]) == ("BOX", "EA", 100)


async def test_units_of_listed_items_need_their_flag(api: Api) -> None:
    [row] = await api.page("/v1/inventory", inventoryNumber="BOLT-M8")
    assert "inventoryUnits" not in row
    [row] = await api.page("/v1/inventory", inventoryNumber="BOLT-M8", expandInventoryUnits="true")
    assert row["inventoryUnits"]


async def test_an_item_without_weight_shows_zero(api: Api) -> None:
    item = (await api.get("/v1/inventory/MYSTERY-1")).json()
    assert item["packaging"]["baseItemWeight"] == 0


async def test_an_items_inner_number_leads_to_it(api: Api) -> None:
    item = (await api.get("/v1/inventory/PUMP-200")).json()
    inner = await api.get(f"/v1/inventory/internal/{item['inventoryId']}")
    assert inner.json()["inventoryNumber"] == "PUMP-200"


async def test_a_suppliers_locations_by_number_or_inner_number(api: Api) -> None:
    rows = await api.page("/v1/supplierlocation/SUP-DE")
    assert [row["locationId"] for row in rows] == ["MAIN", "LEIPZIG"]
    inner = rows[0]["baccount"]["internalId"]
    assert await api.page(f"/v1/supplierlocation/{inner}") == rows
    [leipzig] = await api.page("/v1/supplierlocation/SUP-DE", locationId="LEIPZIG")
    assert leipzig["address"]["city"] == "Leipzig"
    assert len(await api.page("/v1/supplierlocation")) == 8


async def test_an_orders_location_has_a_number_where_the_record_has_a_word(api: Api) -> None:
    number = await api.order(location="LEIPZIG")
    location = (await api.get(f"/v1/purchaseorder/{number}")).json()["location"]
    assert isinstance(location["id"], int)
    assert location["name"] == "Leipzig depot"


async def test_the_contact_of_a_supplier_has_a_mail_address(api: Api) -> None:
    [person] = (await api.get("/v1/supplier/SUP-DE/contact")).json()
    assert person["email"] == "dispatch@sup-de.example"


async def test_a_dimension_shows_its_values_on_demand(api: Api) -> None:
    bare = (await api.get("/v1/dimension/SUBACCOUNT")).json()
    assert "segmentValues" not in bare["segments"][0]
    full = (await api.get("/v1/dimension/SUBACCOUNT", expandSegmentsValues="true")).json()
    values = {row["valueId"]: row["active"] for row in full["segments"][0]["segmentValues"]}
    assert values == {"000": True, "100": True, "200": True, "300": True, "900": False}


async def test_subaccounts_are_the_combinations_of_active_values(api: Api) -> None:
    rows = await api.page("/v1/subaccount")
    assert len(rows) == 4 * 3
    one = (await api.get("/v1/subaccount/100-10")).json()
    assert one["segments"][0]["segmentValueDescription"] == "Sales"


async def test_tasks_by_project_and_visibility(api: Api) -> None:
    for path in ("/v1/projecttask", "/v1/project/tasks"):
        rows = await api.page(path, projectId="P100", visibleInGl="true")
        assert [row["taskId"] for row in rows] == ["10", "20", "90"]
        hidden = await api.page(path, projectId="P100", visibleInGl="false")
        assert [row["taskId"] for row in hidden] == ["30"]
        unseen = await api.page(path, projectId="P100", visibleInPo="false")
        assert unseen == []


async def test_periods_say_what_is_closed(api: Api) -> None:
    rows = {row["period"]: row for row in (await api.get("/v1/financialPeriod")).json()}
    assert len(rows) == 36
    assert rows["202607"]["closedInGeneralLedger"] is True
    assert rows["202611"]["closedInGeneralLedger"] is False
    assert (rows["202602"]["startDate"], rows["202602"]["endDate"]) == (
        "2026-02-01T00:00:00",
        "2026-02-28T00:00:00",
    )
    later = (await api.get("/v1/financialPeriod", greaterThanValue="202711")).json()
    assert [row["period"] for row in later] == ["202712"]
    await api.control("PUT", "/switches", {"period_format": "MM-YYYY"})
    one = (await api.get("/v1/financialPeriod/202611")).json()
    assert one["period"] == "11-2026"


async def test_currencies_and_rates(api: Api) -> None:
    currencies = {row["id"]: row for row in (await api.get("/v1/currency")).json()}
    assert currencies["JPY"]["decimalPrecision"] == 0
    assert [c for c, row in currencies.items() if row["isBaseCurrency"]] == ["NOK"]
    rates = (await api.get("/v2/currencyrate", fromCurrency="SEK", toCurrency="NOK")).json()
    assert {rate["multDiv"] for rate in rates} == {"Divide"}
    assert rates[0]["rateReciprocal"] == pytest.approx(1.021, rel=1e-5)
    upto = (await api.get("/v2/currencyrate", fromCurrency="EUR", toDate="2026-10-31")).json()
    assert [rate["effectiveDate"] for rate in upto] == ["2025-01-01T00:00:00"]


async def test_the_company_is_an_organization(api: Api) -> None:
    [row] = (await api.get("/v1/organization", expandBranches="true")).json()
    assert (row["name"], row["baseCurrency"]) == ("Nordic Distribusjon AS", "NOK")
    assert row["branches"] == [{"number": "1", "name": "Nordic Distribusjon AS"}]


@pytest.mark.parametrize(
    "path", ["/v1/ledger", "/v1/unitofmeasure", "/v1/account", "/v1/dimension", "/v1/branch"]
)
async def test_unpaged_lists_come_whole(api: Api, path: str) -> None:
    assert (await api.get(path)).json()
    assert api.violations() == []


@pytest.mark.parametrize("path", ["/v1/carrier", "/v1/packagingType", "/v1/warehouse"])
async def test_small_lists_are_paged_too(api: Api, path: str) -> None:
    [row] = await api.page(path, 1, 1)
    assert row["metadata"]["totalCount"] >= 1


async def test_the_deprecated_paging_still_works_and_is_noted(api: Api) -> None:
    rows = (await api.get("/v1/carrier", numberToRead=2, skipRecords=1)).json()
    assert [row["carrierId"] for row in rows] == ["FEDEXECO", "POSTNORD"]
    assert api.violations() == ["deprecated_paging"]
