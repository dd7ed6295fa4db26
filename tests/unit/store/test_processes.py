"""Several processes on one database."""

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from ml_connector.security.keys import MasterKeys
from ml_connector.store import Store
from tests.unit.store.conftest import FakeClock
from tests.unit.store.samples import add_shipment, new_parcel

ROOT = Path(__file__).parents[3]
PARCELS = 60


async def _start(url: str, key_file: Path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.unit.store.contender", url, str(key_file), "nordic", "4"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def test_processes_share_no_parcel_and_write_one_chain(
    url: str, tmp_path: Path, clock: FakeClock
) -> None:
    key_file = tmp_path / "keys"
    store = await Store.open(url, MasterKeys.load(None, None, generate_at=key_file), clock=clock)
    try:
        await store.tenants.add("nordic", name="", config="{}", secrets={})
        numbers = [f"{number:03}" for number in range(PARCELS)]
        async with store.write("nordic") as view:
            await add_shipment(view)
            due = clock.now - timedelta(minutes=1)
            await view.parcels.add(
                new_parcel(number, due, sequence=sequence)
                for sequence, number in enumerate(numbers, start=1)
            )
        processes = await asyncio.gather(*(_start(url, key_file) for _ in range(2)))
        answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        claims = [json.loads(stdout) for stdout, _ in answers]
        assert sorted(claims[0] + claims[1]) == numbers
        assert all(claims)
        async with store.read("nordic") as view:
            assert await view.audit.verify() is None
            assert (await view.audit.head())[0] == PARCELS
    finally:
        await store.close()


async def test_a_store_opened_again_costs_the_first_one_nothing(tmp_path: Path) -> None:
    """What this process holds locks for, no other process that ends may tidy away."""
    file, url = tmp_path / "store.db", f"sqlite:///{tmp_path / 'store.db'}"
    keys = MasterKeys.load(None, None, generate_at=tmp_path / "keys")
    first = await Store.open(url, keys)
    try:
        await first.migrate()
        await first.tenants.add("nordic", name="", config="{}", secrets={})
        await (await Store.open(url, keys)).close()
        assert _counted_by_another_process(file) == 1
        await first.tenants.add("other", name="", config="{}", secrets={})
        assert _counted_by_another_process(file) == 2
    finally:
        await first.close()


def _counted_by_another_process(file: Path) -> int:
    """Tenants, by a process that writes nothing and closes the file as the last one would."""
    count = "SELECT count(*) FROM tenants"
    script = f"c = sqlite3.connect({str(file)!r}); print(*c.execute({count!r}).fetchone())"
    command = [sys.executable, "-c", f"import sqlite3; {script}; c.close()"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
