"""Orders: what is read, what is written, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.domain.order import Dimensions
from ml_connector.visma.client import VismaClient
from ml_connector.visma.errors import (
    VismaFilterIgnored,
    VismaNotFound,
    VismaOutcomeUnknown,
    VismaQueued,
    VismaRejected,
    VismaStale,
    VismaUnreadable,
)
from tests.contract.visma import vendor
from tests.contract.visma.samples import VERSION, order
from tests.contract.visma.scripted import Answer, Broken, ScriptedVisma, page

ORDER = "/v1/purchaseorder/{purchaseOrderNumber}"


def wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: wrapped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [wrapped(inner) for inner in value]
    return {"value": value}


async def test_an_order_is_read_whole(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(Answer(body=order(), headers={"ETag": '"AAAAAE0YIiM="'}))
    read = await client.get_order("500254")
    asked = visma.asked[0]
    vendor.check_query("GET", ORDER, asked.query)
    assert (asked.method, asked.path) == ("GET", "/v1/purchaseorder/500254")
    assert asked.query == {"includeCustomFreeFields": "true"}
    assert read.version == "AAAAAE0YIiM="
    assert read.ship_to is not None
    assert (read.ship_to.company, read.ship_to.person) == ("Nordic AS", "Kari")
    assert read.ship_to.address.country == "NO"
    assert (read.supplier, read.supplier_location) == ("50606", "Bergen")
    assert (read.warehouse, read.branch) == ("OSLO", "1")
    assert read.supplier_email == "orders@supplier.example"
    assert read.custom == {
        "customStr1": " kept as typed ",
        "customDec1": Decimal("10.5"),
        "customInt1": 3,
    }
    assert [link.number for link in read.receipts] == ["R1"]
    [line] = read.lines
    assert line.amount == Decimal("1250.55")
    assert line.dimensions == Dimensions(
        account="4300", subaccount=((1, "100"), (2, "01")), project="P1", task="T1"
    )


async def test_wrapped_and_plain_reads_are_the_same(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(Answer(body=order()), Answer(body=wrapped(order())))
    plain = await client.get_order("500254")
    assert await client.get_order("500254") == plain


async def test_the_version_comes_from_the_body_where_the_header_is_missing(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(Answer(body=order()))
    assert (await client.get_order("500254")).version == VERSION


async def test_an_order_without_any_version_is_not_read(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(Answer(body=order(timeStamp=None)))
    with pytest.raises(VismaUnreadable, match="ETag"):
        await client.get_order("500254")


async def test_another_order_than_the_one_asked_for_is_not_taken(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(Answer(body=order("500255")))
    with pytest.raises(VismaUnreadable):
        await client.get_order("500254")


async def test_a_missing_number_is_no_zero_on_an_open_goods_line(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    line = {**order()["lines"][0], "baseOrderQty": None}
    visma.say(
        Answer(body=order(lines=[line])),
        Answer(body=order(lines=[{**line, "canceled": True}])),
        Answer(body=order(lines=[{**line, "lineType": "Description"}])),
    )
    with pytest.raises(VismaUnreadable, match="Line 1 has no baseOrderQty"):
        await client.get_order("500254")
    assert (await client.get_order("500254")).lines[0].canceled
    assert (await client.get_order("500254")).lines[0].base_quantity == 0


async def test_unreadable_texts_never_quote_what_stood_there(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    line = {**order()["lines"][0], "amount": "Kari Nordmann"}
    visma.say(Answer(body=order(lines=[line])))
    with pytest.raises(VismaUnreadable) as caught:
        await client.get_order("500254")
    assert "lines.0.amount" in str(caught.value)
    assert "Kari" not in str(caught.value)


async def test_reserved_characters_travel_as_base64(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(Answer(body=order(":/?#[]@&*+;")))
    await client.get_order(":/?#[]@&*+;")
    assert visma.asked[0].path == "/v1/purchaseorder/b64(Oi8_I1tdQCYqKzs)"


async def test_an_empty_number_asks_for_nothing(visma: ScriptedVisma, client: VismaClient) -> None:
    with pytest.raises(VismaNotFound):
        await client.get_order(" ")
    assert visma.asked == []


class TestUpdate:
    async def test_only_the_given_fields_travel_and_always_with_if_match(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(status=204, headers={"ETag": 'W/"AAAAAE0YIiN="'}))
        moment = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
        fields = {
            "customStr1": "794600000000",
            "customDec1": Decimal("1250.55"),
            "customInt1": 7,
            "customDateTimeUTC1": moment,
        }
        version = await client.update_order_fields("500254", fields, version=VERSION)
        assert version == "AAAAAE0YIiN="
        asked = visma.asked[0]
        vendor.check_body("PUT", ORDER, asked.json)
        assert asked.headers["if-match"] == f'"{VERSION}"'
        assert asked.json == {
            "customStr1": {"value": "794600000000"},
            "customDec1": {"value": 1250.55},
            "customInt1": {"value": 7},
            "customDateTimeUTC1": {"value": "2026-11-20T09:30:00Z"},
        }

    async def test_none_clears(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(Answer(status=204))
        fields = {"customStr3": None, "customDec1": None}
        assert await client.update_order_fields("500254", fields, version=VERSION) == ""
        vendor.check_body("PUT", ORDER, visma.asked[0].json)
        assert visma.asked[0].json == {
            "customStr3": {"value": ""},
            "customDec1": {"value": None},
        }

    @pytest.mark.parametrize("version", ["", 'a"b', "a\nb"])
    async def test_no_version_no_write(
        self, visma: ScriptedVisma, client: VismaClient, version: str
    ) -> None:
        with pytest.raises(ValueError, match="version"):
            await client.update_order_fields("500254", {"customStr1": "x"}, version=version)
        assert visma.asked == []

    @pytest.mark.parametrize("fields", [{}, {"note": "x"}, {"customStr6": "x"}, {"lines": []}])
    async def test_nothing_but_custom_fields_is_written(
        self, visma: ScriptedVisma, client: VismaClient, fields: dict[str, object]
    ) -> None:
        with pytest.raises(ValueError, match=r"not custom fields|changes nothing"):
            await client.update_order_fields("500254", fields, version=VERSION)
        assert visma.asked == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("customStr1", "x" * 101),
            ("customStr1", 5),
            ("customDec1", Decimal("1.00001")),
            ("customDec1", Decimal("NaN")),
            ("customDec1", Decimal("1e30")),
            ("customDec1", Decimal("12345678901234.5678")),
            ("customDec1", True),
            ("customInt1", 2**31),
            ("customInt1", Decimal("1.5")),
            ("customInt1", Decimal("Infinity")),
            ("customDateTimeUTC1", datetime(2026, 11, 20)),
            ("customDateTimeUTC1", "soon"),
        ],
    )
    async def test_what_does_not_fit_is_refused_and_never_cut(
        self, visma: ScriptedVisma, client: VismaClient, name: str, value: object
    ) -> None:
        with pytest.raises(VismaRejected, match=name):
            await client.update_order_fields("500254", {name: value}, version=VERSION)
        assert visma.asked == []

    async def test_412_is_stale(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(Answer(status=412))
        with pytest.raises(VismaStale):
            await client.update_order_fields("500254", {"customStr1": "x"}, version=VERSION)

    @pytest.mark.parametrize("step", [Broken.AFTER, Broken.AMID, Answer(status=502)])
    async def test_a_lost_answer_leaves_the_outcome_unknown(
        self, visma: ScriptedVisma, client: VismaClient, step: Any
    ) -> None:
        visma.say(step)
        with pytest.raises(VismaOutcomeUnknown):
            await client.update_order_fields("500254", {"customStr1": "x"}, version=VERSION)
        assert len(visma.asked) == 1

    async def test_a_write_for_later_names_its_job(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(status=202, body={"id": "job-1", "stateLocation": "x"}))
        with pytest.raises(VismaQueued) as caught:
            await client.update_order_fields("500254", {"customStr1": "x"}, version=VERSION)
        assert caught.value.background_id == "job-1"


class TestList:
    async def test_filters_travel_in_pairs(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(page([order()], 1))
        since = "2026-11-20T09:55:00.000"
        pages = [rows async for rows in client.orders(modified_since=since, status="Open")]
        assert [row.number for row in pages[0]] == ["500254"]
        vendor.check_query("GET", "/v1/purchaseorder", visma.asked[0].query)
        assert visma.asked[0].query == {
            "includeCustomFreeFields": "true",
            "lastModifiedDateTime": since,
            "lastModifiedDateTimeCondition": ">",
            "orderStatus": "Open",
            "pageNumber": "1",
            "pageSize": "500",
        }

    @pytest.mark.parametrize(
        "since", ["2026-11-20T09:55:00Z", "2026-11-20T09:55:00+01:00", "yesterday", ""]
    )
    async def test_a_time_that_visma_does_not_filter_by_is_not_sent(
        self, visma: ScriptedVisma, client: VismaClient, since: str
    ) -> None:
        with pytest.raises(ValueError, match="filters by"):
            await anext(client.orders(modified_since=since))
        assert visma.asked == []

    async def test_an_ignored_time_is_noticed(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(page([order(lastModifiedDateTime="2023-01-01T00:00:00")], 1))
        with pytest.raises(VismaFilterIgnored, match="lastModifiedDateTime"):
            await anext(client.orders(modified_since="2026-11-20"))

    async def test_an_ignored_status_is_noticed(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(page([order(status="Closed")], 1))
        with pytest.raises(VismaFilterIgnored, match="orderStatus"):
            await anext(client.orders(status="Open"))

    async def test_a_dirty_row_stops_no_other(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        rows = [order("1"), order("2", lines=["?"]), order("3", lines=None), {"status": "Open"}]
        visma.say(page(rows, 4))
        [read] = [rows async for rows in client.orders()]
        assert [row.number for row in read] == ["1", "3"]
        assert [(row.number, row.version) for row in read.unreadable] == [("2", VERSION), ("", "")]
        assert read.unreadable[0].last_modified == "2026-11-20T10:00:00.123"

    async def test_an_observed_fragment_is_read(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(
            Answer(body=b"[" + vendor.sample("purchaseorder-fragment.observed.json") + b"]"),
            Answer(body=[]),
        )
        [read] = [rows async for rows in client.orders()]
        assert (read[0].number, read[0].status, read[0].lines[0].canceled) == (
            "500000",
            "Cancelled",
            True,
        )


async def test_orders_at_one_version_are_equal(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(Answer(body=order()), page([order()], 1))
    read = await client.get_order("500254")
    [listed] = [rows async for rows in client.orders()]
    assert listed[0] == replace(read, version=VERSION)
