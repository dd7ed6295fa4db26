"""Both simulators over real HTTP, in this process, on loopback.

In a test or the demo:

    async with Sandbox(speed=5000) as sandbox:
        sandbox.fedex_url, sandbox.visma_url        # http://127.0.0.1:54321
        sandbox.fedex, sandbox.visma                # the worlds, to seed and to check
        sandbox.clock.advance(timedelta(hours=6))   # the carrier's clock

On the command line: `serve`, which runs until it is cancelled.

The carrier's clock is the only one that `speed` makes faster. Visma, and FedEx's gateway with
its tokens and limits, live in the callers' time: `visma_clock` and `fedex.gateway`.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import uvicorn
from starlette.types import ASGIApp

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.errors import PortInUse
from ml_connector.sandbox.fedex.app import create_app as create_fedex_app
from ml_connector.sandbox.fedex.world import FedExWorld
from ml_connector.sandbox.injection import ResettableProtocol

if TYPE_CHECKING:
    from ml_connector.sandbox.visma.world import VismaWorld

LOOPBACK = "127.0.0.1"


class _Server(uvicorn.Server):
    """uvicorn that leaves the process's signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """One app on one loopback port. Entering binds and starts, leaving stops and closes.

    Entering raises PortInUse.
    """

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        self._app = app
        self._wanted = port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        bound = _bind(self._wanted)
        self.url = f"http://{LOOPBACK}:{bound.getsockname()[1]}"
        config = uvicorn.Config(
            self._app,
            http=ResettableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[bound]))
        while not self._server.started:
            if self._task.done():
                bound.close()
                await self._task
                raise RuntimeError("the sandbox's server stopped before it started")
            await asyncio.sleep(0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await self._task


def _bind(port: int) -> socket.socket:
    # Named, not left 0: asyncio sets TCP_NODELAY only on sockets that say they are TCP, and
    # without it every answer waits 40 ms for the client's delayed acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
        bound.listen()
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port) from error
        raise
    return bound


class Sandbox:
    """FedEx and Visma, each on a port of its own (0: any free one).

    `speed` is sandbox seconds per real second of the carrier's clock. `seed` fixes numbers,
    ids and fault draws. A world or clock that is given is used as it is.
    """

    def __init__(
        self,
        *,
        fedex_port: int = 0,
        visma_port: int = 0,
        speed: float = 1.0,
        seed: int = 0,
        fedex: FedExWorld | None = None,
        visma: "VismaWorld | None" = None,
        clock: Clock | None = None,
        visma_clock: Clock | None = None,
    ) -> None:
        # Here, not above: whoever wants FedEx alone does not load Visma.
        from ml_connector.sandbox.visma.app import create_app as create_visma_app
        from ml_connector.sandbox.visma.world import VismaWorld

        self.clock = clock or Clock(speed)
        self.visma_clock = visma_clock or Clock()
        self.fedex = fedex or FedExWorld(seed=seed)
        self.visma = visma or VismaWorld(self.visma_clock, seed=seed)
        self._fedex = Listener(create_fedex_app(self.fedex, self.clock), fedex_port)
        self._visma = Listener(create_visma_app(self.visma, self.visma_clock), visma_port)
        self._stack = AsyncExitStack()

    @property
    def fedex_url(self) -> str:
        return self._fedex.url

    @property
    def visma_url(self) -> str:
        return self._visma.url

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._fedex)
            await stack.enter_async_context(self._visma)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)


async def serve(
    fedex_port: int = 0,
    visma_port: int = 0,
    speed: float = 1.0,
    *,
    seed: int = 0,
    ready: Callable[[Sandbox], None] | None = None,
) -> None:
    """Run both until cancelled; `ready` is called once they listen. Raises PortInUse."""
    async with Sandbox(
        fedex_port=fedex_port, visma_port=visma_port, speed=speed, seed=seed
    ) as sandbox:
        if ready is not None:
            ready(sandbox)
        await asyncio.Event().wait()
