"""The activities as workflows see them: name, argument, result, queue and time limit.

Workflows import this module and nothing of the implementations, so that no workflow can reach
the network or the database by accident. A test checks that every signature is implemented with
the same types.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from ml_connector.temporal.ids import TaskQueue
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import (
    Asked,
    Bought,
    OrderRef,
    Posted,
    PostRequest,
    Prepared,
    PrepareRequest,
    QuoteAnswer,
    QuoteRequest,
    ReverseRequest,
    Reviewed,
    ReviewRequest,
    StageRecord,
)
from ml_connector.temporal.sweep_messages import DiscoveryRound, SweepRequest, SweepRound
from ml_connector.temporal.token_messages import IssueToken, TokenIssued

A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True)
class Signature(Generic[A, R]):
    """One activity's name and types."""

    name: str
    argument: type[A]
    result: type[R]
    queue: TaskQueue
    timeout: timedelta
    """Of one attempt, so it is longer than any single call."""
    heartbeat: timedelta = timedelta(seconds=20)
    """Without a sign of life for so long (activities.liveness) its worker counts as dead."""


_CALL = timedelta(minutes=5)
"""Visma itself ends a request after 4 minutes (docs.vismasoftware.no, how-tos/background)."""
_LONG = timedelta(minutes=30)
QUOTE_ATTEMPTS = 4
"""A quote is for somebody who waits: it fails soon and says so."""

PREPARE_SHIPMENT = Signature("prepare_shipment", PrepareRequest, Prepared, TaskQueue.VISMA, _CALL)
BUY_SHIPMENT = Signature("buy_shipment", OrderRef, Bought, TaskQueue.FEDEX, _CALL)
REVIEW_CHANGE = Signature("review_change", ReviewRequest, Reviewed, TaskQueue.FEDEX, _CALL)
WRITE_PROGRESS = Signature("write_progress", OrderRef, int, TaskQueue.VISMA, _CALL)
POST_FREIGHT = Signature("post_freight", PostRequest, Posted, TaskQueue.VISMA, _CALL)
REVERSE_FREIGHT = Signature("reverse_freight", ReverseRequest, Posted, TaskQueue.VISMA, _CALL)
ANSWER_QUOTE = Signature("answer_quote", QuoteRequest, QuoteAnswer, TaskQueue.FEDEX, _CALL)
SEND_LABEL = Signature("send_label", OrderRef, bool, TaskQueue.MAIL, _CALL)
RECORD_STAGE = Signature("record_stage", StageRecord, bool, TaskQueue.MAIN, timedelta(seconds=30))
RECORD_ASKED = Signature("record_asked", Asked, bool, TaskQueue.MAIN, timedelta(seconds=30))

DISCOVER_ORDERS = Signature("discover_orders", TenantInput, DiscoveryRound, TaskQueue.VISMA, _LONG)
DISCOVER_RECEIPTS = Signature(
    "discover_receipts", TenantInput, DiscoveryRound, TaskQueue.VISMA, _LONG
)
RECHECK_ORDERS = Signature("recheck_orders", TenantInput, DiscoveryRound, TaskQueue.VISMA, _LONG)
DELIVER_NEWS = Signature("deliver_news", TenantInput, int, TaskQueue.MAIN, _LONG)
FLUSH_PROGRESS = Signature("flush_progress", TenantInput, int, TaskQueue.VISMA, _LONG)
POLL_TRACKING = Signature("poll_tracking", SweepRequest, SweepRound, TaskQueue.FEDEX, _LONG)
WATCH_ORPHANS = Signature("watch_orphans", TenantInput, int, TaskQueue.FEDEX, _LONG)
CUT_OFF_PERIOD = Signature("cut_off_period", TenantInput, int, TaskQueue.VISMA, _LONG)

ISSUE_TOKEN = Signature(
    "issue_token", IssueToken, TokenIssued, TaskQueue.TOKEN, timedelta(seconds=60)
)

ALL: tuple[Signature[object, object], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Signature)
)
