"""The arithmetic of FedEx's token limit: when may the next request go out, and whose is it?

FedEx counts token requests per public IP address: 3 a second over 5 seconds, or 1 a second over
2 minutes, end in a 10-minute block (FedEx "Quotas & rate limits guide"). We keep to the strictest
published reading: at most `LIMIT` requests in any window, over all tenants of an egress address.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from ml_connector.temporal.token_messages import TokenPlace

LIMIT = 2
MARGIN = 1.002
"""The window is stretched a little: FedEx's clock and ours need not tick alike. The time on the
wire needs none, for a request counts from its end."""

LEAD = 0.2
"""The part of a window before its turn at which a request is given to a worker, which then waits
for the turn: on the way there no time is lost. Until then somebody urgent may still go first."""


class TokenBudget:
    """One line for all credentials, in which nobody loses a place. Times are the workflow's own."""

    def __init__(
        self,
        window: timedelta,
        issued_at: Iterable[datetime] = (),
        line: Iterable[TokenPlace] = (),
    ) -> None:
        self._window = window * MARGIN
        self._sent = sorted(issued_at)
        self._in_flight = 0
        self._line = list(line)

    @property
    def sent(self) -> tuple[datetime, ...]:
        """Requests that may still count, for the run that continues this one."""
        return tuple(self._sent)

    @property
    def line(self) -> tuple[TokenPlace, ...]:
        """Who waits, whose turn is first."""
        return tuple(self._line)

    def line_up(self, wish: TokenPlace) -> None:
        """First come, first served, but who is urgent goes before everybody who is not.

        A credential has one place, however often it is asked for, and never a worse one.
        """
        known = next((each for each in self._line if each.credential == wish.credential), None)
        if known is None:
            self._insert(wish)
            return
        merged = replace(
            known,
            urgent=known.urgent or wish.urgent,
            renewal=known.renewal and wish.renewal,
            known_version=max(known.known_version, wish.known_version),
            settings=max(known.settings, wish.settings),
        )
        at = self._line.index(known)
        if merged.urgent and not known.urgent:
            del self._line[at]
            self._insert(merged)
        else:
            self._line[at] = merged

    def turn_of(self, credential: str, now: datetime) -> datetime:
        """When a credential in line is served; later, should others become urgent meanwhile."""
        ahead = [each.credential for each in self._line].index(credential)
        return self._openings(now)[ahead % LIMIT] + ahead // LIMIT * self._window

    def next_start(self, now: datetime) -> datetime | None:
        """When `take` gives the first in line. None: nobody waits, or not before a request ends."""
        if not self._line or self._in_flight >= LIMIT:
            return None
        return max(self._openings(now)[0] - LEAD * self._window, now)

    def take(self, now: datetime) -> tuple[TokenPlace, datetime] | None:
        """The first in line, and its turn, if that is near: its request counts as sent now,
        whenever now is, until `end`."""
        start = self.next_start(now)
        if start is None or start > now:
            return None
        turn = self._openings(now)[0]
        self._in_flight += 1
        return self._line.pop(0), turn

    def end(self, sent: datetime, now: datetime) -> None:
        """A request has ended, with whatever outcome. `sent` is when FedEx had it at the latest."""
        self._in_flight -= 1
        self._sent = sorted([*(at for at in self._sent if at > now - self._window), sent])

    def _insert(self, place: TokenPlace) -> None:
        urgent = sum(each.urgent for each in self._line)
        self._line.insert(urgent if place.urgent else len(self._line), place)

    def _openings(self, now: datetime) -> list[datetime]:
        """When each of the `LIMIT` places in a window is free, the earliest first.

        A request in flight holds its place for a whole window after it ends, so at least until
        a window from now.
        """
        taken = [*self._sent, *([now] * self._in_flight)][-LIMIT:]
        free = [now] * (LIMIT - len(taken))
        return sorted([*free, *(max(at + self._window, now) for at in taken)])
