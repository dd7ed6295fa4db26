"""docs/walkthrough.md, typed command by command as it is printed, in an empty folder.

Only ports differ from the page, since other tests run on the same machine. Where the page says "a
moment later" a person would look again, so the test does. `sandbox` and `up` are processes; the
commands that end run in this one, which has imported them already.
"""

import asyncio
import contextlib
import json
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml_connector.temporal.ports import free_port
from starter.main import PROGRAM, run

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "walkthrough.md"
READY = "Stop with Ctrl-C"
PATIENCE = 90.0
"""Seconds until a state that never comes fails the test."""
SERVERS = {
    "sandbox": {"--fedex-port": "18080", "--visma-port": "18090"},
    "up": {"--port": "7233", "--ui-port": "8233"},
}
"""The commands that go on running, each in a terminal of its own, and their ports."""


def blocks() -> Iterator[str]:
    """The page's shell blocks in their order."""
    yield from re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def commands(block: str) -> Iterator[str]:
    """The commands of a block; a quoted text may go over several lines."""
    command = ""
    for line in block.splitlines():
        command = f"{command}\n{line}" if command else line
        with contextlib.suppress(ValueError):
            shlex.split(command)
            yield command
            command = ""
    assert not command, f"never ends: {command}"


async def until(state: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if await state():
                return
            await asyncio.sleep(0.1)


@dataclass(slots=True, kw_only=True)
class Person:
    """Who reads the page from top to bottom and types what it prints."""

    folder: Path
    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    ports: dict[str, int] = field(
        default_factory=lambda: {
            port: free_port() for ports in SERVERS.values() for port in ports.values()
        }
    )
    shell: dict[str, str] = field(default_factory=dict)
    """Variables of the page's own."""

    def sit_down(self) -> None:
        examples = self.folder / "examples"
        examples.mkdir()
        for file in (ROOT / "examples").iterdir():
            text = self._with_ports(file.read_text(encoding="utf-8"))
            (examples / file.name).write_text(text, encoding="utf-8")
        self.patch.chdir(self.folder)
        self.patch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{self.ports['7233']}")

    @contextlib.asynccontextmanager
    async def serving(self, block: str) -> AsyncIterator[None]:
        """Until the server says it is ready; Ctrl-C at the end."""
        [command] = commands(block)
        program, name = command.split()
        assert program == PROGRAM
        more = [word for option, port in SERVERS[name].items() for word in (option, port)]
        said = self.folder / f"{name}.said"
        with said.open("wb") as stream:
            server = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "starter", name, *map(self._with_ports, more)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )

        async def ready() -> bool:
            assert server.returncode is None, said.read_text()
            return READY in said.read_text()

        try:
            await until(ready)
            yield
        finally:
            server.send_signal(signal.SIGINT)
            await server.wait()
        assert (server.returncode, "Traceback" in said.read_text()) == (0, False), said.read_text()

    async def type(self, block: str) -> list[str]:
        """Every command of a block; what each printed."""
        return [await self.type_one(command) for command in commands(block)]

    async def type_one(self, command: str) -> str:
        words = shlex.split(command)
        if words[0] == PROGRAM:
            self.capsys.readouterr()
            code = await asyncio.to_thread(run, words[1:])
            printed = self.capsys.readouterr()
            assert (code, "Traceback" in printed.err) == (0, False), f"{command}: {printed.err}"
            return printed.out
        if words[0] == "export":
            for word in words[1:]:
                self.patch.setenv(*word.split("=", 1))
            return ""
        if words[0] != "curl":
            self.shell |= dict(self._with_ports(word).split("=", 1) for word in words)
            return ""
        # Under bash, for its quotes and variables are on trial too.
        curl = await asyncio.create_subprocess_exec(
            *("bash", "-c", f"{self._with_ports(command)} --fail-with-body"),
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", **self.shell},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await curl.communicate()
        assert curl.returncode == 0, f"{command}: {out.decode()}"
        return out.decode()

    async def orders(self) -> dict[str, Any]:
        """What `po list` shows, by number."""
        listed = await self.type_one(f"{PROGRAM} po list --json")
        return {each["order"]: each for each in json.loads(listed)}

    async def until_stages(self, first: str, second: str) -> None:
        """Both orders of the page have come so far."""

        async def there() -> bool:
            orders = await self.orders()
            stages = [orders.get(number, {}).get("stage") for number in ("500000", "500001")]
            return stages == [first, second]

        await until(there)

    async def in_visma(self, number: str) -> dict[str, Any]:
        """The custom fields of an order."""
        async with httpx.AsyncClient() as http:
            reply = await http.get(f"http://127.0.0.1:{self.ports['18090']}/sandbox/state")
        [company] = reply.json()["companies"].values()
        custom: dict[str, Any] = company["orders"][number]["custom"]
        return custom

    def _with_ports(self, text: str) -> str:
        for printed, port in self.ports.items():
            text = text.replace(printed, str(port))
        return text


@pytest.mark.timeout(240)
async def test_what_the_page_prints_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person(folder=tmp_path, patch=monkeypatch, capsys=capsys)
    person.sit_down()
    page = blocks()
    async with contextlib.AsyncExitStack() as terminals:
        await terminals.enter_async_context(person.serving(next(page)))
        *_, entered = await person.type(next(page))
        assert json.loads(entered)["orders"] == ["500000", "500001"]
        await person.type(next(page))
        await terminals.enter_async_context(person.serving(next(page)))
        await person.until_stages("label_created", "needs_attention")

        doctor, listed = await person.type(next(page))
        assert "attention list --tenant nordic" in doctor
        assert re.search("500000 +label_created", listed)
        parked, *_ = await person.type(next(page))
        assert "recipient_postal_code_missing" in parked
        await person.until_stages("label_created", "label_created")

        labels, quote, *_ = await person.type(next(page))
        assert labels.split() == ["label-1.pdf", "label-2.pdf"]
        assert (tmp_path / "label-2.pdf").read_bytes().startswith(b"%PDF")
        assert "NOK" in quote

        async def answered() -> bool:
            custom = await person.in_visma("500000")
            return "NOK" in (custom.get("customStr4") or "") and not custom.get("customStr3")

        await until(answered)
        await person.type(next(page))
        await person.until_stages("completed", "completed")
        order, custom = (await person.orders())["500000"], await person.in_visma("500000")
        assert order["tracking_numbers"][0] in custom["customStr1"]

        explained, report = await person.type(next(page))
        assert order["journal_batch"] in explained
        assert "P100" in report
        assert next(page, None) is None, "a block that this test does not type"
