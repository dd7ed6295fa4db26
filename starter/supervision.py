"""A child process that is kept running: the worker of `up` and of the demo."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ml_connector.temporal import die_with_parent
from starter.errors import (
    CommandError,
    CredentialsRefused,
    OtherSideUnavailable,
    OurFault,
    Refused,
    WrongUsage,
)
from starter.output import talk

FIRST_PAUSE = timedelta(milliseconds=500)
LONGEST_PAUSE = timedelta(seconds=30)
GRACE = timedelta(seconds=45)
"""Longer than a worker gives its running activities."""


@dataclass(slots=True, kw_only=True)
class Supervised:
    """One of our own commands, run as a child with `--json`, and started anew when it dies.

    It is ready once it has printed its line of JSON. When it never becomes ready, entering raises
    what its exit code says. The kernel ends it when this process dies, however it dies.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    isolated: bool = False
    """`environment` is all that the child sees; else it is added to this process's own."""
    log_file: Path | None = None
    """Where the child's talk goes instead of this process's stderr."""
    ready_line: dict[str, object] = field(default_factory=dict)
    """What the child printed when it was ready last."""
    _process: asyncio.subprocess.Process | None = None
    _ready_pid: int | None = None
    _keeper: asyncio.Task[None] | None = None
    _started: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            # Also when we are told to stop meanwhile.
            await self._stop()
            raise
        self._keeper = asyncio.create_task(self._keep_running())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._stop()

    @property
    def pid(self) -> int | None:
        """The child's process id, while it runs."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    async def restarted(self, previous: int) -> int:
        """Wait until the child is ready with another process id than `previous`; that id."""
        async with self._started:
            await self._started.wait_for(lambda: self._ready_pid not in (None, previous))
        assert self._ready_pid is not None
        return self._ready_pid

    async def failed(self) -> None:
        """Wait until the child can no longer be kept running, and raise why."""
        if self._keeper is not None:
            await asyncio.shield(self._keeper)

    async def _start(self) -> None:
        with self._log() as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())),
                *(sys.executable, "-m", "starter", *self.arguments, "--json"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self.environment if self.isolated else {**os.environ, **self.environment},
                # Ctrl-C is for us; the child is then stopped in its turn.
                start_new_session=True,
            )
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise self._never_ready(await self._process.wait())
        async with self._started:
            self.ready_line = json.loads(line)
            self._ready_pid = self._process.pid
            self._started.notify_all()

    @contextlib.contextmanager
    def _log(self) -> Iterator[IO[bytes] | None]:
        if self.log_file is None:
            yield None
            return
        with self.log_file.open("ab") as stream:
            yield stream

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE
        while True:
            assert self._process is not None
            status = await self._process.wait()
            talk(f"{self.name} ended with status {status}; starting it again.")
            try:
                await self._start()
                pause = FIRST_PAUSE
            except OtherSideUnavailable as error:
                talk(f"{self.name} does not start: {error}")
                await asyncio.sleep(pause.total_seconds())
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), GRACE.total_seconds())
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _never_ready(self, status: int) -> CommandError:
        """The child's own exit code becomes ours; one that was killed may do better next time."""
        kind = OtherSideUnavailable if status < 0 else _BY_STATUS.get(status, OurFault)
        return kind(
            f"{self.name} ended with status {status} before it was ready",
            why=self._last_words(),
            code="child_not_started",
        )

    def _last_words(self) -> str:
        if self.log_file is None:
            return "Its own message stands above"
        said = self.log_file.read_text(encoding="utf-8", errors="replace").strip()
        return f"It said: {said.splitlines()[-1]}" if said else "It said nothing"


_BY_STATUS: Mapping[int, type[CommandError]] = {
    kind.exit_code: kind for kind in (Refused, WrongUsage, CredentialsRefused, OtherSideUnavailable)
}
