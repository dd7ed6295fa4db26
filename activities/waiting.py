"""Orders that wait for their tenant's credentials: which they are, and how they go on.

The wait itself is the workflow's, which looks again by itself every `polling.recheck`. It is
entered here as well, so that new credentials wake exactly the orders that wait for them.
"""

from activities.findings import WAITS_FOR_CREDENTIALS
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.store.view import TenantView


async def begin_wait(store: Store, tenant: str, order: str) -> bool:
    """The order can do nothing until the tenant has credentials that are accepted.

    False when it has new ones by now: whoever set them may have looked for waiting orders before
    this one was entered.
    """
    async with store.write(tenant) as view:
        await view.findings.add(order, WAITS_FOR_CREDENTIALS)
    record = await store.tenants.get(tenant)
    if record is None or record.state is not TenantState.ACTIVE:
        return True
    async with store.write(tenant) as view:
        await view.findings.resolve(order, WAITS_FOR_CREDENTIALS.code)
    return False


async def end_waits(view: TenantView) -> tuple[str, ...]:
    """The tenant may work again: give every waiting order news, and say which they are."""
    waiting = [
        finding.order
        for finding in await view.findings.open()
        if finding.order is not None and finding.code == WAITS_FOR_CREDENTIALS.code
    ]
    for order in waiting:
        await view.findings.resolve(order, WAITS_FOR_CREDENTIALS.code)
        if await view.orders.get(order) is not None:
            await view.orders.progressed(order)
    return tuple(waiting)
