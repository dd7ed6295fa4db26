"""A command line of its own for each test: a fresh home, no Temporal, no secrets."""

import logging
import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import Cli, Outcome, run_command

SECRETS = {
    "NORDIC_VISMA_ID": "visma-id-marker",
    "NORDIC_VISMA_SECRET": "visma-secret-marker",
    "NORDIC_FEDEX_ACCOUNT": "740561073",
    "NORDIC_FEDEX_KEY": "fedex-key-marker",
    "NORDIC_FEDEX_SECRET": "fedex-secret-marker",
}
NORDIC = Path(__file__).parents[3] / "examples" / "nordic.toml"


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands of this test keep their data."""
    for name in list(os.environ):
        if name.startswith(("ML_CONNECTOR_", "TEMPORAL_", "NORDIC_", "IBERIA_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("ML_CONNECTOR_HOME", str(folder))
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{closed_port()}")
    return folder


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands that go on running set up the whole process's logging, which here is pytest's."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    thread_hook, unraisable = threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:], sys.excepthook, threading.excepthook = handlers, hook, thread_hook
    sys.unraisablehook = unraisable
    logging.captureWarnings(False)
    root.setLevel(level)


@pytest.fixture
def cli(home: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs one command line in this process."""

    def call(*arguments: str | Path) -> Outcome:
        return run_command(arguments, capsys)

    return call


@pytest.fixture
def secrets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets that `examples/nordic.toml` refers to."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where the tenant nordic is applied, once the first test has made it."""
    return tmp_path_factory.mktemp("applied") / "home"


@pytest.fixture
def nordic(cli: Cli, secrets: None, home: Path, applied: Path) -> Cli:
    """A command line where the tenant nordic is applied."""
    if applied.exists():
        shutil.copytree(applied, home)
    else:
        assert cli("tenant", "apply", NORDIC).code == 0
        shutil.copytree(home, applied)
    return cli
