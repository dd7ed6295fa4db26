"""Everything the simulated Visma holds, and what it noticed about its callers."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.faults import FaultPlan, Seen
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.documents import Document, Edit, Journal, Versioned
from ml_connector.sandbox.visma.errors import injected_error
from ml_connector.sandbox.visma.switches import Switches

if TYPE_CHECKING:
    from ml_connector.sandbox.visma.calls import Call

ALL_SCOPES = frozenset(
    f"vismanet_erp_service_api:{verb}" for verb in ("create", "read", "update", "delete")
)
_FIRST_VERSION = 0x4D182222
"""Row versions of a database that has lived a while already."""


@dataclass(kw_only=True)
class Client:
    """A service application and the tenants whose administrators have approved it."""

    id: str
    secret: str
    tenants: set[str] = field(default_factory=set)
    scopes: frozenset[str] = ALL_SCOPES


@dataclass(kw_only=True)
class Token:
    """An access token; `tenant_id` None when none was asked for."""

    client_id: str
    tenant_id: str | None
    scopes: frozenset[str]
    expires_at: datetime
    revoked: bool = False


@dataclass(kw_only=True)
class Window:
    """A rate-limit window of one (client, company)."""

    ends_at: datetime
    used: int = 0


@dataclass(kw_only=True)
class Job:
    """A background call, from its 202 on."""

    id: str
    tenant_id: str
    call: "Call"
    webhook: str | None
    received_at: datetime
    due_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    polls: int = 0
    status_code: int = 0
    content: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.finished_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Something a careful caller does not do, whether it was refused or not."""

    kind: str
    tenant_id: str
    call: str
    detail: str
    at: datetime


class VismaWorld:
    """Companies by tenant id, the clients that may call, and the record of all calls.

    Not thread-safe: the app and the tests share one event loop.
    """

    def __init__(self, clock: Clock | None = None, *, seed: int = 0) -> None:
        self.clock = clock or Clock()
        self.switches = Switches()
        self.companies: dict[str, Company] = {}
        self.clients: dict[str, Client] = {}
        self.tokens: dict[str, Token] = {}
        self.windows: dict[tuple[str, str], Window] = {}
        self.jobs: dict[str, Job] = {}
        self.queued_releases: list[tuple[Company, Journal]] = []
        self.violations: list[Violation] = []
        self.calls: defaultdict[str, defaultdict[str, Counter[int]]] = defaultdict(
            lambda: defaultdict(Counter)
        )
        """By tenant id ("" without one), by "METHOD /path/{template}", answers by status."""
        self.tokens_issued: Counter[str] = Counter()
        """By tenant id."""
        self.before_call: list[Callable[[Call], None]] = []
        """In-process tests put here what other people do just before a call is executed."""
        self.faults = FaultPlan(
            seed=seed, error_body=injected_error, hooks={"stale_412": self._edit_by_somebody}
        )
        self._version = _FIRST_VERSION
        self._somebody = 0

    @property
    def now(self) -> datetime:
        """The present, cut to what the database stores."""
        now = self.clock.now()
        step = timedelta(milliseconds=self.switches.timestamp_resolution_ms)
        return now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % step

    def add_company(self, company: Company) -> Company:
        """Take a company in; all its rows get a version and the present time."""
        self.companies[company.tenant_id] = company
        for row in company.records():
            self.stamp(row)
        return company

    def add_client(self, client: Client) -> Client:
        self.clients[client.id] = client
        return client

    def company_of(self, tenant_id: str) -> Company | None:
        """The company of a Company tenant id; a Customer tenant id has none."""
        return self.companies.get(tenant_id)

    def knows_tenant(self, tenant_id: str) -> bool:
        """Whether a tenant id is a company's or the customer's that owns one."""
        return tenant_id in self.companies or any(
            company.customer_tenant_id == tenant_id for company in self.companies.values()
        )

    @property
    def pace(self) -> float:
        """Sandbox seconds in one of the caller's; a clock that stands still counts as real time."""
        return self.clock.speed or 1.0

    def after(self, seconds: float) -> datetime:
        """The sandbox instant that is so many of the caller's own seconds away."""
        return self.clock.now() + timedelta(seconds=seconds * self.pace)

    def stamp(self, row: Versioned) -> None:
        """Give a row its next version and its time of change."""
        self._version += 1
        row.version = self._version
        row.modified_at = self.now

    def touch(
        self,
        document: Document,
        by: str,
        action: str,
        changes: Mapping[str, tuple[object, object]],
        *,
        silently: bool = False,
    ) -> None:
        """Record an edit. `silently` leaves the document's version and time alone."""
        if not silently:
            self.stamp(document)
        document.edits.append(
            Edit(at=self.now, by=by, action=action, changes=dict(changes), version=document.version)
        )

    def blame(self, kind: str, call: "Call", detail: str = "") -> None:
        """Record a violation."""
        self.violations.append(
            Violation(
                kind=kind,
                tenant_id=call.company.tenant_id,
                call=call.name,
                detail=detail,
                at=self.clock.now(),
            )
        )

    async def _edit_by_somebody(self, seen: Seen) -> None:
        """The fault hook `stale_412`: a person changes the document that is about to be written."""
        number = seen.path.rstrip("/").rsplit("/", 1)[-1]
        for company in self.companies.values():
            document = company.orders.get(number) or company.receipts.get(number)
            if document is None:
                continue
            self._somebody += 1
            before = document.supplier_ref
            document.supplier_ref = f"changed by somebody, {self._somebody}"
            changes = {"supplierRef": (before, document.supplier_ref)}
            self.touch(document, "somebody", "update", changes)
