"""Purchase receipts: v2 reads, v1 writes, and what booking does to the orders."""

from datetime import timedelta

import pytest

from tests.unit.sandbox.visma.conftest import TENANT, Api

READ = "/v2/PurchaseReceipt"
WRITE = "/v1/PurchaseReceipt"


async def test_receipts_are_found_by_order_number(api: Api) -> None:
    first, second, third = [await api.order() for _ in range(3)]
    both = await api.receipt(first, second)
    await api.receipt(third)
    rows = await api.page(READ, poOrderNbr=second)
    assert [row["receiptNbr"] for row in rows] == [both]
    assert {line["poOrderNbr"] for line in rows[0]["lines"]} == {first, second}


@pytest.mark.parametrize("status", [410, 404])
@pytest.mark.parametrize(
    "path", [WRITE, f"{WRITE}/300000", "/v1/PurchaseReceiptBasic", "/v1/PurchaseReceiptBasic/1"]
)
async def test_the_v1_reads_are_gone(api: Api, path: str, status: int) -> None:
    await api.control("PUT", "/switches", {"removed_status": status})
    assert (await api.get(path)).status_code == status
    assert "removed_endpoint" in api.violations()


async def test_v1_writes_work_and_answer_204(api: Api) -> None:
    number = await api.receipt(await api.order())
    etag = (await api.get(f"{READ}/{number}")).headers["ETag"]
    reply = await api.put(f"{WRITE}/{number}", {"customStr1": {"value": "TRACK"}}, etag)
    assert (reply.status_code, reply.content) == (204, b"")
    read = await api.get(f"{READ}/{number}", includeCustomFreeFields="true")
    assert read.json()["customStr1"] == "TRACK"
    assert read.headers["ETag"] == reply.headers["ETag"] != etag
    assert api.violations() == []


async def test_a_stale_put_is_412(api: Api) -> None:
    number = await api.receipt(await api.order())
    etag = (await api.get(f"{READ}/{number}")).headers["ETag"]
    body = {"by": "kari", "when": "before_next_put", "values": {"supplierRef": "DN-7"}}
    await api.control("POST", f"/companies/{TENANT}/receipts/{number}/edit", body)
    reply = await api.put(f"{WRITE}/{number}", {"note": {"value": "x"}}, etag)
    assert (reply.status_code, reply.content) == (412, b"")
    assert api.company.receipts[number].supplier_ref == "DN-7"


async def test_the_etag_may_be_in_the_body_only(api: Api) -> None:
    await api.control("PUT", "/switches", {"receipt_etag_header": False})
    number = await api.receipt(await api.order())
    reply = await api.get(f"{READ}/{number}")
    assert "ETag" not in reply.headers
    etag = f'"{reply.json()["timeStamp"]}"'
    put = await api.put(f"{WRITE}/{number}", {"note": {"value": "x"}}, etag)
    assert put.status_code == 204


async def test_the_note_of_a_listed_receipt_needs_expand_note(api: Api) -> None:
    number = await api.receipt(await api.order())
    await api.put(f"{WRITE}/{number}", {"note": {"value": "n"}})
    [without] = await api.page(READ)
    [with_note] = await api.page(READ, expandNote="true")
    assert "note" not in without
    assert with_note["note"] == "n"


async def test_booking_counts_at_once_and_leaves_the_orders_time_alone(api: Api) -> None:
    order = await api.order()
    before = (await api.get(f"/v1/purchaseorder/{order}")).json()
    api.clock.advance(timedelta(minutes=5))
    await api.control(
        "POST", f"/companies/{TENANT}/receipts", {"orders": {order: {"1": 1}}, "hold": True}
    )
    after = (await api.get(f"/v1/purchaseorder/{order}")).json()
    assert (after["lines"][0]["qtyOnReceipts"], after["openQuantity"]) == (1, 1)
    assert after["purchaseReceipts"][0]["status"] == "Hold"
    assert after["timeStamp"] == before["timeStamp"]
    assert after["lastModifiedDateTime"] == before["lastModifiedDateTime"]


async def test_booking_may_move_the_orders_time(api: Api) -> None:
    await api.control("PUT", "/switches", {"receipts_touch_orders": True})
    order = await api.order()
    before = (await api.get(f"/v1/purchaseorder/{order}")).json()
    api.clock.advance(timedelta(minutes=5))
    await api.receipt(order)
    after = (await api.get(f"/v1/purchaseorder/{order}")).json()
    assert after["lastModifiedDateTime"] > before["lastModifiedDateTime"]


async def test_releasing_the_last_goods_closes_the_order(api: Api) -> None:
    order = await api.order()
    first = {"orders": {order: {"1": 1}}, "release": True}
    await api.control("POST", f"/companies/{TENANT}/receipts", first)
    assert api.company.orders[order].status == "Open"
    number = await api.receipt(order)
    assert api.company.orders[order].status == "Open"
    reply = await api.post(f"{WRITE}/{number}/action/release")
    assert reply.json()["actionResult"] == "Done"
    assert api.company.orders[order].status == "Closed"


async def test_a_released_receipt_takes_a_put_unless_the_switch_locks_it(api: Api) -> None:
    number = await api.receipt(await api.order(), release=True)
    for locked, status in ((False, 204), (True, 400)):
        await api.control("PUT", "/switches", {"released_receipts_locked": locked})
        etag = (await api.get(f"{READ}/{number}")).headers["ETag"]
        reply = await api.put(f"{WRITE}/{number}", {"note": {"value": str(locked)}}, etag)
        assert reply.status_code == status


async def test_releasing_twice_is_refused(api: Api) -> None:
    number = await api.receipt(await api.order(), release=True)
    assert (await api.post(f"{WRITE}/{number}/action/release")).status_code == 400


async def test_a_cancelled_receipt_gives_its_quantities_back(api: Api) -> None:
    order = await api.order()
    number = await api.receipt(order)
    assert (await api.post(f"{WRITE}/{number}/action/cancelReceipt")).status_code == 200
    row = (await api.get(f"/v1/purchaseorder/{order}")).json()
    assert row["lines"][0]["qtyOnReceipts"] == 0
    assert row["purchaseReceipts"][0]["status"] == "Cancelled"


async def test_a_return_takes_quantity_off_again(api: Api) -> None:
    order = await api.order()
    await api.receipt(order)
    number = await api.receipt(order, type="PoReturn")
    row = (await api.get(f"/v1/purchaseorder/{order}")).json()
    assert row["lines"][0]["qtyOnReceipts"] == 0
    [returned] = await api.page(READ, receiptType="PoReturn")
    assert returned["receiptNbr"] == number


async def test_a_receipt_is_created_by_the_api(api: Api) -> None:
    order = await api.order()
    body = {
        "receiptType": {"value": "PoReceipt"},
        "supplierRef": {"value": "DN-1"},
        "lines": [
            {
                "operation": "Insert",
                "poOrderType": {"value": "RegularOrder"},
                "poOrderNbr": {"value": order},
                "poOrderLineNbr": {"value": 1},
                "receiptQty": {"value": 2},
            }
        ],
    }
    reply = await api.post(WRITE, body)
    assert (reply.status_code, reply.json()) == (201, {})
    number = reply.headers["Location"].rsplit("/", 1)[-1]
    read = (await api.get(f"{READ}/{number}")).json()
    assert (read["supplierRef"], read["totalQty"]) == ("DN-1", 2)


async def test_nothing_left_to_receive_is_refused(api: Api) -> None:
    order = await api.order()
    await api.receipt(order)
    reply = await api.post(
        f"/v1/purchaseorder/{order}/action/createpurchasereceipt", {"orderType": "RegularOrder"}
    )
    assert reply.status_code == 400


async def test_receipts_have_a_cursor_of_their_own(api: Api) -> None:
    old = await api.receipt(await api.order())
    api.clock.advance(timedelta(minutes=5))
    new = await api.receipt(await api.order())
    rows = await api.page(
        READ, lastModifiedDateTime="2026-11-22T10:01:00", lastModifiedDateTimeCondition=">"
    )
    assert [row["receiptNbr"] for row in rows] == [new]
    rows = await api.page(READ, greaterThanValue=old)
    assert [row["receiptNbr"] for row in rows] == [new]
