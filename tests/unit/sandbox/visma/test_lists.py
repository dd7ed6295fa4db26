"""Paging, filters, and times without a zone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.sandbox.visma.conftest import Api

ORDERS = "/v1/purchaseorder"


def numbers(rows: list[dict[str, Any]]) -> list[str]:
    return [row["orderNbr"] for row in rows]


async def test_pages_follow_each_other_oldest_first(api: Api) -> None:
    made = [await api.order() for _ in range(5)]
    pages = [await api.page(ORDERS, number, 2) for number in (1, 2, 3)]
    assert [numbers(page) for page in pages] == [made[:2], made[2:4], made[4:]]


async def test_every_element_carries_the_metadata(api: Api) -> None:
    for _ in range(3):
        await api.order()
    rows = await api.page(ORDERS, 1, 2)
    assert [row["metadata"] for row in rows] == [{"totalCount": 3, "maxPageSize": 500}] * 2


async def test_beyond_the_end_there_is_an_empty_array_without_metadata(api: Api) -> None:
    await api.order()
    assert await api.page(ORDERS, 2, 10) == []


async def test_a_page_size_over_the_limit_is_capped_in_silence(api: Api) -> None:
    await api.control("PUT", "/switches", {"max_page_sizes": {"purchaseorder": 2}})
    for _ in range(3):
        await api.order()
    rows = await api.page(ORDERS, 1, 500)
    assert len(rows) == 2
    assert rows[0]["metadata"] == {"totalCount": 3, "maxPageSize": 2}
    assert api.violations() == []


async def test_without_paging_a_default_page_comes_and_a_violation_is_noted(api: Api) -> None:
    await api.control("PUT", "/switches", {"default_page_size": 1})
    await api.order()
    await api.order()
    reply = await api.get(ORDERS)
    assert len(reply.json()) == 1
    assert api.violations() == ["unpaged_list"]


async def test_lists_have_no_etag_header_but_time_stamps(api: Api) -> None:
    await api.order()
    reply = await api.get(ORDERS, pageNumber=1, pageSize=10)
    assert "ETag" not in reply.headers
    assert len(reply.json()[0]["timeStamp"]) == 12


async def test_unknown_parameters_are_ignored_and_noted(api: Api) -> None:
    await api.order(hold=True)
    await api.order()
    rows = await api.page(ORDERS, status="Open")
    assert len(rows) == 2
    assert api.violations() == ["unknown_parameter"]
    assert len(await api.page(ORDERS, orderStatus="Open")) == 1


async def test_the_strict_switch_refuses_unknown_parameters(api: Api) -> None:
    await api.control("PUT", "/switches", {"strict_query": True})
    reply = await api.get(ORDERS, pageNumber=1, pageSize=10, status="Open")
    assert reply.status_code == 400


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"orderType": "DropShip"}, [1]),
        ({"orderStatus": "Hold"}, [2]),
        ({"supplier": "SUP-SE"}, [3]),
        ({"branch": "2"}, [4]),
        ({"orderDate": "2026-01-15", "orderDateCondition": "<="}, [5]),
        ({"deliveryDate": "2027-02-01T00:00:00", "deliveryDateCondition": ">="}, [6]),
    ],
)
async def test_filters_of_the_order_list(
    api: Api, filter_: dict[str, str], expected: list[int]
) -> None:
    made = [
        await api.order(),
        await api.order(orderType="DropShip"),
        await api.order(hold=True),
        await api.order(supplier="SUP-SE"),
        await api.order(branch="2"),
        await api.order(date="2026-01-10"),
        await api.order(promisedOn="2027-03-01"),
    ]
    rows = await api.page(ORDERS, **filter_)
    assert numbers(rows) == [made[place] for place in expected]


async def test_greater_than_value_is_a_keyset_cursor(api: Api) -> None:
    made = [await api.order() for _ in range(3)]
    assert numbers(await api.page(ORDERS, greaterThanValue=made[0])) == made[1:]


async def test_times_are_local_without_a_zone_and_trailing_zeros(api: Api) -> None:
    api.clock.set(datetime(2026, 11, 22, 9, 20, 53, 750_000, tzinfo=UTC))
    number = await api.order()
    row = (await api.get(f"{ORDERS}/{number}")).json()
    assert row["lastModifiedDateTime"] == "2026-11-22T10:20:53.75"
    assert row["date"] == "2026-11-22T00:00:00"


@pytest.mark.parametrize(("shape", "zoned"), [("offset", {True}), ("mixed", {True, False})])
async def test_times_come_in_other_shapes_too(api: Api, shape: str, zoned: set[bool]) -> None:
    await api.control("PUT", "/switches", {"moment_shape": shape})
    await api.order()
    await api.order()
    rows = await api.page(ORDERS)
    assert {row["lastModifiedDateTime"].endswith("+01:00") for row in rows} == zoned


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "2026-11-22 10:00:00",
        "2026-11-22 10:00:00.5",
        "2026-11-22T10:00:00",
        "2026-11-22T10:00:00.500",
    ],
)
async def test_the_five_formats_of_a_date_filter(api: Api, text: str) -> None:
    api.clock.set(datetime(2026, 11, 22, 9, 0, 1, tzinfo=UTC))
    await api.order()
    rows = await api.page(ORDERS, lastModifiedDateTime=text, lastModifiedDateTimeCondition=">")
    assert len(rows) == 1
    assert api.violations() == []


async def test_a_zone_suffix_is_noted_and_refused_when_strict(api: Api) -> None:
    filter_ = {
        "lastModifiedDateTime": "2026-11-22T10:00:00Z",
        "lastModifiedDateTimeCondition": ">=",
    }
    await api.page(ORDERS, **filter_)
    assert api.violations() == ["zoned_date_filter"]
    await api.control("PUT", "/switches", {"strict_dates": True})
    reply = await api.get(ORDERS, pageNumber=1, pageSize=1, **filter_)
    assert reply.status_code == 400


async def test_a_date_that_is_none_is_refused(api: Api) -> None:
    reply = await api.get(
        ORDERS,
        pageNumber=1,
        pageSize=1,
        lastModifiedDateTime="yesterday",
        lastModifiedDateTimeCondition=">",
    )
    assert reply.status_code == 400


async def test_half_a_date_filter_filters_nothing(api: Api) -> None:
    await api.order()
    rows = await api.page(ORDERS, lastModifiedDateTime="2030-01-01")
    assert len(rows) == 1
    assert api.violations() == ["one_sided_date_filter"]


@pytest.mark.parametrize(("inclusive", "found"), [(False, 0), (True, 1)])
async def test_greater_is_strict_or_inclusive(api: Api, inclusive: bool, found: int) -> None:
    await api.control("PUT", "/switches", {"gt_inclusive": inclusive})
    await api.order()
    [row] = await api.page(ORDERS)
    rows = await api.page(
        ORDERS,
        lastModifiedDateTime=row["lastModifiedDateTime"],
        lastModifiedDateTimeCondition=">",
    )
    assert len(rows) == found


async def test_a_coarse_resolution_gives_many_orders_one_time(api: Api) -> None:
    await api.control("PUT", "/switches", {"timestamp_resolution_ms": 60_000})
    for _ in range(3):
        await api.order()
        api.clock.advance(timedelta(seconds=10))
    rows = await api.page(ORDERS)
    assert {row["lastModifiedDateTime"] for row in rows} == {"2026-11-22T10:00:00"}
    assert len({row["timeStamp"] for row in rows}) == 3


async def test_in_the_repeated_hour_a_later_change_has_an_earlier_time(api: Api) -> None:
    """2026-10-25 01:00 UTC: Oslo's clock goes from 02:59:59 back to 02:00."""
    api.clock.set(datetime(2026, 10, 25, 0, 50, tzinfo=UTC))
    before = await api.order()
    api.clock.set(datetime(2026, 10, 25, 1, 10, tzinfo=UTC))
    after = await api.order()
    rows = {row["orderNbr"]: row["lastModifiedDateTime"] for row in await api.page(ORDERS)}
    assert rows == {before: "2026-10-25T02:50:00", after: "2026-10-25T02:10:00"}
    newer = await api.page(
        ORDERS,
        lastModifiedDateTime="2026-10-25T02:50:00",
        lastModifiedDateTimeCondition=">",
    )
    assert newer == []


async def test_the_companys_zone_is_configurable(api: Api) -> None:
    api.company.timezone = "Europe/Helsinki"
    number = await api.order()
    row = (await api.get(f"{ORDERS}/{number}")).json()
    assert row["lastModifiedDateTime"] == "2026-11-22T11:00:00"


async def test_rows_that_leave_the_filter_while_paging_shift_the_pages(api: Api) -> None:
    """Offset paging loses a row here, as the real one does: the caller must overlap."""
    made = [await api.order() for _ in range(4)]
    first = await api.page(ORDERS, 1, 2, orderStatus="Open")
    await api.edit(made[0], hold=True)
    second = await api.page(ORDERS, 2, 2, orderStatus="Open")
    assert numbers(first) + numbers(second) == [made[0], made[1], made[3]]


async def test_paths_are_matched_whatever_their_case(api: Api) -> None:
    number = await api.order()
    assert (await api.get(f"/V1/PurchaseOrder/{number}")).status_code == 200


async def test_reserved_characters_of_an_id_travel_in_base64(api: Api) -> None:
    await api.control(
        "PATCH",
        f"/companies/{api.company.tenant_id}/master/items/A%2FB",
        {"description": "A slashed item"},
    )
    reply = await api.get("/v1/inventory/b64(QS9C)")
    assert reply.json()["inventoryNumber"] == "A/B"
