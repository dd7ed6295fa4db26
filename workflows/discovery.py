"""Read what changed in Visma and tell the orders it concerns."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import signatures as activity
    from ml_connector.temporal.messages import TenantInput
    from ml_connector.temporal.sweep_messages import EVERYTHING, DiscoveryRound, Due
    from workflows.ownership import refuse_another_owner
    from workflows.scheduled import run_step


@workflow.defn
class DiscoveryWorkflow:
    """One reading of a tenant's changed orders and receipts, started by a schedule.

    Each step leaves its result in the store before the next begins, so a run that dies anywhere
    is simply followed by the next one. The cursor moves inside `discover_orders`, after the
    orders it covers are marked as news; `deliver_news` starts or nudges their workflows.

    Most runs find nothing. They read, and take no step for which the store has no work.
    """

    @workflow.run
    async def run(self, tenant: TenantInput) -> str:
        refuse_another_owner(tenant.tenant)
        orders = await run_step(activity.DISCOVER_ORDERS, tenant, "read changed orders")
        if _due(orders).news:
            await run_step(activity.DELIVER_NEWS, tenant, "start and nudge orders")
        receipts = await run_step(activity.DISCOVER_RECEIPTS, tenant, "read changed receipts")
        due = _due(receipts)
        if due.recheck:
            await self._recheck(tenant)
        if due.progress:
            await run_step(activity.FLUSH_PROGRESS, tenant, "write progress to Visma")
        if due.orphans:
            await run_step(activity.WATCH_ORPHANS, tenant, "look for shipments of lost answers")
        workflow.set_current_details(
            f"orders read: {orders.read if orders else '-'}, "
            f"receipts read: {receipts.read if receipts else '-'}"
        )
        return f"{orders.read if orders else 0} orders, {receipts.read if receipts else 0} receipts"

    async def _recheck(self, tenant: TenantInput) -> None:
        step = activity.RECHECK_ORDERS
        rechecked = await run_step(step, tenant, "look again at parked orders")
        if rechecked is not None and rechecked.news:
            await run_step(activity.DELIVER_NEWS, tenant, "nudge repaired orders")


def _due(found: DiscoveryRound | None) -> Due:
    return EVERYTHING if found is None or found.due is None else found.due
