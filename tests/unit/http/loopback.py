"""A real HTTP server on the loopback that answers exactly what a test scripts, or breaks off."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        parsed: dict[str, object] = json.loads(self.body)
        return parsed

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server does with one request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    send_only: int | None = None
    """Send this many bytes of the body, then reset the connection."""
    silent: bool = False
    """Read the request and never answer."""


RESET_BEFORE_READING = Answer(status=-1)
RESET_AFTER_READING = Answer(status=-2)


def answer(status: int, payload: object, **headers: str) -> Answer:
    """A JSON answer."""
    return Answer(
        status=status,
        body=json.dumps(payload).encode(),
        headers={"content-type": "application/json", **headers},
    )


Script = Callable[[Asked], Answer]


class Loopback:
    """Serves a script: a list of answers (the last one repeats) or a function of the request."""

    def __init__(self, script: Sequence[Answer] | Script) -> None:
        self._script = script
        self.asked: list[Asked] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                await self._answer_one(reader, writer)
            finally:
                writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not callable(self._script) and self._planned() is RESET_BEFORE_READING:
            self.asked.append(Asked(method="", target="", headers={}, body=b""))
            _reset(writer)
            return
        request = await _read(reader)
        planned = self._script(request) if callable(self._script) else self._planned()
        self.asked.append(request)
        if planned is RESET_AFTER_READING:
            _reset(writer)
        elif planned.silent:
            await reader.read()
        else:
            await _write(writer, planned)

    def _planned(self) -> Answer:
        assert not callable(self._script)
        return self._script[min(len(self.asked), len(self._script) - 1)]


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method=method, target=target, headers=headers, body=body)


async def _write(writer: asyncio.StreamWriter, planned: Answer) -> None:
    headers = {**planned.headers, "content-length": str(len(planned.body)), "connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = planned.body if planned.send_only is None else planned.body[: planned.send_only]
    writer.write(f"HTTP/1.1 {planned.status} Scripted\r\n{head}\r\n".encode("latin-1") + body)
    await writer.drain()
    if planned.send_only is not None:
        _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN, as a crashing peer or a firewall does."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def closed_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
