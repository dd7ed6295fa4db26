"""Quotes, transit times, services and addresses, as live replies spell them."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ml_connector.domain.shipment import CostSource
from ml_connector.fedex.client import RateQuote, RateRequest
from ml_connector.fedex.errors import FedExError, FedExRejected, FedExTransient
from ml_connector.fedex.rate_models import QuoteRequest
from ml_connector.http.transport import encode_json
from tests.contract.fedex.plans import (
    DOMESTIC,
    INTERNATIONAL,
    KEY,
    WAREHOUSE,
    client_for,
    identical,
)
from tests.unit.http.loopback import RESET_AFTER_READING, Answer, Loopback, answer


def rated(rate_type: str, net: float, currency: str, **fields: object) -> dict[str, object]:
    """A rate as a live CA to CA reply has it: taxes included in the net charge."""
    return {
        "rateType": rate_type,
        "totalNetCharge": net,
        "totalNetFedExCharge": 33.51,
        "currency": currency,
        "shipmentRateDetail": {
            "surCharges": [{"type": "FUEL", "description": "Fuel Surcharge", "amount": 5.42}],
            "taxes": [{"type": "HST", "description": "HST", "amount": "5.03"}],
        },
        **fields,
    }


async def quotes(pool: httpx.AsyncClient, *details: dict[str, Any]) -> tuple[RateQuote, ...]:
    output = {"rateReplyDetails": list(details), "alerts": [{"code": "SHIPMENT.CHARGES.NOTE"}]}
    async with Loopback([answer(200, {"transactionId": "t", "output": output})]) as server:
        return await client_for(server.url, pool).quote(DOMESTIC, service=None, transaction_id=KEY)


class TestQuote:
    async def test_account_rate_with_charges(self, pool: httpx.AsyncClient) -> None:
        listed = rated("LIST", 99.0, "USD")
        detail = {"serviceType": "FEDEX_GROUND", "serviceName": "FedEx Ground®"}
        account = rated("ACCOUNT", 38.54, "USD")
        [quoted] = await quotes(pool, {**detail, "ratedShipmentDetails": [listed, account]})
        assert (quoted.service, quoted.service_name) == ("FEDEX_GROUND", "FedEx Ground®")
        assert (quoted.alerts, quoted.transaction_id) == (("SHIPMENT.CHARGES.NOTE",), "t")
        cost = quoted.cost
        assert cost is not None
        assert (cost.net_charge, cost.net_fedex_charge) == (Decimal("38.54"), Decimal("33.51"))
        assert (cost.rate_type, cost.source) == ("ACCOUNT", CostSource.QUOTE)
        assert [(charge.kind, charge.code, charge.amount) for charge in cost.charges] == [
            ("surcharge", "FUEL", Decimal("5.42")),
            ("tax", "HST", Decimal("5.03")),
        ]

    @pytest.mark.parametrize(
        ("types", "chosen"),
        [
            (["LIST", "ACCOUNT", "PREFERRED_CURRENCY"], "PREFERRED_CURRENCY"),
            (["INCENTIVE", "LIST"], "INCENTIVE"),
        ],
    )
    async def test_preference(self, pool: httpx.AsyncClient, types: list[str], chosen: str) -> None:
        rates = [rated(kind, 1.0, "CAD") for kind in types]
        [quoted] = await quotes(pool, {"ratedShipmentDetails": rates})
        assert quoted.cost is not None
        assert quoted.cost.rate_type == chosen

    async def test_currency_of_fedex(self, pool: httpx.AsyncClient) -> None:
        rates = [rated("ACCOUNT", 1.0, "UKL")]
        [quoted] = await quotes(pool, {"ratedShipmentDetails": rates})
        assert quoted.cost is not None
        assert (quoted.cost.currency, quoted.cost.raw_currency) == ("GBP", "UKL")

    @pytest.mark.parametrize(
        ("detail", "alert"),
        [
            ({}, None),
            ({"ratedShipmentDetails": []}, None),
            ({"ratedShipmentDetails": [rated("ACCOUNT", 1.0, "???")]}, "COST.CURRENCY.UNKNOWN"),
            ({"ratedShipmentDetails": [{"rateType": "ACCOUNT"}]}, "COST.RATE.UNREADABLE"),
        ],
    )
    async def test_service_without_a_usable_price(
        self, pool: httpx.AsyncClient, detail: dict[str, object], alert: str | None
    ) -> None:
        [quoted] = await quotes(pool, detail)
        assert quoted.cost is None
        assert alert is None or any(each.startswith(alert) for each in quoted.alerts)

    @pytest.mark.parametrize(
        ("fields", "days", "commit"),
        [
            ({"commit": {"transitDays": {"minimumTransitTime": "TWO_DAYS"}}}, 2, ""),
            ({"operationalDetail": {"transitTime": "TWENTY_DAYS"}}, 20, ""),
            ({"commit": {"daysInTransit": "3", "label": "No date"}}, 3, "No date"),
            ({"commit": {"dateDetail": {"dayFormat": "2026-11-25T10:30:00"}}}, None,
             "2026-11-25T10:30:00"),
            ({"operationalDetail": {"transitTime": "UNKNOWN"}}, None, ""),
        ],
    )  # fmt: skip
    async def test_delivery(
        self,
        pool: httpx.AsyncClient,
        fields: dict[str, object],
        days: int | None,
        commit: str,
    ) -> None:
        [quoted] = await quotes(pool, fields)
        assert (quoted.transit_days, quoted.commit) == (days, commit)

    async def test_rate_shop_keeps_every_service(self, pool: httpx.AsyncClient) -> None:
        undocumented = "FEDEX_FIRST_OVERNIGHT_EXTRA_HOURS"
        shopped = await quotes(pool, {"serviceType": "FEDEX_GROUND"}, {"serviceType": undocumented})
        assert [quoted.service for quoted in shopped] == ["FEDEX_GROUND", undocumented]

    async def test_no_service_at_all(self, pool: httpx.AsyncClient) -> None:
        assert await quotes(pool) == ()

    @pytest.mark.parametrize(
        ("planned", "kind"),
        [
            (answer(400, {"errors": [{"code": "RATE.LOCATION.NOSERVICE"}]}), FedExRejected),
            (answer(200, {"output": {}}), FedExTransient),
            (answer(200, {"output": {"alerts": []}}), FedExTransient),
            (Answer(body=b"<html>"), FedExTransient),
            (RESET_AFTER_READING, FedExTransient),
        ],
    )
    async def test_failure(
        self, pool: httpx.AsyncClient, planned: Answer, kind: type[FedExError]
    ) -> None:
        async with Loopback([planned]) as server:
            with pytest.raises(kind):
                await client_for(server.url, pool).quote(
                    RateRequest.of(INTERNATIONAL), service="X", transaction_id=KEY
                )


async def test_resolved_address_as_live_replies_spell_it(pool: httpx.AsyncClient) -> None:
    live = {
        "streetLinesToken": ["HAVNEGATA 1"],
        "city": "BERGEN",
        "parsedPostalCode": {"base": "5003", "addOn": ""},
        "countryCode": "NO",
        "classification": "BUSINESS",
        "attributes": {"Resolved": "true", "POBox": "false", "AddressType": "STANDARDIZED"},
        "customerMessages": [{"code": "SUITE.NUMBER.REQUIRED", "message": "-"}],
    }
    output = {"resolvedAddresses": [live]}
    async with Loopback([answer(200, {"output": output})]) as server:
        client = client_for(server.url, pool)
        [resolved] = await client.resolve_address([WAREHOUSE.address], transaction_id=KEY)
        with pytest.raises(ValueError, match="1 to 100"):
            await client.resolve_address([], transaction_id=KEY)
        with pytest.raises(ValueError, match="1 to 100"):
            await client.resolve_address([WAREHOUSE.address] * 101, transaction_id=KEY)
    assert (resolved.address.city, resolved.address.postal_code) == ("BERGEN", "5003")
    assert resolved.attributes == {"Resolved": True, "POBox": False}
    assert resolved.messages == ("SUITE.NUMBER.REQUIRED",)
    assert len(server.asked) == 1


async def test_services_from_both_lists(pool: httpx.AsyncClient) -> None:
    output = {
        "serviceOptions": [{"key": "FEDEX_GROUND"}, {"displayText": "no key"}],
        "packageOptions": [
            {"serviceType": {"key": "FEDEX_GROUND"}},
            {"serviceType": {"key": "FEDEX_PRIORITY"}},
        ],
    }
    async with Loopback([answer(200, {"output": output})]) as server:
        services = await client_for(server.url, pool).service_options(
            DOMESTIC.shipper.address, WAREHOUSE.address, transaction_id=KEY
        )
    assert services == ("FEDEX_GROUND", "FEDEX_PRIORITY")


async def test_transit_times_as_numbers(pool: httpx.AsyncClient) -> None:
    detail = {
        "serviceType": "FEDEX_GROUND",
        "commit": {"transitDays": {"minimumTransitTime": 2, "maximumTransitTime": "SEVEN_DAYS"}},
    }
    output = {"transitTimes": [{"transitTimeDetails": [detail]}]}
    async with Loopback([answer(200, {"output": output})]) as server:
        [time] = await client_for(server.url, pool).transit_times(
            DOMESTIC, service="FEDEX_GROUND", transaction_id=KEY
        )
    assert (time.minimum_days, time.maximum_days, time.commit) == (2, 7, "")


class TestWhatIsAsked:
    def test_a_plan_is_quoted_as_if_it_shipped_today(self) -> None:
        """Rate refuses a past date, and a missing price is asked for days after the label."""
        body = json.loads(encode_json(QuoteRequest.of(RateRequest.of(DOMESTIC), "1", None).body()))
        assert "shipDateStamp" not in body["requestedShipment"]

    async def test_more_than_a_hundred_packages_are_refused_unsent(
        self, pool: httpx.AsyncClient
    ) -> None:
        plan = replace(DOMESTIC, packages=identical(101))
        async with Loopback([answer(200, {})]) as server:
            with pytest.raises(FedExRejected, match="not asked for a price"):
                await client_for(server.url, pool).quote(plan, service=None, transaction_id=KEY)
        assert server.asked == []
