"""One authorised call: token, request, one renewal after a 401, and the verdict."""

from dataclasses import dataclass, field, replace
from urllib.parse import quote

from ml_connector.fedex.errors import FedExError
from ml_connector.fedex.reading import Part
from ml_connector.fedex.replies import Envelope, ReplyError, open_envelope
from ml_connector.fedex.tokens import Token, TokenSource
from ml_connector.fedex.verdicts import no_reply, refusal, unusable
from ml_connector.fedex.wire import Wire
from ml_connector.http.redaction import private_texts
from ml_connector.http.transport import Effect, Reply, Transport, TransportFailure

_UNAUTHORIZED = 401
_RENEWALS = 2
"""Another process may have renewed the token we hold, and FedEx revoked that one too: the first
renewal then only brings us up to date, and the second asks FedEx."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is called, and what its failure would mean."""

    method: str = "POST"
    path: str
    what: str
    """Reads after "to": "create the shipment"."""
    effect: Effect = Effect.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A readable success."""

    call: Call
    reply: Reply
    envelope: Envelope
    private: frozenset[str] = field(repr=False)
    """Texts of the request that must not come back in an error."""

    def lacks(self, why: str) -> FedExError:
        """The error to raise when a success lacks what it is about: the errors that it carries,
        or else that it settles nothing."""
        return self.refused(self.envelope.errors) or unusable(
            self.reply, self.envelope, self.call.what, self.call.effect, why
        )

    def refused(self, errors: tuple[ReplyError, ...]) -> FedExError | None:
        """The error that errors inside a success amount to."""
        envelope = replace(self.envelope, errors=errors, output=Part())
        return refusal(self.reply, envelope, self.call.what, self.call.effect, private=self.private)


class Session:
    """A tenant's FedEx account, spoken for by its tokens."""

    def __init__(
        self,
        transport: Transport,
        *,
        account_number: str,
        tokens: TokenSource,
        track_tokens: TokenSource | None = None,
    ) -> None:
        self.account_number = account_number
        self.tokens = tokens
        self.track_tokens = track_tokens or tokens
        self._transport = transport

    async def ask(
        self, call: Call, request: Wire, *, transaction_id: str, tokens: TokenSource | None = None
    ) -> Answered:
        """Send a request and return its readable success.

        Raises exactly one `FedExError` otherwise. A 401 is repeated with a renewed token, a write
        included: the gateway refuses a token before anything behind it sees the call.
        """
        source = tokens or self.tokens
        body = request.body()
        token = await source.token()
        reply = await self._send(call, body, token, transaction_id)
        for _ in range(_RENEWALS):
            if reply.status != _UNAUTHORIZED:
                break
            token = await source.token(stale=token.version)
            reply = await self._send(call, body, token, transaction_id)
        envelope = open_envelope(reply)
        private = private_texts(body) | {self.account_number}
        error = refusal(reply, envelope, call.what, call.effect, private=private)
        if error is not None:
            raise error
        if envelope is None:
            raise unusable(reply, None, call.what, call.effect, "the body cannot be read")
        return Answered(call=call, reply=reply, envelope=envelope, private=private)

    async def _send(
        self, call: Call, body: dict[str, object], token: Token, transaction_id: str
    ) -> Reply:
        try:
            return await self._transport.send(
                call.method,
                call.path,
                effect=call.effect,
                headers={
                    "authorization": f"Bearer {token.value}",
                    "x-customer-transaction-id": _header_safe(transaction_id),
                    "x-locale": "en_US",
                },
                json=body,
                operation=transaction_id,
            )
        except TransportFailure as failure:
            raise no_reply(failure, call.what, call.effect) from None


def _header_safe(text: str) -> str:
    """An order number may hold any letter, a header only ASCII: the others percent-encoded."""
    return quote(text, safe="/:@+,=() ").strip()
