"""How fast it is, what an order costs, and how far that is from the floor.

    python -m proof.bench [--orders N] [--transit N] [--discover N] [--json FILE] [--full]

Everything side by side in one run, on the real parts: Temporal, the worker and the simulators in
a process each (the simulators share this one, which does little else). docs/performance.md
explains each figure.
"""

import argparse
import asyncio
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from activities.token_source import TokenFunnel
from ml_connector.fedex.errors import FedExThrottled
from proof import machine
from proof.floors import Job, RecordedCall
from proof.lifecycle import per_order, settle, stored, through_life, with_six_scans
from proof.recording import recorded
from proof.report import say, show_figures
from starter.supervision import Supervised
from tests.stage import Stage, company_of

ORDERS = 100
TRANSIT = 300
DISCOVER = 1_000
CREDENTIALS = 50
FULL = 10_000
TOKEN_WINDOW = timedelta(milliseconds=200)
"""A twenty-fifth of the real one, as all of FedEx's are then; `make proof` warms with those."""
FEDEX_WINDOWS = {"strict_window": "200ms", "burst_window": "200ms", "average_window": "4800ms"}
TOKENS_IN_A_WINDOW = 2
BUNDLE = 30
PAGE = 500
"""Orders on a page of Visma's list."""
CALLS = 20
"""To Visma for an order, more than it makes."""
IDLE_SECONDS = 15.0
RECORDED = "weighed"
"""The tenant whose calls the floors repeat."""
MIB = 1024 * 1024
PATIENCE = 3_600.0

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    orders: int
    transit: int
    discover: int


class Bench:
    """All measurements on one stage."""

    def __init__(self, stage: Stage, worker: Supervised, size: Size) -> None:
        self._stage = stage
        self._worker = worker
        self._size = size

    async def run(self) -> Figures:
        """Everything, one after another: nothing shares the machine with what is measured."""
        figures: Figures = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine.described(),
            "size": {
                "orders": self._size.orders,
                "in_transit": self._size.transit,
                "discovered": self._size.discover,
            },
        }
        say("one order: history, calls ...")
        recording = await self._one_order(figures)
        say(f"{self._size.orders} orders through the whole lifecycle ...")
        await self._lifecycle(figures)
        say("the floors ...")
        await self._floors(figures, *recording)
        say(f"{self._size.discover} changed orders ...")
        await self._discovery(figures)
        say(f"{self._size.transit} orders in transit ...")
        await self._transit(figures)
        say(f"{CREDENTIALS} cold credentials ...")
        await self._tokens(figures)
        return figures

    # -- one order --------------------------------------------------------------------------

    async def _one_order(self, figures: Figures) -> tuple[str, list[RecordedCall]]:
        """The first order warms the caches, the second is weighed, the third recorded."""
        tenant = RECORDED
        await self._stage.add_tenant(tenant)
        await with_six_scans(self._stage, tenant)
        before = self._stage.calls(tenant)
        events, size = await with_six_scans(self._stage, tenant)
        calls = self._stage.calls(tenant) - before
        figures["history"] = {"events": events, "bytes": size, "most": [70, 12 * 1024]}
        figures["quiet_order_calls"] = dict(sorted(calls.items()))
        [number] = await self._stage.orders(tenant, 1)
        async with recorded(self._stage) as recording:
            await through_life(self._stage, tenant, [number] * 3)
            await settle(self._stage, tenant)
        unchanged = await self._unchanged_poll(tenant)
        figures["history"]["events_per_unchanged_poll"] = unchanged
        return number, recording.calls(number)

    async def _unchanged_poll(self, tenant: str) -> int:
        """Events that a poll adds to an order whose parcel has not moved."""
        number = await self._stage.order(tenant)
        await self._stage.discover(tenant)
        await self._stage.at(tenant, number, "label_created")
        await self._stage.idle(tenant, number)
        await self._stage.sweep(tenant)
        before = await self._stage.history(tenant, number)
        await self._stage.sweep(tenant)
        after = await self._stage.history(tenant, number)
        return len(after.events) - len(before.events)

    # -- pace -------------------------------------------------------------------------------

    async def _lifecycle(self, figures: Figures) -> None:
        stage, tenant, count = self._stage, "paced", self._size.orders
        await stage.add_tenant(tenant)
        warm = await stage.order(tenant)
        await through_life(stage, tenant, [warm])
        numbers = await stage.orders(tenant, count)
        held, calls, cpu = stored(stage), stage.calls(tenant), self._usage()
        seconds = await through_life(stage, tenant, [warm, *numbers])
        used = self._usage().cpu_seconds - cpu.cpu_seconds
        await settle(stage, tenant)
        now, made = stored(stage), stage.calls(tenant) - calls
        actions = await self._actions(tenant, numbers[0])
        figures["pace"] = {
            "seconds": round(seconds, 2),
            "orders_per_second": round(count / seconds, 2),
            "worker_cpu_ms_per_order": round(1000 * used / count, 1),
        }
        figures["database"] = {
            "rows_per_order": round((now.rows - held.rows) / count, 1),
            "bytes_per_order": round((now.bytes - held.bytes) / count),
        }
        figures["calls_per_order"] = per_order(made, count)
        figures["temporal_events_per_order"] = actions

    async def _actions(self, tenant: str, number: str) -> dict[str, int]:
        """Billable in Temporal Cloud: a start, each activity, signal and upsert."""
        history = await self._stage.history(tenant, number)
        kinds: Counter[str] = Counter(
            str(event.WhichOneof("attributes")) for event in history.events
        )
        billed = {
            "start": "workflow_execution_started_event_attributes",
            "activities": "activity_task_scheduled_event_attributes",
            "signals": "workflow_execution_signaled_event_attributes",
            "timers": "timer_started_event_attributes",
            "upserts": "upsert_workflow_search_attributes_event_attributes",
        }
        counts = {name: kinds[attribute] for name, attribute in billed.items()}
        return {"events": len(history.events), **counts, "actions": sum(counts.values())}

    async def _floors(self, figures: Figures, order: str, calls: list[RecordedCall]) -> None:
        """On the recorded order's own tenant: a FedEx account is part of the bodies."""
        count = self._size.orders
        plain = await self._stage.orders(RECORDED, count)
        script = await self._stage.orders(RECORDED, count)
        job = Job(
            temporal=self._stage.server.address,
            database=str(self._stage.home / "floors.db"),
            urls={"fedex": self._stage.sandbox.fedex_url, "visma": self._stage.sandbox.visma_url},
            headers=await self._authorised(),
            order=order,
            calls=calls,
            plain=plain,
            script=script,
        )
        seconds = await _in_a_process("proof.floors", job.dump())
        ours = figures["pace"]["orders_per_second"]
        pace = {name: round(count / each, 2) for name, each in seconds.items()}
        figures["floors"] = {
            "calls_replayed_per_order": len(calls),
            "orders_per_second": pace,
            "ours_to": {name: round(ours / each, 3) for name, each in pace.items()},
        }

    async def _authorised(self) -> dict[str, dict[str, str]]:
        """By system, a token of the recorded tenant."""
        sandbox = self._stage.sandbox
        forms = {
            "fedex": (f"{sandbox.fedex_url}/oauth/token", {}),
            "visma": (
                f"{sandbox.visma_url}/connect/token",
                {"tenant_id": company_of(RECORDED)},
            ),
        }
        headers: dict[str, dict[str, str]] = {}
        async with httpx.AsyncClient(trust_env=False) as http:
            for system, (url, more) in forms.items():
                secret = {
                    "grant_type": "client_credentials",
                    "client_id": f"{system}-{RECORDED}",
                    "client_secret": f"{system}-secret-{RECORDED}",
                    **more,
                }
                reply = await http.post(url, data=secret)
                token = reply.raise_for_status().json()["access_token"]
                headers[system] = {"Authorization": f"Bearer {token}"}
        return headers

    # -- scale ------------------------------------------------------------------------------

    async def _discovery(self, figures: Figures) -> None:
        """Orders that are on hold: read and entered, and no workflow is started."""
        tenant, count = "backlog", self._size.discover
        await self._stage.add_tenant(tenant)
        await self._stage.discover(tenant)
        await self._stage.orders(tenant, count, hold=True)
        before, calls = self._usage(), self._stage.calls(tenant)
        began = time.perf_counter()
        await self._stage.discover(tenant)
        seconds = time.perf_counter() - began
        after, made = self._usage(), self._stage.calls(tenant) - calls
        figures["discovery"] = {
            "orders": count,
            "seconds": round(seconds, 2),
            "orders_per_second": round(count / seconds, 1),
            "list_calls": made["visma GET /v1/purchaseorder"],
            "list_calls_floor": math.ceil(count / PAGE),
            "worker_mib_before": round(before.resident_bytes / MIB, 1),
            "worker_mib_after": round(after.resident_bytes / MIB, 1),
            "worker_mib_peak": round(after.peak_bytes / MIB, 1),
        }

    async def _transit(self, figures: Figures) -> None:
        """So many parcels on their way, and nothing happens to any of them."""
        stage, tenant, count = self._stage, "moving", self._size.transit
        before = self._usage()
        await stage.add_tenant(tenant)
        # Visma's own 15,000 calls an hour would spread ten thousand first labels over three hours.
        await stage.visma("PATCH", f"companies/{company_of(tenant)}", rate_limit=CALLS * count)
        await stage.orders(tenant, count)
        began = time.perf_counter()
        await stage.discover(tenant)
        await self._all_labelled(tenant, count)
        shipped = time.perf_counter() - began
        await settle(stage, tenant, PATIENCE)
        await stage.sweep(tenant)
        loaded, calls = self._usage(), stage.calls(tenant)
        began = time.perf_counter()
        await stage.sweep(tenant)
        swept = time.perf_counter() - began
        after, made = self._usage(), stage.calls(tenant) - calls
        await asyncio.sleep(IDLE_SECONDS)
        idle = self._usage()
        figures["in_transit"] = {
            "orders": count,
            "shipped_per_second": round(count / shipped, 2),
            "worker_mib": round(idle.resident_bytes / MIB, 1),
            "worker_kib_per_order": round(
                (loaded.resident_bytes - before.resident_bytes) / 1024 / count, 1
            ),
            "track_calls_per_sweep": made["fedex track.numbers"],
            "track_calls_floor": math.ceil(count / BUNDLE),
            "sweep_seconds": round(swept, 2),
            "sweep_cpu_seconds": round(after.cpu_seconds - loaded.cpu_seconds, 2),
            "idle_cpu_percent": round(
                100 * (idle.cpu_seconds - after.cpu_seconds) / IDLE_SECONDS, 2
            ),
        }

    async def _all_labelled(self, tenant: str, count: int) -> None:
        async def labelled() -> bool:
            async with self._stage.store.read(tenant) as view:
                return (await view.orders.counts()).get("label_created", 0) >= count

        await self._stage.until(labelled, patience=PATIENCE)

    # -- tokens -----------------------------------------------------------------------------

    async def _tokens(self, figures: Figures) -> None:
        figures["tokens"] = await warm_up(self._stage, CREDENTIALS, TOKEN_WINDOW)

    def _usage(self) -> machine.Usage:
        assert self._worker.pid is not None
        return machine.usage(self._worker.pid)


async def warm_up(stage: Stage, count: int, window: timedelta) -> Figures:
    """Tokens for so many cold credentials at once, against what the budget allows."""
    await stage.fedex("PATCH", "modes", **FEDEX_WINDOWS)
    names = [f"cold-{at:03}" for at in range(count)]
    for name in names:
        await stage.add_tenant(name)
    funnel = TokenFunnel(
        store=stage.store,
        temporal=stage.client,
        egress=stage.settings.egress,
        window=window,
        block=stage.settings.token_block,
    )
    began = time.perf_counter()
    await asyncio.gather(*(_warmed(funnel, name) for name in names))
    seconds = time.perf_counter() - began
    floor = (math.ceil(count / TOKENS_IN_A_WINDOW) - 1) * window.total_seconds()
    return {
        "credentials": count,
        "window_seconds": window.total_seconds(),
        "seconds": round(seconds, 2),
        "floor_seconds": round(floor, 2),
        "to_floor": round(seconds / floor, 3),
    }


async def _warmed(funnel: TokenFunnel, tenant: str) -> None:
    """Wait as an order does: whoever is told to come back later comes back later."""
    source = funnel.source(tenant, "ship", settings=1)
    while True:
        try:
            await source.token()
            return
        except FedExThrottled as throttled:
            await asyncio.sleep(throttled.retry_after.total_seconds())


async def _in_a_process(module: str, job: str) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(job.encode())
    if process.returncode:
        raise RuntimeError(f"{module} ended with status {process.returncode}")
    result: dict[str, float] = json.loads(out)
    return result


async def run(home: Path, size: Size) -> Figures:
    """A whole run in `home`."""
    async with AsyncExitStack() as stack:
        window = f"{TOKEN_WINDOW.total_seconds() * 1000:.0f}ms"
        stage = await stack.enter_async_context(Stage(home=home, work=False, token_window=window))
        worker = await stack.enter_async_context(stage.worker_process())
        return await Bench(stage, worker, size).run()


def report(figures: Figures) -> None:
    """Everything, flat."""
    show_figures("Benchmark", _flat("", figures), ("figure", "measured"))


def _flat(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), inner)
    else:
        yield prefix, value


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(
        prog="proof.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--transit", type=int, default=TRANSIT)
    parser.add_argument("--discover", type=int, default=DISCOVER)
    parser.add_argument("--full", action="store_true", help=f"{FULL} in transit and to discover")
    parser.add_argument("--json", type=Path, default=Path("docs/bench.json"), metavar="FILE")
    given = parser.parse_args(arguments)
    size = Size(
        orders=given.orders,
        transit=FULL if given.full else given.transit,
        discover=FULL if given.full else given.discover,
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        figures = asyncio.run(run(Path(home), size))
    given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    report(figures)
    say(f"Stored in {given.json}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
