"""The ways Visma says no, each with its own body.

Refused       a business error: `{"message": "VismaId: …. Error: …"}`, mostly 400
NotFound      the same with 404
Unauthorized  401, empty, with `WWW-Authenticate`
Forbidden     403 for a scope the token lacks
Unlicensed    403, the platform's `IPPException` 12027
Stale         412 with an empty body
Throttled     429, in `limits.py`
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a call is answered with; `body` None means an empty one."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


class CallError(Exception):
    """The call ends here, with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Refused(CallError):
    """Understood and refused. `what` is Visma's first sentence, `why` its second."""

    def __init__(self, why: str, *, what: str = "", status: int = 400) -> None:
        self.why = why
        super().__init__(Reply(status=status, body=message_body(why, what)))

    def __str__(self) -> str:
        return self.why


class NotFound(Refused):
    """404: no such record in this company."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind} '{key}' cannot be found in the system.", status=404)


class Unauthorized(CallError):
    """401: the token is missing, unknown, expired, revoked, or of no Company tenant."""

    def __init__(self, description: str) -> None:
        challenge = f'Bearer error="invalid_token", error_description="{description}"'
        super().__init__(Reply(status=401, headers={"WWW-Authenticate": challenge}))


class Forbidden(CallError):
    """403: the token lacks the scope that the method needs."""

    def __init__(self, scope: str) -> None:
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        super().__init__(Reply(status=403, headers={"WWW-Authenticate": challenge}))


class Unlicensed(CallError):
    """The company has no licence: the platform's own error, in its own shape."""

    def __init__(self, tenant_id: str) -> None:
        body = {
            "ExceptionType": "IPPException",
            "ExceptionMessage": "No license for this company.",
            "ExceptionFaultCode": "12027",
            "ExceptionMessageID": f"12027_{uuid5(NAMESPACE_URL, tenant_id)}",
            "ExceptionDetails": "",
        }
        super().__init__(Reply(status=403, body=body))


class Stale(CallError):
    """412: the document is no longer at the version that `If-Match` names."""

    def __init__(self) -> None:
        super().__init__(Reply(status=412))


def message_body(why: str, what: str = "") -> dict[str, str]:
    """Visma's business error. With `what`, in the long form with a VismaId."""
    if not what:
        return {"message": why}
    return {"message": f"VismaId: {uuid5(NAMESPACE_URL, what + why)}. {what}. Error: {why}"}


def injected_error(status: int, code: str) -> object:
    """The JSON body of a fault that was scripted with a status."""
    return message_body(f"The request could not be processed ({code or status}).")
