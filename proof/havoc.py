"""What befalls our own processes in a chaos run, at moments drawn from the seed."""

import asyncio
import os
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from starter.supervision import Supervised
from tests.stage import Stage, company_of

BLOCKED_FOR = "20s"
"""A foreign program's block of our address. FedEx's own lasts ten minutes; the connector is told
this one's length in its settings."""


class Havoc:
    """Kills, restarts, locks and revokes; counts what it did in `done`."""

    def __init__(self, stage: Stage, workers: Sequence[Supervised], *, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._stage = stage
        self._workers = workers
        self._seed = seed

    async def kill_workers(self, pause: tuple[float, float]) -> None:
        """`kill -9` on a worker every so many seconds, until cancelled."""
        rng = self._random("workers")
        while True:
            await asyncio.sleep(rng.uniform(*pause))
            await self.kill_worker(rng)

    async def kill_worker(self, rng: random.Random | None = None) -> None:
        """`kill -9` on one of the workers that run."""
        running = [pid for worker in self._workers if (pid := worker.pid) is not None]
        if running:
            os.kill((rng or self._random("worker")).choice(running), signal.SIGKILL)
            self.done["worker killed"] += 1

    async def restart_server(self, times: int, within: float) -> None:
        """`kill -9` on Temporal so many times, spread over so many seconds."""
        rng = self._random("server")
        for _ in range(times):
            await asyncio.sleep(within / (times + 1))
            await self._stage.server.kill()
            await asyncio.sleep(rng.uniform(0.2, 2.0))
            await self._stage.server.start()
            self.done["Temporal killed"] += 1

    async def lock_database(self, times: int, within: float) -> None:
        """A foreign program holds the database's write lock for seconds."""
        rng = self._random("database")
        file = self._stage.home / "ml-connector.db"
        for _ in range(times):
            await asyncio.sleep(within / (times + 1))
            await _locked(file, rng.uniform(2.0, 5.0))
            self.done["database locked"] += 1

    async def revoke_tokens(self, tenants: Sequence[str], times: int, within: float) -> None:
        """Tokens that both sides gave out die before their time."""
        rng = self._random("tokens")
        for _ in range(times):
            await asyncio.sleep(within / (times + 1))
            tenant = rng.choice(tenants)
            await self._stage.fedex("POST", "tokens/revoke", client_id=f"fedex-{tenant}")
            await self._stage.visma("POST", "tokens/revoke", tenant_id=company_of(tenant))
            self.done["tokens revoked"] += 1

    async def block_address(self, tenant: str, after: float) -> None:
        """FedEx blocks our address while one tenant needs a new token."""
        await asyncio.sleep(after)
        await self._stage.fedex("POST", "tokens/block", **{"for": BLOCKED_FOR})
        await self._stage.fedex("POST", "tokens/revoke", client_id=f"fedex-{tenant}")
        self.done["address blocked"] += 1

    def _random(self, name: str) -> random.Random:
        """One for each kind of havoc: they run side by side, in whatever order."""
        return random.Random(f"{self._seed}/{name}")  # noqa: S311 - a seed is wanted here


async def _locked(file: Path, seconds: float) -> None:
    lock = await asyncio.to_thread(_take_lock, file)
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.to_thread(lock.close)


def _take_lock(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN EXCLUSIVE")
    return connection
