"""The one road to another system: deadline, connection pool, record, redaction.

A transport knows nothing about FedEx or Visma. It answers one question that no client may
guess at: did the request leave this machine? `NotSent` says no, `AnswerLost` says perhaps.
"""

import asyncio
import ipaddress
import json
import logging
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NoReturn
from urllib.parse import urlsplit

import httpx

from ml_connector.http.redaction import private_texts, redact, redact_url

DEFAULT_TIMEOUT = timedelta(seconds=30)

LARGEST_REPLY = 64 * 1024 * 1024
"""Bytes. Two hundred labels fit in; a reply without end does not fill the memory."""

_GZIP_MAGIC = b"\x1f\x8b"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)
"""Failures that httpx can only raise while the request is still on this machine."""

_logger = logging.getLogger(__name__)


class Effect(StrEnum):
    """What a call does over there, and so what a lost answer means."""

    READ = "read"
    WRITE = "write"


class TransportFailure(Exception):
    """No whole reply arrived. The text names the kind of failure, never a header or a body."""

    def __init__(self, system: str, cause: str) -> None:
        super().__init__(f"{system}: {cause}")
        self.system = system
        self.cause = cause


class NotSent(TransportFailure):
    """Nothing left this machine: refused, unresolvable, no connection in time."""


class AnswerLost(TransportFailure):
    """The request was sent, or may have been, and no whole answer came back."""


class BadBody(ValueError):
    """A reply's body is not the JSON it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Looked up without regard to case."""
    content: bytes
    """Already decompressed."""

    def json(self) -> object:
        """The body as JSON; numbers with a fraction as `Decimal`, so that money stays exact.

        Raises `BadBody` for anything else, an empty body and `NaN` included.
        """
        try:
            return json.loads(self.content, parse_float=Decimal, parse_constant=_refuse_constant)
        except (ValueError, ArithmeticError, RecursionError) as exc:
            raise BadBody(
                f"{len(self.content)} bytes are not JSON ({type(exc).__name__})"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call as the audit trail keeps it; bodies and URL are redacted."""

    system: str
    method: str
    url: str
    effect: Effect
    operation: str | None
    """The operation key of a write (`tenant/order/step/generation`)."""
    request_body: object
    status: int | None
    """`None` when no reply came."""
    reply_body: object
    started_at: datetime
    """UTC"""
    duration: timedelta
    error: str | None
    """Why no reply came; `None` when one did, whatever its status."""


Recorder = Callable[[Exchange], Awaitable[None]]


def open_client() -> httpx.AsyncClient:
    """A connection pool, to be shared by every transport of a process; close it at the end.

    Cookies are refused, because the pool serves many tenants. Proxies of the environment are
    used, but never for this machine's own addresses.
    """
    return httpx.AsyncClient(
        timeout=None,  # noqa: S113 - the transport keeps one deadline over the whole call
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
        mounts={f"all://{host}": None for host in _LOOPBACK},
    )


class Transport:
    """Sends requests to one base URL and records every exchange."""

    def __init__(
        self,
        system: str,
        base_url: str,
        *,
        timeout: timedelta = DEFAULT_TIMEOUT,
        recorder: Recorder | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        """`timeout` covers the whole call, from waiting for a connection to the last byte.

        A `client` that is passed in stays its owner's to close. Raises `ValueError` for a base
        URL that is neither https nor http on the loopback.
        """
        self.system = system
        self.base_url = _checked(base_url)
        self.timeout = timeout
        self._recorder = recorder
        self._owns_client = client is None
        self._client = client or open_client()

    async def send(
        self,
        method: str,
        path: str,
        *,
        effect: Effect,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        operation: str | None = None,
    ) -> Reply:
        """Send one request and return the reply, whatever its status.

        Raises `NotSent` or `AnswerLost`, nothing else. A repeat is the caller's decision.
        """
        sending = _Sending(
            method=method,
            url=f"{self.base_url}/{path.lstrip('/')}",
            effect=effect,
            operation=operation,
            body=form if json is None else json,
        )
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                request = self._client.build_request(
                    method,
                    sending.url,
                    headers={**(headers or {}), **({} if json is None else _JSON_HEADER)},
                    params=params,
                    content=None if json is None else encode_json(json),
                    data=form,
                    extensions={"trace": sending.note},
                )
                sending.url = str(request.url)
                sending.reply = await self._receive(request)
                return sending.reply
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, _TooLarge) as exc:
            sending.error = _cause(exc)
            failure = AnswerLost if sending.may_have_left(exc) else NotSent
            # The cause is cut off on purpose: a protocol error quotes the header it stumbled
            # over, and that may be the bearer token.
            raise failure(self.system, sending.error) from None
        except asyncio.CancelledError:
            sending.error = "cancelled"
            raise
        finally:
            await self._record(sending)

    async def aclose(self) -> None:
        """Close the connection pool, if it is this transport's own."""
        if self._owns_client:
            await self._client.aclose()

    async def _receive(self, request: httpx.Request) -> Reply:
        response = await self._client.send(request, stream=True)
        try:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > LARGEST_REPLY:
                    raise _TooLarge
        finally:
            await response.aclose()
        return Reply(
            status=response.status_code,
            headers=response.headers,
            content=_gunzipped(bytes(content)),
        )

    async def _record(self, sending: "_Sending") -> None:
        if self._recorder is None:
            return
        try:
            await self._recorder(sending.exchange(self.system))
        except Exception as exc:
            # An answer in hand outranks its record: losing a created shipment's reply here
            # would turn a full disk into a second shipment.
            _logger.error("exchange with %s was not recorded: %s", self.system, type(exc).__name__)


_JSON_HEADER = {"content-type": "application/json"}


class _TooLarge(Exception):
    """A reply passed `LARGEST_REPLY`."""


@dataclass(slots=True, kw_only=True)
class _Sending:
    """One call while it runs: all that its record and its verdict need."""

    method: str
    url: str
    effect: Effect
    operation: str | None
    body: object
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.monotonic)
    left: bool = False
    """Whether the other side may have seen the request."""
    reply: Reply | None = None
    error: str | None = None

    async def note(self, event: str, info: object) -> None:
        """httpx's trace hook."""
        if event.endswith("send_request_headers.started"):
            self.left = True

    def may_have_left(self, exc: Exception) -> bool:
        if isinstance(exc, _NEVER_LEFT):
            return False
        # Our own deadline strikes anywhere, so only here the wire has to be asked.
        return self.left if isinstance(exc, TimeoutError) else True

    def exchange(self, system: str) -> Exchange:
        reply, request = self.reply, redact(self.body)
        return Exchange(
            system=system,
            method=self.method,
            url=redact_url(self.url),
            effect=self.effect,
            operation=self.operation,
            request_body=request,
            status=reply.status if reply else None,
            reply_body=_readable(reply, private_texts(self.body, request)) if reply else None,
            started_at=self.started_at,
            duration=timedelta(seconds=time.monotonic() - self.clock),
            error=self.error or (None if reply else "the request could not be built"),
        )


def encode_json(value: object) -> bytes:
    """JSON in UTF-8, with `Decimal` as a plain number.

    Raises `ValueError` for a decimal that a JSON number cannot carry exactly.
    """
    return json.dumps(value, default=_number, ensure_ascii=False, allow_nan=False).encode()


def _number(value: object) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is not JSON")
    if value == value.to_integral_value():
        return int(value)
    nearest = float(value)
    if Decimal(repr(nearest)) != value:
        raise ValueError("a decimal has more digits than a JSON number keeps")
    return nearest


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _cause(exc: Exception) -> str:
    match exc:
        case TimeoutError() | httpx.TimeoutException():
            return f"no answer in time ({type(exc).__name__})"
        case httpx.ConnectError():
            return f"no connection ({exc})"
        case _TooLarge():
            return f"the reply is larger than {LARGEST_REPLY} bytes"
        case _:
            return f"the exchange broke off ({type(exc).__name__})"


def _gunzipped(content: bytes) -> bytes:
    """Undo a compression that FedEx's gateway sometimes applies without saying so."""
    if not content.startswith(_GZIP_MAGIC):
        return content
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(content, LARGEST_REPLY)
    except zlib.error:
        return content
    return plain if unpacker.eof else content


def _readable(reply: Reply, private: frozenset[str]) -> object:
    """What the audit trail keeps of a body: JSON without secrets, else only its kind and size."""
    try:
        return redact(reply.json(), private)
    except (BadBody, RecursionError):
        media = reply.headers.get("content-type", "an unnamed type").split(";")[0]
        return f"<{len(reply.content)} bytes of {media}>"


def _checked(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme == "https" and parts.hostname:
        return base_url.rstrip("/")
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return base_url.rstrip("/")
    raise ValueError(
        f"{redact_url(base_url)} is no base URL: it must be https (plain http only for loopback)"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
