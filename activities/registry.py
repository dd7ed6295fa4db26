"""Every activity of a worker, put together and sorted by task queue."""

from collections.abc import Callable
from typing import Any

from activities import signatures
from activities.changes import ChangeActivities
from activities.cutoff import CutoffActivities
from activities.discovery import DiscoveryActivities
from activities.journals import Ledger
from activities.mailing import MailActivities
from activities.master import MasterReader
from activities.news import NewsActivities
from activities.posting import PostingActivities
from activities.progress import ProgressActivities
from activities.quoting import QuoteActivities
from activities.recovery import Recovery
from activities.reversal import Reversals
from activities.services import Services
from activities.shipping import ShippingActivities
from activities.tokens import TokenActivities
from activities.tracking import TrackingActivities
from ml_connector.temporal.ids import TaskQueue

Implementation = Callable[..., Any]


def activities_by_queue(services: Services) -> dict[TaskQueue, list[Implementation]]:
    """The implementation of each signature, on the queue its signature names."""
    sorted_out: dict[TaskQueue, list[Implementation]] = {queue: [] for queue in TaskQueue}
    implemented = implementations(services)
    for signature in signatures.ALL:
        sorted_out[signature.queue].append(implemented[signature.name])
    return sorted_out


def implementations(services: Services) -> dict[str, Implementation]:
    """Activity implementations by name."""
    master = MasterReader()
    ledger = Ledger(services)
    recovery = Recovery(services)
    shipping = ShippingActivities(services, master, recovery)
    progress = ProgressActivities(services)
    discovery = DiscoveryActivities(services, master)
    news = NewsActivities(services)
    reversals = Reversals(services, master, ledger)
    changes = ChangeActivities(services, reversals)
    return {
        "prepare_shipment": shipping.prepare_shipment,
        "buy_shipment": shipping.buy_shipment,
        "review_change": changes.review_change,
        "write_progress": progress.write_progress,
        "flush_progress": progress.flush_progress,
        "post_freight": PostingActivities(services, master, ledger).post_freight,
        "reverse_freight": reversals.reverse_freight,
        "answer_quote": QuoteActivities(services, master).answer_quote,
        "send_label": MailActivities(services).send_label,
        "record_stage": news.record_stage,
        "record_asked": news.record_asked,
        "deliver_news": news.deliver_news,
        "discover_orders": discovery.discover_orders,
        "discover_receipts": discovery.discover_receipts,
        "recheck_orders": discovery.recheck_orders,
        "poll_tracking": TrackingActivities(services).poll_tracking,
        "watch_orphans": recovery.watch_orphans,
        "cut_off_period": CutoffActivities(services, master).cut_off_period,
        "issue_token": TokenActivities(services).issue_token,
    }
