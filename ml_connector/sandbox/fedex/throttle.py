"""FedEx's thresholds on its token endpoint, which count by the caller's address.

More than 3 requests a second sustained for 5 seconds, or 1 a second sustained for 2 minutes,
and the address gets 403 for 10 minutes (FedEx: Quotas & rate limits guide).
"""

from collections import defaultdict, deque
from datetime import datetime, timedelta

from ml_connector.sandbox.fedex.modes import Modes
from ml_connector.sandbox.fedex.values import Violation


class TokenThrottle:
    """Counts token requests by address, and remembers who is blocked until when."""

    def __init__(self, modes: Modes) -> None:
        self.modes = modes
        self.violations: list[Violation] = []
        self._seen: dict[str, deque[datetime]] = defaultdict(deque)
        self._blocked: dict[str, datetime] = {}

    def blocked_until(self, address: str, now: datetime) -> datetime | None:
        """The end of the address's block, if it is blocked now."""
        until = self._blocked.get(address) or self._blocked.get("*")
        return until if until is not None and now < until else None

    def block(self, address: str, until: datetime) -> None:
        """Block an address, or every one with `*`."""
        self._blocked[address] = until

    def unblock(self) -> None:
        """Lift all blocks and forget what led to them."""
        self._blocked.clear()
        self._seen.clear()

    def admit(self, address: str, now: datetime) -> bool:
        """Count a request; False when the address is, or thereby gets, blocked."""
        modes = self.modes
        until = self.blocked_until(address, now)
        if until is not None:
            self._record(now, "request while blocked", f"{address} until {until.isoformat()}")
            if modes.block_extends:
                self.block(address, max(until, now + modes.block_time))
            return False
        self._blocked.pop(address, None)
        seen = self._seen[address]
        seen.append(now)
        horizon = max(modes.average_window, modes.burst_window, modes.strict_window or timedelta(0))
        while now - seen[0] >= horizon:
            seen.popleft()
        self._check_strictly(address, now)
        for requests, window in (
            (modes.burst_requests, modes.burst_window),
            (modes.average_requests, modes.average_window),
        ):
            count = self._count(address, now, window)
            if count > requests:
                self._record(now, "token threshold", f"{address}: {count} in {window}")
                self.block(address, now + modes.block_time)
                seen.clear()
                return False
        return True

    def _check_strictly(self, address: str, now: datetime) -> None:
        window = self.modes.strict_window
        if window is None:
            return
        count = self._count(address, now, window)
        if count > self.modes.strict_requests:
            self._record(now, "strict token window", f"{address}: {count} in {window}")

    def _count(self, address: str, now: datetime, window: timedelta) -> int:
        return sum(now - at < window for at in self._seen[address])

    def _record(self, at: datetime, rule: str, detail: str) -> None:
        self.violations.append(Violation(at=at, rule=rule, detail=detail))
