"""A sign of life from every running activity, so that a dead worker is noticed soon.

An attempt's time limit has to be longer than the longest call; by itself it would notice a
killed worker only after minutes. Temporal hears that a worker is gone when its heartbeats stay
away, and gives the activity to another one at once. Beats go to the server only; they are no
events in a history.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity

BEATS = 4
"""In one heartbeat timeout: three may be late or lost."""


@asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Beat while the body runs. An activity that is done before the first beat sends none."""
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield
        return
    beating = asyncio.create_task(_beat(timeout / BEATS))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def _beat(pause: timedelta) -> None:
    while True:
        await asyncio.sleep(pause.total_seconds())
        activity.heartbeat()
