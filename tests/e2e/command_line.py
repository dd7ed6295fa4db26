"""The command line beside a running installation."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.command_line import Outcome, run_command
from tests.stage import Stage

Operator = Callable[..., Awaitable[Outcome]]


def operator_of(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    """Runs command lines against this installation."""
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)

    async def call(*arguments: str | Path) -> Outcome:
        ended = await asyncio.to_thread(run_command, arguments, capsys)
        assert ended.code != 5, ended.err
        return ended

    return call
