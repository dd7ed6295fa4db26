"""A backlog starts at the pace that Visma's hourly limit allows, and starves nobody."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.news import CALLS_OF_A_START
from ml_connector.store.calls import CallWindow
from ml_connector.visma.budget import Priority
from ml_connector.visma.errors import VismaThrottled
from tests.activities.workbench import Workbench
from tests.stage import company_of

LIMIT = 50
ORDERS = 24


def throttled(bench: Workbench, tenant: str) -> int:
    """How often Visma itself had to say no."""
    return sum(counts[429] for counts in bench.sandbox.visma.calls[company_of(tenant)].values())


async def next_hour(bench: Workbench, tenant: str) -> None:
    """Visma's window is over, and everybody's memory of it."""
    bench.sandbox.visma.windows.clear()
    over = datetime.now(UTC) - timedelta(seconds=1)
    async with bench.store.write(tenant) as view:
        await view.calls.keep(CallWindow(most=0, remaining=None, ends_at=over, blocked_until=over))
    bench.restart()


async def test_a_backlog_leaves_calls_to_parcels_and_people(bench: Workbench) -> None:
    await bench.add_tenant("pace")
    await bench.visma("PATCH", f"companies/{company_of('pace')}", rate_limit=LIMIT)
    numbers = [bench.place("pace") for _ in range(ORDERS)]
    hours: list[int] = []
    bought: set[str] = set()
    while len(bought) < ORDERS:
        hours.append(0)
        while True:
            try:
                await bench.discover("pace")
            except VismaThrottled:
                break
            told = {number for _, number in bench.outbox.started} - bought
            if not told:
                break
            assert len(told) * CALLS_OF_A_START <= 0.8 * LIMIT
            for number in sorted(told):
                await bench.buy("pace", number)
                await bench.write("pace", number)
            hours[-1] += len(told)
            bought |= told
        # The others still get theirs.
        desk = await bench.services.desk("pace")
        await desk.at(Priority.STEADY).visma.get_order(numbers[0])
        await desk.at(Priority.INTERACTIVE).visma.get_order(numbers[0])
        await next_hour(bench, "pace")
    assert throttled(bench, "pace") == 0
    assert bought == set(numbers)
    # No hour is wasted either: an order takes two calls of its own; lists and master data, few.
    assert len(hours) == 2
    assert hours[0] >= 12


async def test_who_waits_for_a_parcel_or_a_quote_is_told_whatever_is_left(
    bench: Workbench,
) -> None:
    await bench.add_tenant("nudge")
    await bench.visma("PATCH", f"companies/{company_of('nudge')}", rate_limit=LIMIT)
    shipped = bench.place("nudge")
    await bench.ship("nudge", shipped)
    asked = bench.place("nudge", hold=True, customStr3="QUOTE")
    backlog = bench.place("nudge")
    await bench.step("discover_orders", "nudge")
    async with bench.store.write("nudge") as view:
        await view.orders.progressed(shipped)
        nothing = CallWindow(
            most=LIMIT,
            remaining=6,
            ends_at=datetime.now(UTC) + timedelta(hours=1),
            blocked_until=datetime.now(UTC),
        )
        await view.calls.keep(nothing)
    bench.restart()
    bench.outbox.told.clear()
    assert await bench.step("deliver_news", "nudge") == 2
    assert bench.outbox.started == [("nudge", shipped), ("nudge", asked)]
    await next_hour(bench, "nudge")
    await bench.step("deliver_news", "nudge")
    assert bench.outbox.started[-1] == ("nudge", backlog)


async def test_what_one_process_learns_of_the_limit_holds_in_the_others(bench: Workbench) -> None:
    await bench.add_tenant("shared")
    await bench.visma("PATCH", f"companies/{company_of('shared')}", rate_limit=10)
    number = bench.place("shared")
    one = await bench.services.desk("shared")
    for _ in range(8):
        await one.visma.get_order(number)
    bench.restart()
    other = await bench.services.desk("shared")
    with pytest.raises(VismaThrottled):
        await other.at(Priority.BACKLOG).visma.get_order(number)
    await other.visma.get_order(number)
    assert throttled(bench, "shared") == 0
