"""Behaviours of Visma that differ between companies, releases or sources, or are not known."""

from dataclasses import dataclass, field, fields
from enum import StrEnum


class MomentShape(StrEnum):
    """How `lastModifiedDateTime` is written. Clients have met all of these."""

    LOCAL = "local"
    """Wall-clock time without a zone: `2026-11-22T10:20:53.75`."""
    OFFSET = "offset"
    """Wall-clock time with its offset: `2026-11-22T10:20:53.75+01:00`."""
    MIXED = "mixed"
    """Either, from row to row."""


class ReleaseMode(StrEnum):
    """How a journal's release is answered."""

    DONE = "done"
    """200, `actionResult` Done, the new ETag."""
    QUEUED = "queued"
    """200, `actionResult` Queued; the release happens `async_delay_s` later."""
    ACCEPTED = "accepted"
    """202, `actionResult` Queued; the release happens `async_delay_s` later."""


class LongText(StrEnum):
    """What happens to a text that is longer than its column."""

    REFUSE = "refuse"
    TRUNCATE = "truncate"


DEFAULT_MAX_PAGE_SIZES = {
    "purchaseorder": 500,
    "purchasereceipt": 500,
    "journaltransaction": 1000,
    "inventory": 5000,
}


@dataclass(kw_only=True)
class Switches:
    """One set for the whole world; changed by `PUT /sandbox/switches` or directly in a test."""

    strict_query: bool = False
    """400 for a query parameter the operation does not know. Visma ignores it; either way it is
    a recorded violation."""
    strict_dates: bool = False
    """400 for a date filter with a zone suffix. Otherwise the suffix is ignored."""
    gt_inclusive: bool = False
    """`lastModifiedDateTimeCondition=>` means "after and on", as older vendor pages say."""
    timestamp_resolution_ms: int = 1
    """`lastModifiedDateTime` is cut to this; 60000 gives a minute's edits one timestamp."""
    moment_shape: MomentShape = MomentShape.LOCAL
    wrapped_reads: bool = False
    """GETs answer `{"value": x}` for every scalar, as one client has seen."""
    null_fields: bool = False
    """Fields without a value are sent as null instead of being left out."""
    other_location_host: bool = False
    """`Location` names the old host instead of the one that was called."""
    removed_status: int = 410
    """The answer of the removed v1 receipt reads: 404 or 410."""
    receipt_etag_header: bool = True
    """`GET /v2/PurchaseReceipt/{n}` sends `ETag`; else only the body has it, as `timeStamp`."""
    receipts_touch_orders: bool = False
    """Booking a receipt moves the order's `lastModifiedDateTime`. Closing it always does."""
    closed_orders_locked: bool = False
    """A Closed or Cancelled order refuses PUT."""
    released_receipts_locked: bool = False
    """A Released or Cancelled receipt refuses PUT."""
    release_mode: ReleaseMode = ReleaseMode.DONE
    async_delay_s: float = 0.0
    """Sandbox seconds until queued releases and background jobs are executed."""
    background_polls: int = 1
    """How often a background job is seen as Started before its end is shown."""
    rate_limit: int = 15_000
    """Calls per window for each (client, company); a company may have its own."""
    rate_window_s: float = 3600.0
    """The window's length on the caller's own clock, whatever the sandbox clock's speed."""
    token_lifetime_s: float = 3600.0
    """Likewise on the caller's own clock."""
    default_page_size: int = 100
    max_page_size: int = 1000
    max_page_sizes: dict[str, int] = field(default_factory=lambda: dict(DEFAULT_MAX_PAGE_SIZES))
    """By resource, in lower case; the others have `max_page_size`."""
    reference_length: int = 15
    """Of a journal line's `referenceNumber` and of a batch number: Acumatica's column width."""
    long_texts: LongText = LongText.REFUSE
    """A too long `referenceNumber`: refused, or cut without a word."""
    rate_variance_percent: float = 5.0
    """How far a journal's exchange rate may stray from the rate table."""
    period_format: str = "YYYYMM"
    """How `financialPeriod.period` is written: `YYYYMM` or `MM-YYYY`."""

    def page_limit(self, resource: str) -> int:
        """The largest page of a resource (its first path segment after the version)."""
        return self.max_page_sizes.get(resource.lower(), self.max_page_size)


SWITCH_NAMES = frozenset(item.name for item in fields(Switches))
