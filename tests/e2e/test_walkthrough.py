"""docs/walkthrough.md, and after it the README's commands, typed one by one as they are printed.

In an empty folder. Only ports differ from the pages, since other tests run on the same machine.
Where the page says "a moment later" a person would look again, so the test does. `sandbox` and `up`
are processes; the commands that end run in this one, which has imported them already.
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
from textwrap import dedent
from typing import Any

import httpx
import pytest

from ml_connector.temporal.ports import free_port
from starter.main import PROGRAM, run

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "walkthrough.md"
README = ROOT / "README.md"
READY = "Stop with Ctrl-C"
PATIENCE = 90.0
"""Seconds until a state that never comes fails the test."""
SERVERS = {
    "sandbox": {"--fedex-port": "18080", "--visma-port": "18090"},
    "up": {"--port": "7233", "--ui-port": "8233"},
}
"""The commands that go on running, each in a terminal of its own, and their ports."""


def blocks(page: Path) -> Iterator[str]:
    """The page's shell blocks in their order."""
    for block in re.findall(
        r"^ *```sh\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.M | re.S
    ):
        yield dedent(block)


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

    def write_tenant_file(self, company: str) -> None:
        """`acme.toml`, by the README's instructions; the sandbox's addresses stay."""
        text = (self.folder / "examples" / "nordic.toml").read_text(encoding="utf-8")
        for old, new in {
            'id = "nordic"': 'id = "acme"',
            '"Nordic Distribusjon AS"': '"Acme AS"',
            '"af1140c1-52e0-46c7-b684-df894d4b8a5a"': f'"{company}"',
            "[shipping]": '[shipping]\nrelease = "manual"',
            'journal = "released"': 'journal = "hold"',
            'start_from = "all"': 'start_from = "now"',
        }.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (self.folder / "acme.toml").write_text(text, encoding="utf-8")

    @contextlib.asynccontextmanager
    async def serving(self, block: str, *, as_json: bool = False) -> AsyncIterator[None]:
        """Until the server says it is ready; Ctrl-C at the end.

        `as_json`: a program starts it in the person's place, and reads one line.
        """
        [command] = commands(block)
        program, name = command.split()
        assert program == PROGRAM
        more = [word for option, port in SERVERS[name].items() for word in (option, port)]
        said, told = self.folder / f"{name}.out", self.folder / f"{name}.err"
        with said.open("wb") as out, told.open("wb") as err:
            server = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "starter", name, *map(self._with_ports, more)),
                *(["--json"] if as_json else []),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

        async def ready() -> bool:
            assert server.returncode is None, told.read_text()
            return bool(said.read_text()) if as_json else READY in told.read_text()

        try:
            await until(ready)
            yield
        finally:
            server.send_signal(signal.SIGINT)
            await server.wait()
        assert (server.returncode, "Traceback" in told.read_text()) == (0, False), told.read_text()
        if as_json:
            [line] = said.read_text().splitlines()
            assert json.loads(line).keys() == {"ready", "temporal", "web_ui", "home"}

    async def type(self, block: str) -> list[str]:
        """Every command of a block; what each printed."""
        return [await self.type_one(command) for command in commands(block)]

    async def type_one(self, command: str) -> str:
        words = shlex.split(command, comments=True)
        if words[0] in (PROGRAM, f".venv/bin/{PROGRAM}"):
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


async def test_what_the_page_prints_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person(folder=tmp_path, patch=monkeypatch, capsys=capsys)
    person.sit_down()
    page = blocks(PAGE)
    async with contextlib.AsyncExitStack() as terminals:
        await terminals.enter_async_context(person.serving(next(page)))
        *_, entered = await person.type(next(page))
        assert json.loads(entered)["orders"] == ["500000", "500001"]
        await person.type(next(page))
        await terminals.enter_async_context(person.serving(next(page), as_json=True))
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
        await with_credentials_of_their_own(person)
        await every_day(person)


async def with_credentials_of_their_own(person: Person) -> None:
    """The README's quick start. Its Visma and its FedEx are the sandbox that runs already."""
    _, start, ship, _ = blocks(README)
    company = "af1140c1-0000-4000-8000-000000000acc"
    visma = f"http://127.0.0.1:{person.ports['18090']}/sandbox"
    async with httpx.AsyncClient() as http:
        for path, body in {
            "companies": {"tenant_id": company, "base_currency": "NOK", "first_order": 500_123},
            "clients": {"client_id": "acme", "client_secret": "acme", "tenants": [company]},
        }.items():
            (await http.post(f"{visma}/{path}", json=body)).raise_for_status()
        person.patch.setenv("NORDIC_VISMA_ID", "acme")
        person.patch.setenv("NORDIC_VISMA_SECRET", "acme")
        person.write_tenant_file(company)
        apply, up = commands(start)
        assert up == f".venv/bin/{PROGRAM} up", "which runs since the other page"
        assert "created" in await person.type_one(apply)
        line = {"inventory": "PUMP-200", "orderQty": 1, "unitCost": 4200}
        order = {"supplier": "SUP-DE", "shipVia": "FEDEX", "lines": [line]}
        (await http.post(f"{visma}/companies/{company}/orders", json=[order])).raise_for_status()

    async def waits_for_release() -> bool:
        stage = (await person.orders()).get("500123", {}).get("stage")
        if stage is None:
            # What happens within five minutes.
            await person.type_one(f"{PROGRAM} schedule trigger discovery --tenant acme")
        return bool(stage == "waiting_release")

    async def scheduled() -> bool:
        listed = await person.type_one(f"{PROGRAM} schedule list --tenant acme --json")
        return bool(json.loads(listed))

    ping, listing, plan, release, label = commands(ship)
    assert "FAIL" not in await person.type_one(ping)
    await until(scheduled)
    await until(waits_for_release)
    assert re.search("500123 +waiting_release", await person.type_one(listing))
    assert "NOK" in await person.type_one(plan)
    await person.type_one(release)

    async def has_its_label() -> bool:
        return bool((await person.orders())["500123"]["stage"] == "label_created")

    await until(has_its_label)
    assert await person.type_one(label) == "label.pdf\n"


async def every_day(person: Person) -> None:
    """The README's daily commands; the orders that it names are the demo's."""
    *_, block = blocks(README)
    for command in commands(block):
        here = re.sub("nordic/5001[0-9]{2}", "nordic/500000", command)
        said = await person.type_one(here)
        assert said.strip(), f"{here} says nothing"
