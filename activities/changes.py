"""An order was edited, held or cancelled after its label was made."""

from temporalio import activity

from activities.findings import CHANGED_AFTER_PICKUP as TOO_LATE
from activities.observation import observe
from activities.reversal import Reversals
from activities.services import Desk, Services
from activities.shipped import NO_ATTENTION, attention_to, is_alive, load_plan
from activities.signatures import REVIEW_CHANGE
from activities.trail import current_trail
from ml_connector.domain.eligibility import Eligible, shipping_fingerprint
from ml_connector.domain.order import PurchaseOrder
from ml_connector.domain.stage import Stage
from ml_connector.domain.tracking import ParcelState
from ml_connector.fedex.client import CancelOutcome
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import ShipmentState
from ml_connector.temporal.order_messages import Attention, Reviewed, ReviewRequest

WITHDRAWN = frozenset({"Cancelled", "Voided", "Hold"})
"""Statuses in which the company does not want the goods, or not now."""


class ChangeActivities:
    """Decide what an edit means for a shipment that exists."""

    def __init__(self, services: Services, reversals: Reversals) -> None:
        self._services = services
        self._reversals = reversals

    @activity.defn(name=REVIEW_CHANGE.name)
    async def review_change(self, request: ReviewRequest) -> Reviewed:
        """Keep the shipment, cancel it, or say that it is too late."""
        desk = await self._services.desk(request.tenant)
        order = await desk.visma.get_order(request.order)
        async with self._services.store.write(desk.id) as view:
            row = await view.orders.get(order.number)
            seen = await observe(view, desk, order, row)
            shipment = await view.shipments.get(order.number, request.generation)
        if shipment is None or not is_alive(shipment):
            return Reviewed(outcome="again", fingerprint=seen.fingerprint)
        withdrawn = order.on_hold or order.status in WITHDRAWN
        if not (request.cancel or withdrawn or _other_parcel(order, shipment)):
            return await self._keep(desk, shipment, seen.fingerprint)
        if not await self._cancel_at_fedex(desk, shipment):
            return await self._too_late(desk, shipment, seen.fingerprint)
        final = request.cancel or order.status in ("Cancelled", "Voided")
        outcome = "cancelled" if final else "waiting" if withdrawn else "again"
        if isinstance(seen.verdict, Eligible) and outcome == "waiting":
            outcome = "again"
        await self._cancelled(desk, shipment, request, outcome)
        return Reviewed(outcome=outcome, fingerprint=seen.fingerprint)

    async def _keep(self, desk: Desk, shipment: Shipment, mark: str) -> Reviewed:
        """Only the books or the status changed: the parcel would be the same."""
        async with self._services.store.write(desk.id) as view:
            current_trail().note(view, "shipment:kept", generation=shipment.generation)
        return Reviewed(outcome="same", fingerprint=mark)

    async def _cancel_at_fedex(self, desk: Desk, shipment: Shipment) -> bool:
        """True when FedEx confirms that the shipment is cancelled. Safe to repeat."""
        async with self._services.store.read(desk.id) as view:
            parcels = await view.parcels.by_order(shipment.order, shipment.generation)
        if any(parcel.first_scan_at is not None for parcel in parcels):
            return False
        outcome = await desk.fedex.cancel_shipment(
            shipment.master_tracking or "",
            transaction_id=f"{desk.id}/{shipment.order}/cancel/{shipment.generation}",
        )
        return outcome in (CancelOutcome.CANCELLED, CancelOutcome.ALREADY_CANCELLED)

    async def _too_late(self, desk: Desk, shipment: Shipment, mark: str) -> Reviewed:
        async with self._services.store.write(desk.id) as view:
            await view.findings.add(shipment.order, TOO_LATE)
            await view.orders.save(shipment.order, **attention_to(TOO_LATE))
            current_trail().note(view, "shipment:too_late_to_change")
        attention = Attention(reason=TOO_LATE.code, detail=TOO_LATE.message, remedy=TOO_LATE.remedy)
        return Reviewed(outcome="too_late", fingerprint=mark, attention=attention)

    async def _cancelled(
        self, desk: Desk, shipment: Shipment, request: ReviewRequest, outcome: str
    ) -> None:
        await self._reversals.reverse_if_posted(desk, shipment)
        async with self._services.store.write(desk.id) as view:
            by_hand = ShipmentState.WITHDRAWN if request.cancel else ShipmentState.CANCELLED
            await view.shipments.set_state(shipment.order, shipment.generation, by_hand)
            if request.cancel:
                # An earlier go-ahead is used up: whoever wants the order shipped says so anew.
                await view.orders.save(shipment.order, released=False)
            for parcel in await view.parcels.by_order(shipment.order, shipment.generation):
                await view.parcels.finish(parcel.tracking_number)
            await view.orders.progressed(
                shipment.order,
                signal=False,
                stage=Stage.CANCELLED if outcome == "cancelled" else Stage.DISCOVERED,
                tracking_state=ParcelState.CANCELLED,
                **NO_ATTENTION,
            )
            current_trail().note(
                view,
                "shipment:cancelled",
                generation=shipment.generation,
                by=request.by or "order changed in Visma",
                reason=request.reason,
            )


def _other_parcel(order: PurchaseOrder, shipment: Shipment) -> bool:
    """Would the parcel be another one? Status and ledger dimensions are no reason to reprint."""
    return load_plan(shipment).parcel != shipping_fingerprint(order)
