"""Find the freight that belongs into a period that has ended and is still open."""

from datetime import UTC, datetime, time, timedelta

from temporalio import activity

from activities.master import MasterReader
from activities.services import Services
from activities.signatures import CUT_OFF_PERIOD
from activities.trail import current_trail
from ml_connector.domain.periods import due_for_cutoff
from ml_connector.temporal.messages import TenantInput

LOOK_BACK = timedelta(days=400)
"""A period open for longer than this is not closed by us any more."""


class CutoffActivities:
    """Marks orders; their workflows post. Running it twice marks nothing twice."""

    def __init__(self, services: Services, master: MasterReader) -> None:
        self._services = services
        self._master = master

    @activity.defn(name=CUT_OFF_PERIOD.name)
    async def cut_off_period(self, tenant: TenantInput) -> int:
        """Ask every order scanned in an ended, open period and not posted to post now."""
        desk = await self._services.desk(tenant.tenant)
        now = datetime.now(UTC)
        if not desk.tenant.freight.cutoff:
            return 0
        periods = await self._master.periods(desk, not_before=now)
        delay = desk.tenant.freight.cutoff_delay
        marked = 0
        for period in due_for_cutoff(periods, now, desk.zone, delay):
            begin = datetime.combine(period.first_day, time(), desk.zone)
            end = datetime.combine(period.last_day + timedelta(days=1), time(), desk.zone)
            if now - end > LOOK_BACK:
                continue
            async with self._services.store.write(desk.id) as view:
                for row in await view.orders.list(
                    scanned_from=begin.astimezone(UTC),
                    scanned_before=end.astimezone(UTC),
                    posted=False,
                ):
                    await view.orders.progressed(row.order, cutoff_period=period.id)
                    marked += 1
                current_trail().note(view, "period:cut_off", period=period.id, orders=marked)
            activity.heartbeat()
        return marked
