"""The arithmetic of FedEx's token limit: when may the next request go out?

FedEx counts token requests per public IP address: 3 a second over 5 seconds, or 1 a second over
2 minutes, end in a 10-minute block (FedEx "Quotas & rate limits guide"). We keep to the strictest
published reading: at most `LIMIT` requests in any window, over all tenants of an egress address.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

LIMIT = 2
MARGIN = 1.02
"""The window is stretched a little: FedEx's clock and ours need not tick alike."""


class TokenBudget:
    """Remembers requests and promised places. Times are the workflow's own."""

    def __init__(self, window: timedelta, issued_at: Iterable[datetime] = ()) -> None:
        self._window = window * MARGIN
        self._sent = sorted(issued_at)
        self._in_flight = 0
        self._places: dict[str, datetime] = {}

    @property
    def sent(self) -> tuple[datetime, ...]:
        return tuple(self._sent)

    def next_place(self, credential: str, now: datetime, *, urgent: bool) -> datetime | None:
        """None: this credential may go now. Otherwise when to come back; its place is kept.

        An urgent caller goes before everybody who waits. Whoever loses a place by that is given
        the next one when it comes.
        """
        self._forget(now)
        place = self._places.get(credential)
        if place is not None and place > now and not urgent:
            return place
        ahead = urgent or place is not None
        others_due = sum(1 for who, at in self._places.items() if at <= now and who != credential)
        if self._free(now) > (0 if ahead else others_due):
            self._places.pop(credential, None)
            return None
        self._places[credential] = self._earliest(now, credential, ahead=ahead)
        return self._places[credential]

    def start(self) -> None:
        """A request goes out. Until it ends it counts as sent now, whenever now is."""
        self._in_flight += 1

    def end(self, now: datetime) -> None:
        """A request has ended, with whatever outcome: it was sent at the latest now."""
        self._in_flight -= 1
        self._sent.append(now)

    def _free(self, now: datetime) -> int:
        recent = sum(1 for at in self._sent if at > now - self._window)
        return max(0, LIMIT - recent - self._in_flight)

    def _earliest(self, now: datetime, credential: str, *, ahead: bool) -> datetime:
        """The first moment with room; behind everybody else's place unless `ahead`."""
        taken = [*self._sent, *([now] * self._in_flight)]
        if not ahead:
            taken += [at for who, at in self._places.items() if who != credential]
        return max(now, sorted(taken)[-LIMIT] + self._window) if len(taken) >= LIMIT else now

    def _forget(self, now: datetime) -> None:
        """Requests outside every window, and places whose owner has not come for a window."""
        horizon = now - self._window
        self._sent = [at for at in self._sent if at > horizon]
        self._places = {who: at for who, at in self._places.items() if at > horizon}
