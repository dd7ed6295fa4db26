"""What a discovery run would find to do, so that a quiet one ends after it has read."""

from datetime import UTC, datetime

from activities.services import Desk, Services
from ml_connector.store.view import TenantView
from ml_connector.temporal.sweep_messages import Due

TENANT_VERSION = "tenant_version"
"""The cursor that says under which settings parked orders were looked at last."""


async def what_is_due(services: Services, desk: Desk) -> Due:
    """One look at the store."""
    now = datetime.now(UTC)
    async with services.store.read(desk.id) as view:
        return Due(
            news=bool(await view.orders.pending_signals(1)),
            recheck=await _recheck(view, desk, now),
            progress=bool(await view.orders.pending_progress(1)),
            orphans=bool(await view.shipments.orphans_due(now)),
        )


async def _recheck(view: TenantView, desk: Desk, now: datetime) -> bool:
    if await under_other_settings(view, desk):
        return True
    return bool(await view.orders.to_recheck(now - desk.tenant.polling.recheck, 1))


async def under_other_settings(view: TenantView, desk: Desk) -> bool:
    """Whether the tenant's settings have changed since parked orders were looked at."""
    return await view.cursors.get(TENANT_VERSION) != str(desk.version)
