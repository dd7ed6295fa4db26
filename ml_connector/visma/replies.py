"""From a reply to an error: which statuses and bodies mean what.

No error catalogue is published. Known bodies: `{"message": "VismaId: … Error: …"}`, the same with
a capital M, `{"ExceptionType": "IPPException", …}`, plain text, HTML from a gateway, nothing.
"""

import re
from dataclasses import dataclass

from ml_connector.http.transport import BadBody, Effect, Reply
from ml_connector.visma.errors import (
    VismaCredentials,
    VismaError,
    VismaNotFound,
    VismaOutcomeUnknown,
    VismaRejected,
    VismaStale,
    VismaThrottled,
    VismaTransient,
)
from ml_connector.visma.limits import UNSTATED_WAIT, read_limits

_COMPANY_REFUSED = {"12002", "12027"}
"""IPPException fault codes: wrong company, no license for this company."""

_VISMA_ID = re.compile(r"VismaId: (?P<id>[0-9a-fA-F-]{36})\.?\s*")
_LONGEST_QUOTE = 500

WRONG_TENANT = (
    "Check visma.tenant_id: it must be the Company tenant id. The Customer tenant id also gets a "
    "token, but every call with it is answered 401. Check also that the company has approved the "
    "application in the Visma App Store."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What an error reply says about itself."""

    message: str
    code: str
    """Visma's own fault code, else the HTTP status."""
    request_id: str


def read_complaint(reply: Reply) -> Complaint:
    """Read any of the known error bodies; never raises."""
    body = _lowered(reply)
    message = str(body.get("message") or body.get("exceptionmessage") or "")
    request_id = str(body.get("exceptionmessageid") or reply.headers.get("ipp-request-id", ""))
    if found := _VISMA_ID.search(message):
        request_id = found["id"]
        message = _VISMA_ID.sub("", message, count=1)
    if not body:
        message = _plain_text(reply)
    return Complaint(
        message=" ".join(message.split())[:_LONGEST_QUOTE],
        code=str(body.get("exceptionfaultcode") or f"HTTP {reply.status}")[:40],
        request_id=request_id[:80],
    )


def failure(reply: Reply, effect: Effect, what: str) -> VismaError | None:
    """The error that a reply stands for, or `None` for any 2xx.

    `what` names the call in the texts ("update purchase order 500254").
    """
    status = reply.status
    if 200 <= status < 300:
        return None
    complaint = read_complaint(reply)
    details = {
        "code": complaint.code,
        "request_id": complaint.request_id,
        "quote": f"Visma says: {complaint.message}" if complaint.message else "",
    }
    if complaint.code in _COMPANY_REFUSED or status == 401:
        return VismaCredentials(
            f"Visma does not let the application into this company ({what}).",
            remedy=WRONG_TENANT,
            **details,
        )
    match status:
        case 403:
            return VismaCredentials(
                f"The application may not {what}.",
                remedy="Give the application the scope for it (vismanet_erp_service_api:read, "
                ":create or :update) in the Visma Developer Portal and have it approved again.",
                **details,
            )
        case 404 | 410:
            return VismaNotFound(f"Visma has nothing there: {what}.", **details)
        case 412:
            return VismaStale(
                f"Somebody changed the document first: {what}.",
                remedy="Read it again and apply only the own fields.",
                **details,
            )
        case 429:
            return _throttled(reply, what, details)
    if status >= 500 or status == 408:
        return _server_trouble(effect, what, f"It answered {status}.", details)
    return VismaRejected(f"Visma refused to {what}.", **details)


def lost(effect: Effect, what: str, cause: str) -> VismaError:
    """The error for a request that was sent and not answered in full."""
    return _server_trouble(effect, what, f"The answer was lost: {cause}.", {})


def unconfirmed(what: str, why: str) -> VismaOutcomeUnknown:
    """The error for a write that was answered with success in a form nobody can read."""
    return VismaOutcomeUnknown(
        f"Visma confirmed '{what}' unreadably.",
        why=why,
        remedy="Look the document up before anything is repeated.",
    )


def _server_trouble(effect: Effect, what: str, reason: str, details: dict[str, str]) -> VismaError:
    if effect is Effect.WRITE:
        return VismaOutcomeUnknown(
            f"Nobody knows whether Visma did it: {what}.",
            why=reason,
            remedy="Look the document up before anything is repeated.",
            **details,
        )
    return VismaTransient(f"Visma could not {what}.", why=reason, **details)


def _throttled(reply: Reply, what: str, details: dict[str, str]) -> VismaThrottled:
    limits = read_limits(reply.headers, reply.status)
    return VismaThrottled(
        f"Visma's limit of calls is reached: {what}.",
        retry_after=limits.retry_after or UNSTATED_WAIT,
        why=f"Policy {limits.policy}." if limits.policy else "",
        remedy="It goes on by itself when the window resets.",
        **details,
    )


def _lowered(reply: Reply) -> dict[str, object]:
    """The body's keys in lower case, because their case differs between Visma's services."""
    try:
        body = reply.json()
    except (BadBody, RecursionError):
        return {}
    return {key.lower(): value for key, value in body.items()} if isinstance(body, dict) else {}


def _plain_text(reply: Reply) -> str:
    """A body that is a sentence; a page of HTML says nothing that helps."""
    text = reply.content[: 4 * _LONGEST_QUOTE].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        return f"an HTML page with status {reply.status}, probably from a gateway"
    printable = text.isprintable() or all(c.isprintable() or c.isspace() for c in text)
    return text.strip('"') if printable and "\ufffd" not in text else ""
