"""A tenant's desk for a command that looks at Visma and FedEx itself.

What such a command asks is audited like a worker's calls, under the person's name.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from activities.services import Desk
from activities.trail import Trail, current_trail, open_trail
from ml_connector.visma.budget import Priority
from starter.context import Installation


@asynccontextmanager
async def desk_of(
    here: Installation, tenant: str, *, order: str | None = None, at_rest: bool = False
) -> AsyncIterator[Desk]:
    """The tenant's settings and clients, served before background work.

    `at_rest`: also while the tenant waits for credentials; for looking only.

    Raises UnknownTenant; TenantNotReady unless `at_rest`.
    """
    services = await here.services()
    await here.records(tenant)
    trail = Trail(tenant=tenant, order=order, actor=here.actor)
    open_trail(trail)
    try:
        desk = await (services.desk_at_rest(tenant) if at_rest else services.desk(tenant))
        yield desk.at(Priority.INTERACTIVE)
    finally:
        await services.settle(trail)


def calls_made() -> list[str]:
    """The calls of this command so far: `fedex POST https://…: 200`.

    Visma's token request is among them; FedEx's are made by the token workflow.
    """
    return [
        f"{exchange.system} {exchange.method} {exchange.url}: {exchange.status or exchange.error}"
        for exchange in current_trail().exchanges
    ]
