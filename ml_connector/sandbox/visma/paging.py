"""Lists: date filters, pages, and the metadata in every element."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeVar

from ml_connector.sandbox.visma import wire
from ml_connector.sandbox.visma.calls import OLD_PAGING, Call
from ml_connector.sandbox.visma.documents import Versioned
from ml_connector.sandbox.visma.errors import Refused, Reply

RowT = TypeVar("RowT")
VersionedT = TypeVar("VersionedT", bound=Versioned)

_CONDITIONS: Mapping[str, Callable[[datetime, datetime], bool]] = {
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
}


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list was asked for; a size over the limit is already capped."""

    number: int
    size: int
    limit: int

    @property
    def start(self) -> int:
        return (self.number - 1) * self.size

    def cut(self, rows: Sequence[RowT]) -> Sequence[RowT]:
        """The page's rows; none beyond the end."""
        return rows[self.start : self.start + self.size]

    def metadata(self, total: int) -> dict[str, int]:
        """What each element of the page carries."""
        return {"totalCount": total, "maxPageSize": self.limit}


def page_of(call: Call, resource: str) -> Page:
    """The page a call asks for. Visma demands both parameters and answers without them too."""
    limit = call.world.switches.page_limit(resource)
    if not {"pageNumber", "pageSize"} <= call.query.keys():
        call.world.blame("unpaged_list", call)
    number = _whole(call, "pageNumber", 1)
    size = _whole(call, "pageSize", min(call.world.switches.default_page_size, limit))
    return Page(number, min(size, limit), limit)


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise Refused(f"The value '{text}' is not valid for {name}.")
    return int(text)


def paged(
    call: Call,
    resource: str,
    rows: Sequence[RowT],
    render: Callable[[RowT], dict[str, object]],
) -> Reply:
    """200 with one page of rows. An empty page is `[]`, without any metadata."""
    if OLD_PAGING & call.query.keys() and "pageNumber" not in call.query:
        return _records_read(call, rows, render)
    page = page_of(call, resource)
    metadata = page.metadata(len(rows))
    return Reply(body=[{**render(row), "metadata": metadata} for row in page.cut(rows)])


def _records_read(
    call: Call, rows: Sequence[RowT], render: Callable[[RowT], dict[str, object]]
) -> Reply:
    """The deprecated `numberToRead` and `skipRecords`."""
    call.world.blame("deprecated_paging", call)
    skip = int(call.query.get("skipRecords", "0"))
    end = skip + int(call.query.get("numberToRead", str(len(rows))))
    return Reply(body=[render(row) for row in rows[skip:end]])


def modified_since(call: Call, rows: Sequence[VersionedT]) -> list[VersionedT]:
    """Rows that the filter on `lastModifiedDateTime` keeps.

    The database compares wall-clock times: in autumn's repeated hour a later change can have
    an earlier time.
    """
    bound = _bound(call, "lastModifiedDateTime", gt_inclusive=call.world.switches.gt_inclusive)
    if bound is None:
        return list(rows)
    return [row for row in rows if bound(stored_time(call, row))]


def stored_time(call: Call, row: Versioned) -> datetime:
    """A row's time of change as the database has it: wall clock, whole milliseconds."""
    local = call.company.local(row.modified_at)
    return local.replace(microsecond=local.microsecond // 1000 * 1000)


def dated(
    call: Call, name: str, rows: Sequence[RowT], day_of: Callable[[RowT], date | None]
) -> list[RowT]:
    """Rows that a filter on a document date keeps."""
    bound = _bound(call, name)
    if bound is None:
        return list(rows)
    kept = []
    for row in rows:
        day = day_of(row)
        if day is not None and bound(datetime.combine(day, time())):
            kept.append(row)
    return kept


def equal(
    call: Call, name: str, rows: Sequence[RowT], value_of: Callable[[RowT], str | None]
) -> list[RowT]:
    """Rows whose value is the query parameter's, where there is one."""
    wanted = call.query.get(name)
    return [row for row in rows if wanted is None or value_of(row) == wanted]


def beyond(call: Call, rows: Sequence[RowT], key_of: Callable[[RowT], str]) -> list[RowT]:
    """Rows after `greaterThanValue`, the keyset cursor on the document's number."""
    after = call.query.get("greaterThanValue")
    return [row for row in rows if after is None or key_of(row) > after]


def since(call: Call, name: str) -> datetime | None:
    """A date filter that has no condition parameter. Raises Refused."""
    text = call.query.get(name)
    return None if text is None else _filter_date(call, name, text)


def _bound(
    call: Call, name: str, *, gt_inclusive: bool = False
) -> Callable[[datetime], bool] | None:
    """The filter `name` with `nameCondition`, which only mean something together."""
    text, condition = call.query.get(name), call.query.get(f"{name}Condition")
    if text is None and condition is None:
        return None
    if text is None or condition is None:
        call.world.blame("one_sided_date_filter", call, name)
        return None
    if condition not in _CONDITIONS:
        raise Refused(f"The value '{condition}' is not valid for {name}Condition.")
    bound = _filter_date(call, name, text)
    compare = _CONDITIONS[">=" if gt_inclusive and condition == ">" else condition]
    return lambda value: compare(value, bound)


def _filter_date(call: Call, name: str, text: str) -> datetime:
    bound, zoned = wire.read_filter_date(text)
    if zoned:
        call.world.blame("zoned_date_filter", call, name)
        if call.world.switches.strict_dates:
            raise Refused(f"The value '{text}' is not a valid date and time for {name}.")
    return bound
