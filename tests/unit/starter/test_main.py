"""Every error becomes one clear message and its exit code; every command explains itself."""

import os
import sqlite3
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from starter import po
from starter.groups import Deferred, commands_of
from starter.main import app
from tests.command_line import Cli
from tests.unit.starter.conftest import NORDIC


def commands() -> list[tuple[str, ...]]:
    """The path of every command and group."""
    found: list[tuple[str, ...]] = [()]
    for name, command in commands_of(get_command(app)).items():
        found.append((name,))
        found += [(name, below) for below in commands_of(command)]
    return found


def stand_ins(group: Any) -> Iterator[Deferred]:
    """Every command that is imported only when it is called."""
    for name, command in commands_of(group).items():
        if isinstance(group.commands[name], Deferred):
            yield group.commands[name]
        yield from stand_ins(command)


@pytest.mark.parametrize("command", list(stand_ins(get_command(app))), ids=lambda each: each.name)
def test_a_command_that_is_not_imported_yet_says_what_it_does(command: Deferred) -> None:
    assert command.get_short_help_str(200) == command.real.get_short_help_str(200)


IN_NO_HURRY = {"activities", "workflows", "temporalio", "httpx", "uvicorn", "starlette", "PIL"}
"""What most commands do without, and what takes seconds to import."""


@pytest.mark.parametrize(
    ("line", "spared"),
    [
        (["--help"], {*IN_NO_HURRY, "sqlalchemy", "alembic", "pydantic", "structlog", "rich"}),
        (["--version"], {*IN_NO_HURRY, "sqlalchemy", "alembic", "pydantic", "structlog", "rich"}),
        (["po", "list"], IN_NO_HURRY),
        (["tenant", "list"], {"workflows", "temporalio.worker", "uvicorn", "starlette", "PIL"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_imports_no_more_than_it_needs(
    home: Path, line: list[str], spared: set[str]
) -> None:
    program = "import sys; from starter.main import run; run(sys.argv[1:]); print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program, *line], capture_output=True, text=True, check=True
    )
    imported = set(ended.stdout.splitlines()[-1].split())
    assert "starter.main" in imported
    assert not spared & imported


def test_there_are_the_commands_of_the_design() -> None:
    assert {" ".join(path) for path in commands()} >= {
        "up",
        "worker",
        "codec-server",
        "sandbox",
        "doctor",
        "tenant apply",
        "tenant list",
        "tenant show",
        "tenant remove",
        "schedule list",
        "schedule apply",
        "schedule pause",
        "schedule resume",
        "schedule trigger",
        "po list",
        "po show",
    }


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_help(cli: Cli, path: tuple[str, ...]) -> None:
    shown = cli(*path, "--help")
    assert shown.code == 0
    assert shown.out.startswith("Usage: ml-connector")
    assert shown.err == ""
    if "Commands:" not in shown.out:
        assert "Examples:\n    ml-connector " in shown.out or "Examples:\n    TEMPORAL" in shown.out
        assert "--json" in shown.out


def test_the_version_is_the_packages(cli: Cli) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    for line in (("--version",), ("--version", "po", "list")):
        shown = cli(*line)
        assert (shown.code, shown.out, shown.err) == (0, f"ml-connector {project['version']}\n", "")


def test_the_end_of_the_process_waits_for_no_interpreter(home: Path) -> None:
    """Taking it down races with native threads, and an abort is no exit code."""
    program = (
        "import atexit, sys; from starter.main import main; "
        "atexit.register(print, 'taken down'); main(sys.argv[1:])"
    )
    for line, code in ((["--help"], 0), (["po", "show", "PO1"], 1)):
        ended = subprocess.run(
            [sys.executable, "-c", program, *line], capture_output=True, text=True, check=False
        )
        assert ended.returncode == code
        assert "taken down" not in ended.stdout
        assert (ended.stdout + ended.stderr).endswith("\n"), "all of it was written"


def test_what_our_own_parts_log_is_not_among_a_commands_data(home: Path) -> None:
    program = (
        "import structlog; from starter import main, po; "
        "po.show = lambda *_, **__: structlog.get_logger().error('heard'); "
        "main.main(['po', 'list'])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.parametrize("path", [(), ("tenant",), ("schedule",), ("po",)], ids=" ".join)
def test_a_group_alone_lists_its_commands(cli: Cli, path: tuple[str, ...]) -> None:
    shown = cli(*path)
    assert (shown.code, shown.out) == (2, "")
    assert "Commands:" in shown.err


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (("nope",), "'nope'"),
        (("tenant", "list", "--nope"), "--nope"),
        (("tenant", "apply"), "FILE"),
        (("sandbox", "--fedex-port", "many"), "--fedex-port"),
        (("sandbox", "--fedex-port", "70000"), "65535"),
        (("schedule", "trigger", "everything"), "everything"),
        (("po", "list", "--stage", "lost"), "'--stage': 'lost' is not one of 'discovered'"),
        (("worker", "--log-level", "LOUD"), "LOUD"),
        (("up", "--log-level", "LOUD"), "LOUD"),
    ],
)
def test_a_wrong_command_line(cli: Cli, line: tuple[str, ...], named: str) -> None:
    refused = cli(*line)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("error: ")
    assert named in refused.err
    assert "--help" in refused.err
    assert "[command_line]" in refused.err


@pytest.mark.parametrize(
    "line",
    [
        ("schedule", "list"),
        ("schedule", "apply"),
        ("schedule", "pause", "--reason", "a test"),
        ("schedule", "resume", "--reason", "a test"),
        ("schedule", "trigger", "discovery"),
    ],
    ids=" ".join,
)
def test_no_temporal_server(cli: Cli, line: tuple[str, ...]) -> None:
    refused = cli(*line, "--json")
    assert (refused.code, refused.out) == (4, "")
    assert f"Temporal does not answer at {os.environ['TEMPORAL_ADDRESS']}" in refused.err
    assert "[temporal_unavailable]" in refused.err


def test_unusable_settings(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_CONNECTOR_TOKEN_WINDOW", "soon")
    refused = cli("tenant", "list")
    assert refused.code == 2
    assert "ML_CONNECTOR_TOKEN_WINDOW" in refused.err


def test_a_database_url_that_is_none(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_CONNECTOR_MASTER_KEY", "00" * 32)
    monkeypatch.setenv("ML_CONNECTOR_DATABASE_URL", "oracle://connector:pw-marker@db/x")
    refused = cli("tenant", "list")
    assert refused.code == 2
    assert "oracle" in refused.err
    assert "pw-marker" not in refused.err


def test_a_database_that_does_not_answer(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_CONNECTOR_MASTER_KEY", "00" * 32)
    monkeypatch.setenv("ML_CONNECTOR_DATABASE_URL", "postgresql://u:pw-marker@127.0.0.1:1/x")
    refused = cli("tenant", "list")
    assert refused.code == 4
    assert "The database does not answer" in refused.err
    assert "pw-marker" not in refused.err


def test_hosts_that_share_a_database_are_given_no_key(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_CONNECTOR_DATABASE_URL", "postgresql://u@127.0.0.1:1/x")
    refused = cli("tenant", "list")
    assert refused.code == 2
    assert "ML_CONNECTOR_MASTER_KEY_FILE" in refused.err
    assert not (home / "master.key").exists()


def test_another_master_key_does_not_open_the_database(
    nordic: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_CONNECTOR_MASTER_KEY", "00" * 32)
    refused = nordic("tenant", "list")
    assert refused.code == 2
    assert "is not loaded" in refused.err


def test_a_database_of_a_newer_version(nordic: Cli, home: Path) -> None:
    _sqlite(home / "ml-connector.db", "UPDATE alembic_version SET version_num = 'of the future'")
    refused = nordic("tenant", "list")
    assert refused.code == 1
    assert "newer version" in refused.err


def test_a_defect_leaves_its_traceback_in_a_private_file_only(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("client_secret=defect-marker")

    monkeypatch.setattr(po, "show", broken)
    failed = cli("po", "list")
    assert (failed.code, failed.out) == (5, "")
    assert "ZeroDivisionError" in failed.err
    [log] = (home / "logs").iterdir()
    assert f"[{log.stem}]" in failed.err
    assert str(log) in failed.err
    assert "Traceback" in log.read_text()
    assert "defect-marker" not in log.read_text() + failed.err
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_defect_is_told_even_where_nothing_can_be_kept(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(po, "show", broken)
    home.mkdir()
    (home / "logs").touch()
    failed = cli("po", "list")
    assert failed.code == 5
    assert "details could not be kept: File exists" in failed.err


def test_a_home_that_is_no_folder(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "a-file"
    in_the_way.touch()
    monkeypatch.setenv("ML_CONNECTOR_HOME", str(in_the_way))
    refused = cli("tenant", "list")
    assert refused.code == 2
    assert f"{in_the_way} cannot be used" in refused.err


def test_the_program_itself(home: Path, tmp_path: Path) -> None:
    """As a person runs it: a process of its own, data and talk on streams of their own."""

    def program(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "starter", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "ML_CONNECTOR_HOME": str(home)},
        )

    listed = program("po", "list", "--json")
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "[]\n", "")
    refused = program("tenant", "apply", str(NORDIC), "--json")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "NORDIC_VISMA_ID" in refused.stderr


def _sqlite(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)
