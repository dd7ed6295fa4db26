"""Receipts: read on v2, written on v1, found by order."""

from datetime import date
from decimal import Decimal

import pytest

from ml_connector.visma.client import VismaClient
from ml_connector.visma.errors import VismaFilterIgnored, VismaRejected, VismaUnreadable
from tests.contract.visma import vendor
from tests.contract.visma.samples import VERSION, receipt
from tests.contract.visma.scripted import Answer, ScriptedVisma, page

LIST = "/v2/PurchaseReceipt"


async def test_one_receipt_over_several_orders(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(Answer(body=receipt(orders=("500254", "500255", "500254"), customStr1="7946")))
    read = await client.get_receipt("R1")
    assert visma.asked[0].path == f"{LIST}/R1"
    vendor.check_query("GET", LIST + "/{receiptNumber}", visma.asked[0].query)
    assert read.orders == ("500254", "500255")
    assert (read.date, read.version) == (date(2026, 11, 20), VERSION)
    assert read.custom == {"customStr1": "7946"}
    assert read.lines[0].base_quantity == Decimal(2)


async def test_another_receipt_is_not_taken(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(Answer(body=receipt("R2")))
    with pytest.raises(VismaUnreadable):
        await client.get_receipt("R1")


async def test_receipts_of_an_order(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(page([receipt("R1"), receipt("R2", ("1", "500254"))], 2))
    [found] = [rows async for rows in client.receipts(po_order="500254")]
    assert [row.number for row in found] == ["R1", "R2"]
    vendor.check_query("GET", LIST, visma.asked[0].query)
    assert visma.asked[0].query["poOrderNbr"] == "500254"


async def test_an_ignored_order_filter_is_noticed(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(page([receipt("R1", ("1",))], 1))
    with pytest.raises(VismaFilterIgnored, match="poOrderNbr"):
        await anext(client.receipts(po_order="500254"))


async def test_an_ignored_time_is_noticed(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(page([receipt(lastModifiedDateTime="2020-01-01T00:00:00")], 1))
    with pytest.raises(VismaFilterIgnored, match="lastModifiedDateTime"):
        await anext(client.receipts(modified_since="2026-11-20T09:55:00.000"))


async def test_dirty_rows_stand_beside(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(page([receipt("R1", lines=[{}]), receipt("R2", lines=None)], 2))
    [found] = [rows async for rows in client.receipts()]
    assert [row.number for row in found] == ["R2"]
    assert [row.number for row in found.unreadable] == ["R1"]


async def test_a_write_goes_to_v1_with_the_version_of_v2(
    visma: ScriptedVisma, client: VismaClient
) -> None:
    visma.say(Answer(status=204, headers={"ETag": '"next"'}))
    version = await client.update_receipt_fields("R1", {"customStr1": "7946"}, version=VERSION)
    asked = visma.asked[0]
    assert (version, asked.method, asked.path) == ("next", "PUT", "/v1/PurchaseReceipt/R1")
    assert asked.headers["if-match"] == f'"{VERSION}"'
    vendor.check_body("PUT", "/v1/PurchaseReceipt/{receiptNumber}", asked.json)


async def test_a_released_receipt_refuses(visma: ScriptedVisma, client: VismaClient) -> None:
    visma.say(Answer(status=400, body={"message": "The receipt is released."}))
    with pytest.raises(VismaRejected) as caught:
        await client.update_receipt_fields("R1", {"customStr1": "x"}, version=VERSION)
    assert "The receipt is released" in caught.value.quote
