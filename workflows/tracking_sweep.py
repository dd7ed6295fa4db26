"""Poll due tracking numbers, and tell only the orders whose parcels moved."""

from dataclasses import replace

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import signatures as activity
    from ml_connector.temporal.messages import TenantInput
    from ml_connector.temporal.sweep_messages import SweepRequest
    from workflows.ownership import refuse_another_owner
    from workflows.scheduled import run_step

MOST_ROUNDS = 100
"""A bound on one run: 100 rounds of polling; what is left is due at the next tick."""


@workflow.defn
class TrackingSweepWorkflow:
    """One sweep over a tenant's due parcels, started by a schedule.

    An unchanged parcel costs no event in its order's history: only this workflow's own.
    """

    @workflow.run
    async def run(self, tenant: TenantInput) -> str:
        refuse_another_owner(tenant.tenant)
        polled = changed = 0
        request = SweepRequest(tenant=tenant.tenant)
        for _ in range(MOST_ROUNDS):
            swept = await run_step(activity.POLL_TRACKING, request, "poll due tracking numbers")
            if swept is None:
                break
            polled, changed = polled + swept.polled, changed + swept.changed
            request = replace(request, due_by=swept.due_by)
            if not swept.more:
                break
        if changed:
            await run_step(activity.DELIVER_NEWS, tenant, "tell orders whose parcels moved")
            await run_step(activity.FLUSH_PROGRESS, tenant, "write progress to Visma")
        return f"{polled} polled, {changed} changed"
