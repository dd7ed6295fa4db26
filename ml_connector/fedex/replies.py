"""FedEx's envelope: transaction ids, alerts, and the four shapes an error comes in."""

from dataclasses import dataclass

from ml_connector.fedex.reading import Part
from ml_connector.http.transport import BadBody, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A remark beside a result. The text is FedEx's own and may change; act on the code."""

    code: str
    message: str
    kind: str
    """NOTE or WARNING; "" where FedEx leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyError:
    """One error of a reply. `code` may be empty: gateways send a text only."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A reply whose body is a JSON object, whatever its status."""

    transaction_id: str
    """FedEx's own id of the exchange; opaque (UUID in production, prefixed in the sandbox)."""
    output: Part
    alerts: tuple[Alert, ...]
    errors: tuple[ReplyError, ...]

    @property
    def alert_codes(self) -> tuple[str, ...]:
        return tuple(alert.code for alert in self.alerts if alert.code)


def open_envelope(reply: Reply) -> Envelope | None:
    """The envelope of a reply; `None` for HTML, truncated JSON, an empty body, or no object."""
    try:
        body = reply.json()
    except BadBody:
        return None
    if not isinstance(body, dict):
        return None
    root = Part(body)
    return Envelope(
        transaction_id=root["transactionId"].text,
        output=root["output"],
        alerts=read_alerts(root["output"]),
        errors=_errors(root),
    )


def read_alerts(part: Part) -> tuple[Alert, ...]:
    """The alerts that stand directly under a part."""
    return tuple(
        Alert(
            code=alert["code"].text,
            message=alert["message"].text,
            kind=alert["alertType"].text,
        )
        for alert in part["alerts"]
    )


def _errors(root: Part) -> tuple[ReplyError, ...]:
    listed = tuple(
        ReplyError(code=error["code"].text, message=error["message"].text)
        for source in (root["errors"], root["output"]["errors"], root["output"]["cxsErrors"])
        for error in source
        if error["code"] or error["message"]
    )
    if listed:
        return listed
    # Two gateways speak for themselves: {"error", "error_detail"} in front of availability and
    # validate, {"error"?, "error_description"} in front of everything for a bad token.
    lone = ReplyError(
        code=root["error"].text,
        message=root.first("error_detail", "error_description").text,
    )
    return (lone,) if lone.code or lone.message else ()
