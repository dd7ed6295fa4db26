"""A tenant whose credentials were refused goes on with new ones."""

from collections.abc import Collection

from activities.waiting import end_waits
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.store.tenants import TenantEvent, TenantMove, TenantRecord


def resumption(*, actor: str, why: str, only_from: Collection[TenantState]) -> TenantMove:
    """Makes a tenant active again, together with the secrets that let it be.

    A running worker resumes its schedules, and the next discovery tells the orders.
    """
    return TenantMove(
        state=TenantState.ACTIVE,
        reason=why,
        only_from=only_from,
        event=TenantEvent(action="tenant:resume", actor=actor, detail={"why": why}),
    )


async def wake_orders(store: Store, tenant: TenantRecord) -> tuple[str, ...]:
    """Give an active tenant's waiting orders news; which those are.

    Those too that were left waiting by a command that died before it came to them.
    """
    if tenant.state is not TenantState.ACTIVE:
        return ()
    async with store.write(tenant.id) as view:
        return await end_waits(view)
