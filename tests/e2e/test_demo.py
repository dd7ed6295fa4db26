"""`ml-connector demo` as a user runs it: to its right end, also when its worker is killed."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml_connector.sandbox.visma.seed import standard_company
from ml_connector.security.keys import MasterKeys
from ml_connector.store.store import Store
from tests.leaks import Leaks, places_in

PATIENCE = "240"
"""Seconds the demo may take on a machine that runs other tests meanwhile; alone it needs 25."""


@dataclass
class Demo:
    """A running demo and what it has said so far."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)

    async def says(self, pattern: str, *, times: int = 1) -> "re.Match[str]":
        """Wait for the nth line that has the pattern."""
        assert self.process.stderr is not None
        while line := (await self.process.stderr.readline()).decode():
            self.said.append(line)
            found = re.search(pattern, line)
            times -= found is not None
            if found and times <= 0:
                return found
        raise AssertionError(f"never said {pattern!r}: {''.join(self.said)}")

    async def ends(self) -> tuple[int, str]:
        """Its exit code, and what it printed on stdout."""
        out, err = await self.process.communicate()
        self.said.append(err.decode())
        assert "Traceback" not in self.transcript
        assert self.process.returncode is not None
        return self.process.returncode, out.decode()

    @property
    def transcript(self) -> str:
        return "".join(self.said)


StartDemo = Callable[..., "contextlib.AbstractAsyncContextManager[Demo]"]


@pytest.fixture
def demo(tmp_path: Path) -> StartDemo:
    @asynccontextmanager
    async def start(*arguments: str) -> AsyncIterator[Demo]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "starter", "demo", "--json", "--verbose"),
            *("--home", str(tmp_path / "demo"), "--limit", PATIENCE),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield Demo(process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()

    return start


async def reachable(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            return (await http.get(url)).is_success
        except httpx.TransportError:
            return False


@pytest.mark.timeout(600)
async def test_every_order_comes_to_its_end_though_the_worker_dies(
    demo: StartDemo, tmp_path: Path
) -> None:
    """And with `--keep` the rest stays up until Ctrl-C, and nothing has leaked."""
    async with demo("--keep") as running:
        web_ui = (await running.says(r"Web UI: (\S+)$"))[1]
        first = int((await running.says(r"Worker: process (\d+)"))[1])
        await running.says(r"  label_created\b", times=3)
        os.kill(first, signal.SIGKILL)
        second = int((await running.says(r"Worker: process (\d+)"))[1])
        await running.says("Stop with Ctrl-C")
        assert await reachable(web_ui)
        running.process.send_signal(signal.SIGINT)
        code, out = await running.ends()
    result = json.loads(out)
    assert (code, result["ok"], result["mismatches"]) == (0, True, []), running.transcript
    assert result["worker"] == {"pid": second, "restarts": 1}
    assert second != first
    assert not await reachable(web_ui)
    _check_table(result)
    said = {"stdout": out.encode(), "stderr": running.transcript.encode()}
    await _nothing_leaks(tmp_path / "demo", said)


async def _nothing_leaks(home: Path, said: dict[str, bytes]) -> None:
    """Neither the secrets that the demo has invented nor anybody it ships from or to."""
    secrets: dict[str, str] = {}
    keys = MasterKeys.load(None, home / "master.key")
    store = await Store.open(f"sqlite+aiosqlite:///{home / 'ml-connector.db'}", keys)
    for tenant in ("nordic", "iberia"):
        async with store.read(tenant) as view:
            for name in await view.secrets.names():
                secrets[f"{tenant} {name}"] = await view.secrets.get(name)
        token = await store.coordination.get_token(f"{tenant}/ship")
        assert token is not None
        secrets[f"{tenant}'s token"] = token.value
    await store.close()
    company = standard_company(tenant_id="x", name="y", today=datetime.now(UTC).date())
    people = {
        f"{each.id} {what}": value
        for each in company.suppliers.values()
        for what, value in {
            "street": each.address.line1,
            "phone": each.contact.phone1,
            "mail": each.contact.email,
            "person": each.people[0].name,
        }.items()
        if value
    }
    assert len(secrets) == 12
    assert len(people) > 20
    places = {**places_in(home), **said}
    assert places.keys() >= {"ml-connector.db", "temporal.db", "temporal.log", "stderr"}
    assert Leaks({**secrets, **people}).found_in_places(places) == {}


def _check_table(result: dict[str, Any]) -> None:
    orders = {order["order"]: order for order in result["orders"]}
    assert len(orders) == 18
    assert all(order["stage"] == order["expected_stage"] for order in orders.values())
    shipped = [each for each in orders.values() if each["stage"] in ("completed", "returned")]
    assert len(shipped) == 14
    for order in shipped:
        assert order["service"]
        assert order["tracking_numbers"]
        assert order["cost"]["currency"] == {"nordic": "NOK", "iberia": "EUR"}[order["tenant"]]
        assert order["journal_batch"]
    assert len(orders["500103"]["tracking_numbers"]) == 2
    assert orders["500110"]["receipts"] == orders["500111"]["receipts"] != []
    assert orders["500109"]["journal_batch"] is None
    assert orders["500104"]["tracking_numbers"] == []


async def test_ctrl_c_ends_everything_without_a_word_too_many(demo: StartDemo) -> None:
    async with demo() as running:
        web_ui = (await running.says(r"Web UI: (\S+)$"))[1]
        await running.says("shipping")
        running.process.send_signal(signal.SIGINT)
        code, out = await running.ends()
    assert (code, out) == (130, "")
    assert not await reachable(web_ui)


async def test_a_port_in_use(demo: StartDemo) -> None:
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    taken = listener.sockets[0].getsockname()[1]
    async with listener:
        for option in ("--ui-port", "--fedex-port"):
            async with demo(option, str(taken)) as running:
                code, out = await running.ends()
            assert (code, out) == (2, "")
            assert f"Port {taken}" in running.transcript or f"port {taken}" in running.transcript
