"""A whole installation in one process but for Temporal: simulators, store and worker, all real."""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from temporalio.client import Client

import worker
from ml_connector.sandbox.server import Sandbox
from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.settings import Settings
from ml_connector.store.store import Store
from ml_connector.temporal.connection import connect
from ml_connector.temporal.dev_server import DevServer
from starter.supervision import Supervised
from tests.guarded import socket_guard
from tests.postgres import PostgresServer

T = TypeVar("T")
Json = dict[str, Any]

MASTER_KEY = bytes(range(32))
PATIENCE = 150.0
"""Seconds until a state that never comes fails the test: room for a machine much slower."""
FIRST_LOOK, LATER_LOOKS = 0.02, 0.2
"""Seconds between two looks at a state: soon at first, then less often."""

POSTGRES: PostgresServer | None = None
"""Where stages keep their data, each in a database of its own; None: in SQLite under their home."""


@dataclass(slots=True, kw_only=True)
class Installation:
    """Open it with `async with`."""

    home: Path
    speed: float = 0.0
    """Of the carrier's clock; 0: it stands still, and the test moves it."""
    work: bool = True
    """Run a worker."""
    token_window: str = "20ms"
    token_block: str = "2s"
    http_timeout: str = "5s"
    further: Mapping[str, str] = field(default_factory=dict)
    """More of the environment: a mail server, for one."""
    database_url: str = ""
    """Empty: SQLite under `home`, or whatever all stages of the run use."""
    keys: MasterKeys = field(default_factory=lambda: MasterKeys([MasterKey.of(MASTER_KEY)]))
    sandbox: Sandbox = field(init=False)
    store: Store = field(init=False)
    client: Client = field(init=False)
    server: DevServer = field(init=False)
    _http: httpx.AsyncClient = field(init=False)
    _stack: AsyncExitStack = field(init=False, default_factory=AsyncExitStack)
    _stop: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _worker: "asyncio.Task[None] | None" = field(init=False, default=None)

    async def __aenter__(self) -> Self:
        if POSTGRES is not None and not self.database_url:
            self.database_url = POSTGRES.create(f"stage_{uuid.uuid4().hex}")
        async with AsyncExitStack() as stack:
            self.server = DevServer(self.home, ui=False)
            await self.server.start()
            stack.push_async_callback(self.server.kill)
            self.sandbox = await stack.enter_async_context(Sandbox(speed=self.speed))
            self._http = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE))
            self.store = await Store.open(self.settings.database_url, self.keys)
            stack.push_async_callback(self.store.close)
            await self.store.migrate()
            self.client = await connect(
                self.keys,
                archive=self.store.payload_keys.get,
                environ={},
                address=self.server.address,
            )
            stack.push_async_callback(self.stop_worker)
            if self.work:
                self.start_worker()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def closing(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have something closed before the installation is."""
        self._stack.push_async_callback(close)

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this installation finds in its environment."""
        return {
            "ML_CONNECTOR_HOME": str(self.home),
            **self._where_the_key_is(),
            "ML_CONNECTOR_TOKEN_WINDOW": self.token_window,
            "ML_CONNECTOR_TOKEN_BLOCK": self.token_block,
            "ML_CONNECTOR_HTTP_TIMEOUT": self.http_timeout,
            "TEMPORAL_ADDRESS": self.server.address,
            **({"ML_CONNECTOR_DATABASE_URL": self.database_url} if self.database_url else {}),
            **self.further,
        }

    def _where_the_key_is(self) -> dict[str, str]:
        file = self.home / "master.key"
        if file.exists():
            return {"ML_CONNECTOR_MASTER_KEY_FILE": str(file)}
        return {"ML_CONNECTOR_MASTER_KEY": MASTER_KEY.hex()}

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.environment)

    def start_worker(self) -> None:
        """A worker in this process."""
        self._stop = asyncio.Event()
        self._worker = asyncio.create_task(
            worker.run(
                settings=self.settings,
                keys=self.keys,
                store=self.store,
                client=self.client,
                stop=self._stop,
            )
        )

    async def stop_worker(self) -> None:
        """Let it finish what it does."""
        if self._worker is not None:
            self._stop.set()
            await self._worker
            self._worker = None

    def worker_process(self, name: str = "worker") -> Supervised:
        """A worker in a process of its own, which may be killed; it is started again."""
        return Supervised(
            name=name,
            arguments=["worker", "--log-level", "ERROR"],
            environment={**plain_environment(), **self.environment},
            isolated=True,
            log_file=self.home / f"{name}.log",
        )

    async def visma(self, method: str, path: str, **body: Any) -> Any:
        """A control call of Visma's simulator."""
        return await self._control(self.sandbox.visma_url, method, path, body)

    async def fedex(self, method: str, path: str, **body: Any) -> Any:
        """A control call of FedEx's simulator."""
        return await self._control(self.sandbox.fedex_url, method, path, body)

    async def _control(self, base: str, method: str, path: str, body: Json) -> Any:
        reply = await self._http.request(method, f"{base}/sandbox/{path}", json=body or None)
        assert reply.is_success, reply.text
        return reply.json()

    async def until(
        self, state: Callable[[], Awaitable[T | None]], patience: float = PATIENCE
    ) -> T:
        """Wait until a state has come, and give it. Fails by the name of `state`."""
        deadline = asyncio.get_running_loop().time() + patience
        pause = FIRST_LOOK
        while True:
            if self._worker is not None and self._worker.done():
                await self._worker
            found = await state()
            if found:
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"{state.__qualname__} did not come in {patience} s")
            await asyncio.sleep(pause)
            pause = min(1.3 * pause, LATER_LOOKS)


def plain_environment() -> dict[str, str]:
    """What any program needs, and nothing of the developer's own settings."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**own, **socket_guard.for_children()}
