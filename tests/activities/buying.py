"""What an order's workflow does until its label is there, without the workflow."""

from datetime import timedelta
from typing import Any

from activities.failures import Later
from ml_connector.fedex.errors import FedExTransient
from ml_connector.sandbox.fedex.values import Shipment
from ml_connector.temporal.order_messages import Bought, OrderRef, PrepareRequest
from ml_connector.temporal.token_messages import IssueToken
from tests.activities.workbench import Workbench


async def add_buyer(bench: Workbench, tenant: str, **sections: Any) -> None:
    """A tenant that holds a token for FedEx, in a world where nothing is broken."""
    world = bench.sandbox.fedex
    world.faults.clear()
    world.modes.trackable_after = timedelta(0)
    world.modes.hidden_references = frozenset()
    await bench.add_tenant(tenant, **sections)
    await bench.run("issue_token", IssueToken(tenant=tenant, project="ship", known_version=0))


async def attempt(bench: Workbench, tenant: str, number: str) -> Bought:
    """Once: plan, where there is no plan, and buy."""
    wish = PrepareRequest(tenant=tenant, order=number, released=False)
    prepared = await bench.run("prepare_shipment", wish)
    if prepared.outcome == "shipped":
        return Bought(outcome="live", shipment=prepared.shipment)
    ref = OrderRef(tenant=tenant, order=number, generation=prepared.generation)
    bought: Bought = await bench.run("buy_shipment", ref)
    return bought


async def outcome(bench: Workbench, tenant: str, number: str) -> Bought:
    """Until there is a label, or a person is needed."""

    async def settled() -> Bought | None:
        try:
            bought = await attempt(bench, tenant, number)
        except (Later, FedExTransient):
            return None
        return None if bought.outcome == "again" else bought

    return await bench.until(settled)


def shipments(bench: Workbench, number: str) -> list[Shipment]:
    """All that FedEx has made for an order."""
    return [each for each in bench.sandbox.fedex.shipments if each.order_number == number]


def live(bench: Workbench, number: str) -> list[str]:
    """Master numbers of those that are not cancelled."""
    return [each.master for each in shipments(bench, number) if each.cancelled_at is None]
