"""The command line beside a running installation, as a process of its own would run it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from starter.main import run
from tests.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended, and what it said where."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Operator = Callable[..., Awaitable[Outcome]]


def operator_of(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    """Runs command lines against this installation."""
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)

    async def call(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = await asyncio.to_thread(run, [str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        assert code != 5, printed.err
        return Outcome(code=code, out=printed.out, err=printed.err)

    return call
