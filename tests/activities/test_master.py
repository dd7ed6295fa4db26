"""Master data is kept by the right keys, for the right time, and within bounds."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.master import LIVES, MasterReader
from activities.services import Desk
from ml_connector.temporal.order_messages import PrepareRequest
from tests.activities.workbench import Workbench
from tests.stage import company_of

BEGIN = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Watch:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


class Shop:
    """Answers anything, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self) -> int:
        self.asked += 1
        return self.asked


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def desk(bench: Workbench) -> Desk:
    if await bench.store.tenants.get("shelf") is None:
        await bench.add_tenant("shelf")
    return await bench.services.desk("shelf")


@pytest.mark.parametrize("kind", LIVES)
async def test_each_kind_lives_as_long_as_it_says(desk: Desk, watch: Watch, kind: str) -> None:
    reader, shop = MasterReader(clock=watch), Shop()
    assert await reader.keep(desk, kind, "a", shop) == 1
    watch.now += LIVES[kind] - SECOND
    assert await reader.keep(desk, kind, "a", shop) == 1
    watch.now += SECOND
    assert await reader.keep(desk, kind, "a", shop) == 2


async def test_what_was_read_before_an_instant_is_read_anew_once(desk: Desk, watch: Watch) -> None:
    reader, shop = MasterReader(clock=watch), Shop()
    await reader.keep(desk, "item", "a", shop)
    watch.now += SECOND
    for _ in range(3):
        assert await reader.keep(desk, "item", "a", shop, not_before=watch.now) == 2


async def test_a_value_belongs_to_its_tenant_file_kind_and_key(
    bench: Workbench, desk: Desk, watch: Watch
) -> None:
    reader, shop = MasterReader(clock=watch), Shop()
    await bench.apply("shelf")
    applied = await bench.services.desk("shelf")
    if await bench.store.tenants.get("shelf2") is None:
        await bench.add_tenant("shelf2")
    other = await bench.services.desk("shelf2")
    names = [(desk, "item", "a"), (desk, "item", "b"), (desk, "branch", "a")]
    names += [(applied, "item", "a"), (other, "item", "a")]
    for _ in range(2):
        assert [await reader.keep(*name, shop) for name in names] == [1, 2, 3, 4, 5]


async def test_memory_is_bounded_and_the_latest_stays(desk: Desk, watch: Watch) -> None:
    reader, shop = MasterReader(clock=watch, most=10), Shop()
    for number in range(100):
        watch.now += SECOND
        await reader.keep(desk, "item", str(number), shop)
        assert len(reader._kept) <= 10
    await reader.keep(desk, "item", "99", shop)
    assert shop.asked == 100


async def test_a_failure_is_not_kept(desk: Desk, watch: Watch) -> None:
    reader, shop = MasterReader(clock=watch), Shop()

    async def broken() -> int:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await reader.keep(desk, "item", "a", broken)
    assert await reader.keep(desk, "item", "a", shop) == 1


async def test_orders_of_one_supplier_share_its_master_data(bench: Workbench) -> None:
    await bench.add_tenant("lists")
    numbers = [bench.place("lists") for _ in range(3)]
    await bench.discover("lists")
    calls = bench.sandbox.visma.calls[company_of("lists")]

    def seen() -> int:
        return sum(counts.total() for name, counts in calls.items() if "purchaseorder" not in name)

    await bench.buy("lists", numbers[0])
    first = seen()
    for number in numbers[1:]:
        await bench.buy("lists", number)
    assert (first > 0, seen()) == (True, first)


async def test_a_repair_counts_at_once_whoever_has_the_broken_record_in_memory(
    bench: Workbench,
) -> None:
    await bench.add_tenant("repaired")
    place = f"companies/{company_of('repaired')}/master/supplier_locations/SUP-PL/MAIN"
    await bench.visma("PATCH", place, address={"postal_code": ""})
    numbers = [bench.place("repaired", supplier="SUP-PL") for _ in range(2)]
    await bench.discover("repaired")
    plan = [PrepareRequest(tenant="repaired", order=number, released=False) for number in numbers]
    assert (await bench.run("prepare_shipment", plan[0])).outcome == "attention"
    await bench.visma("PATCH", place, address={"postal_code": "80-103"})
    assert (await bench.run("prepare_shipment", plan[1])).outcome == "ready"
