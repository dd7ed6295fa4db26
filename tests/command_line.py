"""Command lines run in this process, as a process of their own would run them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from starter.main import run


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


def run_command(arguments: Sequence[str | Path], capsys: pytest.CaptureFixture[str]) -> Outcome:
    """Run one command line; a traceback among its words fails the test."""
    capsys.readouterr()
    code = run([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return Outcome(code=code, out=printed.out, err=printed.err)
