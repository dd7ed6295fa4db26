"""Reading a whole list, page by page, and noticing when it is not whole.

Source: Visma.net API documentation, "Pagination". A page is a bare array whose every element
carries `metadata` with `totalCount` and mostly `maxPageSize`; a page size above the maximum is cut
without an error; a parameter that Visma does not know is ignored with 200. An empty page carries
no metadata. Lists live: rows join, leave and move between two pages.

What is delivered: every row that was in the list when reading began and did not leave it, some
perhaps twice. A page that is shorter than it must be is an error, never the end.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from ml_connector.visma.calls import Caller, Params
from ml_connector.visma.errors import VismaFilterIgnored, VismaTruncated
from ml_connector.visma.wire import Row, Whole, WireModel, parse

MAX_PASSES = 3
"""Over a list that rows skip; after that the rows that were there at the start must be in hand."""

MAX_STEPS_BACK = 20
"""Within one pass, when rows leave the list under the reader."""

Keys = Callable[[Row], Sequence[Hashable]]
"""The identities of what `totalCount` counts within one element: mostly one, itself."""


class _Metadata(WireModel):
    total_count: Whole = None
    max_page_size: Whole = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What to read."""

    path: str
    what: str
    keys: Keys
    params: Params = field(default_factory=dict)
    page_size: int = 500


async def read_pages(calls: Caller, listing: Listing) -> AsyncGenerator[list[Row], None]:
    """Every page of a list.

    Raises `VismaTruncated` when rows are missing, `VismaFilterIgnored` when paging itself has no
    effect, and what a read raises.
    """

    async def fetch(number: int, size: int) -> list[Row]:
        params = {**listing.params, "pageNumber": number, "pageSize": size}
        return await calls.read_rows(listing.path, listing.what, params=params)

    seen: set[int] = set()
    at_start: int | None = None
    for _ in range(MAX_PASSES):
        reader = _Pass(listing, fetch, seen)
        async with aclosing(reader.pages()) as pages:
            async for rows in pages:
                yield rows
        if at_start is None:
            at_start = reader.first_total
        if reader.total is None or len(seen) >= reader.total:
            return
        # Rows that moved while we read have pushed others past us: read once more.
    if at_start is not None and len(seen) < at_start:
        raise VismaTruncated(
            f"Visma's list is never whole: {listing.what}.",
            why=f"{len(seen)} of {at_start} rows were seen in {MAX_PASSES} readings.",
            remedy="It is read again later.",
        )


class _Pass:
    """One reading of the list from its first page to its end."""

    def __init__(
        self,
        listing: Listing,
        fetch: Callable[[int, int], Awaitable[list[Row]]],
        seen: set[int],
    ) -> None:
        self._listing = listing
        self._fetch = fetch
        self._seen = seen
        self._size = listing.page_size
        self._number = 1
        self._steps_back = 0
        self._short = False
        self.first_total: int | None = None
        self.total: int | None = None

    async def pages(self) -> AsyncGenerator[list[Row], None]:
        before: list[Hashable] = []
        while True:
            rows = await self._fetch(self._number, self._size)
            units = [key for row in rows for key in self._listing.keys(row)]
            total, cap = self._metadata(rows)
            if self._number == 1:
                self._settle_size(len(units), total, cap)
            if units and units == before:
                raise _ignored(self._listing, "pageNumber")
            before = units
            self._seen.update(hash(unit) for unit in units)
            if rows:
                yield rows
            if not rows and not self._rows_were_due():
                return
            if self._has_shrunk(rows, total):
                self._step_back(total)
                before = []
                continue
            if self._ends_here(len(units), total):
                return
            self._number += 1

    def _metadata(self, rows: list[Row]) -> tuple[int | None, int | None]:
        if not rows:
            return None, None
        stated = parse(_Metadata, rows[0].get("metadata") or {}, self._listing.what)
        cap = stated.max_page_size
        return stated.total_count, cap if cap and cap > 0 else None

    def _settle_size(self, units: int, total: int | None, cap: int | None) -> None:
        """The size that Visma really uses, known from the first page."""
        if cap is not None:
            self._size = min(self._size, cap)
        elif 0 < units < self._size and (total is None or units < total):
            # A silent cap. Asking for exactly this size from now on keeps the pages adjacent,
            # also when the first page was merely cut short.
            self._size = units
        self.first_total = total if self.first_total is None else self.first_total

    def _rows_were_due(self) -> bool:
        return self.total is not None and (self._number - 1) * self._size < self.total

    def _has_shrunk(self, rows: list[Row], total: int | None) -> bool:
        """Rows left, so later ones have slipped into pages that were read already."""
        if self._number == 1:
            return False
        if not rows:
            return True
        return total is not None and self.total is not None and total < self.total

    def _step_back(self, total: int | None) -> None:
        self._steps_back += 1
        if self._steps_back > MAX_STEPS_BACK:
            raise VismaTruncated(
                f"Visma's list shrinks faster than it can be read: {self._listing.what}.",
                remedy="It is read again later.",
            )
        gone = 1 if total is None or self.total is None else self.total - total
        self._number = max(1, self._number - -(-gone // self._size))
        if total is not None:
            self.total = total

    def _ends_here(self, units: int, total: int | None) -> bool:
        if total is None:
            return self._ends_untold(units)
        self.total = total
        if units > self._size and units != total:
            raise _ignored(self._listing, "pageSize")
        due = min(self._size, total - (self._number - 1) * self._size)
        if units < due:
            raise VismaTruncated(
                f"A page of Visma's list is cut short: {self._listing.what}.",
                why=f"{units} of {due} rows on page {self._number}.",
                remedy="It is read again later.",
            )
        return units >= total or self._number * self._size >= total

    def _ends_untold(self, units: int) -> bool:
        """Without a total only an empty page is the end, and only the last page may be short."""
        if self._short and units:
            raise VismaTruncated(
                f"A page of Visma's list was cut short: {self._listing.what}.",
                why=f"Rows follow after the short page {self._number - 1}.",
                remedy="It is read again later.",
            )
        self._short = units < self._size
        return units == 0


def _ignored(listing: Listing, parameter: str) -> VismaFilterIgnored:
    return VismaFilterIgnored(
        f"Visma ignored {parameter}: {listing.what}.",
        remedy="The connector must not go on with such a list; report it.",
    )
