"""The codec server: it decrypts payloads for the Web UI and the `temporal` command line.

    POST {endpoint}/decode    {"payloads": [...]}  →  {"payloads": [...]}
    POST {endpoint}/encode    the same, the other way

It holds a master key and answers in plain text, so whoever may call it may read everything.
`/encode` is for a person who signals a workflow by hand: once they know a codec server, the Web UI
and `temporal` have it encode what is typed, and send nothing when it cannot.

Two ways to know a caller, at least one of which must be on:

- `token`: every call carries `Authorization: Bearer …`. For the command line
  (`TEMPORAL_CODEC_AUTH`) and for a Web UI behind a proxy or a login that adds it.
- `secret_path`: an unguessable first segment of the path, for the embedded Web UI, which cannot
  be given a token. It is new in each run, and the server is bound to loopback.

Beside that, a call from a browser (it names its `Origin`) is refused unless it comes from the
Web UI's own origin, so no other page a user has open can read payloads through the browser.

Limits, to be known: the embedded Web UI has no login and tells everybody who can reach it where
its codec server is. On a machine with several users, any of them can read what the UI shows.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from google.protobuf.json_format import MessageToJson, Parse, ParseError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads

from ml_connector.security.keys import MasterKeys
from ml_connector.security.payload_keys import KeyArchive
from ml_connector.temporal.codec import EncryptionCodec
from ml_connector.temporal.errors import UnreadablePayload

LARGEST_REQUEST = 32 * 1024 * 1024
"""Bytes. A page of a history with every payload at Temporal's own limit is far smaller."""

_LOG = logging.getLogger(__name__)
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

Endpoint = Callable[[Request], Awaitable[Response]]
Conversion = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]


def create_codec_app(
    keys: MasterKeys,
    *,
    token: str | None,
    origin: str,
    secret_path: str = "",
    archive: KeyArchive | None = None,
) -> Starlette:
    """The codec server's application.

    `origin` is the Web UI's, as `http://127.0.0.1:8233`; `archive` has the payload keys of
    master keys that are gone. Raises ValueError when neither a token
    nor a secret path is given: such a server would decrypt for anybody.
    """
    if not token and not secret_path:
        raise ValueError("a codec server needs a token, a secret path, or both")
    origins = same_origins(origin)
    gate = _Gate(token=token, origins=origins)
    codec = EncryptionCodec(keys, archive)
    prefix = f"/{secret_path}" if secret_path else ""
    return Starlette(
        routes=[
            Route(f"{prefix}/decode", gate(_converter(codec.decode)), methods=["POST"]),
            Route(f"{prefix}/encode", gate(_converter(codec.encode)), methods=["POST"]),
            Route("/health", _health, methods=["GET"]),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=["POST"],
                allow_headers=["content-type", "x-namespace", "authorization"],
            )
        ],
    )


def same_origins(origin: str) -> list[str]:
    """The origin as browsers write it; on loopback, all its names, since people type either."""
    parts = urlsplit(origin.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
        raise ValueError(f"{origin!r} is not an origin such as https://temporal.example.com")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    names = _LOOPBACK_HOSTS if host in _LOOPBACK_HOSTS else (host,)
    port = "" if parts.port is None else f":{parts.port}"
    return [f"{parts.scheme}://{name}{port}" for name in names]


class _Gate:
    """Lets a request through to an endpoint, or says why not."""

    def __init__(self, *, token: str | None, origins: list[str]) -> None:
        self._token = token
        self._origins = origins

    def __call__(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            return self._refusal(request) or await endpoint(request)

        return guarded

    def _refusal(self, request: Request) -> Response | None:
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._origins:
            return PlainTextResponse("This codec server serves the Web UI only.", 403)
        if self._token and not self._knows(request.headers.get("authorization", "")):
            return PlainTextResponse(
                "The codec server's token is missing or wrong.",
                401,
                {"WWW-Authenticate": "Bearer"},
            )
        return None

    def _knows(self, header: str) -> bool:
        scheme, _, given = header.partition(" ")
        right = hmac.compare_digest(given.strip().encode(), (self._token or "").encode())
        return right and scheme.lower() == "bearer"


def _converter(convert: Conversion) -> Endpoint:
    async def answer(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return PlainTextResponse("The request is too large.", 413)
        try:
            payloads = Parse(body, Payloads())
        except (ParseError, UnicodeDecodeError):
            return PlainTextResponse("The request is not a JSON list of payloads.", 400)
        try:
            converted = await convert(payloads.payloads)
        except UnreadablePayload as error:
            return PlainTextResponse(str(error), 400)
        _LOG.info(
            "%s: %d payloads of namespace %s",
            request.url.path.rpartition("/")[2],
            len(converted),
            request.headers.get("x-namespace", "?"),
        )
        reply = MessageToJson(Payloads(payloads=converted), indent=None)
        # Plain text of ours must not stay in a browser's cache.
        return Response(reply, media_type="application/json", headers={"Cache-Control": "no-store"})

    return answer


async def _body(request: Request) -> bytes | None:
    """The whole body, or None when it is larger than we take."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_REQUEST:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok")
