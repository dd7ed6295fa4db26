"""How a call to another system can fail, whichever system it is.

Every failed call is exactly one of these; a client's own errors inherit from them.

    Fault
    ├── TransientFault        nothing happened, or only a read failed: try again
    ├── ThrottledFault        the other side asks for patience; `retry_after` says how much
    ├── CredentialsFault      the other side does not accept who we are: a person must act
    ├── RejectedFault         the other side understood and refused: repeating changes nothing
    └── OutcomeUnknownFault   a write whose answer was lost: look it up, never repeat blindly
"""

from datetime import timedelta


class Fault(Exception):
    """A call failed. `what` happened, `why`, and what to do (`remedy`); no personal data.

    What the other side said about it may name anybody. It is kept apart, as `quote`, and is no
    part of the text, so that no log and no traceback holds it.
    """

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        remedy: str = "",
        code: str = "",
        request_id: str = "",
        quote: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.code = code
        """The other side's own code, shown raw."""
        self.request_id = request_id
        """The other side's id of the exchange, for its support desk."""
        self.quote = quote
        """The other side's own words, for the eyes of the tenant's people: show or seal them."""

    @property
    def told(self) -> str:
        """`why`, and the other side's words: to be shown or sealed, not logged."""
        return " ".join(part for part in (self.why, self.quote) if part)

    def __str__(self) -> str:
        parts = (self.what, self.why, self.remedy)
        text = " ".join(part for part in parts if part)
        return f"{text} [{self.code}]" if self.code else text


class TransientFault(Fault):
    """Nothing was changed over there; the same call may succeed later."""


class ThrottledFault(Fault):
    """Too many calls. Nothing was changed."""

    def __init__(self, what: str, *, retry_after: timedelta, **details: str) -> None:
        super().__init__(what, **details)
        self.retry_after = retry_after


class CredentialsFault(Fault):
    """The key, secret, account or permission was refused."""


class RejectedFault(Fault):
    """The request was understood and refused."""


class OutcomeUnknownFault(Fault):
    """A write was sent and its answer never came, or cannot be read."""
