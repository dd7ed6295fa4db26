"""How a FedEx call can fail. Every failed call raises exactly one of these, and nothing else.

    FedExError
    ├── FedExTransient          nothing was created, or only a read failed: try again
    ├── FedExThrottled          too many calls; `retry_after` says how long to wait
    │   └── FedExBlocked        the token endpoint has blocked this address for ten minutes
    ├── FedExCredentials        key, secret, account or permission refused: one tenant stops
    ├── FedExRejected           the request was understood and refused: one order stops
    └── FedExOutcomeUnknown     a write whose answer was lost: look it up, never repeat blindly

Each leaf is also the house-wide fault of the same meaning (`ml_connector.http.faults`).
"""

from typing import Any

from ml_connector.http.faults import (
    CredentialsFault,
    Fault,
    OutcomeUnknownFault,
    RejectedFault,
    ThrottledFault,
    TransientFault,
)


class FedExError(Fault):
    """A FedEx call failed; `code` is FedEx's first error code, `codes` are all of them."""

    def __init__(
        self, what: str, *, codes: tuple[str, ...] = (), status: int | None = None, **details: Any
    ) -> None:
        super().__init__(what, code=codes[0] if codes else "", **details)
        self.codes = codes
        self.status = status
        """HTTP status of the reply; `None` when no reply came."""


class FedExTransient(FedExError, TransientFault):
    """FedEx was unreachable or had a fault of its own, and nothing was changed."""


class FedExThrottled(FedExError, ThrottledFault):
    """FedEx asks for patience."""


class FedExBlocked(FedExThrottled):
    """The token endpoint refuses this machine's public address; asking again prolongs it."""


class FedExCredentials(FedExError, CredentialsFault):
    """FedEx does not accept the tenant's key, secret, account number or permission."""


class FedExRejected(FedExError, RejectedFault):
    """FedEx refused the request for what is in it."""


class FedExOutcomeUnknown(FedExError, OutcomeUnknownFault):
    """A shipment may or may not have been created or cancelled."""
