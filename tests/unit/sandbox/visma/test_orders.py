"""Purchase orders: reading, creating, changing, and who was quicker."""

from datetime import timedelta
from typing import Any

import pytest

from ml_connector.sandbox.visma import wire
from tests.unit.sandbox.visma.conftest import TENANT, Api

ORDERS = "/v1/purchaseorder"


async def test_one_order_has_its_version_in_header_and_body(api: Api) -> None:
    number = await api.order()
    reply = await api.get(f"{ORDERS}/{number}")
    assert reply.headers["ETag"] == f'"{reply.json()["timeStamp"]}"'


async def test_an_unknown_order_is_404_with_a_message(api: Api) -> None:
    reply = await api.get(f"{ORDERS}/999999")
    assert reply.status_code == 404
    assert "999999" in reply.json()["message"]


async def test_custom_fields_are_there_only_on_demand(api: Api) -> None:
    number = await api.order(customStr1="T1", customDec1=12.5, customInt1=3)
    plain = (await api.get(f"{ORDERS}/{number}")).json()
    full = (await api.get(f"{ORDERS}/{number}", includeCustomFreeFields="true")).json()
    assert not [name for name in plain if name.startswith("custom")]
    assert (full["customStr1"], full["customDec1"], full["customInt1"]) == ("T1", 12.5, 3)
    [row] = await api.page(ORDERS, includeCustomFreeFields="true")
    assert row["customStr1"] == "T1"


async def test_a_put_answers_204_with_the_next_version(api: Api) -> None:
    number = await api.order()
    before = await api.get(f"{ORDERS}/{number}")
    reply = await api.put(
        f"{ORDERS}/{number}", {"customStr1": {"value": "TRACK"}}, before.headers["ETag"]
    )
    after = await api.get(f"{ORDERS}/{number}", includeCustomFreeFields="true")
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers["ETag"] == after.headers["ETag"] != before.headers["ETag"]
    assert after.json()["customStr1"] == "TRACK"
    assert api.violations() == []


async def test_our_own_change_moves_the_time_of_change(api: Api) -> None:
    number = await api.order()
    before = (await api.get(f"{ORDERS}/{number}")).json()
    api.clock.advance(timedelta(minutes=1))
    etag = f'"{before["timeStamp"]}"'
    await api.put(f"{ORDERS}/{number}", {"note": {"value": "seen"}}, etag)
    after = (await api.get(f"{ORDERS}/{number}")).json()
    assert after["lastModifiedDateTime"] > before["lastModifiedDateTime"]


async def test_a_stale_put_is_412_with_an_empty_body(api: Api) -> None:
    number = await api.order()
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    await api.edit(number, note="mine")
    reply = await api.put(f"{ORDERS}/{number}", {"note": {"value": "ours"}}, etag)
    assert (reply.status_code, reply.content) == (412, b"")
    assert api.company.orders[number].note == "mine"


async def test_without_if_match_the_last_write_wins_and_is_noted(api: Api) -> None:
    number = await api.order()
    await api.edit(number, note="mine")
    reply = await api.put(f"{ORDERS}/{number}", {"note": {"value": "ours"}})
    assert reply.status_code == 204
    assert api.company.orders[number].note == "ours"
    assert api.violations() == ["put_without_if_match"]


async def test_an_unquoted_if_match_is_noted(api: Api) -> None:
    number = await api.order()
    version = wire.row_version(api.company.orders[number].version)
    await api.put(f"{ORDERS}/{number}", {"note": {"value": "x"}}, version)
    assert api.violations() == ["unquoted_if_match"]


async def test_a_person_can_be_scripted_to_be_quicker(api: Api) -> None:
    number = await api.order()
    await api.edit(number, when="before_next_put", description="urgent")
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    first = await api.put(f"{ORDERS}/{number}", {"note": {"value": "ours"}}, etag)
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    second = await api.put(f"{ORDERS}/{number}", {"note": {"value": "ours"}}, etag)
    order = api.company.orders[number]
    assert (first.status_code, second.status_code) == (412, 204)
    assert (order.description, order.note) == ("urgent", "ours")
    assert [edit.by for edit in order.edits] == ["person", "kari", "api:connector"]
    assert order.edits[-1].changes == {"note": ("", "ours")}


async def test_a_put_that_changes_nothing_keeps_the_version_and_is_noted(api: Api) -> None:
    number = await api.order(note="same")
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    reply = await api.put(f"{ORDERS}/{number}", {"note": {"value": "same"}}, etag)
    assert (reply.status_code, reply.headers["ETag"]) == (204, etag)
    assert api.violations() == ["empty_put"]


@pytest.mark.parametrize(
    "body",
    [
        {"note": "plain"},
        {"note": {"val": "x"}},
        {"note": {"value": 7}},
        {"hold": {"value": "true"}},
        {"customInt1": {"value": 1.5}},
        {"customDec1": {"value": "1.5"}},
        {"shippingAddress": {"city": {"value": "Oslo"}}},
        {"shippingAddress": {"value": {"city": "Oslo"}}},
        {"lines": {"value": []}},
        {"lines": [{"operation": {"value": "Update"}, "lineNumber": {"value": 1}}]},
        {"lines": [{"operation": "Update", "lineNumber": 1}]},
        {"lines": [{"operation": "Replace", "lineNumber": {"value": 1}}]},
        {"orderType": {"value": "Gift"}},
        {"promisedOn": {"value": "tomorrow"}},
        [],
    ],
)
async def test_wrappers_and_types_are_enforced(api: Api, body: Any) -> None:
    number = await api.order()
    before = api.company.orders[number].version
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    reply = await api.put(f"{ORDERS}/{number}", body, etag)
    assert reply.status_code == 400
    assert reply.json()["message"].startswith("The request is invalid.")
    assert api.company.orders[number].version == before


async def test_a_body_that_is_no_json_is_refused(api: Api) -> None:
    number = await api.order()
    reply = await api.send("PUT", f"{ORDERS}/{number}", content=b"{")
    assert reply.status_code == 400


async def test_fields_that_visma_does_not_know_are_ignored_and_noted(api: Api) -> None:
    number = await api.order()
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    body = {"trackingNumber": {"value": "1"}, "note": {"value": "x"}}
    assert (await api.put(f"{ORDERS}/{number}", body, etag)).status_code == 204
    assert api.violations() == ["unknown_field"]


async def test_custom_texts_have_a_hundred_characters_and_the_put_is_all_or_nothing(
    api: Api,
) -> None:
    number = await api.order()
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    body = {"note": {"value": "half"}, "customStr1": {"value": "x" * 101}}
    reply = await api.put(f"{ORDERS}/{number}", body, etag)
    assert reply.status_code == 400
    assert "VismaId" in reply.json()["message"]
    assert api.company.orders[number].note == ""
    body = {"customStr1": {"value": "x" * 100}}
    assert (await api.put(f"{ORDERS}/{number}", body, etag)).status_code == 204


async def test_a_null_clears_a_field_and_utc_stays_utc(api: Api) -> None:
    number = await api.order(customStr1="x")
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    moment = "2026-11-22T10:00:00+01:00"
    body = {"customStr1": {"value": None}, "customDateTimeUTC1": {"value": moment}}
    await api.put(f"{ORDERS}/{number}", body, etag)
    row = (await api.get(f"{ORDERS}/{number}", includeCustomFreeFields="true")).json()
    assert "customStr1" not in row
    assert row["customDateTimeUTC1"] == "2026-11-22T09:00:00"


async def test_an_address_is_changed_field_by_field(api: Api) -> None:
    number = await api.order(shippingAddress={"postalCode": ""})
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    body = {"shippingAddress": {"value": {"postalCode": {"value": "1086"}}}}
    await api.put(f"{ORDERS}/{number}", body, etag)
    address = (await api.get(f"{ORDERS}/{number}")).json()["shippingAddress"]
    assert (address["postalCode"], address["city"]) == ("1086", "Oslo")
    assert address["overrideAddress"] is True


async def test_lines_are_addressed_by_number_and_the_others_stay(api: Api) -> None:
    number = await api.order(
        lines=[
            {"inventory": "PUMP-200", "orderQty": 2, "unitCost": 100, "project": "P100"},
            {"inventory": "BOLT-M8", "orderQty": 3},
            {"inventory": "SRV-INST", "orderQty": 1},
        ]
    )
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    body = {
        "lines": [
            {"operation": "Update", "lineNumber": {"value": 1}, "orderQty": {"value": 5}},
            {"operation": "Delete", "lineNumber": {"value": 3}},
        ]
    }
    assert (await api.put(f"{ORDERS}/{number}", body, etag)).status_code == 204
    first, second = (await api.get(f"{ORDERS}/{number}")).json()["lines"]
    assert (first["orderQty"], first["amount"], first["project"]["id"]) == (5, 500, "P100")
    assert (second["uom"], second["orderQty"], second["baseOrderQty"]) == ("BOX", 3, 300)


async def test_an_unknown_line_is_refused(api: Api) -> None:
    number = await api.order()
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    body = {"lines": [{"operation": "Update", "lineNumber": {"value": 9}}]}
    assert (await api.put(f"{ORDERS}/{number}", body, etag)).status_code == 400


@pytest.mark.parametrize("field", ["supplier", "shipVia", "branch", "currency"])
async def test_references_must_exist(api: Api, field: str) -> None:
    number = await api.order()
    etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
    reply = await api.put(f"{ORDERS}/{number}", {field: {"value": "NOWHERE"}}, etag)
    assert reply.status_code == 400
    assert "NOWHERE" in reply.json()["message"]


async def test_a_created_order_is_an_empty_object_and_a_location(api: Api) -> None:
    body = {
        "supplier": {"value": "SUP-SE"},
        "lines": [
            {
                "operation": "Insert",
                "inventory": {"value": "CABLE-50"},
                "orderQty": {"value": 2},
                "sub": [{"segmentId": 1, "segmentValue": "100"}],
            }
        ],
    }
    reply = await api.post(ORDERS, body)
    assert (reply.status_code, reply.json()) == (201, {})
    number = reply.headers["Location"].rsplit("/", 1)[-1]
    read = await api.get(f"{ORDERS}/{number}")
    assert read.headers["ETag"] == reply.headers["ETag"]
    assert read.json()["currency"] == "SEK"
    assert read.json()["lines"][0]["sub"]["segments"][0]["segmentValue"] == "100"


async def test_the_location_may_be_on_the_old_host(api: Api) -> None:
    await api.control("PUT", "/switches", {"other_location_host": True})
    reply = await api.post(ORDERS, {"supplier": {"value": "SUP-SE"}})
    assert reply.headers["Location"].startswith("https://integration.visma.net/")


async def test_an_order_number_of_ones_own_needs_the_override(api: Api) -> None:
    body = {"supplier": {"value": "SUP-SE"}, "orderNumber": {"value": "MINE-1"}}
    ignored = await api.post(ORDERS, body)
    assert not ignored.headers["Location"].endswith("MINE-1")
    body["overrideNumberSeries"] = {"value": True}  # type: ignore[dict-item]
    kept = await api.post(ORDERS, body)
    assert kept.headers["Location"].endswith("MINE-1")
    assert (await api.post(ORDERS, body)).status_code == 400


async def test_a_closed_order_takes_a_put_unless_the_switch_locks_it(api: Api) -> None:
    number = await api.order(status="Closed")
    for locked, status in ((False, 204), (True, 400)):
        await api.control("PUT", "/switches", {"closed_orders_locked": locked})
        etag = (await api.get(f"{ORDERS}/{number}")).headers["ETag"]
        reply = await api.put(f"{ORDERS}/{number}", {"note": {"value": str(locked)}}, etag)
        assert reply.status_code == status


async def test_a_cancelled_order_has_lines_both_canceled_and_completed(api: Api) -> None:
    number = await api.order()
    await api.edit(number, status="Cancelled")
    row = (await api.get(f"{ORDERS}/{number}")).json()
    assert row["status"] == "Cancelled"
    assert (row["lines"][0]["canceled"], row["lines"][0]["completed"]) == (True, True)


async def test_holding_and_releasing_an_order(api: Api) -> None:
    number = await api.order(hold=True)
    assert (await api.get(f"{ORDERS}/{number}")).json()["status"] == "Hold"
    await api.edit(number, hold=False)
    assert (await api.get(f"{ORDERS}/{number}")).json()["status"] == "Open"


async def test_the_data_may_be_dirty(api: Api) -> None:
    """Unknown carrier and item, a status outside the enum, closed without any receipt."""
    number = await api.order(
        shipVia="NOBODY",
        status="PendingApproval",
        shippingAddress=None,
        lines=[{"inventory": "GONE", "orderQty": 1, "account": "0000", "completed": True}],
    )
    row = (await api.get(f"{ORDERS}/{number}")).json()
    assert (row["shipVia"], row["status"]) == ("NOBODY", "PendingApproval")
    assert "shippingAddress" not in row
    assert row["lines"][0]["qtyOnReceipts"] == 0


async def test_the_basic_resource_leaves_the_delivery_tabs_out(api: Api) -> None:
    number = await api.order(note="n")
    row = (await api.get(f"/v1/purchaseorderbasic/{number}")).json()
    assert row["note"] == "n"
    assert row["lines"]
    assert not {"shipVia", "shippingAddress", "openQuantity"} & row.keys()
    [listed] = await api.page("/v1/purchaseorderbasic")
    assert "shipVia" not in listed


async def test_a_receipt_can_be_made_from_the_order(api: Api) -> None:
    number = await api.order()
    action = f"{ORDERS}/{number}/action/createpurchasereceipt"
    wrong = await api.post(action, {"orderType": "Blanket"})
    right = await api.post(action, {"orderType": "RegularOrder"})
    assert (wrong.status_code, right.status_code) == (404, 200)
    row = (await api.get(f"{ORDERS}/{number}")).json()
    assert row["purchaseReceipts"][0]["receiptNumber"] == right.json()["receiptNbr"]
    assert row["lines"][0]["qtyOnReceipts"] == 2


async def test_reads_may_be_wrapped_or_say_null(api: Api) -> None:
    number = await api.order()
    await api.control("PUT", "/switches", {"wrapped_reads": True, "null_fields": True})
    [row] = await api.page(ORDERS)
    assert row["orderNbr"] == {"value": number}
    assert row["promisedOn"] == {"value": None}
    assert row["metadata"]["totalCount"] == 1
    assert row["lines"][0]["orderQty"] == {"value": 2}


async def test_the_operator_sees_who_changed_what(api: Api) -> None:
    number = await api.order()
    await api.edit(number, by="ola", customStr3="QUOTE")
    state = await api.control("GET", f"/state?tenant={TENANT}")
    order = state["companies"][TENANT]["orders"][number]
    assert order["custom"] == {"customStr3": "QUOTE"}
    assert order["edits"][-1]["by"] == "ola"
    assert order["edits"][-1]["changes"] == {"custom.customStr3": [None, "QUOTE"]}
