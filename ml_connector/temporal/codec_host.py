"""The codec server inside another process, for `up`, `demo` and tests."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import uvicorn

from ml_connector.security.keys import MasterKeys
from ml_connector.security.payload_keys import KeyArchive
from ml_connector.temporal.codec_server import create_codec_app
from ml_connector.temporal.errors import PortInUse
from ml_connector.temporal.ports import LOOPBACK


class EmbeddedCodecServer:
    """A codec server on loopback, behind a path that is new in each run.

    Use it as an async context manager. `endpoint` is known before the start, so that the Web UI's
    server can be told; the socket is bound when the object is made. Raises PortInUse.
    """

    def __init__(
        self,
        keys: MasterKeys,
        *,
        origin: str,
        port: int = 0,
        archive: KeyArchive | None = None,
    ) -> None:
        secret_path = secrets.token_urlsafe(24)
        app = create_codec_app(
            keys, token=None, origin=origin, secret_path=secret_path, archive=archive
        )
        self._socket = _bind(port)
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                # The access log would hold the secret path.
                access_log=False,
            )
        )
        self._serving: asyncio.Task[None] | None = None
        self.endpoint = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}/{secret_path}"
        """Where the Web UI is to POST `/decode`; a secret."""

    async def __aenter__(self) -> Self:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        ready = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            await self._serving
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self._socket.close()


class _Server(uvicorn.Server):
    """Says when it listens, and leaves signals to the process it lives in."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise PortInUse(port, "the codec server") from error
    return listener
