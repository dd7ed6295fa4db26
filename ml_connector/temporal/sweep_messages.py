"""Results of the scheduled activities."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRound:
    """One round of polling due parcels."""

    polled: int
    changed: int
    more: bool
    """Due numbers remain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryRound:
    """One reading of changed orders or receipts."""

    read: int
    news: int
    """Orders that something was learnt about."""
