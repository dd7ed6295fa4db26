"""Commands that go on running: they say when they are ready, refuse taken ports, and end well."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from starter.errors import OtherSideUnavailable, WrongUsage
from starter.supervision import Supervised
from tests.command_line import Cli
from tests.unit.starter.conftest import closed_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@contextlib.asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Any]]:
    """A command as a process, and the line it prints when it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "starter", *arguments, "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        yield process, json.loads(line or "null")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("option", ["--fedex-port", "--visma-port"])
def test_the_sandbox_refuses_a_taken_port(cli: Cli, taken_port: int, option: str) -> None:
    ports = {"--fedex-port": "0", "--visma-port": "0", option: str(taken_port)}
    refused = cli("sandbox", *(word for pair in ports.items() for word in pair), "--json")
    assert (refused.code, refused.out) == (2, "")
    assert f"Port {taken_port} on 127.0.0.1 is in use" in refused.err
    assert "[port_in_use]" in refused.err


def test_the_codec_server_refuses_a_taken_port(cli: Cli, taken_port: int) -> None:
    refused = cli("codec-server", "--port", str(taken_port))
    assert refused.code == 2
    assert str(taken_port) in refused.err


@pytest.mark.parametrize("option", ["--port", "--ui-port"])
def test_up_refuses_a_taken_port(cli: Cli, taken_port: int, option: str) -> None:
    ports = {"--port": str(closed_port()), "--ui-port": str(closed_port()), option: str(taken_port)}
    refused = cli("up", *(word for pair in ports.items() for word in pair), "--json")
    assert (refused.code, refused.out) == (2, "")
    assert str(taken_port) in refused.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_sandbox_answers_and_ends_when_told(home: Path, number: signal.Signals) -> None:
    async with program("sandbox", "--fedex-port=0", "--visma-port=0") as (process, ready):
        async with httpx.AsyncClient() as http:
            for system in ("fedex", "visma"):
                assert (await http.get(f"{ready[system]}/sandbox/state")).is_success
        process.send_signal(number)
        assert await process.wait() == 0


async def test_the_codec_server_serves_the_web_ui_alone(home: Path) -> None:
    async with program("codec-server", "--port=0", "--ui-origin=http://127.0.0.1:9") as (
        process,
        ready,
    ):
        async with httpx.AsyncClient() as http:
            url = f"{ready['endpoint']}/decode"
            ours = await http.post(url, json={}, headers={"Origin": "http://127.0.0.1:9"})
            other = await http.post(url, json={}, headers={"Origin": "http://evil.example"})
        assert (ours.status_code, other.status_code) == (200, 403)
        process.terminate()
        assert await process.wait() == 0


async def test_a_shell_completes_commands(home: Path) -> None:
    """What --install-completion makes the shell ask."""
    asked = {"_ML_CONNECTOR_COMPLETE": "complete_bash", "COMP_WORDS": "ml-connector po rep"}
    shell = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("ml-connector"),
        env={**os.environ, **asked, "COMP_CWORD": "2"},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await shell.communicate()
    assert said.split() == [b"replay"]


def test_a_codec_secret_that_is_none(cli: Cli, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("guess\n")
    for file in (short, tmp_path / "absent"):
        refused = cli("codec-server", "--path-file", file)
        assert refused.code == 2
        assert str(file) in refused.err
        assert "guess" not in refused.err


def test_an_origin_that_is_none(cli: Cli) -> None:
    refused = cli("codec-server", "--ui-origin", "somewhere")
    assert refused.code == 2
    assert "--ui-origin" in refused.err


def test_no_temporal_for_the_worker(cli: Cli) -> None:
    refused = cli("worker", "--json")
    assert (refused.code, refused.out) == (4, "")
    assert os.environ["TEMPORAL_ADDRESS"] in refused.err


def codec_child(*more: str) -> Supervised:
    """The lightest of our commands that go on running, as a supervised child."""
    return Supervised(
        name="The child", arguments=["codec-server", "--port=0", *more], environment={}
    )


async def test_a_killed_child_is_started_again(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with codec_child() as child:
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        second = await child.restarted(first)
        assert child.pid == second != first
    assert not _alive(first)
    assert not _alive(second)
    assert "ended with status -9" in capfd.readouterr().err


async def test_a_child_that_cannot_start_ends_it_with_its_own_exit_code(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(WrongUsage, match="status 2"):
        async with codec_child("--ui-origin=somewhere"):
            pass
    assert "--ui-origin" in capfd.readouterr().err, "the child's own message is seen"


async def test_a_child_whose_other_side_is_down(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    child = Supervised(name="The worker", arguments=["worker"], environment={})
    with pytest.raises(OtherSideUnavailable, match="status 4"):
        async with child:
            pass
    assert "Temporal does not answer" in capfd.readouterr().err


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
