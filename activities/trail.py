"""What an activity exchanged with other systems, on its way into the audit trail.

The transports hand every exchange to `remember`. An activity writes the collected trail in the
transaction that records its outcome, so that the audit costs no transaction of its own; what is
left over (a failed attempt) is written by the interceptor.
"""

import json
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from ml_connector.http.transport import Exchange
from ml_connector.store.view import TenantView

BODY_RETENTION = timedelta(days=400)
"""Raw exchanges outlive one financial year; the chain keeps their digests for ever."""


@dataclass(slots=True, kw_only=True)
class Trail:
    """The exchanges of one activity attempt, on behalf of one order or of a whole tenant."""

    tenant: str
    order: str | None
    actor: str
    settings: int | None = None
    """Version of the tenant's settings that it works with, once it has asked for them."""
    exchanges: list[Exchange] = field(default_factory=list)

    def write(self, view: TenantView) -> None:
        """Append what was collected, and forget it, unless the transaction is rolled back."""
        collected, self.exchanges = self.exchanges, []
        view.undo.append(partial(self._recall, collected))
        expiry = datetime.now(UTC) + BODY_RETENTION
        for exchange in collected:
            body = _body(exchange)
            view.audit.append(
                f"{exchange.system}:{exchange.method.lower()}",
                actor=self.actor,
                order=self.order,
                operation=exchange.operation,
                detail={
                    "url": exchange.url,
                    "status": exchange.status,
                    "milliseconds": round(exchange.duration.total_seconds() * 1000),
                    "error": exchange.error,
                },
                body=body,
                expires_at=expiry if body is not None else None,
            )

    def _recall(self, exchanges: list[Exchange]) -> None:
        self.exchanges[:0] = exchanges

    def note(self, view: TenantView, action: str, **detail: object) -> None:
        """Append the exchanges, then a decision made because of them."""
        self.write(view)
        view.audit.append(action, actor=self.actor, order=self.order, detail=detail)


_current: ContextVar[Trail | None] = ContextVar("trail", default=None)


def current_trail() -> Trail:
    """The running activity's trail."""
    trail = _current.get()
    if trail is None:
        raise LookupError("No activity is running here: the interceptor opens the trail.")
    return trail


def open_trail(trail: Trail) -> None:
    """Make `trail` the current one, for this task and those it starts."""
    _current.set(trail)


def works_with(settings: int) -> None:
    """Note the version of the tenant's settings on the current trail, if there is one."""
    trail = _current.get()
    if trail is not None:
        trail.settings = settings


async def remember(exchange: Exchange) -> None:
    """Recorder of every transport; exchanges outside an activity are only logged there."""
    trail = _current.get()
    if trail is not None:
        trail.exchanges.append(exchange)


def _body(exchange: Exchange) -> bytes | None:
    if exchange.request_body is None and exchange.reply_body is None:
        return None
    both = {"request": exchange.request_body, "reply": exchange.reply_body}
    return json.dumps(both, default=str, ensure_ascii=False).encode()
