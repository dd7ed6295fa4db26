"""What people see of an order while its workflow runs: stage, search attributes, details."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from ml_connector.domain.stage import Stage
    from ml_connector.temporal import search_attributes as attributes
    from ml_connector.temporal.order_messages import Attention, OrderStatus, Shipped
    from workflows.order_card import card


class OrderFace:
    """The one place where an order's stage changes."""

    def __init__(self) -> None:
        self.stage = Stage.DISCOVERED
        self.waiting_for = ""
        self._attention: Attention | None = None

    def enter(self, stage: Stage, shipment: Shipped | None, attention: Attention | None) -> None:
        """A stage, or the same with another reason; what is shown already costs no event."""
        updates: list[SearchAttributeUpdate[Any]] = []
        if stage is not self.stage:
            updates.append(attributes.STAGE.value_set(stage.value))
        reason = attention.reason if attention else ""
        if reason != (self._attention.reason if self._attention else ""):
            updates.append(
                attributes.ATTENTION.value_set(reason)
                if reason
                else attributes.ATTENTION.value_unset()
            )
        shown = workflow.info().typed_search_attributes.get(attributes.TRACKING_NUMBER) or ()
        numbers = [shipment.tracking_number] if shipment else []
        if numbers and list(shown) != numbers:
            updates.append(attributes.TRACKING_NUMBER.value_set(numbers))
        self.stage, self._attention = stage, attention
        if updates:
            workflow.upsert_search_attributes(updates)
        self.show(shipment)

    def show(self, shipment: Shipped | None) -> None:
        """Bring the Web UI's card up to date."""
        workflow.set_current_details(card(self.status(shipment)))

    def status(self, shipment: Shipped | None) -> OrderStatus:
        """Where the order stands."""
        return OrderStatus(
            stage=self.stage,
            attention=self._attention,
            generation=shipment.generation if shipment else 0,
            tracking_number=shipment.tracking_number if shipment else "",
            service=shipment.service if shipment else "",
            cost=shipment.cost if shipment else "",
            journal_batch=shipment.journal_batch if shipment else "",
            waiting_for=self.waiting_for,
        )
