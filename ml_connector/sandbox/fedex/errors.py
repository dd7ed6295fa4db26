"""FedEx's error bodies, in the shapes its gateway and its APIs really use."""

from collections.abc import Sequence

from ml_connector.sandbox.fedex.values import Json, Problem

INVALID_INPUT = "INVALID.INPUT.EXCEPTION"
"""The general complaint about a field; its parameter list names the field."""

_BY_STATUS = {
    400: (INVALID_INPUT, "The request could not be read. Please modify your request."),
    401: (
        "NOT.AUTHORIZED.ERROR",
        "Access token expired. Please modify your request and try again.",
    ),
    403: (
        "FORBIDDEN.ERROR",
        "We could not authorize your credentials. Please check your permissions and try again.",
    ),
    404: (
        "NOT.FOUND.ERROR",
        "The resource you requested is no longer available. "
        "Please modify your request and try again.",
    ),
    405: ("METHOD.NOT.ALLOWED.ERROR", "The method is not supported for this resource."),
    415: ("UNSUPPORTED.MEDIA.TYPE.ERROR", "The content type is not supported."),
    429: (
        "TOO.MANY.REQUESTS",
        "We have received too many requests in a short duration. Please wait a while to try again.",
    ),
    500: (
        "INTERNAL.SERVER.ERROR",
        "We encountered an unexpected error and are working to resolve the issue.",
    ),
    503: (
        "SERVICE.UNAVAILABLE.ERROR",
        "The service is currently unavailable and we are working to resolve the issue.",
    ),
}


class Refusal(Exception):
    """The simulator will not do it; answered with `status` and the standard error body."""

    def __init__(self, status: int, problems: Sequence[Problem]) -> None:
        super().__init__(f"{status} {[problem.code for problem in problems]}")
        self.status = status
        self.problems = tuple(problems)


class GatewayRefusal(Exception):
    """Refused before any API saw it, in one of the gateway's own shapes."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def refuse(code: str, message: str, *, status: int = 400) -> Refusal:
    """A refusal with a single problem."""
    return Refusal(status, [Problem(code=code, message=message)])


def standard(status: int) -> Refusal:
    """The refusal FedEx's specifications give for a status."""
    code, message = _BY_STATUS.get(status, _BY_STATUS[500])
    return refuse(code, message, status=status)


def injected_body(status: int, code: str) -> Json:
    """The JSON body of a scripted status; without a code, the one that FedEx sends with it."""
    usual, message = _BY_STATUS.get(status, _BY_STATUS[500])
    if code:
        message = "We are not able to retrieve the message for the warning or error."
    return {
        "transactionId": "00000000-0000-4000-8000-000000000000",
        "errors": [{"code": code or usual, "message": message}],
    }
