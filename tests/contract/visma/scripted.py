"""A Visma of a few lines: it says what it is told to, over a real socket, and remembers."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

TOKEN_PATH = "/connect/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One whole reply."""

    status: int = 200
    body: object = None
    """JSON, unless it is bytes."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


class Broken:
    """The connection breaks: before the request is read, after it, or amid the reply."""

    BEFORE = "before"
    AFTER = "after"
    AMID = "amid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.content.decode(), keep_blank_values=True))


Step = Answer | str


def page(rows: list[dict[str, Any]], total: int, cap: int | None = 1000) -> Answer:
    """A page as Visma writes it: the metadata in every element."""
    metadata = {"totalCount": total} | ({} if cap is None else {"maxPageSize": cap})
    return Answer(body=[{**row, "metadata": metadata} for row in rows])


class ScriptedVisma:
    """Answers ERP calls from `script` in turn; the token endpoint has a script of its own."""

    def __init__(self) -> None:
        self.script: deque[Step] = deque()
        self.token_script: deque[Step] = deque()
        self.asked: list[Asked] = []
        self.tokens_asked: list[Asked] = []
        self.url = ""
        self.arrival = asyncio.Event()
        """Set by the first request of any kind."""
        self._server: asyncio.Server | None = None

    def say(self, *steps: Step) -> None:
        self.script.extend(steps)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.script and self.script[0] == Broken.BEFORE:
                self.script.popleft()
                writer.transport.abort()
                return
            asked = await _read(reader)
            step = self._next(asked)
            if step == Broken.AFTER:
                writer.transport.abort()
                return
            assert isinstance(step, Answer) or step == Broken.AMID
            writer.write(_written(step if isinstance(step, Answer) else None))
            await writer.drain()
        finally:
            writer.close()

    def _next(self, asked: Asked) -> Step:
        self.arrival.set()
        if asked.path == TOKEN_PATH:
            self.tokens_asked.append(asked)
            if self.token_script:
                return self.token_script.popleft()
            token = f"token-{len(self.tokens_asked)}"
            return Answer(body={"access_token": token, "expires_in": 3600})
        self.asked.append(asked)
        return self.script.popleft() if self.script else Answer(status=599, body=b"unscripted")


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)
    }
    parts = urlsplit(target)
    return Asked(
        method=method,
        path=parts.path,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        content=await reader.readexactly(int(headers.get("content-length", "0"))),
    )


def _written(answer: Answer | None) -> bytes:
    if answer is None:
        return b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{"orderNbr":'
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(answer.content)),
        "Connection": "close",
        **answer.headers,
    }
    if answer.status == 204:
        del headers["Content-Length"]
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} Scripted\r\n{head}\r\n".encode() + answer.content
