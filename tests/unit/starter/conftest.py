"""A command line of its own for each test: a fresh home, no Temporal, no secrets."""

import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from starter.main import run

SECRETS = {
    "NORDIC_VISMA_ID": "visma-id-marker",
    "NORDIC_VISMA_SECRET": "visma-secret-marker",
    "NORDIC_FEDEX_ACCOUNT": "740561073",
    "NORDIC_FEDEX_KEY": "fedex-key-marker",
    "NORDIC_FEDEX_SECRET": "fedex-secret-marker",
}
NORDIC = Path(__file__).parents[3] / "examples" / "nordic.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended, and what it said where."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it printed under `--json`."""
        return json.loads(self.out)


Cli = Callable[..., Outcome]


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
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Outcome(code=code, out=printed.out, err=printed.err)

    return call


@pytest.fixture
def secrets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets that `examples/nordic.toml` refers to."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def nordic(cli: Cli, secrets: None) -> Cli:
    """A command line where the tenant nordic is applied."""
    assert cli("tenant", "apply", NORDIC).code == 0
    return cli
