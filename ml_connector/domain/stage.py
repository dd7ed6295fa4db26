"""The stages of an order's life in the connector."""

from enum import StrEnum


class Stage(StrEnum):
    """Where an order stands. `NEEDS_ATTENTION` means parked: a person or a repair must act."""

    DISCOVERED = "discovered"
    WAITING_RELEASE = "waiting_release"
    SHIPPING = "shipping"
    LABEL_CREATED = "label_created"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    POSTING_FREIGHT = "posting_freight"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    NEEDS_ATTENTION = "needs_attention"


FINISHED = frozenset({Stage.COMPLETED, Stage.CANCELLED, Stage.RETURNED})
"""Stages in which the order's workflow has ended."""
