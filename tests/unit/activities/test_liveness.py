"""Running activities show that their worker is alive."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.liveness import heartbeats

SOON = timedelta(milliseconds=40)


def environment(timeout: timedelta | None) -> tuple[ActivityEnvironment, asyncio.Event]:
    """Where an activity runs, and what its first beat sets."""
    beat = asyncio.Event()
    inside = ActivityEnvironment()
    inside.info = replace(inside.info, heartbeat_timeout=timeout)
    inside.on_heartbeat = lambda *_: beat.set()
    return inside, beat


async def test_it_beats_as_long_as_the_activity_runs() -> None:
    inside, beat = environment(SOON)

    async def works_until_the_third_beat() -> int:
        beats = 0
        async with heartbeats():
            while beats < 3:
                await beat.wait()
                beat.clear()
                beats += 1
        return beats

    before = asyncio.all_tasks()
    assert await inside.run(works_until_the_third_beat) == 3
    assert asyncio.all_tasks() <= before, "nothing goes on beating"


async def test_an_activity_without_a_timeout_does_not_beat() -> None:
    inside, beat = environment(None)

    async def works() -> bool:
        before = asyncio.all_tasks()
        async with heartbeats():
            return asyncio.all_tasks() == before

    assert await inside.run(works)
    assert not beat.is_set()


async def test_the_activitys_own_error_comes_through() -> None:
    inside, _ = environment(SOON)

    async def fails() -> str:
        try:
            async with heartbeats():
                raise ValueError("its own")
        except ValueError as error:
            return str(error)

    assert await inside.run(fails) == "its own"
