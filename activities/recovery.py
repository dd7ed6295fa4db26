"""A Ship answer was lost: find out what FedEx made of it before anything is bought again.

FedEx only echoes our transaction id; it deduplicates nothing (FedEx Ship API, specification).
So the parcel is looked up by our own reference, which is unique per generation:

    found, not tendered   cancel it, confirm, and create anew: no call returns its label or cost
    found, scanned        adopt it; the label is gone, the cost comes from a quote
    not found             wait past the indexing lag and look again; after repeated definite
                          not-founds create anew, and watch for the orphan
    anything unclear      a person decides
"""

from datetime import UTC, date, datetime, timedelta

from temporalio import activity

from activities import findings
from activities.estimates import quoted_cost
from activities.failures import Later
from activities.services import Desk, Services
from activities.shipped import PlannedShipment, dump_cost, enter_shipment, load_plan, shown
from activities.signatures import WATCH_ORPHANS
from activities.trail import current_trail
from ml_connector.domain.shipment import Piece, ShipmentPlan
from ml_connector.domain.tracking_states import interpret
from ml_connector.fedex.client import CancelOutcome, ReferenceMatch
from ml_connector.store.operations import Operation
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import ShipmentState
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import Attention, Bought

REFERENCE_TYPES = ("SHIPPER_REFERENCE", "CUSTOMER_REFERENCE")
"""Ship's CUSTOMER_REFERENCE is indexed under the first for Express, the second for Ground."""
LONGEST_RANGE = timedelta(days=29)
"""FedEx refuses a search over more than 30 days (TRACKING.SHIPDATERANGE.TOOLONG)."""
NOT_FOUNDS = 2
"""Definite not-founds, `recovery_wait` apart, before a shipment is created anew."""
ABSENT = "absent:"


class Recovery:
    """Resolves operations whose answer was lost."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def resolve(
        self, desk: Desk, key: str, operation: Operation, planned: PlannedShipment
    ) -> Bought:
        """One step towards certainty. Raises `Later` while it is too early to know."""
        self._not_before(desk, operation)
        matches = await self._search(desk, planned.plan, key)
        masters = {match.master_tracking_number or match.tracking_number for match in matches or ()}
        if matches is None or len(masters) > 1:
            return await self._unclear(desk, planned.plan)
        if not masters:
            return await self._absent(desk, key, operation, planned.plan)
        master = masters.pop()
        if not _tendered(matches) and await self._cancelled(desk, master, key):
            return await self._create_anew(desk, key, planned.plan, master)
        return await self._adopt(desk, key, planned, master, matches)

    def _not_before(self, desk: Desk, operation: Operation) -> None:
        """The request may still be on its way, and FedEx's index lags behind."""
        last_word = operation.deadline or operation.updated_at
        earliest = last_word + desk.tenant.retry.recovery_wait
        if datetime.now(UTC) < earliest:
            raise Later("A Ship answer was lost; it is looked up by reference.", earliest)

    async def _search(
        self, desk: Desk, plan: ShipmentPlan, key: str
    ) -> tuple[ReferenceMatch, ...] | None:
        """All matches under both reference types; None when they exist but cannot be told."""
        begin, end = search_range(plan.ship_date, desk.now().date())
        found: dict[str, ReferenceMatch] = {}
        for reference_type in REFERENCE_TYPES:
            search = await desk.fedex.find_by_reference(
                plan.reference,
                ship_date_begin=begin,
                ship_date_end=end,
                reference_type=reference_type,
                transaction_id=key,
            )
            if search.not_unique:
                return None
            found.update({match.tracking_number: match for match in search.found})
        return tuple(found.values())

    async def _cancelled(self, desk: Desk, master: str, key: str) -> bool:
        outcome = await desk.fedex.cancel_shipment(master, transaction_id=f"{key}/cancel")
        return outcome in (CancelOutcome.CANCELLED, CancelOutcome.ALREADY_CANCELLED)

    async def _create_anew(self, desk: Desk, key: str, plan: ShipmentPlan, master: str) -> Bought:
        async with self._services.store.write(desk.id) as view:
            await view.operations.reject(key, {"what": f"found as {master} and cancelled"})
            await view.shipments.set_state(
                plan.order, plan.generation, ShipmentState.CANCELLED, master_tracking=master
            )
            current_trail().note(
                view, "shipment:cancelled_after_lost_answer", operation=key, tracking_number=master
            )
        return Bought(outcome="again")

    async def _absent(
        self, desk: Desk, key: str, operation: Operation, plan: ShipmentPlan
    ) -> Bought:
        times = _not_founds(operation)
        wait = desk.tenant.retry.recovery_wait
        now = datetime.now(UTC)
        async with self._services.store.write(desk.id) as view:
            current_trail().note(view, "shipment:not_found", operation=key, times=times + 1)
            if times + 1 < NOT_FOUNDS:
                await view.operations.annotate(key, f"{ABSENT}{times + 1}", deadline=now)
            else:
                await view.operations.reject(key, {"what": "definitely not found"})
                await view.shipments.set_state(
                    plan.order,
                    plan.generation,
                    ShipmentState.ORPHAN_WATCH,
                    check_at=now + wait,
                    watch_until=now + desk.tenant.polling.orphan_watch,
                )
                return Bought(outcome="again")
        raise Later("FedEx does not know the shipment; looking once more.", now + wait)

    async def _unclear(self, desk: Desk, plan: ShipmentPlan) -> Bought:
        finding = findings.OUTCOME_UNKNOWN
        async with self._services.store.write(desk.id) as view:
            await view.findings.add(plan.order, finding)
            current_trail().note(view, "shipment:outcome_unclear")
        return Bought(
            outcome="attention",
            attention=Attention(reason=finding.code, detail=finding.message, remedy=finding.remedy),
        )

    async def _adopt(
        self,
        desk: Desk,
        key: str,
        planned: PlannedShipment,
        master: str,
        matches: tuple[ReferenceMatch, ...],
    ) -> Bought:
        """FedEx holds the parcel: it is ours, without label and with a quoted cost."""
        plan = planned.plan
        numbers = dict.fromkeys((master, *(match.tracking_number for match in matches)))
        if len(plan.packages) > len(numbers):
            numbers |= dict.fromkeys(
                await desk.fedex.associated_shipments(master, transaction_id=key)
            )
        pieces = tuple(
            Piece(sequence=at, tracking_number=number) for at, number in enumerate(numbers, 1)
        )
        cost = await quoted_cost(desk, plan, key)
        async with self._services.store.write(desk.id) as view:
            await view.operations.succeed(key, {"tracking_number": master, "adopted": True})
            shipment = await view.shipments.set_state(
                plan.order,
                plan.generation,
                ShipmentState.ADOPTED,
                master_tracking=master,
                cost=dump_cost(cost),
            )
            row = await enter_shipment(view, desk, planned, shipment, pieces, cost)
            await view.findings.add(plan.order, findings.LABEL_UNAVAILABLE)
            current_trail().note(view, "shipment:adopted", operation=key, tracking_number=master)
        return Bought(outcome="live", shipment=shown(desk, row, shipment, None))

    # -- orphans ----------------------------------------------------------------------------

    @activity.defn(name=WATCH_ORPHANS.name)
    async def watch_orphans(self, tenant: TenantInput) -> int:
        """Look again for shipments that were given up as absent, and remove what turns up."""
        desk = await self._services.desk(tenant.tenant)
        async with self._services.store.read(desk.id) as view:
            due = await view.shipments.orphans_due(datetime.now(UTC))
        for shipment in due:
            activity.heartbeat()
            await self._look_for_orphan(desk, shipment)
        return len(due)

    async def _look_for_orphan(self, desk: Desk, shipment: Shipment) -> None:
        plan = load_plan(shipment).plan
        key = f"{desk.id}/{plan.order}/orphan/{plan.generation}"
        matches = await self._search(desk, plan, key)
        if matches:
            master = matches[0].master_tracking_number or matches[0].tracking_number
            removed = not _tendered(matches) and await self._cancelled(desk, master, key)
            await self._found_orphan(desk, plan, master, removed=removed)
            return
        async with self._services.store.write(desk.id) as view:
            now = datetime.now(UTC)
            if shipment.watch_until is not None and now >= shipment.watch_until:
                await view.shipments.set_state(plan.order, plan.generation, ShipmentState.LOST)
            else:
                await view.shipments.update(
                    plan.order, plan.generation, check_at=now + desk.tenant.polling.recheck
                )
            current_trail().write(view)

    async def _found_orphan(
        self, desk: Desk, plan: ShipmentPlan, master: str, *, removed: bool
    ) -> None:
        async with self._services.store.write(desk.id) as view:
            if removed:
                state = ShipmentState.CANCELLED
            else:
                state = ShipmentState.LOST
                await view.findings.add(plan.order, findings.orphan_shipped(master))
            await view.shipments.set_state(
                plan.order, plan.generation, state, master_tracking=master
            )
            current_trail().note(
                view, "shipment:orphan_found", tracking_number=master, cancelled=removed
            )


def _not_founds(operation: Operation) -> int:
    """Definite not-founds so far; a note may also be about an attempt before this one."""
    note = operation.note or ""
    return int(note.removeprefix(ABSENT)) if note.startswith(ABSENT) else 0


def search_range(ship_date: date, today: date) -> tuple[date, date]:
    """A range that holds the ship date, ends no later than today and is not too long."""
    end = max(today, ship_date)
    begin = ship_date - timedelta(days=1)
    return begin, min(end, begin + LONGEST_RANGE)


def _tendered(matches: tuple[ReferenceMatch, ...]) -> bool:
    return any(interpret(match.report).first_scan is not None for match in matches)
