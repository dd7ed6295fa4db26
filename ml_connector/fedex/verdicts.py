"""From a failed exchange to the one error that says what it means.

Status, error codes and the effect of the call decide; FedEx's message texts never do, save for
the daily quota, which has no code of its own.
"""

from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ml_connector.fedex.catalogue import Blame, advice_for, blame_for
from ml_connector.fedex.errors import (
    FedExCredentials,
    FedExError,
    FedExOutcomeUnknown,
    FedExRejected,
    FedExThrottled,
    FedExTransient,
)
from ml_connector.fedex.replies import Envelope, ReplyError
from ml_connector.http.redaction import scrub
from ml_connector.http.transport import Effect, NotSent, Reply, TransportFailure

RATE_WINDOW = timedelta(seconds=10)
"""FedEx's rate limit counts 10-second windows (Quotas & rate limits guide)."""

LONGEST_WAIT = timedelta(days=1)
"""No quota of FedEx lasts longer, so no header may ask for more."""

_UNAUTHORIZED, _FORBIDDEN, _TIMED_OUT, _TOO_EARLY, _TOO_MANY = 401, 403, 408, 425, 429

_LOOK_UP = "The connector looks the shipment up before it does anything else."
_TRY_AGAIN = "Nothing to do: the connector tries again."


def no_reply(failure: TransportFailure, what: str, effect: Effect) -> FedExError:
    """The error for a request that brought no whole reply. `what` reads after "to"."""
    if effect is Effect.READ or isinstance(failure, NotSent):
        return FedExTransient(
            f"FedEx did not answer the request to {what}.",
            why=f"{failure.cause}.",
            remedy=_TRY_AGAIN,
        )
    return FedExOutcomeUnknown(
        f"FedEx's answer to the request to {what} was lost.",
        why=f"{failure.cause}.",
        remedy=_LOOK_UP,
    )


def unusable(
    reply: Reply, envelope: Envelope | None, what: str, effect: Effect, why: str
) -> FedExError:
    """The error for a reply that does not say whether the call took effect."""
    kind, remedy = (
        (FedExTransient, _TRY_AGAIN) if effect is Effect.READ else (FedExOutcomeUnknown, _LOOK_UP)
    )
    return kind(
        f"FedEx's answer to the request to {what} settles nothing.",
        why=f"HTTP {reply.status}: {why}.",
        remedy=remedy,
        **_details(reply, envelope),
    )


def refusal(
    reply: Reply,
    envelope: Envelope | None,
    what: str,
    effect: Effect,
    *,
    private: frozenset[str] = frozenset(),
    now: datetime | None = None,
) -> FedExError | None:
    """The error that a reply is, or `None` when it is a readable success.

    A success with errors and no output is a refusal: an error body is one whatever its status.
    `private` are texts of the request that FedEx's messages must not carry into ours.
    """
    errors = envelope.errors if envelope else ()
    succeeded = 200 <= reply.status < 300
    if succeeded and envelope and (envelope.output or not errors):
        return None
    if reply.status == _TOO_MANY:
        return _throttled(reply, envelope, what, now or datetime.now(UTC))
    if reply.status == _FORBIDDEN and envelope is None:
        # FedEx's API refuses in JSON. A page is the edge's or a proxy's, says nothing of this
        # tenant's keys.
        return unusable(reply, None, what, effect, "a page, perhaps of a proxy or firewall")
    if reply.status in (_UNAUTHORIZED, _FORBIDDEN):
        return _spoken(FedExCredentials, reply, envelope, what, private)
    if envelope is None and not _refuses(reply.status):
        return unusable(reply, envelope, what, effect, "the body cannot be read")
    blames = {blame_for(error.code) for error in errors}
    if Blame.FEDEX in blames or not (_refuses(reply.status) or succeeded):
        return unusable(reply, envelope, what, effect, "a fault of FedEx's own")
    kind = FedExCredentials if Blame.TENANT in blames else FedExRejected
    return _spoken(kind, reply, envelope, what, private)


def _refuses(status: int) -> bool:
    """Whether a status says by itself that nothing was done."""
    return 400 <= status < 500 and status not in (_TIMED_OUT, _TOO_EARLY)


def _spoken(
    kind: type[FedExCredentials] | type[FedExRejected],
    reply: Reply,
    envelope: Envelope | None,
    what: str,
    private: frozenset[str],
) -> FedExError:
    errors = envelope.errors if envelope else ()
    return kind(
        f"FedEx refused to {what}.",
        why=" ".join(explained(error, private) for error in errors) or f"HTTP {reply.status}.",
        remedy=_remedy(errors, reply.status),
        **_details(reply, envelope),
    )


def explained(error: ReplyError, private: frozenset[str] = frozenset()) -> str:
    """A code with its meaning; an unknown code with FedEx's words, scrubbed of `private`."""
    advice = advice_for(error.code)
    words = advice.meaning if advice else scrub(error.message, private)
    return f"{error.code}: {words}" if error.code else words


def _remedy(errors: tuple[ReplyError, ...], status: int) -> str:
    steps = [advice.next_step for error in errors if (advice := advice_for(error.code))]
    if steps:
        return " ".join(dict.fromkeys(steps))
    if status in (_UNAUTHORIZED, _FORBIDDEN):
        return "Check key, secret and permissions in FedEx's portal, then run `tenant ping`."
    return "Look the code up in FedEx's developer portal, or ask its support with the request id."


def _throttled(reply: Reply, envelope: Envelope | None, what: str, now: datetime) -> FedExThrottled:
    daily = b"daily" in reply.content[:2_000].lower()
    return FedExThrottled(
        f"FedEx asks for patience before it will {what}.",
        why="The daily quota is used up." if daily else "Too many calls in a short time.",
        remedy="Nothing to do: the connector waits and tries again.",
        retry_after=retry_after(reply, now) or (_until_midnight(now) if daily else RATE_WINDOW),
        **_details(reply, envelope),
    )


def _details(reply: Reply, envelope: Envelope | None) -> dict[str, Any]:
    errors = envelope.errors if envelope else ()
    return {
        "codes": tuple(error.code for error in errors if error.code),
        "status": reply.status,
        "request_id": envelope.transaction_id if envelope else "",
    }


def retry_after(reply: Reply, now: datetime) -> timedelta | None:
    """The `Retry-After` header, in seconds or as a date. FedEx documents none; proxies send it."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        seconds = min(int(value[:9]), LONGEST_WAIT.total_seconds())
        return timedelta(seconds=seconds)
    try:
        wait = parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_WAIT)


def _until_midnight(now: datetime) -> timedelta:
    """Quotas are renewed at 00:00 GMT."""
    today = now.astimezone(UTC).date()
    return datetime.combine(today + timedelta(days=1), time(tzinfo=UTC)) - now
