"""How an order's state reads to people. Pure."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ml_connector.domain.stage import Stage
    from ml_connector.domain.tracking import ParcelState
    from ml_connector.temporal.order_messages import Attention, OrderStatus, Tracking
    from workflows.stepping import StepFailed, StepWaits


def stage_of(tracking: Tracking) -> Stage:
    """The stage that a shipment's parcels bring about."""
    if tracking.state is ParcelState.DELIVERED:
        return Stage.DELIVERED
    return Stage.IN_TRANSIT if tracking.first_scan is not None else Stage.LABEL_CREATED


def unexpected(outcome: str) -> Attention:
    """An activity of another version said something this workflow does not know."""
    return Attention(
        reason="unexpected_outcome",
        detail=f"A step ended with the outcome '{outcome}', which this version does not know.",
        remedy="Deploy matching worker versions, then resume the order.",
    )


def why(stopped: StepWaits | StepFailed) -> Attention:
    """Why a step that a person asked for did not come to its end."""
    if isinstance(stopped, StepFailed):
        return stopped.attention
    return Attention(
        reason="not_now",
        detail=stopped.wait.why,
        remedy="Mend what is named, or wait, then repeat the command.",
    )


def card(status: OrderStatus) -> str:
    """The card shown in the Web UI, in Markdown; no personal data."""
    rows = [("Stage", status.stage.value)]
    if status.tracking_number:
        rows.append(("Tracking", f"{status.tracking_number} ({status.service})"))
    if status.cost:
        rows.append(("Freight", status.cost))
    if status.journal_batch:
        rows.append(("Journal", status.journal_batch))
    if status.waiting_for:
        rows.append(("Waits for", status.waiting_for))
    if status.attention:
        rows.append(("Needs attention", f"{status.attention.detail} {status.attention.remedy}"))
    return "\n\n".join(f"**{name}:** {text}" for name, text in rows)
