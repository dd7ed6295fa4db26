"""Requests and results of the scheduled activities."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """A round of polling a tenant's parcels."""

    tenant: str
    due_by: datetime | None = None
    """Only what was due by then: what becomes due meanwhile is the next sweep's. None: now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRound:
    """One round of polling due parcels."""

    polled: int
    changed: int
    more: bool
    """Due numbers remain."""
    due_by: datetime | None = None
    """By when the polled ones were due; for the rounds that follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Which steps of a discovery run would find something to do."""

    news: bool
    """An order's workflow has not heard the latest."""
    recheck: bool
    progress: bool
    """Visma has not been told the latest."""
    orphans: bool


EVERYTHING = Due(news=True, recheck=True, progress=True, orphans=True)
"""What is done where it is not known: after a step that failed, or that an older version ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryRound:
    """One reading of changed orders or receipts."""

    read: int
    news: int
    """Orders that something was learnt about."""
    due: Due | None = None
    """When it ended. None: nobody has looked."""
