"""What an order would cost if nobody had to be careful: the floors the benchmark compares with.

    python -m proof.floors < job.json > result.json

Runs in a process of its own, as a worker does. Three floors, on the same machine, server and
simulators as the connector's own run beside them:

    bare     a Temporal workflow with as many activities that do nothing: the engine's floor
    plain    the same shape; its activities make the same HTTP calls and commit one row each
    script   an asyncio script that makes the same HTTP calls, and forgets everything

The calls are those that the connector made for one order (`proof.recording`), word for word but
for the order's number.
"""

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from proof.floor_workflow import STEPS, FloorWorkflow

AT_ONCE = 40
"""Orders that are worked on at the same time, as many as the connector's activities."""
QUEUE = "floors"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call that the connector made for its order."""

    step: int
    """Which of the order's activities made it, from 0."""
    system: str
    method: str
    path: str
    query: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the process is asked to do."""

    temporal: str
    database: str
    urls: dict[str, str]
    headers: dict[str, dict[str, str]]
    """By system: what authorises a call."""
    order: str
    """The number that stands in the recording."""
    calls: list[RecordedCall]
    plain: list[str]
    """Order numbers for the plain workflow."""
    script: list[str]

    @classmethod
    def read(cls, text: str) -> "Job":
        values = json.loads(text)
        return cls(**{**values, "calls": [RecordedCall(**call) for call in values["calls"]]})

    def dump(self) -> str:
        return json.dumps(asdict(self))


class Replayer:
    """Makes the recorded calls again, for another order."""

    def __init__(self, job: Job, http: httpx.AsyncClient) -> None:
        self._job = job
        self._http = http
        self._versions: dict[str, str] = {}
        self._batches: dict[str, str] = {}

    async def step(self, number: str, step: int) -> None:
        """All calls of one activity."""
        for call in self._job.calls:
            if call.step == step:
                await self._make(number, call)

    async def _make(self, number: str, call: RecordedCall) -> None:
        path = call.path.replace(self._job.order, number)
        if "/journaltransaction/" in path:
            path = _with_batch(path, self._batches[number])
        headers = {**self._job.headers[call.system], "Content-Type": "application/json"}
        if version := self._versions.get(number):
            headers["If-Match"] = version
        reply = await self._http.request(
            call.method,
            f"{self._job.urls[call.system]}{path}",
            params=call.query or None,
            content=call.body.replace(self._job.order, number),
            headers=headers,
        )
        if not reply.is_success:
            raise RuntimeError(f"{call.method} {path}: {reply.status_code} {reply.text[:300]}")
        if "etag" in reply.headers:
            self._versions[number] = reply.headers["etag"]
        if "location" in reply.headers:
            self._batches[number] = reply.headers["location"].rsplit("/", 1)[-1]


class PlainActivities:
    """One activity, in four places of an order's life."""

    def __init__(self, replayer: Replayer, database: Path) -> None:
        self._replayer = replayer
        self._database = database
        self._turn = asyncio.Lock()

    @activity.defn
    async def nothing(self, number: str, step: int) -> str:
        return number

    @activity.defn
    async def plain(self, number: str, step: int) -> str:
        """The calls of a step, and one row that says so."""
        await self._replayer.step(number, step)
        async with self._turn:
            await asyncio.to_thread(_commit, self._database, number, step)
        return number


async def measure(job: Job) -> dict[str, float]:
    """Seconds by floor."""
    client = await Client.connect(job.temporal)
    database = Path(job.database)
    _create(database)
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        replayer = Replayer(job, http)
        activities = PlainActivities(replayer, database)
        async with Worker(
            client,
            task_queue=QUEUE,
            workflows=[FloorWorkflow],
            activities=[activities.nothing, activities.plain],
            max_concurrent_activities=AT_ONCE,
        ):
            bare = await _workflows(client, "nothing", job.plain)
            plain = await _workflows(client, "plain", job.plain)
        script = await _script(replayer, job.script)
    return {"bare": bare, "plain": plain, "script": script}


async def _workflows(client: Client, kind: str, numbers: Sequence[str]) -> float:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: str) -> None:
        async with gate:
            await client.execute_workflow(
                FloorWorkflow.run, args=[kind, number], id=f"{kind}/{number}", task_queue=QUEUE
            )

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in numbers))
    return time.perf_counter() - began


async def _script(replayer: Replayer, numbers: Sequence[str]) -> float:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: str) -> None:
        async with gate:
            for step in range(STEPS):
                await replayer.step(number, step)

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in numbers))
    return time.perf_counter() - began


def _with_batch(path: str, batch: str) -> str:
    head, _, tail = path.partition("/journaltransaction/")
    rest = tail.partition("/")[2]
    return f"{head}/journaltransaction/{batch}" + (f"/{rest}" if rest else "")


def _create(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE done (number TEXT, step INTEGER)")
    connection.close()


def _commit(database: Path, number: str, step: int) -> None:
    connection = sqlite3.connect(database)
    try:
        with connection:
            connection.execute("INSERT INTO done VALUES (?, ?)", (number, step))
    finally:
        connection.close()


def main() -> int:
    result: dict[str, Any] = asyncio.run(measure(Job.read(sys.stdin.read())))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
