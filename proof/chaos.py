"""Everything goes wrong at once, and at the end the books must be right.

    python -m proof.chaos --seed 7

Three tenants and 300 orders between simulators that lose answers, worker processes that are
killed, a Temporal server that is killed, and a database that is locked. Then the faults stop,
everything settles, and what the simulators hold is compared with what must have become of each
order. Exits 1 on any difference. A seed fixes the orders, their fates, the faults by request and
the moments of the kills; how far a process had come when it was killed is up to the machine.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ml_connector.domain.stage import FINISHED
from ml_connector.domain.stage import Stage as OrderStage
from ml_connector.store.orders import OrderRow
from ml_connector.temporal.order_messages import Command
from proof import fault_plans
from proof.fates import Fate, Fated, People
from proof.havoc import BLOCKED_FOR, Havoc
from proof.report import Check, check, exit_status, say, show, show_figures
from proof.truth import Truth
from starter.supervision import Supervised
from tests.stage import Stage

ORDERS = 300
WORKERS = 2
SECONDS = 240.0
PATIENCE = 240.0
TENANTS = {"aurora": "NOK", "boreal": "EUR", "cirrus": "NOK"}
TOKEN_WINDOW = "1s"  # noqa: S105 - a duration
HTTP_TIMEOUT = "3s"
PARCEL_SPEED = 4_000.0
"""Carrier's seconds in one of ours: a parcel then travels for about 50 seconds, so that a lost
Ship answer is sometimes found before the parcel is picked up and sometimes after."""
PEACE_SPEED = 20_000.0
"""A parcel in ten seconds. Not faster: the company has periods for about a year ahead."""
RETRY = {"initial": "100ms", "maximum": "2s", "recovery_wait": "1s"}
POLLING = {"safety": "20s"}
LOOK_EVERY = 1.0
RESUME_EVERY = 5.0
"""Seconds between two attempts to resume what is parked, once the faults have stopped."""
BLOCK_PATIENCE = 60.0
"""Seconds, for what stood still while the address was blocked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The size of a run. Times in seconds."""

    seed: int
    orders: int = ORDERS
    workers: int = WORKERS
    seconds: float = SECONDS
    """How long faults and havoc last at least; orders are entered in the first half."""
    kill_every: tuple[float, float] = (4.0, 12.0)
    server_kills: int = 2
    locks: int = 4
    revocations: int = 4
    heaviness: float = 1.0
    """Every fault's probability is multiplied by it."""
    block: bool = True
    patience: float = PATIENCE
    """For everything to settle once the faults have stopped, without a block."""

    @property
    def settle_within(self) -> float:
        return self.patience + (BLOCK_PATIENCE if self.block else 0.0)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run came to."""

    checks: list[Check]
    havoc: Counter[str]
    faults: Counter[str]
    resumed: Counter[str] = field(default_factory=Counter)
    """Parked orders that the driver resumed, by reason."""
    seconds: float


class Chaos:
    """One run on one stage."""

    def __init__(self, stage: Stage, plan: Plan, workers: Sequence[Supervised]) -> None:
        self._stage = stage
        self._plan = plan
        self._workers = workers
        self._havoc = Havoc(stage, workers, seed=plan.seed)
        self._resumed: Counter[str] = Counter()

    async def run(self) -> Outcome:
        """Havoc first, then peace, then the comparison."""
        began = time.monotonic()
        await self._prepare()
        orders = await self._through_havoc()
        faults = self._injected()
        await self._peace()
        unsettled = await self._settled(orders)
        truth = await Truth.seen(self._stage, orders)
        checks = [
            check("settled after the faults", f"{len(orders)} orders", unsettled),
            *await truth.judge(window=timedelta(seconds=1)),
        ]
        return Outcome(
            checks=checks,
            havoc=self._havoc.done,
            faults=faults,
            resumed=self._resumed,
            seconds=time.monotonic() - began,
        )

    async def _prepare(self) -> None:
        await self._stage.fedex("PATCH", "modes", strict_window=TOKEN_WINDOW, block_time="5s")
        for name, currency in TENANTS.items():
            await self._stage.add_tenant(
                name, currency=currency, scheduled=True, retry=RETRY, polling=POLLING
            )
        seed, heaviness = self._plan.seed, self._plan.heaviness
        await self._stage.fedex(
            "POST", "faults", seed=seed, rules=fault_plans.fedex_rules(heaviness)
        )
        await self._stage.visma(
            "POST", "faults", seed=seed, rules=fault_plans.visma_rules(heaviness)
        )

    async def _through_havoc(self) -> list[Fated]:
        """Enter orders while everything breaks; it goes on for a while after the last one."""
        plan, tenants = self._plan, list(TENANTS)
        rng = random.Random(plan.seed)  # noqa: S311 - a seed is wanted here
        people = People(self._stage, rng)
        async with asyncio.TaskGroup() as group:
            # Raises when a worker cannot be started again.
            watching = [group.create_task(worker.failed()) for worker in self._workers]
            killing = group.create_task(self._havoc.kill_workers(plan.kill_every))
            once = [
                self._havoc.restart_server(plan.server_kills, plan.seconds),
                self._havoc.lock_database(plan.locks, plan.seconds),
                self._havoc.revoke_tokens(tenants, plan.revocations, plan.seconds),
            ]
            if plan.block:
                once.append(self._havoc.block_address(tenants[0], plan.seconds / 8))
            entering = people.enter(
                tenants, plan.orders, within=plan.seconds / 2, meddle_within=plan.seconds / 4
            )
            orders, _ = await asyncio.gather(
                entering, asyncio.gather(*once, asyncio.sleep(plan.seconds))
            )
            killing.cancel()
            for watch in watching:
                watch.cancel()
        return orders

    def _injected(self) -> Counter[str]:
        sandbox = self._stage.sandbox
        plans = {"FedEx": sandbox.fedex.faults, "Visma": sandbox.visma.faults}
        return Counter(
            f"{name} {fault.kind.value}"
            for name, plan in plans.items()
            for fault in plan.injections
        )

    async def _peace(self) -> None:
        await self._stage.fedex("DELETE", "faults")
        await self._stage.visma("DELETE", "faults")
        await self._stage.fedex("DELETE", "tokens/block")
        self._stage.sandbox.clock.set_speed(PEACE_SPEED)

    # -- settling ---------------------------------------------------------------------------

    async def _settled(self, orders: Sequence[Fated]) -> list[str]:
        """Wait until nothing moves any more; what still does after all patience, in words."""
        deadline = time.monotonic() + self._plan.settle_within
        resume_at = time.monotonic()
        fates = {(order.tenant, order.number): order.fate for order in orders}
        while True:
            rows = await self._rows()
            waiting = [
                name for name, fate in fates.items() if not _is_settled(rows.get(name), fate)
            ]
            if not waiting or time.monotonic() > deadline:
                return [_described(name, rows.get(name)) for name in waiting]
            if time.monotonic() >= resume_at:
                await self._resume(rows)
                resume_at = time.monotonic() + RESUME_EVERY
            await asyncio.sleep(LOOK_EVERY)

    async def _resume(self, rows: Mapping[tuple[str, str], OrderRow]) -> None:
        """What a person does after an outage: `attention resume`. Each has a named reason."""
        for (tenant, number), row in rows.items():
            if row.stage == OrderStage.NEEDS_ATTENTION:
                self._resumed[row.attention or "no reason"] += 1
                command = Command(by="chaos", reason="The faults have stopped.")
                await self._stage.command(tenant, number, "resume", command)

    async def _rows(self) -> dict[tuple[str, str], OrderRow]:
        rows: dict[tuple[str, str], OrderRow] = {}
        for tenant in TENANTS:
            async with self._stage.store.read(tenant) as view:
                rows |= {(tenant, row.order): row for row in await view.orders.list()}
        return rows


def _is_settled(row: OrderRow | None, fate: Fate) -> bool:
    """At its end, and Visma and its workflow know all that we know."""
    if row is None or row.signal_pending:
        return False
    if fate is Fate.CANCELLED and row.generation == 0 and row.skip_reason is not None:
        return row.stage != OrderStage.SHIPPING
    told = row.generation == 0 or row.progress_written == row.progress_version
    return row.stage in FINISHED and told


def _described(name: tuple[str, str], row: OrderRow | None) -> str:
    what = "was never discovered" if row is None else f"is {row.stage}"
    why = f" ({row.attention}: {row.attention_detail})" if row and row.attention else ""
    pending = ""
    if row is not None:
        pending = f", progress {row.progress_written} of {row.progress_version}"
    return f"{'/'.join(name)} {what}{why}{pending}"


@asynccontextmanager
async def chaos_stage(home: Path, workers: int) -> AsyncIterator[tuple[Stage, list[Supervised]]]:
    """A stage whose workers are processes of their own."""
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(
            Stage(
                home=home,
                speed=PARCEL_SPEED,
                work=False,
                token_window=TOKEN_WINDOW,
                token_block=BLOCKED_FOR,
                http_timeout=HTTP_TIMEOUT,
            )
        )
        running = [stage.worker_process(f"worker-{at + 1}") for at in range(workers)]
        await asyncio.gather(*(stack.enter_async_context(worker) for worker in running))
        yield stage, running


async def run(plan: Plan, home: Path) -> Outcome:
    """A whole run in `home`."""
    async with chaos_stage(home, plan.workers) as (stage, workers):
        return await Chaos(stage, plan, workers).run()


def report(plan: Plan, outcome: Outcome) -> None:
    """Everything on standard output."""
    for title, counts in (
        ("Havoc", outcome.havoc),
        ("Faults injected", outcome.faults),
        ("Parked, resumed once the faults stopped", outcome.resumed),
    ):
        if counts:
            show_figures(title, sorted(counts.items()), ("what", "times"))
    title = f"Chaos, seed {plan.seed}: {plan.orders} orders, {outcome.seconds:.0f} s"
    show(title, outcome.checks)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(prog="proof.chaos", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument(
        "--no-block", action="store_true", help="without FedEx's block of our address"
    )
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="seconds to settle after the faults"
    )
    parser.add_argument("--home", type=Path, help="keep everything there, logs included")
    given = parser.parse_args(arguments)
    plan = Plan(
        seed=given.seed,
        orders=given.orders,
        workers=given.workers,
        seconds=given.seconds,
        block=not given.no_block,
        patience=given.patience,
    )
    say(f"Chaos with seed {plan.seed}: {plan.orders} orders, havoc for {plan.seconds:.0f} s.")
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        outcome = asyncio.run(run(plan, given.home or Path(scratch)))
    report(plan, outcome)
    return exit_status(outcome.checks)


if __name__ == "__main__":
    sys.exit(main())
