"""Master data: addresses, weights, periods, rates, projects."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.domain.freight import FinancialPeriod
from ml_connector.domain.measures import Size, Weight, WeightUnit
from ml_connector.visma.client import VismaClient
from ml_connector.visma.errors import (
    VismaFilterIgnored,
    VismaNoRate,
    VismaNotFound,
    VismaRejected,
    VismaUnreadable,
)
from tests.contract.visma import vendor
from tests.contract.visma.scripted import Answer, ScriptedVisma, page

ADDRESS = {
    "addressLine1": "Vestre vei 2",
    "addressLine2": " ",
    "addressLine3": None,
    "postalCode": "5003",
    "city": "Bergen",
    "country": {"id": "NO"},
    "county": {"id": "46"},
}
CONTACT = {"name": "", "attention": "Ola", "phone1": "", "phone2": "+4755", "email": "a@b.example"}


def checked(visma: ScriptedVisma, path: str) -> None:
    vendor.check_query("GET", path, visma.asked[-1].query)


class TestParties:
    async def test_a_supplier(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(
            Answer(
                body={
                    "number": "50606",
                    "name": "Kontor AS",
                    "status": "Active",
                    "mainAddress": ADDRESS,
                    "mainContact": CONTACT,
                    "location": {"id": "MAIN"},
                }
            )
        )
        supplier = await client.supplier("50606")
        assert supplier.party is not None
        assert supplier.party.company == "Kontor AS"
        assert (supplier.party.person, supplier.party.phone) == ("Ola", "+4755")
        assert supplier.party.address.lines == ("Vestre vei 2",)
        assert supplier.party.address.state == "46"
        assert supplier.default_location == "MAIN"

    async def test_an_empty_address_is_none(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(body={"number": "1", "mainAddress": {"country": {"id": "NO"}}}))
        assert (await client.supplier("1")).party is None

    @pytest.mark.parametrize("called", ["MAIN", "main", "Bergen", "bergen "])
    async def test_a_location_by_id_or_by_name(
        self, visma: ScriptedVisma, client: VismaClient, called: str
    ) -> None:
        rows: list[dict[str, Any]] = [
            {"locationId": "MAIN", "locationName": "Bergen", "address": ADDRESS},
            {"locationId": "2", "locationName": "Oslo"},
        ]
        visma.say(page(rows, 2))
        location = await client.supplier_location("50606", called)
        assert location.id == "MAIN"
        assert location.party is not None
        assert visma.asked[0].path == "/v1/supplierlocation/50606"
        checked(visma, "/v1/supplierlocation/{bAccountId}")

    async def test_a_name_that_two_locations_bear_is_none(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        rows = [{"locationId": each, "locationName": "Bergen"} for each in ("1", "2")]
        visma.say(page(rows, 2))
        with pytest.raises(VismaNotFound, match="no single location"):
            await client.supplier_location("50606", "Bergen")

    async def test_a_warehouse(self, visma: ScriptedVisma, client: VismaClient) -> None:
        contact = {"companyName": "Nordic AS", "attention": "Lager"}
        body = {"warehouseID": "OSLO", "active": False, "address": ADDRESS, "contact": contact}
        visma.say(Answer(body=body))
        warehouse = await client.warehouse("OSLO")
        assert (warehouse.id, warehouse.active) == ("OSLO", False)
        assert warehouse.party is not None
        assert warehouse.party.company == "Nordic AS"

    async def test_closed_branches_do_not_count(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        branches = [
            {"number": "1", "name": "Nordic", "isActive": True},
            {"number": "2", "name": "Closed", "isActive": False},
            {"number": "3", "name": "Sur"},
        ]
        visma.say(Answer(body=branches))
        assert await client.branches() == ("1", "3")
        checked(visma, "/v1/branch")

    async def test_a_branch_is_asked_for_all_its_parts(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        body = {
            "number": "1",
            "name": "Nordic",
            "deliveryAddress": ADDRESS,
            "currency": {"id": "NOK"},
            "ledger": {"id": "1"},
        }
        visma.say(Answer(body=body))
        branch = await client.branch("1")
        checked(visma, "/v1/branch/{branchNumber}")
        assert visma.asked[0].query["expandDeliveryAddress"] == "true"
        assert (branch.main, branch.currency, branch.ledger) == (None, "NOK", "1")
        assert branch.delivery is not None
        assert branch.delivery.company == "Nordic"

    async def test_the_company(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(Answer(body=[{"organizationCd": "1", "name": "Nordic", "baseCurrency": "NOK"}]))
        [company] = await client.organizations()
        assert company.base_currency == "NOK"

    async def test_the_shape_of_a_supplier(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(Answer(body=vendor.sample("supplier-get.shape.json")))
        supplier = await client.supplier("string")
        assert (supplier.number, supplier.name) == ("string", "string")
        assert supplier.party is not None
        assert supplier.party.address.lines == ("string",) * 3


class TestGoods:
    async def test_an_item_weighs_what_a_base_unit_weighs(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        packaging = {
            "baseItemWeight": 750,
            "weightUOM": "G",
            "baseItemVolume": 0.5,
            "volumeUOM": "L",
        }
        intrastat = {"cN8": "94013000", "countryOfOrigin": "cn"}
        body = {"inventoryNumber": "1298", "packaging": packaging, "intrastat": intrastat}
        visma.say(Answer(body=body))
        item = await client.item("1298")
        assert item.weight == Weight(Decimal("0.750"), WeightUnit.KG)
        assert (item.volume, item.volume_unit) == (Decimal("0.5"), "L")
        assert (item.commodity_code, item.country_of_origin) == ("94013000", "CN")

    @pytest.mark.parametrize("weight", [None, 0, -1])
    async def test_no_weight_is_none(
        self, visma: ScriptedVisma, client: VismaClient, weight: object
    ) -> None:
        packaging = {"baseItemWeight": weight, "weightUOM": "TON"}
        visma.say(Answer(body={"inventoryNumber": "1", "packaging": packaging}))
        assert (await client.item("1")).weight is None

    async def test_a_weight_in_an_unknown_unit_is_said(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        packaging = {"baseItemWeight": 2, "weightUOM": "STONE"}
        visma.say(Answer(body={"inventoryNumber": "1", "packaging": packaging}))
        with pytest.raises(VismaRejected, match=r"Item 1.*STONE"):
            await client.item("1")

    async def test_unknown_items_are_left_out_and_known_ones_read_once(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(body={"inventoryNumber": "1"}), Answer(status=404))
        assert list(await client.items(["1", "2", "1"])) == ["1"]
        assert len(visma.asked) == 2

    async def test_the_shape_of_an_item(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(Answer(body=vendor.sample("inventory-get.shape.json")))
        assert (await client.item("string")).base_unit == "string"

    async def test_boxes(self, visma: ScriptedVisma, client: VismaClient) -> None:
        box = {
            "boxId": "M",
            "boxWeight": 0.4,
            "maxWeight": 25,
            "weightUoM": "KG",
            "length": 40,
            "width": 30,
            "height": 20,
        }
        visma.say(page([box, {**box, "boxId": "S", "length": 0, "boxWeight": None}], 2))
        medium, small = await client.packaging_types()
        checked(visma, "/v1/packagingType")
        assert medium.size == Size(length=40, width=30, height=20, unit="CM")
        assert medium.max_weight == Weight(Decimal(25), WeightUnit.KG)
        assert (small.size, small.own_weight) == (None, None)

    async def test_carriers(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(page([{"carrierId": "FEDEX", "carrierDescription": "FedEx"}], 1))
        assert [each.id for each in await client.carriers()] == ["FEDEX"]
        checked(visma, "/v1/carrier")


class TestBooks:
    async def test_accounts(self, visma: ScriptedVisma, client: VismaClient) -> None:
        body = {"accountCD": "7140", "type": "Expense", "active": True, "allowManualEntry": False}
        visma.say(Answer(body=body), Answer(body=[body]))
        account = await client.account("7140")
        assert (account.number, account.active, account.allow_manual_entry) == ("7140", True, False)
        assert await client.accounts() == (account,)

    async def test_subaccounts_and_their_segments(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        segments = [{"segmentId": 1, "segmentValue": "100"}]
        visma.say(page([{"subaccountNumber": "100-01", "active": False, "segments": segments}], 1))
        [subaccount] = await client.subaccounts()
        assert (subaccount.active, subaccount.segments) == (False, ((1, "100"),))
        value = {"valueId": "100", "active": True}
        segment = {"segmentId": 1, "length": 3, "validate": True, "segmentValues": [value]}
        visma.say(Answer(body={"id": "SUBACCOUNT", "segments": [segment]}))
        [read] = await client.dimension()
        checked(visma, "/v1/dimension/{dimensionId}")
        assert (read.id, read.length, read.validated) == (1, 3, True)
        assert [each.value for each in read.values] == ["100"]

    async def test_ledgers_and_currencies(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(
            Answer(body=[{"number": "1", "balanceType": "Actual", "currencyId": "NOK"}]),
            Answer(body=[{"id": "JPY", "isBaseCurrency": False, "decimalPrecision": 0}]),
        )
        assert [each.balance_type for each in await client.ledgers()] == ["Actual"]
        assert [(each.id, each.decimals) for each in await client.currencies()] == [("JPY", 0)]


def period(name: object, start: str, end: str, **changes: Any) -> dict[str, Any]:
    return {
        "year": int(start[:4]),
        "period": name,
        "startDate": f"{start}T00:00:00",
        "endDate": f"{end}T00:00:00",
        "active": True,
        "closedInGeneralLedger": False,
    } | changes


class TestPeriods:
    @pytest.mark.parametrize("name", ["202611", "112026", "11-2026", "2026-11", "11"])
    async def test_every_spelling(
        self, visma: ScriptedVisma, client: VismaClient, name: str
    ) -> None:
        visma.say(Answer(body=[period(name, "2026-11-01", "2026-11-30")]))
        assert await client.financial_periods() == (
            FinancialPeriod(
                id="202611",
                first_day=date(2026, 11, 1),
                last_day=date(2026, 11, 30),
                open=True,
            ),
        )

    async def test_an_end_that_is_the_next_start_is_outside(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(
            Answer(
                body=[
                    period("12", "2026-12-01", "2027-01-01", active=False),
                    period("11", "2026-11-01", "2026-12-01", closedInGeneralLedger=True),
                    period("13", "2027-01-01", "2027-01-01", year=2026),
                ]
            )
        )
        november, december = await client.financial_periods()
        assert (november.id, november.last_day) == ("202611", date(2026, 11, 30))
        assert (december.id, december.last_day) == ("202612", date(2026, 12, 31))
        assert (november.open, december.open) == (False, False)

    @pytest.mark.parametrize("name", ["", "November", "2026111", "199911"])
    async def test_a_period_nobody_can_name(
        self, visma: ScriptedVisma, client: VismaClient, name: str
    ) -> None:
        visma.say(Answer(body=[period(name, "2026-11-01", "2026-11-30")]))
        with pytest.raises(VismaUnreadable):
            await client.financial_periods()


def rate(day: str, value: object, **changes: Any) -> dict[str, Any]:
    return {
        "fromCurrencyId": "EUR",
        "toCurrencyId": "NOK",
        "rateType": "SPOT",
        "rate": value,
        "effectiveDate": f"{day}T00:00:00",
        "multDiv": "Multiply",
    } | changes


class TestRates:
    DAY = date(2026, 11, 20)

    async def test_the_newest_that_is_in_force(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(
            Answer(
                body=[
                    rate("2026-11-18", 11.1),
                    rate("2026-11-20", 11.4325),
                    rate("2026-11-21", 12),
                    rate("2026-11-20", 99, fromCurrencyId="USD"),
                ]
            )
        )
        assert await client.rate("EUR", "NOK", self.DAY) == Decimal("11.4325")
        checked(visma, "/v2/currencyrate")
        assert visma.asked[0].query == {
            "fromDate": "2026-10-20",
            "toDate": "2026-11-20",
            "fromCurrency": "EUR",
            "toCurrency": "NOK",
        }

    async def test_a_divisor_is_turned_over(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(body=[rate("2026-11-20", 0.08, multDiv="Divide")]))
        assert await client.rate("EUR", "NOK", self.DAY) == Decimal("12.5")

    async def test_a_chosen_type(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(Answer(body=[rate("2026-11-20", 11), rate("2026-11-20", 12, rateType="AVG")]))
        assert await client.rate("EUR", "NOK", self.DAY, rate_type="AVG") == Decimal(12)

    @pytest.mark.parametrize(
        "rows",
        [
            [],
            [rate("2026-11-21", 11)],
            [rate("2026-11-20", 0)],
            [rate("2026-11-20", None)],
            [rate("2026-11-20", 11, multDiv="?")],
            [rate("2026-11-20", 11), rate("2026-11-20", 12, rateType="AVG")],
        ],
        ids=["none", "future", "zero", "null", "neither way", "two types"],
    )
    async def test_no_rate_is_never_a_guess(
        self, visma: ScriptedVisma, client: VismaClient, rows: list[dict[str, Any]]
    ) -> None:
        visma.say(Answer(body=rows), Answer(body=rows))
        with pytest.raises(VismaNoRate, match="EUR in NOK on 2026-11-20"):
            await client.rate("EUR", "NOK", self.DAY)

    async def test_an_old_rate_is_in_force_until_there_is_a_newer_one(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(body=[]), Answer(body=[rate("2024-01-01", 11)]))
        assert await client.rate("EUR", "NOK", self.DAY) == Decimal(11)
        assert "fromDate" not in visma.asked[1].query


PROJECT = {"projectID": "P1", "internalID": 4, "status": "Active"}


class TestProjects:
    async def test_tasks_say_where_they_are_visible(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        task = {"taskId": "T1", "projectInternalId": 4, "status": "Active"}
        visibility = {"visibleInGl": False, "visibleInPo": True}
        visma.say(
            Answer(body=PROJECT),
            page([{**task, "visibility": visibility}, {**task, "taskId": "T2"}], 2),
        )
        first, second = await client.project_tasks("P1")
        checked(visma, "/v1/projecttask")
        assert (first.id, first.visible_in_gl, first.visible_in_po) == ("T1", False, True)
        assert second.visible_in_gl is None

    async def test_tasks_of_another_project_are_noticed(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(body=PROJECT), page([{"taskId": "T1", "projectInternalId": 5}], 1))
        with pytest.raises(VismaFilterIgnored, match="projectId"):
            await client.project_tasks("P1")
