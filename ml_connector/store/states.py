"""States of stored things, and which may follow which."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class TenantState(StrEnum):
    """May work be done for this tenant?"""

    ACTIVE = "active"
    NEEDS_REAUTH = "needs_reauth"
    PAUSED = "paused"
    REMOVED = "removed"


class OperationState(StrEnum):
    """How far a write to another system has come.

    `INTENDED` is committed before the request; `SENT` immediately before its first byte.
    """

    INTENDED = "intended"
    SENT = "sent"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class ShipmentState(StrEnum):
    """What became of one generation of an order's shipment."""

    PLANNED = "planned"
    LIVE = "live"
    CANCELLED = "cancelled"
    ORPHAN_WATCH = "orphan_watch"
    """Given up after definite not-founds; watched in case FedEx shows it after all."""
    ADOPTED = "adopted"
    """Found at FedEx after its answer was lost, already tendered: no label, quoted cost."""
    LOST = "lost"
    WITHDRAWN = "withdrawn"
    """A person had it cancelled: the order ships again only when a person says so."""
    SUPERSEDED = "superseded"
    """FedEx has, or had, its parcel; a person had the order shipped once more."""


class JournalKind(StrEnum):
    """A posting, or the mirror of one."""

    POST = "post"
    REVERSAL = "reversal"


class JournalState(StrEnum):
    """How far a journal has come in Visma."""

    DRAFT = "draft"
    CREATED = "created"
    RELEASED = "released"
    REVERSED = "reversed"


_O, _S, _J = OperationState, ShipmentState, JournalState

OPERATION_STEPS: Mapping[OperationState, frozenset[OperationState]] = MappingProxyType(
    {
        # Rejected by ourselves: what it was for has ended before it was sent.
        _O.INTENDED: frozenset({_O.SENT, _O.REJECTED}),
        # Back to intended only with proof that nothing was sent, or nothing arrived.
        _O.SENT: frozenset({_O.SUCCEEDED, _O.REJECTED, _O.UNKNOWN, _O.INTENDED}),
        _O.UNKNOWN: frozenset({_O.SUCCEEDED, _O.REJECTED, _O.INTENDED}),
        # A refusal changed nothing over there; after a repair the same step may be tried again.
        _O.REJECTED: frozenset({_O.INTENDED}),
        _O.SUCCEEDED: frozenset(),
    }
)

SHIPMENT_STEPS: Mapping[ShipmentState, frozenset[ShipmentState]] = MappingProxyType(
    {
        _S.PLANNED: frozenset({_S.LIVE, _S.CANCELLED, _S.ORPHAN_WATCH, _S.ADOPTED, _S.LOST}),
        _S.LIVE: frozenset({_S.CANCELLED, _S.WITHDRAWN, _S.SUPERSEDED}),
        _S.ORPHAN_WATCH: frozenset({_S.CANCELLED, _S.ADOPTED, _S.LOST}),
        _S.ADOPTED: frozenset({_S.CANCELLED, _S.WITHDRAWN, _S.SUPERSEDED}),
        # A late surprise: the other side shows it after all, and it must be dealt with.
        _S.LOST: frozenset({_S.CANCELLED, _S.ADOPTED}),
        _S.CANCELLED: frozenset(),
        _S.WITHDRAWN: frozenset(),
        _S.SUPERSEDED: frozenset(),
    }
)

JOURNAL_STEPS: Mapping[JournalState, frozenset[JournalState]] = MappingProxyType(
    {
        _J.DRAFT: frozenset({_J.CREATED, _J.RELEASED}),
        _J.CREATED: frozenset({_J.RELEASED, _J.REVERSED}),
        _J.RELEASED: frozenset({_J.REVERSED}),
        _J.REVERSED: frozenset(),
    }
)
