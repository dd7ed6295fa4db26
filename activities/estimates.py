"""A cost from a quote, where FedEx's ship reply had none."""

from activities.services import Desk
from ml_connector.domain.shipment import ShipmentCost, ShipmentPlan
from ml_connector.http.faults import Fault


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
