"""A worker that is told to stop while a write is under way: SIGTERM, as a supervisor sends it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from ml_connector.sandbox.faults import Action, FaultKind, FaultPlan, Match, Rule, Seen
from tests.e2e.test_crashes import once_each
from tests.stage import PATIENCE, Stage, plain_environment


@dataclass(slots=True)
class Held:
    """A request that has come in, and is answered when a test says so."""

    came: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _: Seen) -> None:
        self.came.set()
        await self.answer.wait()


def hold(patch: pytest.MonkeyPatch, plan: FaultPlan, name: str, match: Match) -> Held:
    held = Held()
    patch.setitem(plan.hooks, name, held)
    plan.add(Rule(id=name, match=match, action=Action(kind=FaultKind.HOOK, name=name)))
    return held


@asynccontextmanager
async def worker_process(stage: Stage) -> AsyncIterator[asyncio.subprocess.Process]:
    """The installation's only worker, in a process of its own that nobody starts again."""
    await stage.stop_worker()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "starter", "worker", "--json", "--log-level", "ERROR"),
        env={**plain_environment(), **stage.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert b"ready" in await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        stage.start_worker()


async def test_what_is_under_way_at_a_sigterm_is_finished_and_not_repeated(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.add_tenant("stopped")
    numbers = await stage.orders("stopped", 2)
    bought, written = numbers
    ships = Match(method="POST", path="/ship/v1/shipments$", body=bought)
    puts = Match(method="PUT", path=f"/purchaseorder/{written}$")
    ship = hold(monkeypatch, stage.sandbox.fedex.faults, "ship", ships)
    put = hold(monkeypatch, stage.sandbox.visma.faults, "put", puts)

    async with worker_process(stage) as process, asyncio.timeout(PATIENCE):
        await stage.discover("stopped")
        await ship.came.wait()
        await put.came.wait()
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert b"Stopping" in await process.stderr.readline()
        ship.answer.set()
        put.answer.set()
        assert await process.wait() == 0

    row = await stage.row("stopped", bought)
    assert row is not None
    assert row.stage == "label_created", "the dying worker has recorded what it bought"
    for number in numbers:
        await stage.idle("stopped", number)
    assert stage.sandbox.fedex.faults.counts()["ship"]["matched"] == 1
    assert stage.sandbox.visma.faults.counts()["put"]["matched"] == 1
    await stage.deliver("stopped")
    await stage.all_finished("stopped", numbers)
    await once_each(stage, "stopped", numbers)
    assert len(await stage.shipments(*numbers)) == len(numbers), "nothing was lost and redone"
