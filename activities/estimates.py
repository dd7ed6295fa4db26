"""A cost from a quote, where FedEx's ship reply had none."""

from activities.services import Desk
from activities.shipped import dump_cost, find_cost, load_plan, shown_cost
from activities.trail import current_trail
from ml_connector.domain.shipment import ShipmentCost, ShipmentPlan
from ml_connector.http.faults import Fault
from ml_connector.store.shipments import Shipment
from ml_connector.store.store import Store


async def quoted_cost(desk: Desk, plan: ShipmentPlan, transaction_id: str) -> ShipmentCost | None:
    """The account rate for exactly this plan, marked as a quote; None when there is none.

    A failing quote is not an error here: the shipment exists whatever it would have cost, and
    an unknown cost stays unknown.
    """
    try:
        quotes = await desk.fedex.quote(plan, service=plan.service, transaction_id=transaction_id)
    except Fault:
        return None
    return next((quote.cost for quote in quotes if quote.service == plan.service), None)


async def estimate(store: Store, desk: Desk, shipment: Shipment) -> ShipmentCost | None:
    """Ask what a recorded shipment without a cost would cost, and record that."""
    key = f"{desk.id}/{shipment.order}/quote/{shipment.generation}"
    cost = await quoted_cost(desk, load_plan(shipment).plan, key)
    if cost is not None:
        async with store.write(desk.id) as view:
            await view.shipments.update(shipment.order, shipment.generation, cost=dump_cost(cost))
            await view.orders.progressed(shipment.order, signal=False, **shown_cost(desk, cost))
            await find_cost(view, shipment.order, cost)
            current_trail().write(view)
    return cost
