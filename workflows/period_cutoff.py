"""At a period's end, post the freight of what FedEx scanned in it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import signatures as activity
    from ml_connector.temporal.messages import TenantInput
    from workflows.ownership import refuse_another_owner
    from workflows.scheduled import run_step


@workflow.defn
class PeriodCutoffWorkflow:
    """Marks every order scanned in an ended, open period and not posted; safe to run twice."""

    @workflow.run
    async def run(self, tenant: TenantInput) -> str:
        refuse_another_owner(tenant.tenant)
        marked = await run_step(activity.CUT_OFF_PERIOD, tenant, "find freight to cut off")
        await run_step(activity.DELIVER_NEWS, tenant, "ask orders to post their freight")
        return f"{marked or 0} orders asked to post"
