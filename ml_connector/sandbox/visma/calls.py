"""One API call: who makes it, what it asks, and the operations it can name.

An operation is a synchronous function of the call: nothing else happens while it runs, as in
one database transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ml_connector.sandbox.visma import wire
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.documents import Document, Versioned
from ml_connector.sandbox.visma.errors import Refused, Reply, Stale
from ml_connector.sandbox.visma.world import VismaWorld

_OLD_HOST = "https://integration.visma.net/API/controller/api"
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An authenticated call to one company."""

    world: VismaWorld
    company: Company
    client_id: str
    operation: "Operation"
    path: str
    path_params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    base_url: str
    """Scheme and host that were called, without a slash at the end."""

    @property
    def name(self) -> str:
        """The operation, for counts and reports."""
        return self.operation.name

    @property
    def caller(self) -> str:
        """Who makes the call, for a document's history."""
        return f"api:{self.client_id}"

    def id(self, name: str) -> str:
        """An id from the path, decoded."""
        return wire.path_id(self.path_params[name])

    def flag(self, name: str) -> bool:
        """A boolean query parameter; absent is false."""
        text = self.query.get(name, "").lower()
        if text not in _TRUE | _FALSE:
            raise Refused(f"The value '{text}' is not valid for {name}.")
        return text in _TRUE

    def choice(self, name: str, allowed: frozenset[str]) -> str | None:
        """An enumerated query parameter; None where it is absent."""
        value = self.query.get(name)
        if value is not None and value not in allowed:
            raise Refused(f"The value '{value}' is not valid for {name}.")
        return value

    def values(self, shape: wire.Shape) -> dict[str, object]:
        """The body, its wrappers taken off. Fields Visma would ignore are violations."""
        body = wire.read_json(self.content)
        return wire.parse(body, shape, lambda path: self.world.blame("unknown_field", self, path))

    def moment(self, instant: datetime, version: int) -> str:
        """An instant as this company writes it."""
        local = instant.astimezone(self.company.zone)
        return wire.shaped_moment(local, self.world.switches.moment_shape, version)

    def modified(self, row: Versioned) -> str:
        """A row's `lastModifiedDateTime`."""
        return self.moment(row.modified_at, row.version)

    def check_if_match(self, document: Document) -> None:
        """Compare `If-Match` with the document's version. Raises Stale.

        Without the header the last write wins, in Visma as here, and is a violation.
        """
        given = self.headers.get("if-match")
        if given is None or given.strip() == "*":
            self.world.blame("put_without_if_match", self, document.number)
            return
        if not given.startswith('"'):
            self.world.blame("unquoted_if_match", self, given)
        if given.strip('"') != wire.row_version(document.version):
            raise Stale

    def location(self, number: str) -> str:
        """Where a created document is; perhaps on the old host."""
        base = _OLD_HOST if self.world.switches.other_location_host else self.base_url
        return f"{base}{self.path.rstrip('/')}/{number}"


Handler = Callable[[Call], Reply]

PAGING = frozenset({"pageNumber", "pageSize"})
OLD_PAGING = frozenset({"numberToRead", "skipRecords"})
MODIFIED = frozenset({"lastModifiedDateTime", "lastModifiedDateTimeCondition"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method and path of the API, with the query parameters it knows."""

    method: str
    path: str
    """As in the vendor's document; matched whatever the case."""
    handle: Handler
    query: frozenset[str] = field(default_factory=frozenset)
    background: bool = True
    """Whether `erp-api-background` turns the call into a job."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def etag(row: Versioned) -> dict[str, str]:
    """The header that goes with one document, never with a list."""
    return {"ETag": f'"{wire.row_version(row.version)}"'}


def found(row: Versioned, body: object, *, with_etag: bool = True) -> Reply:
    """200 with one document."""
    return Reply(body=body, headers=etag(row) if with_etag else {})


def created(call: Call, document: Document) -> Reply:
    """201: an empty object, and the new number in `Location`."""
    return Reply(
        status=201,
        body={},
        headers={"Location": call.location(document.number), **etag(document)},
    )


def updated(document: Document) -> Reply:
    """204 with the new version."""
    return Reply(status=204, headers=etag(document))
