"""What crosses the border of the token workflow. A token never does."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenState:
    """What the token workflow knows of a credential's token."""

    version: int
    expires_at: datetime
    """When to stop using it: somewhat before FedEx does."""
    refresh_at: datetime | None
    """Empty: nobody used it, so nobody renews it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlace:
    """A credential's place in the line for FedEx's token endpoint."""

    credential: str
    """`{tenant}/{project}`"""
    urgent: bool = False
    """A person is waiting: served before background work."""
    renewal: bool = False
    """Nobody waits: worth a request only if the present token is in use."""
    known_version: int = 0
    """The new token's version is above it."""
    settings: int = 0
    """The latest version of the tenant's secrets that an asker knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInput:
    """Start of `FedExTokenWorkflow`, and what survives its continue-as-new."""

    egress: str
    window: timedelta
    """Requests are limited per this window."""
    block: timedelta = timedelta(minutes=10)
    """How long FedEx blocks an address."""
    tokens: dict[str, TokenState] = field(default_factory=dict)
    issued_at: tuple[datetime, ...] = ()
    blocked_until: datetime | None = None
    line: tuple[TokenPlace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsureToken:
    """Ask for a token that is not `stale_version`."""

    tenant: str
    project: str
    """`ship` or `track`: Track may live in a project of its own."""
    stale_version: int | None = None
    urgent: bool = False
    """A person is waiting: served before background work."""
    settings: int = 0
    """Version of the tenant's secrets that the asker knows; one that knows newer ones does not
    share the answer to older ones."""

    @property
    def credential(self) -> str:
        return f"{self.tenant}/{self.project}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """Exactly one of: a token is in the store; come back at `not_before`; blocked; refused."""

    version: int | None = None
    expires_at: datetime | None = None
    not_before: datetime | None = None
    blocked_until: datetime | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueToken:
    """Fetch, seal and store one token, under a version above every one known."""

    tenant: str
    project: str
    known_version: int
    wait: timedelta = timedelta()
    """From the activity's start: its turn in FedEx's budget is not sooner."""
    only_if_used: bool = False
    """Renew only a token that was used since it was issued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued:
    """Result of `issue_token`. Without `expires_at` no token was issued: one of `blocked_for`,
    `refused` and `failure` says why, or none where nobody needs it."""

    version: int = 0
    expires_at: datetime | None = None
    blocked_for: timedelta | None = None
    refused: str = ""
    failure: str = ""
    settings: int = 0
    """Version of the tenant's settings that the credential was read from."""
    ago: timedelta = timedelta()
    """How long before this result FedEx had answered."""
