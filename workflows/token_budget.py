"""The arithmetic of FedEx's token limit: when may the next request go out?

FedEx counts token requests per public IP address: 3 a second over 5 seconds, or 1 a second over
2 minutes, end in a 10-minute block (FedEx "Quotas & rate limits guide"). We keep to the strictest
published reading: at most `LIMIT` requests in any window, over all tenants of an egress address.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

LIMIT = 2
MARGIN = 1.02
"""The window is stretched a little: FedEx's clock and ours need not tick alike."""
GRACE = timedelta(seconds=5)
"""A caller that has not come back so long after its turn found a token elsewhere, or died."""


@dataclass(slots=True)
class _Waiting:
    """A credential in line, and when it was told to come back."""

    credential: str
    urgent: bool
    due: datetime


class TokenBudget:
    """One line for all credentials, in which nobody loses a place. Times are the workflow's own."""

    def __init__(self, window: timedelta, issued_at: Iterable[datetime] = ()) -> None:
        self._window = window * MARGIN
        self._sent = sorted(issued_at)
        self._in_flight = 0
        self._line: list[_Waiting] = []

    @property
    def sent(self) -> tuple[datetime, ...]:
        """Requests that still count, for the run that continues this one."""
        return tuple(self._sent)

    def next_place(self, credential: str, now: datetime, *, urgent: bool) -> datetime | None:
        """None: this credential may go now. Otherwise when to come back; its place is kept.

        First come, first served, but an urgent caller goes before everybody who is not.
        """
        self._forget(now)
        waiting = self._line_up(credential, now, urgent=urgent)
        openings = self._openings(now)
        ahead = self._line.index(waiting)
        turn = openings[ahead % LIMIT] + ahead // LIMIT * self._window
        if turn <= now:
            self._line.remove(waiting)
            return None
        waiting.due = turn
        return turn

    def start(self) -> None:
        """A request goes out. Until it ends it counts as sent now, whenever now is."""
        self._in_flight += 1

    def end(self, now: datetime) -> None:
        """A request has ended, with whatever outcome: it was sent at the latest now."""
        self._in_flight -= 1
        self._sent.append(now)

    def _line_up(self, credential: str, now: datetime, *, urgent: bool) -> _Waiting:
        """The credential's entry, where it stood or where it belongs as a new or urgent one."""
        waiting = next((each for each in self._line if each.credential == credential), None)
        if waiting is not None and (waiting.urgent or not urgent):
            return waiting
        if waiting is not None:
            self._line.remove(waiting)
        waiting = _Waiting(credential, urgent, due=now)
        behind = sum(each.urgent for each in self._line) if urgent else len(self._line)
        self._line.insert(behind, waiting)
        return waiting

    def _openings(self, now: datetime) -> list[datetime]:
        """When each of the `LIMIT` places in a window is free, the earliest first.

        A request in flight holds its place for a whole window after it ends, so at least until
        a window from now.
        """
        taken = [*self._sent, *([now] * self._in_flight)][-LIMIT:]
        free = [now] * (LIMIT - len(taken))
        return sorted([*free, *(at + self._window for at in taken)])

    def _forget(self, now: datetime) -> None:
        """Requests outside every window, and whoever has not come back in time."""
        self._sent = [at for at in self._sent if at > now - self._window]
        self._line = [each for each in self._line if each.due > now - GRACE]
