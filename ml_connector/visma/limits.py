"""Visma's hourly limit: what its headers say, and who may still call.

Source: Visma.net API documentation, "Rate limits". The number is not published; every reply
carries `X-RateLimit-*`, and only a 429 with its `Retry-After` is binding. The window belongs to
one company and one application, so a budget is shared by everything that works for one tenant.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Protocol

from ml_connector.visma.errors import VismaThrottled

UNSTATED_WAIT = timedelta(minutes=1)
"""How long a 429 that does not say so is obeyed."""

LONGEST_WAIT = timedelta(hours=24)
"""The windows are hours; a larger number is a broken header."""

_NEW_WINDOW = 5.0
"""Seconds by which a later reset must differ to be another window and not rounding."""


class Priority(StrEnum):
    """What a call is for; the less urgent stop first when the hour runs short."""

    INTERACTIVE = "interactive"
    """Somebody waits for it: quotes, operator commands."""
    STEADY = "steady"
    """Orders on their way: tracking, write-back, journals."""
    BACKLOG = "backlog"
    """Anything that can wait an hour: discovery, first runs, full comparisons."""


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


class Budget(Protocol):
    """Decides whether a call may go out now."""

    async def acquire(self, priority: Priority) -> None:
        """Take one call, or raise `VismaThrottled` at once; never wait inside."""

    async def observe(self, limits: RateLimit) -> None:
        """Learn from a reply."""


class LocalBudget:
    """The budget of one tenant within one process."""

    def __init__(
        self,
        *,
        backlog_reserve: int = 20,
        steady_reserve: int = 5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The reserves are percent of the window that the named work leaves to the more urgent."""
        self._reserves = {
            Priority.BACKLOG: backlog_reserve,
            Priority.STEADY: steady_reserve,
            Priority.INTERACTIVE: 0,
        }
        self._clock = clock
        self._limit = 0
        self._remaining: int | None = None
        self._window_ends = 0.0
        self._blocked_until = 0.0

    @property
    def left(self) -> int | None:
        """Calls that the present window still allows; None while no reply has told."""
        return self._remaining if self._clock() < self._window_ends else None

    async def acquire(self, priority: Priority) -> None:
        """Take one call out of the window. Raises `VismaThrottled`."""
        now = self._clock()
        if now < self._blocked_until:
            raise _patience("Visma asked for a pause.", self._blocked_until - now)
        if now >= self._window_ends:
            self._remaining = None
        if self._remaining is None:
            return
        reserve = self._limit * self._reserves[priority] // 100
        if self._remaining <= reserve:
            raise _patience(
                f"The hour's calls to Visma are used up for {priority} work.",
                self._window_ends - now,
            )
        # Calls in flight are not in the header yet, so they are counted here.
        self._remaining -= 1

    async def observe(self, limits: RateLimit) -> None:
        """Take over what a reply says, unless it is older than what is known."""
        now = self._clock()
        if limits.retry_after is not None:
            self._blocked_until = max(self._blocked_until, now + limits.retry_after.total_seconds())
        if limits.remaining is None or limits.resets_in is None:
            return
        ends = now + limits.resets_in.total_seconds()
        same_window = now < self._window_ends and ends < self._window_ends + _NEW_WINDOW
        known = self._remaining if same_window else None
        self._remaining = limits.remaining if known is None else min(known, limits.remaining)
        self._window_ends = max(self._window_ends, ends) if same_window else ends
        self._limit = limits.limit if limits.limit is not None else self._limit


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


def _patience(what: str, seconds: float) -> VismaThrottled:
    return VismaThrottled(
        what,
        retry_after=timedelta(seconds=max(seconds, 1.0)),
        remedy="It goes on by itself when the window resets.",
    )
