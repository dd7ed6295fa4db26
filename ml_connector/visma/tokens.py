"""Access tokens of Visma Connect: one per credential, renewed ahead of time.

Source: Visma.net API documentation, "Service integrations": client credentials with the company's
`tenant_id` as a form field; a token serves one company and lives an hour; there is no refresh
token, one asks again. Asking changes nothing, so a failed request is always safe to repeat.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from ml_connector.http.faults import ThrottledFault, TransientFault
from ml_connector.http.transport import (
    AnswerLost,
    BadBody,
    Effect,
    NotSent,
    Reply,
    Transport,
)
from ml_connector.visma.errors import (
    VismaCredentials,
    VismaError,
    VismaRejected,
    VismaThrottled,
    VismaTransient,
    VismaUnreadable,
)
from ml_connector.visma.limits import UNSTATED_WAIT, read_limits

TOKEN_PATH = "/connect/token"  # noqa: S105 - a path, not a secret
SCOPE = " ".join(f"vismanet_erp_service_api:{verb}" for verb in ("create", "read", "update"))

UNSTATED_LIFE = timedelta(minutes=5)
"""A token that does not say how long it lives is renewed soon."""

_LONGEST_LIFE = timedelta(hours=24)
_RETRY_RENEWAL = timedelta(seconds=30)
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")

_APPROVAL = (
    "An administrator of the company must accept the application in the Visma App Store, and "
    "visma.tenant_id must be the tenant id of exactly that company (the Company tenant)."
)
_REASONS = {
    "invalid_client": (
        "Visma Connect does not accept the client id and secret.",
        "Set both again (credentials set); a secret may have expired in the Developer Portal.",
    ),
    "invalid_tenant": ("The company has not approved the application.", _APPROVAL),
    "access_denied": ("The company has not approved the application.", _APPROVAL),
    "invalid_grant": ("Visma Connect refuses the application for this company.", _APPROVAL),
    "invalid_scope": (
        "The application lacks a scope that it asked for.",
        f"Add {SCOPE} to the application in the Visma Developer Portal.",
    ),
    "unauthorized_client": (
        "The application may not use client credentials.",
        "It must be registered as a service integration in the Visma Developer Portal.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VismaCredential:
    """What a tenant's application is known by. The secret never shows in a repr."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    tenant_id: str
    """The Company tenant id, not the Customer tenant id."""
    scope: str = SCOPE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    value: str = field(repr=False)
    renew_at: float
    expires_at: float


class VismaTokens:
    """The access token of one credential; keep one instance per credential and process."""

    def __init__(
        self,
        transport: Transport,
        credential: VismaCredential,
        *,
        path: str = TOKEN_PATH,
        ahead: timedelta = timedelta(minutes=5),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ahead` is how long before its end a token is renewed; `clock` counts seconds."""
        self._transport = transport
        self._credential = credential
        self._path = path
        self._ahead = ahead.total_seconds()
        self._clock = clock
        self._token: _Token | None = None
        self._flight: asyncio.Task[_Token] | None = None

    async def token(self, *, refused: str | None = None) -> str:
        """A token that is good for some minutes; however many ask, one request is made.

        `refused` is a token that Visma has just answered with 401: it is not handed out again.
        Raises `VismaCredentials`, `VismaThrottled`, `VismaTransient` or `VismaRejected`.
        """
        held = self._token
        if held is not None and held.value != refused and self._clock() < held.renew_at:
            return held.value
        try:
            return (await self._renewed()).value
        except (TransientFault, ThrottledFault):
            # Renewal is ahead of time, so the old token carries us over a short outage.
            if held is None or held.value == refused or self._clock() >= held.expires_at:
                raise
            retry_at = self._clock() + _RETRY_RENEWAL.total_seconds()
            self._token = _Token(value=held.value, renew_at=retry_at, expires_at=held.expires_at)
            return held.value

    async def _renewed(self) -> _Token:
        if self._flight is None:
            self._flight = asyncio.create_task(self._fetch(), name="visma-token")
            self._flight.add_done_callback(self._landed)
        # One caller's cancellation must not take the token away from the others.
        return await asyncio.shield(self._flight)

    def _landed(self, flight: asyncio.Task[_Token]) -> None:
        self._flight = None
        if not flight.cancelled() and flight.exception() is None:
            self._token = flight.result()

    async def _fetch(self) -> _Token:
        asked_at = self._clock()
        try:
            reply = await self._transport.send(
                "POST",
                self._path,
                effect=Effect.READ,
                headers={"Accept": "application/json"},
                form={
                    "grant_type": "client_credentials",
                    "scope": self._credential.scope,
                    "client_id": self._credential.client_id,
                    "client_secret": self._credential.client_secret,
                    "tenant_id": self._credential.tenant_id,
                },
            )
        except (NotSent, AnswerLost) as exc:
            raise VismaTransient("Visma Connect cannot be reached.", why=str(exc)) from exc
        if reply.status != 200:
            raise _refusal(reply)
        return self._granted(reply, asked_at)

    def _granted(self, reply: Reply, asked_at: float) -> _Token:
        body = _body(reply)
        value = body.get("access_token")
        if not isinstance(value, str) or not value or not value.isascii() or " " in value:
            raise VismaUnreadable("Visma Connect answered without a usable access token.")
        if not value.isprintable():
            raise VismaUnreadable("Visma Connect answered with a token that no header can carry.")
        life = _life(body.get("expires_in")).total_seconds()
        return _Token(
            value=value,
            # A short-lived token is used for its first half rather than never.
            renew_at=asked_at + max(life - self._ahead, life / 2),
            expires_at=asked_at + life,
        )


def split_token_url(url: str) -> tuple[str, str]:
    """`visma.token_url` as the transport's base URL and the token path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path or TOKEN_PATH


def _life(stated: object) -> timedelta:
    if isinstance(stated, str) and stated.isdecimal() and len(stated) < 10:
        stated = int(stated)
    if isinstance(stated, bool) or not isinstance(stated, int) or stated <= 0:
        return UNSTATED_LIFE
    return timedelta(seconds=min(stated, int(_LONGEST_LIFE.total_seconds())))


def _refusal(reply: Reply) -> VismaError:
    stated = _body(reply).get("error")
    # Only the code is quoted: descriptions may repeat what was sent.
    code = stated if isinstance(stated, str) and _ERROR_CODE.fullmatch(stated) else ""
    if reply.status == 429:
        limits = read_limits(reply.headers, reply.status)
        return VismaThrottled(
            "Visma Connect asks for patience.", retry_after=limits.retry_after or UNSTATED_WAIT
        )
    if reply.status >= 500 or reply.status == 408:
        return VismaTransient("Visma Connect is in trouble.", code=f"HTTP {reply.status}")
    if code in _REASONS:
        what, remedy = _REASONS[code]
        return VismaCredentials(what, remedy=remedy, code=code)
    if code or reply.status in (401, 403):
        return VismaCredentials(
            "Visma Connect gives this application no token.",
            remedy="Check visma.client_id, visma.client_secret and visma.tenant_id.",
            code=code or f"HTTP {reply.status}",
        )
    return VismaRejected(
        "The answer is not one of Visma Connect.",
        remedy="Check visma.token_url, and any proxy in between.",
        code=f"HTTP {reply.status}",
    )


def _body(reply: Reply) -> dict[str, object]:
    try:
        body = reply.json()
    except (BadBody, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
