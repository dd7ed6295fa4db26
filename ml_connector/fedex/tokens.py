"""OAuth tokens: where a call gets one from, and the only request that issues one.

The token endpoint counts requests per public address over all tenants, so nothing but the token
workflow's activity may call `request_token`; every other caller holds a `TokenSource`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ml_connector.fedex.errors import FedExBlocked, FedExCredentials, FedExRejected
from ml_connector.fedex.reading import Part
from ml_connector.fedex.replies import Envelope, open_envelope
from ml_connector.fedex.verdicts import no_reply, refusal, retry_after, unusable
from ml_connector.http.redaction import private_texts
from ml_connector.http.transport import BadBody, Effect, Reply, Transport, TransportFailure

PENALTY = timedelta(minutes=10)
"""How long FedEx blocks an address that asked too often (Quotas & rate limits guide)."""

USUAL_LIFETIME = timedelta(hours=1)
"""`expires_in` of every documented reply; used where a reply leaves it out."""

_LONGEST_LIFETIME = timedelta(days=1)
_WHAT = "issue a token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token and its place in the sequence of a credential's tokens."""

    value: str = field(repr=False)
    version: int


class TokenSource(Protocol):
    """Hands out a valid token of one credential."""

    async def token(self, *, stale: int | None = None) -> Token:
        """A token; `stale` is the version that FedEx has just refused with 401.

        Raises `FedExThrottled` when the budget or a block makes it wait, `FedExCredentials`
        when FedEx refuses the credential.
        """


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FedExCredential:
    """An API key with its secret, and a child account's pair where the grant needs one."""

    grant_type: str
    """client_credentials, csp_credentials or client_pc_credentials."""
    client_id: str
    client_secret: str
    child_key: str | None = None
    child_secret: str | None = None

    def __repr__(self) -> str:
        return f"FedExCredential(grant_type={self.grant_type!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A fresh token as FedEx issued it."""

    value: str = field(repr=False)
    expires_in: timedelta


async def request_token(transport: Transport, credential: FedExCredential) -> IssuedToken:
    """Ask FedEx for a token.

    Raises `FedExCredentials` for a refused key or secret, `FedExBlocked` once the address has
    asked too often, `FedExTransient` when FedEx cannot be reached or understood.
    """
    form = _form(credential)
    try:
        reply = await transport.send("POST", "/oauth/token", effect=Effect.READ, form=form)
    except TransportFailure as failure:
        raise no_reply(failure, _WHAT, Effect.READ) from None
    envelope = open_envelope(reply)
    _raise_refusal(reply, envelope, private_texts(form))
    issued = _read(reply)
    if issued is None:
        raise unusable(reply, envelope, _WHAT, Effect.READ, "there is no token in it")
    return issued


def _form(credential: FedExCredential) -> dict[str, str]:
    form = {
        "grant_type": credential.grant_type,
        "client_id": credential.client_id,
        "client_secret": credential.client_secret,
    }
    if credential.child_key is not None:
        form["child_Key"] = credential.child_key  # FedEx's spelling, capital K included
    if credential.child_secret is not None:
        form["child_secret"] = credential.child_secret
    return form


def _raise_refusal(reply: Reply, envelope: Envelope | None, private: frozenset[str]) -> None:
    if reply.status in (403, 429):
        raise FedExBlocked(
            "FedEx's token endpoint has blocked this machine's address.",
            why="Too many token requests came from it, over all tenants and programs.",
            remedy="Nothing to do: the connector waits. Look for other programs at this address.",
            status=reply.status,
            request_id=envelope.transaction_id if envelope else "",
            retry_after=max(retry_after(reply, datetime.now(UTC)) or PENALTY, PENALTY),
        )
    error = refusal(reply, envelope, _WHAT, Effect.READ, private=private)
    if error is None:
        return
    if isinstance(error, FedExRejected | FedExCredentials):
        # Whatever the code: there is nothing in this request but the credential.
        raise FedExCredentials(
            "FedEx issues no token for the API key and secret.",
            why=error.why,
            remedy=(
                "Check key, secret, child keys, grant type and `fedex.api_url`, then run "
                "`credentials set`."
            ),
            codes=error.codes,
            status=error.status,
            request_id=error.request_id,
        )
    raise error


def _read(reply: Reply) -> IssuedToken | None:
    try:
        body = Part(reply.json())
    except BadBody:
        return None
    value = body["access_token"].raw_text
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        return None
    seconds = body["expires_in"].whole
    lifetime = USUAL_LIFETIME
    if seconds is not None:
        lifetime = timedelta(seconds=min(seconds, _LONGEST_LIFETIME.total_seconds()))
    return IssuedToken(value=value, expires_in=lifetime) if lifetime > timedelta(0) else None
