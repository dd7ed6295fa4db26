"""The demo from the first order to the verdict."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta

from starter.demonstration.live import View
from starter.demonstration.parts import Parts, sandbox_ends
from starter.demonstration.people import People
from starter.demonstration.scenario import Scenario
from starter.demonstration.verdict import Judge, Mismatch
from starter.demonstration.watch import Sight, Watch
from starter.output import talk

QUIET_ROUNDS = 2
"""Once all is well, so many more discoveries of each tenant must leave it so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How it went."""

    mismatches: list[Mismatch]
    finished: bool
    seconds: float
    restarts: int


class Play:
    """Runs everybody until all ends are reached, or time is up."""

    def __init__(
        self, scenario: Scenario, parts: Parts, view: View, *, limit: timedelta, verbose: bool
    ) -> None:
        self._parts = parts
        self._view = view
        self._limit = limit
        self._verbose = verbose
        self._watch = Watch(parts)
        self._people = People(scenario, parts, self._watch)
        self._judge = Judge(scenario=scenario, tenants=parts.tenants, accounts=parts.accounts)
        self._restarts = 0

    async def run(self) -> Played:
        """Raises OurFault when the simulators are gone, or what ended the worker for good."""
        started = time.monotonic()
        finished = True
        tasks: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout(self._limit.total_seconds()) as time_left:
                jobs = (
                    self._watch.run(self._view.show),
                    sandbox_ends(self._parts),
                    self._parts.worker.failed(),
                    self._count_restarts(time_left),
                )
                tasks = [asyncio.create_task(job) for job in jobs]
                await _first_of(self._all_ends(), tasks)
        except TimeoutError:
            finished = False
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        seconds = time.monotonic() - started
        return Played(
            mismatches=self._mismatches(await self._watch.look()),
            finished=finished,
            seconds=seconds,
            restarts=self._restarts,
        )

    async def _all_ends(self) -> None:
        """Until everybody has acted, every order is at its end, and nothing moves any more."""
        await self._people.play()
        while True:
            sight = await self._watch.until(self._if_well)
            if not self._mismatches(await self._later(sight)):
                return

    async def _later(self, sight: Sight) -> Sight:
        """The first sight some rounds after this one."""

        def quiet(now: Sight) -> Sight | None:
            rounds = (now.rounds[tenant] - count for tenant, count in sight.rounds.items())
            return now if min(rounds) >= QUIET_ROUNDS else None

        return await self._watch.until(quiet)

    def _if_well(self, sight: Sight) -> Sight | None:
        return None if self._mismatches(sight) else sight

    def _mismatches(self, sight: Sight) -> list[Mismatch]:
        return self._judge.judge(sight, restarts=self._restarts)

    async def _count_restarts(self, time_left: asyncio.Timeout) -> None:
        """A worker that was killed gets its time anew: Temporal has to notice first."""
        pid = self._parts.worker.pid
        while pid is not None:
            if self._verbose:
                talk(f"Worker: process {pid}")
            pid = await self._parts.worker.restarted(pid)
            self._restarts += 1
            time_left.reschedule(asyncio.get_running_loop().time() + self._limit.total_seconds())


async def _first_of(work: Coroutine[object, None, None], guards: list[asyncio.Task[None]]) -> None:
    """Do the work; a guard that ends before it raises, and so does this."""
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task, *guards}, return_when=asyncio.FIRST_COMPLETED)
        for ended in done:
            ended.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
