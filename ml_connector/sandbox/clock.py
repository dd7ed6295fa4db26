"""The sandbox's clock: real time, sped up and moved at will."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that starts at the present and may run faster than real time.

    `speed` is sandbox seconds per real second. All instants are UTC.
    """

    def __init__(self, speed: float = 1.0, start: datetime | None = None) -> None:
        self._origin = start or datetime.now(UTC)
        self._since = time.monotonic()
        self._speed = speed

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        elapsed = time.monotonic() - self._since
        return self._origin + timedelta(seconds=elapsed * self._speed)

    def set_speed(self, speed: float) -> None:
        """Change the pace from now on."""
        self.set(self.now())
        self._speed = speed

    def set(self, instant: datetime) -> None:
        """Jump to an instant."""
        self._origin = instant.astimezone(UTC)
        self._since = time.monotonic()

    def advance(self, by: timedelta) -> None:
        """Jump forward."""
        self.set(self.now() + by)
