"""Orders whose parcels have arrived, and their freight, without the workflow."""

from datetime import UTC, datetime
from typing import Any

from ml_connector.domain.stage import Stage
from ml_connector.domain.tracking import ParcelState
from ml_connector.temporal.order_messages import Posted, PostRequest
from tests.activities.buying import outcome
from tests.activities.workbench import Workbench


async def delivered_order(bench: Workbench, tenant: str, **values: Any) -> str:
    number = bench.place(tenant, **values)
    await bench.discover(tenant)
    await outcome(bench, tenant, number)
    now = datetime.now(UTC)
    async with bench.store.write(tenant) as view:
        await view.orders.progressed(
            number,
            stage=Stage.DELIVERED,
            tracking_state=ParcelState.DELIVERED,
            first_scan_at=now,
            delivered_at=now,
        )
    return number


async def post(bench: Workbench, tenant: str, number: str) -> Posted:
    posted: Posted = await bench.run(
        "post_freight", PostRequest(tenant=tenant, order=number, generation=1)
    )
    return posted
