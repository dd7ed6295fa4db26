"""When a shipment's freight is due in the ledger, and how it gets there and back."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import signatures as activity
    from ml_connector.temporal.order_messages import (
        News,
        Policy,
        Posted,
        PostRequest,
        ReverseRequest,
        Shipped,
        Tracking,
    )
    from workflows.label_mail import ARRIVED
    from workflows.order_card import why
    from workflows.stepping import StepFailed, StepWaits, call


def is_due(shipment: Shipped, tracking: Tracking, news: News, *, again: bool) -> bool:
    """Whether to post now; `again` when a person asked for it."""
    if shipment.posted and not again:
        return False
    if tracking.state in ARRIVED:
        return True
    # FedEx bills on scan: without one there is no freight, whoever asks for it.
    return tracking.first_scan is not None and (
        shipment.post_on_pickup or _is_cut_off(shipment, news) or again
    )


def _is_cut_off(shipment: Shipped, news: News) -> bool:
    """Whether a period wants this shipment's freight, and not that of an earlier one."""
    return bool(news.cutoff_period) and news.generation == shipment.generation


async def post(request: PostRequest, policy: Policy) -> Posted:
    """Raises `StepWaits`, `StepFailed`."""
    return await call(
        activity.POST_FREIGHT, request, policy, summary=f"post freight of {request.order}"
    )


async def reverse(request: ReverseRequest, policy: Policy) -> Posted:
    """Take posted freight back; a failure is told, for a person waits for the answer."""
    try:
        return await call(
            activity.REVERSE_FREIGHT, request, policy, summary=f"reverse freight of {request.order}"
        )
    except (StepWaits, StepFailed) as failed:
        return Posted(attention=why(failed))
