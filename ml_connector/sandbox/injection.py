"""How the sandbox hurts a request: the ASGI middleware and the connections it resets.

A reset is a real one: the client sees the TCP connection break, not a status. uvicorn hides
the connection from the app, so `ResettableProtocol` puts its transport into the scope.
"""

import asyncio
import json
import socket
import struct
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ml_connector.sandbox.faults import (
    CONTROL_PREFIX,
    Action,
    BodyKind,
    FaultKind,
    FaultPlan,
    Seen,
)

_TRANSPORT = "sandbox.transport"
_TRANSACTION_HEADER = b"x-customer-transaction-id"
_HTML = (
    b"<!DOCTYPE html><html><head><title>Error</title></head>"
    b"<body><h1>The page cannot be displayed</h1></body></html>"
)
_LINGER_ZERO = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time at all: closing sends RST instead of FIN."""


class ResettableProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol that lets the app reach its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = cast(ASGIApp, self.app)

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[_TRANSPORT] = transport
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                # The server is being stopped. One that goes away does not answer 500 first.
                await _reset(scope, receive)

        self.app = cast(Any, with_transport)


class FaultMiddleware:
    """Lets every request meet the plan before, or after, it meets the app."""

    def __init__(self, app: ASGIApp, plan: FaultPlan) -> None:
        self.app = app
        self.plan = plan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        seen = _seen(scope, body)
        action = self.plan.decide(seen)
        replayed = _replay(body, receive)
        if action is None:
            await self.app(scope, replayed, send)
        else:
            await self._hurt(action, seen, scope, replayed, send)

    async def _hurt(
        self, action: Action, seen: Seen, scope: Scope, receive: Receive, send: Send
    ) -> None:
        match action.kind:
            case FaultKind.RESET_BEFORE:
                await _reset(scope, receive)
            case FaultKind.RESET_AFTER:
                await self._answer(scope, receive)
                await _reset(scope, receive)
            case FaultKind.RESET_MIDWAY:
                start, content = await self._answer(scope, receive)
                await send(start)
                half = content[: len(content) // 2]
                await send({"type": "http.response.body", "body": half, "more_body": True})
                await _reset(scope, receive, abruptly=False)
            case FaultKind.SLOW:
                await self._slow(action, scope, receive, send)
            case FaultKind.STATUS:
                if action.after_commit:
                    await self._answer(scope, receive)
                await self._send_status(action, send)
            case FaultKind.TRUNCATE:
                start, content = await self._answer(scope, receive)
                await _send_whole(start, content[: len(content) // 2], send)
            case FaultKind.HOOK:
                await self.plan.hooks[action.name](seen)
                await self.app(scope, receive, send)

    async def _slow(self, action: Action, scope: Scope, receive: Receive, send: Send) -> None:
        delay = action.delay_ms / 1000
        if not action.after_commit:
            await asyncio.sleep(delay)
            await self.app(scope, receive, send)
            return
        start, content = await self._answer(scope, receive)
        await asyncio.sleep(delay)
        await _send_whole(start, content, send)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        """The app's own answer, kept back."""
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, keep)
        return sent[0], b"".join(message.get("body", b"") for message in sent[1:])

    async def _send_status(self, action: Action, send: Send) -> None:
        content, media_type = b"", b"text/plain"
        if action.body is BodyKind.JSON:
            content = json.dumps(self.plan.error_body(action.status, action.code)).encode()
            media_type = b"application/json"
        elif action.body is BodyKind.HTML:
            content, media_type = _HTML, b"text/html"
        extra = [(k.lower().encode(), v.encode()) for k, v in action.headers.items()]
        headers = [(b"content-type", media_type), *extra]
        start: Message = {
            "type": "http.response.start",
            "status": action.status,
            "headers": headers,
        }
        await _send_whole(start, content, send)


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(chunks)
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive channel that hands the body out once more, then the rest of the connection."""
    pending = [body]

    async def replayed() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replayed


def _seen(scope: Scope, body: bytes) -> Seen:
    names = dict(scope["headers"])
    return Seen(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        body=body,
        transaction=names.get(_TRANSACTION_HEADER, b"").decode("latin-1"),
    )


async def _send_whole(start: Message, content: bytes, send: Send) -> None:
    """Send an answer whose length header is true to its body."""
    headers = [item for item in start["headers"] if item[0].lower() != b"content-length"]
    headers.append((b"content-length", str(len(content)).encode()))
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})


async def _reset(scope: Scope, receive: Receive, *, abruptly: bool = True) -> None:
    """Break the connection and wait until the server has noticed.

    `abruptly` sends RST, which also discards what the client has not read yet; without it the
    connection just ends, so that a half-sent answer does arrive.
    """
    transport = scope.get("extensions", {}).get(_TRANSPORT)
    if transport is None:
        raise RuntimeError("a reset needs a real connection: run the app in the Sandbox")
    if abruptly:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        continue
