"""How master data is read: lists, paged or whole, and single records."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from ml_connector.sandbox.visma import paging
from ml_connector.sandbox.visma.calls import (
    MODIFIED,
    OLD_PAGING,
    PAGING,
    Call,
    Handler,
    Operation,
    found,
)
from ml_connector.sandbox.visma.company import Record
from ml_connector.sandbox.visma.errors import NotFound, Reply
from ml_connector.sandbox.visma.views import Body

RecordT = TypeVar("RecordT", bound=Record)
LISTED = PAGING | OLD_PAGING | MODIFIED | {"greaterThanValue"}
"""The query parameters of most lists."""


def listing(
    resource: str,
    rows_of: Callable[[Call], Iterable[RecordT]],
    view: Callable[[Call, RecordT], Body],
    *,
    pages: bool = True,
    changed_since: bool = True,
) -> Handler:
    """A handler that lists records: filtered by time of change and key, paged or whole."""

    def handle(call: Call) -> Reply:
        rows: list[RecordT] = list(rows_of(call))
        if changed_since:
            rows = paging.modified_since(call, rows)
        rows = paging.beyond(call, rows, lambda row: row.id)
        if pages:
            return paging.paged(call, resource, rows, lambda row: view(call, row))
        return Reply(body=[view(call, row) for row in rows])

    return handle


def single(
    kind: str,
    find: Callable[[Call], RecordT | None],
    view: Callable[[Call, RecordT], Body],
    *,
    with_etag: bool = True,
) -> Handler:
    """A handler that shows one record, or 404."""

    def handle(call: Call) -> Reply:
        row = find(call)
        if row is None:
            raise NotFound(kind, ", ".join(call.path_params.values()))
        return found(row, view(call, row), with_etag=with_etag)

    return handle


def get(path: str, handle: Handler, query: Iterable[str] = ()) -> Operation:
    return Operation(method="GET", path=path, handle=handle, query=frozenset(query))
