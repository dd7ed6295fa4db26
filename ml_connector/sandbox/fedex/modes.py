"""Every switch of the FedEx simulator, with the value it starts with."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from ml_connector.sandbox.control import ControlModel, Span


class Modes(ControlModel):
    """How the simulator behaves where FedEx's behaviour differs or is not documented.

    Set through `POST /sandbox/modes` with any of these keys; durations read `90s`, `10m`.
    Lags and token times run on the gateway's clock, journeys on the carrier's.
    """

    # OAuth
    auth_errors: Literal["gateway", "documented"] = "gateway"
    """The 401 body: the gateway's own two-key shape, or the specification's `errors[]`."""
    forbidden_body: Literal["json", "html"] = "json"
    """The body of a blocked address's 403, which FedEx does not document."""
    token_lifetime: Span = timedelta(hours=1)
    block_time: Span = timedelta(minutes=10)
    block_extends: bool = True
    """Whether a request made while blocked starts the block anew."""
    burst_requests: int = Field(default=15, ge=1)
    burst_window: Span = timedelta(seconds=5)
    """3 a second sustained for 5 s: one more than `burst_requests` in it blocks."""
    average_requests: int = Field(default=120, ge=1)
    average_window: Span = timedelta(minutes=2)
    """1 a second sustained for 2 min: one more than `average_requests` in it blocks."""
    strict_window: Span | None = timedelta(seconds=5)
    """More than `strict_requests` in it is recorded as a violation, and not otherwise punished."""
    strict_requests: int = Field(default=2, ge=1)

    # Gateway
    gzip: Literal["auto", "always", "never"] = "auto"
    rate_limit: int = Field(default=1400, ge=1)
    rate_window: Span = timedelta(seconds=10)
    track_quota: int = Field(default=100_000, ge=0)
    """Track calls per project and day (GMT)."""
    virtual: bool = False
    """Track answers like FedEx's virtual sandbox: its alert, its ids, its spelling of the echo."""

    # Ship
    strict_types: bool = False
    """Refuse what FedEx documents as wrong but accepts: numbers for strings and the like."""
    sync_pieces: int = Field(default=40, ge=1)
    job_polls: int = Field(default=2, ge=0)
    """How many times `results` answers without a shipment before a job is done."""
    missing_rating_for: str | None = None
    """Order numbers or references (pattern) whose reply lacks the rating."""
    empty_ship_for: str | None = None
    """Order numbers or references (pattern) whose shipment is made, but missing in the 200."""
    third_party_rates: bool = True
    """Whether a shipment somebody else pays for is rated at all."""

    # Cancel
    cancel_message_key: Literal["message", "successMessage"] = "message"
    cancel_outcome: Literal["normal", "success_as_error", "failure", "false"] = "normal"
    cancelled_shows: Literal["CA", "NOTFOUND"] = "CA"

    # Track
    trackable_after: Span = timedelta(0)
    reference_lag: Span = timedelta(0)
    hidden_references: frozenset[str] = frozenset()
    """Values that the reference search never finds, although they exist."""
    several_matches: Literal["error", "list"] = "error"
    naive_scans: frozenset[str] = frozenset({"OC", "IT"})
    """Scan codes whose time carries no offset."""
    rs_quirk: bool = True
    """A return's status stays DE while its RS scan says delivered."""

    # Rate
    quotes: bool = True
