"""Discovery, from a change in Visma to the news for an order's workflow."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from temporalio.service import RPCError

from activities.news import BATCH
from tests.activities.workbench import Died, Workbench

FOLD = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
"""02:00 summer time in Oslo; the hour from then on happens twice."""


async def test_an_order_is_told_once(bench: Workbench) -> None:
    await bench.add_tenant("told")
    number = bench.place("told")
    held = bench.place("told", hold=True)
    await bench.discover("told")
    await bench.discover("told")
    assert bench.outbox.started == [("told", number)]
    assert len(bench.outbox.told) == 1
    bench.change("told", held, hold=False)
    await bench.discover("told")
    assert bench.outbox.started == [("told", number), ("told", held)]


async def test_an_order_that_cannot_be_told_keeps_no_other_from_it(bench: Workbench) -> None:
    await bench.add_tenant("deaf")
    deaf, *others = [bench.place("deaf") for _ in range(BATCH + 1)]
    bench.outbox.deaf = {deaf}
    await bench.step("discover_orders", "deaf")
    with pytest.raises(RPCError):
        await bench.step("deliver_news", "deaf")
    assert {number for _, number, _ in bench.outbox.told} == set(others)
    assert len(bench.outbox.told) == len(others), "nobody is told twice"
    bench.outbox.deaf.clear()
    assert await bench.step("deliver_news", "deaf") == 1
    assert bench.outbox.started[-1] == ("deaf", deaf)


@pytest.mark.parametrize("shipped", [False, True], ids=["orders to start", "parcels to tell of"])
async def test_a_whole_batch_that_cannot_be_told_keeps_no_other_from_it(
    bench: Workbench, shipped: bool
) -> None:
    tenant = "mute-parcels" if shipped else "mute-starts"
    await bench.add_tenant(tenant)
    *mute, last = [bench.place(tenant) for _ in range(BATCH + 1)]
    assert last == max(last, *mute), "the others come before it"
    bench.outbox.deaf = set(mute)
    await bench.step("discover_orders", tenant)
    async with bench.store.write(tenant) as view:
        for number in (*mute, last) if shipped else ():
            await view.orders.save(number, generation=1)
    with pytest.raises(RPCError):
        await bench.step("deliver_news", tenant)
    assert bench.outbox.started == [(tenant, last)]
    bench.outbox.deaf.clear()
    assert await bench.step("deliver_news", tenant) == BATCH


async def test_the_next_run_tells_the_rest_where_temporal_is_away(bench: Workbench) -> None:
    """Each of ten thousand orders would wait for the same silence."""
    await bench.add_tenant("away")
    for _ in range(BATCH + 1):
        bench.place("away")
    bench.outbox.away = True
    await bench.step("discover_orders", "away")
    with pytest.raises(RPCError):
        await bench.step("deliver_news", "away")
    assert bench.outbox.asked == BATCH
    bench.outbox.away = False
    assert await bench.step("deliver_news", "away") == BATCH + 1


async def test_a_run_may_die_at_any_step(bench: Workbench) -> None:
    """Three pages, the first of which holds the latest change: a cursor that had moved with it
    would hide the others."""
    bench.sandbox.visma.switches.max_page_sizes["purchaseorder"] = 2
    for steps in count(0, 2):
        tenant = f"step{steps}"
        await bench.add_tenant(tenant)
        numbers = [bench.place(tenant) for _ in range(5)]
        bench.sandbox.visma_clock.advance(timedelta(minutes=20))
        bench.change(tenant, numbers[0], note="a person's")
        bench.death.steps_left = steps
        try:
            await bench.discover(tenant)
        except Died:
            bench.death.steps_left = None
            bench.restart()
            await bench.discover(tenant)
        else:
            break
        finally:
            bench.death.steps_left = None
        told = [
            (number, news.version) for name, number, news in bench.outbox.told if name == tenant
        ]
        assert {number for number, _ in told} == set(numbers), f"died after {steps} steps"
        assert len(set(told)) == len(numbers), "a repeat is the same news"
    assert steps > 20


async def test_the_hour_that_autumn_repeats_hides_nothing(bench: Workbench) -> None:
    await bench.add_tenant("fold")
    bench.sandbox.visma_clock.set(FOLD + timedelta(minutes=50))
    first = bench.place("fold")
    await bench.discover("fold")
    bench.sandbox.visma_clock.set(FOLD + timedelta(minutes=70))
    second = bench.place("fold")
    await bench.discover("fold")
    assert bench.outbox.started == [("fold", first), ("fold", second)]


async def test_our_own_writes_wake_nobody(bench: Workbench) -> None:
    await bench.add_tenant("echo")
    number = bench.place("echo")
    await bench.ship("echo", number)
    assert await bench.write("echo", number) == 1
    await bench.discover("echo")
    assert len(bench.outbox.told) == 1


async def test_years_of_old_orders_are_left_alone(bench: Workbench) -> None:
    """`start_from`: what was last changed before it neither ships nor is entered."""
    clock = bench.sandbox.visma_clock
    clock.set(datetime.now(UTC) - timedelta(days=3))
    await bench.add_tenant("young", polling={"start_from": "now", "full_compare": "1ms"})
    old, touched = bench.place("young"), bench.place("young")
    clock.set(datetime.now(UTC))
    bench.change("young", touched, note="still wanted")
    new = bench.place("young")
    for _ in range(2):
        # It also compares all open orders.
        await bench.discover("young")
    assert {number for _, number in bench.outbox.started} == {touched, new}
    assert await bench.row("young", old) is None


async def test_what_the_cursor_cannot_see_is_found_by_comparing(bench: Workbench) -> None:
    """Visma's clock was set back for a while, and the changes carry older times."""
    await bench.add_tenant("compared")
    labelled = bench.place("compared")
    await bench.ship("compared", labelled)
    bench.sandbox.visma_clock.advance(-timedelta(hours=3))
    bench.change("compared", labelled, status="Cancelled")
    missed = bench.place("compared")
    await bench.discover("compared")
    assert len(bench.outbox.told) == 1
    await bench.apply("compared", polling={"full_compare": "1ms"})
    await bench.discover("compared")
    assert [number for _, number in bench.outbox.started] == [labelled, missed]
    assert len(bench.outbox.of(labelled)) == 2
