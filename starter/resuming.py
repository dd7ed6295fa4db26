"""A tenant whose credentials were refused goes on with new ones."""

from collections.abc import Collection

from activities.waiting import end_waits
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.store.tenants import TenantEvent


async def resume_tenant(
    store: Store, tenant: str, *, actor: str, why: str, only_from: Collection[TenantState]
) -> tuple[str, ...] | None:
    """Make it active again and give its waiting orders news; which those are.

    A running worker resumes its schedules, and the next discovery tells the orders. None when
    the tenant was in no state of `only_from`.
    """
    resumed = await store.tenants.set_state(
        tenant,
        TenantState.ACTIVE,
        why,
        only_from=only_from,
        event=TenantEvent(action="tenant:resume", actor=actor, detail={"why": why}),
    )
    if not resumed:
        return None
    async with store.write(tenant) as view:
        return await end_waits(view)
