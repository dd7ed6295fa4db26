"""Visma's hourly limit: what the headers of a reply say about it.

Source: Visma.net API documentation, "Rate limits". The number is not published; every reply
carries `X-RateLimit-*`, and only a 429 with its `Retry-After` is binding.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

UNSTATED_WAIT = timedelta(minutes=1)
"""How long a 429 that does not say so is obeyed."""

LONGEST_WAIT = timedelta(hours=24)
"""The windows are hours; a larger number is a broken header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The limit headers of one reply; `None` where Visma said nothing readable."""

    limit: int | None = None
    """Calls per window."""
    remaining: int | None = None
    resets_in: timedelta | None = None
    policy: str = ""
    """Visma's name of the rule, such as `4-fixed-window`."""
    retry_after: timedelta | None = None
    """Only on a 429: nothing is let through before."""


def read_limits(headers: Mapping[str, str], status: int = 200) -> RateLimit:
    """The limit headers of a reply; never raises."""
    limits = RateLimit(
        limit=_count(headers.get("X-RateLimit-Limit")),
        remaining=_count(headers.get("X-RateLimit-Remaining")),
        resets_in=_seconds(headers.get("X-RateLimit-Reset")),
        policy=headers.get("X-RateLimit-Policy", ""),
    )
    if status != 429:
        return limits
    asked = _retry_after(headers)
    if asked is None:
        asked = limits.resets_in if limits.resets_in is not None else UNSTATED_WAIT
    return RateLimit(
        limit=limits.limit,
        remaining=limits.remaining,
        resets_in=limits.resets_in,
        policy=limits.policy,
        # A wait of zero would turn a refusal into a busy loop.
        retry_after=max(asked, timedelta(seconds=1)),
    )


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """`Retry-After` in either of its two forms (RFC 9110 §10.2.3)."""
    text = headers.get("Retry-After")
    seconds = _seconds(text)
    if seconds is not None or text is None:
        return seconds
    until = _http_date(text)
    if until is None:
        return None
    # Their clock against their clock, where they told us theirs.
    since = _http_date(headers.get("Date", "")) or datetime.now(UTC)
    return min(max(until - since, timedelta()), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _count(text: str | None) -> int | None:
    if text is None or not text.strip().isdecimal() or len(text.strip()) > 12:
        return None
    return int(text)


def _seconds(text: str | None) -> timedelta | None:
    count = _count(text)
    if count is None:
        return None
    return min(timedelta(seconds=min(count, 10**9)), LONGEST_WAIT)
