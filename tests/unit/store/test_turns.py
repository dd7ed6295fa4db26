"""Who writes next: a tenant with much to write does not keep one with little waiting."""

import asyncio
from collections.abc import Sequence
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.store.turns import Turns


async def served(places: int, arrivals: Sequence[str]) -> list[str]:
    """The order in which these are served that all wait behind holders of every place."""
    turns, order = Turns(places), list[str]()
    leave = asyncio.Event()

    async def hold() -> None:
        async with turns.turn("holder"):
            await leave.wait()

    async def one(tenant: str) -> None:
        async with turns.turn(tenant):
            order.append(tenant)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(places):
            group.create_task(hold())
        await asyncio.sleep(0)
        for tenant in arrivals:
            group.create_task(one(tenant))
        await asyncio.sleep(0)
        assert order == []
        leave.set()
    return order


async def test_a_backlog_does_not_keep_another_tenant_waiting() -> None:
    order = await served(1, ["busy"] * 50 + ["third"] * 2)
    assert order[:4] == ["busy", "third", "busy", "third"]
    assert len(order) == 52


@given(arrivals=st.lists(st.sampled_from("abc"), max_size=30))
@settings(max_examples=50, deadline=None)
async def test_tenants_are_served_in_a_circle(
    arrivals: list[str],
) -> None:
    lines = [[tenant] * arrivals.count(tenant) for tenant in dict.fromkeys(arrivals)]
    rounds = zip_longest(*lines)
    assert await served(1, arrivals) == [each for once in rounds for each in once if each]


async def test_no_more_than_the_places_at_a_time() -> None:
    turns, inside, most = Turns(3), 0, 0

    async def one(tenant: str) -> None:
        nonlocal inside, most
        async with turns.turn(tenant):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(one(f"t{number % 4}") for number in range(40)))
    assert most == 3


@pytest.mark.parametrize("moment", ["while waiting", "with the place given"])
async def test_who_gives_up_takes_no_place_along(moment: str) -> None:
    turns = Turns(1)
    leave = asyncio.Event()

    async def hold() -> None:
        async with turns.turn("holder"):
            await leave.wait()

    async def wait() -> None:
        async with turns.turn("impatient"):
            pass

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    impatient = asyncio.create_task(wait())
    await asyncio.sleep(0)
    if moment == "with the place given":
        leave.set()
        await asyncio.sleep(0)
    impatient.cancel()
    leave.set()
    await asyncio.gather(holding, impatient, return_exceptions=True)
    assert impatient.cancelled()
    async with asyncio.timeout(5), turns.turn("next"):
        pass
