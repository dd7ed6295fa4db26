"""Visma's hourly limit, shared out: who may still call.

The window belongs to one company and one application, so everything that works for a tenant shares
one budget, over all processes. Each reply says what *all* of them have left; what no reply can say
is told through a shelf that the processes share: how it stood before this process made its first
call, what the others have in flight, and that one of them was asked to pause.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from ml_connector.visma.errors import VismaThrottled
from ml_connector.visma.limits import RateLimit

_NEW_WINDOW = 5.0
"""Seconds by which a later reset must differ to be another window and not rounding."""

_OLD_WINDOW = 300.0
"""Seconds by which an earlier reset must differ to be the window before, whose last answers may
come late. Less is one answer that took longer than another: Visma ends a request after 4 min."""

_LOOK_EVERY = 1.0
"""Seconds for which the shelf is not read again."""

_SHARE_EVERY = 100
"""The shelf may be behind by this part of the window (a hundredth)."""


class Priority(StrEnum):
    """What a call is for; the less urgent stop first when the hour runs short."""

    INTERACTIVE = "interactive"
    """Somebody waits for it: quotes, operator commands."""
    STEADY = "steady"
    """Orders on their way: tracking, write-back, journals."""
    BACKLOG = "backlog"
    """Anything that can wait an hour: discovery, first runs, full comparisons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is known of the present window. Instants are Unix seconds."""

    most: int = 0
    """Calls that the whole window allows; 0 while unknown."""
    remaining: int | None = None
    """Calls left, those in flight taken off; `None` while unknown."""
    ends: float = 0.0
    blocked_until: float = 0.0

    def at(self, now: float) -> "Window":
        """The same without what is over."""
        return self if now < self.ends else replace(self, remaining=None, ends=0.0)

    def joined(self, new: "Window") -> "Window":
        """What this and a newer word say together: of one window, the lower count."""
        blocked = max(self.blocked_until, new.blocked_until)
        if new.remaining is None or new.ends < self.ends - _OLD_WINDOW:
            return replace(self, blocked_until=blocked)
        most = new.most or self.most
        if self.remaining is None or new.ends >= self.ends + _NEW_WINDOW:
            return replace(new, most=most, blocked_until=blocked)
        return Window(
            most=most,
            remaining=min(self.remaining, new.remaining),
            ends=max(self.ends, new.ends),
            blocked_until=blocked,
        )


class Budget(Protocol):
    """Decides whether a call may go out now."""

    async def acquire(self, priority: Priority) -> None:
        """Take one call, or raise `VismaThrottled` at once; never wait inside."""

    async def observe(self, limits: RateLimit) -> None:
        """Learn from a reply."""

    def put_back(self) -> None:
        """The call that was taken never left."""

    async def spare(self, priority: Priority) -> int | None:
        """Calls that this kind of work may still make in this window; `None` while unknown."""


class LocalBudget:
    """The budget of one tenant within one process."""

    def __init__(
        self,
        *,
        backlog_reserve: int = 20,
        steady_reserve: int = 5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The reserves are percent of the window that the named work leaves to the more urgent."""
        self._reserves = {
            Priority.BACKLOG: backlog_reserve,
            Priority.STEADY: steady_reserve,
            Priority.INTERACTIVE: 0,
        }
        self._clock = clock
        self._window = Window()

    @property
    def left(self) -> int | None:
        """Calls that the present window still allows; None while no reply has told."""
        return self._window.at(self._clock()).remaining

    async def acquire(self, priority: Priority) -> None:
        """Take one call out of the window. Raises `VismaThrottled`."""
        now = self._clock()
        self._window = self._window.at(now)
        if now < self._window.blocked_until:
            raise _patience("Visma asked for a pause.", self._window.blocked_until - now)
        spare = self._spare(priority)
        if spare is None:
            return
        if spare <= 0:
            raise _patience(
                f"The hour's calls to Visma are used up for {priority} work.",
                self._window.ends - now,
            )
        # Calls in flight are not in the header yet, so they are counted here.
        self._add(-1)

    async def observe(self, limits: RateLimit) -> None:
        """Take over what a reply says, unless it is older than what is known."""
        now = self._clock()
        self._window = self._window.at(now)
        if limits.retry_after is not None:
            pause = Window(blocked_until=now + limits.retry_after.total_seconds())
            self._window = self._window.joined(pause)
        if limits.remaining is not None and limits.resets_in is not None:
            said = Window(
                most=limits.limit or 0,
                remaining=limits.remaining,
                ends=now + limits.resets_in.total_seconds(),
            )
            self._window = self._window.joined(said)

    def put_back(self) -> None:
        """The call that was taken never left."""
        self._add(1)

    async def spare(self, priority: Priority) -> int | None:
        """Calls that this kind of work may still make in this window; `None` while unknown."""
        now = self._clock()
        self._window = self._window.at(now)
        return 0 if now < self._window.blocked_until else self._spare(priority)

    def _spare(self, priority: Priority) -> int | None:
        if self._window.remaining is None:
            return None
        return self._window.remaining - self._window.most * self._reserves[priority] // 100

    def _add(self, calls: int) -> None:
        if self._window.remaining is not None:
            self._window = replace(self._window, remaining=self._window.remaining + calls)


class Shelf(Protocol):
    """Where the processes that work for a tenant tell each other of its window."""

    async def look(self) -> Window | None:
        """What was told last."""

    async def tell(self, window: Window) -> Window:
        """Add to it, and give what all of them know together."""


class SharedBudget(LocalBudget):
    """The budget of one tenant over all processes.

    The shelf is read at most once a second, and written when a window opens, when Visma asks for
    a pause, and when it is a hundredth of the window behind. What the processes do not know of
    each other is so little that the reserves hold it.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        backlog_reserve: int = 20,
        steady_reserve: int = 5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            backlog_reserve=backlog_reserve, steady_reserve=steady_reserve, clock=clock
        )
        self._shelf = shelf
        self._looked = float("-inf")
        self._told = Window()

    async def acquire(self, priority: Priority) -> None:
        """Take one call out of the window. Raises `VismaThrottled`."""
        await self._look()
        await super().acquire(priority)

    async def observe(self, limits: RateLimit) -> None:
        """Take over what a reply says, and let the others know when it matters to them."""
        await super().observe(limits)
        if self._is_news():
            # Before it is told, so that calls which end meanwhile do not tell the same.
            self._told = self._window
            self._learn(await self._shelf.tell(self._window))

    async def spare(self, priority: Priority) -> int | None:
        """Calls that this kind of work may still make in this window; `None` while unknown."""
        await self._look()
        return await super().spare(priority)

    async def _look(self) -> None:
        now = self._clock()
        if now < self._looked + _LOOK_EVERY:
            return
        self._looked = now
        found = await self._shelf.look()
        if found is not None:
            self._told = found
            self._learn(found)

    def _learn(self, found: Window) -> None:
        now = self._clock()
        self._window = self._window.at(now).joined(found.at(now))

    def _is_news(self) -> bool:
        mine, told = self._window, self._told.at(self._clock())
        if mine.blocked_until > told.blocked_until:
            return True
        if mine.remaining is None:
            return False
        if told.remaining is None or mine.ends >= told.ends + _NEW_WINDOW:
            return True
        return told.remaining - mine.remaining > mine.most // _SHARE_EVERY


def _patience(what: str, seconds: float) -> VismaThrottled:
    return VismaThrottled(
        what,
        retry_after=timedelta(seconds=max(seconds, 1.0)),
        remedy="It goes on by itself when the window resets.",
    )
