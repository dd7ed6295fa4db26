"""Every way a Visma call can fail.

    VismaError
    ├── VismaTransient            a read failed, or nothing was sent: try again
    │   ├── VismaUnreadable       a reply that is not what the API describes
    │   ├── VismaTruncated        a list that is shorter than its own total
    │   └── VismaStale            412: somebody changed the document first; read it again
    ├── VismaThrottled            429, or our own share of the hour is used up
    ├── VismaCredentials          client, secret, tenant, approval or scope
    ├── VismaRejected             understood and refused
    │   ├── VismaNotFound         no such document
    │   ├── VismaFilterIgnored    rows that were not asked for: a parameter had no effect
    │   └── VismaNoRate           no exchange rate for that day
    └── VismaOutcomeUnknown       a write whose answer was lost: look it up
        └── VismaQueued           Visma took the write for later; `background_id` tells when

Each is also a `ml_connector.http.faults` class. Visma's own business message, which often is the
remedy, is kept apart as `quote`: it may name anybody, so it is shown or sealed, and never logged.
"""

from ml_connector.http.faults import (
    CredentialsFault,
    Fault,
    OutcomeUnknownFault,
    RejectedFault,
    ThrottledFault,
    TransientFault,
)


class VismaError(Fault):
    """A call to Visma.net or Visma Connect failed."""


class VismaTransient(VismaError, TransientFault):
    """Nothing was changed; the same call may succeed later."""


class VismaUnreadable(VismaTransient):
    """A successful reply to a read that is not what the API describes."""


class VismaTruncated(VismaTransient):
    """A list ended before its own total; nothing may be concluded from what is missing."""


class VismaStale(VismaTransient):
    """The document has another version than the one in If-Match; nothing was written."""


class VismaThrottled(VismaError, ThrottledFault):
    """Visma's hourly limit, or the part of it that this kind of work may use."""


class VismaCredentials(VismaError, CredentialsFault):
    """Visma does not let this application into this company."""


class VismaRejected(VismaError, RejectedFault):
    """Visma understood the request and refused it; `quote` holds its reason."""


class VismaNotFound(VismaRejected):
    """Visma has no document or record of that number."""


class VismaFilterIgnored(VismaRejected):
    """Rows came back that the request excluded.

    Visma.net answers 200 with unfiltered rows to a parameter that it does not know, so a filter
    that has no effect is only visible in the rows.
    """


class VismaNoRate(VismaRejected):
    """Visma holds no usable exchange rate for the day."""


class VismaOutcomeUnknown(VismaError, OutcomeUnknownFault):
    """A write was sent and nobody knows whether it happened."""


class VismaQueued(VismaOutcomeUnknown):
    """Visma accepted a write for later (202)."""

    def __init__(self, what: str, *, background_id: str, **details: str) -> None:
        super().__init__(what, **details)
        self.background_id = background_id
        """For `VismaClient.background`; empty when Visma gave none. Kept for 24 hours."""
