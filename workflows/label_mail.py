"""The label's mail: tried when the label is made, and again until the parcel moves."""

from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import signatures as activity
    from ml_connector.domain.tracking import ParcelState
    from ml_connector.temporal.order_messages import OrderRef, Policy, Shipped, Tracking
    from workflows.stepping import StepFailed, call

ARRIVED = frozenset({ParcelState.DELIVERED, ParcelState.RETURNED})
ATTEMPTS = 3
"""A mail server that stays away is asked again every `recheck`, while the order goes on."""
PATIENCE = timedelta(minutes=15)
"""The order goes on after it even if no worker serves the mail's queue."""


class LabelMail:
    """When the present shipment's label is mailed next."""

    def __init__(self) -> None:
        self._again: datetime | None = None

    def begin(self) -> None:
        """Another shipment, another label."""
        self._again = None

    def pause(self, shipment: Shipped, tracking: Tracking) -> timedelta:
        """How long until the label's mail is tried; for ever when there is nothing to try."""
        if not shipment.mail_label:
            return timedelta.max
        if self._again is None:
            return timedelta()
        # Who handed the parcel over has printed its label.
        moves = tracking.first_scan is not None or tracking.state in ARRIVED
        return timedelta.max if moves else self._again - workflow.now()

    async def send(self, ref: OrderRef, policy: Policy) -> bool:
        """Whether that is done with. Failing keeps nothing back: the activity records a finding,
        and it is tried again."""
        try:
            done = await call(
                activity.SEND_LABEL,
                ref,
                replace(policy, give_up=min(policy.give_up, PATIENCE)),
                summary=f"mail the label of {ref.order}",
                attempts=ATTEMPTS,
            )
        except StepFailed as failed:
            workflow.logger.warning("label not mailed yet", extra={"why": str(failed)})
            done = False
        self._again = workflow.now() + policy.recheck
        return done
