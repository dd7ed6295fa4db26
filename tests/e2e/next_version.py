"""An order's workflow as a next version might have it: two more steps, each behind a patch."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ml_connector.temporal.order_messages import OrderInput, Shipped, Tracking

from workflows.purchase_order import PurchaseOrderWorkflow

EARLY, LATE = "say-it-before-planning", "say-it-before-posting"


@workflow.defn(name="PurchaseOrderWorkflow")
class NextPurchaseOrderWorkflow(PurchaseOrderWorkflow):
    """One step stands where orders under way have been already, the other where they will come."""

    @workflow.init
    def __init__(self, start: OrderInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: OrderInput) -> str:
        return await super().run(start)

    async def _until_shipped(self) -> None:
        if workflow.patched(EARLY):
            await self._write_progress()
        await super()._until_shipped()

    async def _post(self, shipment: Shipped, tracking: Tracking) -> None:
        if workflow.patched(LATE):
            await self._write_progress()
        await super()._post(shipment, tracking)
