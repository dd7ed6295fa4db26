"""A Ship answer was lost: find out what FedEx made of it before anything is bought again.

FedEx only echoes our transaction id; it deduplicates nothing (FedEx Ship API, specification).
So the parcel is looked up by our own reference, which is unique per generation:

    found, not tendered   cancel it, confirm, and create anew: no call returns its label or cost
    found, scanned        adopt it; the label is gone, the cost comes from a quote
    not found             wait past the indexing lag and look again; after repeated definite
                          not-founds create anew, and watch for the orphan
    anything unclear      a person decides, and says so (`po replay --from ship --settled`)

A shipment that FedEx shows as cancelled is as good as none.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from operator import attrgetter

from temporalio import activity

from activities import findings
from activities.estimates import quoted_cost
from activities.failures import HOPELESS, Later, attention_of
from activities.services import Desk, Services
from activities.shipped import PlannedShipment, dump_cost, enter_shipment, load_plan, shown
from activities.signatures import WATCH_ORPHANS
from activities.trail import current_trail
from ml_connector.domain.findings import Finding
from ml_connector.domain.shipment import Piece, ShipmentPlan
from ml_connector.domain.tracking import ParcelState
from ml_connector.domain.tracking_states import interpret
from ml_connector.fedex.client import CancelOutcome, ReferenceMatch
from ml_connector.fedex.errors import FedExRejected
from ml_connector.http.faults import Fault
from ml_connector.store.operations import Operation
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import OperationState, ShipmentState
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import Bought

REFERENCE_TYPES = ("SHIPPER_REFERENCE", "CUSTOMER_REFERENCE")
"""Ship's CUSTOMER_REFERENCE is indexed under the first for Express, the second for Ground."""
LONGEST_RANGE = timedelta(days=29)
"""FedEx refuses a search over more than 30 days (TRACKING.SHIPDATERANGE.TOOLONG)."""
NOT_FOUNDS = 2
"""Definite not-founds, `recovery_wait` apart, before a shipment is created anew."""
LOST_IN_A_ROW = 10
"""Generations whose answers were lost one after the other, until a person is asked. Where every
third answer is lost by chance, one order in 170,000 comes that far."""
ABSENT = "absent:"
TOO_EARLY = "TRACKING.SHIPDATEEND.FUTURE"
"""Where FedEx keeps its clock, the ship date has not begun."""
SETTLED = "settled:"
"""How an operation remembers what a person has found at FedEx: `settled_note`."""
NOTHING_THERE = "absent"

Matches = tuple[ReferenceMatch, ...]


class Recovery:
    """Resolves operations whose answer was lost."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def resolve(
        self, desk: Desk, key: str, operation: Operation, planned: PlannedShipment
    ) -> Bought:
        """One step towards certainty. Raises `Later` while it is too early to know."""
        settled = settlement(operation)
        if settled == NOTHING_THERE:
            await self._give_up(desk, key, planned.plan, "a person found nothing")
            return Bought(outcome="again")
        if settled:
            return await self._adopt(desk, key, planned, settled, ())
        self._not_before(desk, operation)
        await self._give_up_the_sender(desk, operation)
        found = await self._search(desk, planned.plan, key)
        if found is None:
            return await self._park(desk, planned.plan, findings.OUTCOME_UNKNOWN)
        if not found:
            return await self._absent(desk, key, operation, planned.plan)
        standing = _standing(found)
        if len(standing) > 1:
            return await self._park(desk, planned.plan, findings.OUTCOME_UNKNOWN)
        master, matches = next(iter((standing or found).items()))
        if not _tendered(matches) and await self._cancelled(desk, master, key):
            await self._call_off(desk, key, planned.plan, master)
            return await self._anew(desk, planned.plan)
        return await self._adopt(desk, key, planned, master, matches)

    def _not_before(self, desk: Desk, operation: Operation) -> None:
        """The request may still be on its way, and FedEx's index lags behind."""
        last_word = operation.deadline or operation.updated_at
        earliest = last_word + desk.tenant.retry.recovery_wait
        if datetime.now(UTC) < earliest:
            raise Later("A Ship answer was lost; it is looked up by reference.", earliest)

    async def _give_up_the_sender(self, desk: Desk, operation: Operation) -> None:
        """Before anything is cancelled: one that lives after all must not record a success."""
        if operation.state is not OperationState.SENT:
            return
        silent = {"what": "nothing was heard of the process that sent it"}
        deadline = operation.deadline or operation.updated_at
        async with self._services.store.write(desk.id) as view:
            await view.operations.mark_unknown(operation.key, silent, deadline=deadline)
            current_trail().note(view, "shipment:sender_lost", operation=operation.key)

    async def _search(self, desk: Desk, plan: ShipmentPlan, key: str) -> dict[str, Matches] | None:
        """Matches under both reference types, by master number; None when FedEx says that there
        are some and does not name them.

        Raises `Later` while the ship date is in FedEx's future: its date line is not ours.
        """
        today = desk.now().date()
        yesterday = today - timedelta(days=1)
        for day in (today, yesterday) if plan.ship_date < today else (today,):
            try:
                return await self._search_until(desk, plan, key, day)
            except FedExRejected as refused:
                if TOO_EARLY not in refused.codes:
                    raise
        again = datetime.now(UTC) + desk.tenant.retry.recovery_wait
        raise Later("FedEx's day of the shipment has not begun.", again)

    async def _search_until(
        self, desk: Desk, plan: ShipmentPlan, key: str, day: date
    ) -> dict[str, Matches] | None:
        begin, end = search_range(plan.ship_date, day)
        found: dict[str, ReferenceMatch] = {}
        for reference_type in REFERENCE_TYPES:
            search = await desk.fedex.find_by_reference(
                plan.reference,
                ship_date_begin=begin,
                ship_date_end=end,
                reference_type=reference_type,
                transaction_id=key,
                zone=desk.zone,
            )
            if search.not_unique:
                return None
            found.update({match.tracking_number: match for match in search.found})
        return _by_master(found.values())

    async def _cancelled(self, desk: Desk, master: str, key: str) -> bool:
        outcome = await desk.fedex.cancel_shipment(master, transaction_id=f"{key}/cancel")
        return outcome in (CancelOutcome.CANCELLED, CancelOutcome.ALREADY_CANCELLED)

    async def _anew(self, desk: Desk, plan: ShipmentPlan) -> Bought:
        """Another generation is bought; unless answer after answer is lost, as behind a proxy that
        damages each: then a person looks before more labels are made and cancelled."""
        async with self._services.store.read(desk.id) as view:
            operations = await view.operations.history(plan.order)
        bought = (each for each in operations if each.step == "ship")
        latest_first = sorted(bought, key=attrgetter("generation"), reverse=True)
        lost = takewhile(lambda each: each.state is OperationState.REJECTED, latest_first)
        if len(tuple(lost)) % LOST_IN_A_ROW:
            return Bought(outcome="again")
        return await self._park(desk, plan, findings.ANSWERS_LOST)

    async def _call_off(self, desk: Desk, key: str, plan: ShipmentPlan, master: str) -> None:
        async with self._services.store.write(desk.id) as view:
            await view.operations.reject(key, {"what": f"found as {master} and cancelled"})
            await view.shipments.set_state(
                plan.order, plan.generation, ShipmentState.CANCELLED, master_tracking=master
            )
            current_trail().note(
                view, "shipment:cancelled_after_lost_answer", operation=key, tracking_number=master
            )

    async def _absent(
        self, desk: Desk, key: str, operation: Operation, plan: ShipmentPlan
    ) -> Bought:
        times = _not_founds(operation) + 1
        if times >= NOT_FOUNDS:
            await self._give_up(desk, key, plan, "definitely not found")
            return await self._anew(desk, plan)
        now = datetime.now(UTC)
        async with self._services.store.write(desk.id) as view:
            current_trail().note(view, "shipment:not_found", operation=key, times=times)
            latest = await view.operations.get(key)
            if latest is None or settlement(latest) is None:
                await view.operations.annotate(key, f"{ABSENT}{times}", deadline=now)
        raise Later(
            "FedEx does not know the shipment; looking once more.",
            now + desk.tenant.retry.recovery_wait,
        )

    async def _give_up(self, desk: Desk, key: str, plan: ShipmentPlan, why: str) -> None:
        """It counts as absent: another generation is bought, and this one's orphan watched for."""
        now = datetime.now(UTC)
        async with self._services.store.write(desk.id) as view:
            await view.operations.reject(key, {"what": why})
            await view.shipments.set_state(
                plan.order,
                plan.generation,
                ShipmentState.ORPHAN_WATCH,
                check_at=now + desk.tenant.retry.recovery_wait,
                watch_until=now + desk.tenant.polling.orphan_watch,
            )
            current_trail().note(view, "shipment:given_up", operation=key, why=why)

    async def _park(self, desk: Desk, plan: ShipmentPlan, finding: Finding) -> Bought:
        async with self._services.store.write(desk.id) as view:
            await view.findings.add(plan.order, finding)
            current_trail().note(view, "shipment:parked", reason=finding.code)
        return Bought(outcome="attention", attention=attention_of((finding,)))

    async def _adopt(
        self,
        desk: Desk,
        key: str,
        planned: PlannedShipment,
        master: str,
        matches: Matches,
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
            row = await enter_shipment(
                view, desk, planned, shipment, pieces, cost, _shipped_on(matches) or plan.ship_date
            )
            await view.findings.resolve(plan.order, findings.OUTCOME_UNKNOWN.code)
            await view.findings.add(plan.order, findings.LABEL_UNAVAILABLE)
            current_trail().note(view, "shipment:adopted", operation=key, tracking_number=master)
        return Bought(outcome="live", shipment=shown(desk, row, shipment, None))

    # -- orphans ----------------------------------------------------------------------------

    @activity.defn(name=WATCH_ORPHANS.name)
    async def watch_orphans(self, tenant: TenantInput) -> int:
        """Look again for shipments that were given up as absent, and remove what turns up.

        One that cannot be looked up keeps no other from it; the first failure is raised at the end,
        at once where the next look would only meet the same.
        """
        desk = await self._services.desk(tenant.tenant)
        async with self._services.store.read(desk.id) as view:
            due = await view.shipments.orphans_due(datetime.now(UTC))
        failures: list[Fault | Later] = []
        for shipment in due:
            activity.heartbeat()
            try:
                await self._look_for_orphan(desk, shipment)
            except HOPELESS:
                raise
            except (Fault, Later) as failure:
                failures.append(failure)
        if failures:
            raise failures[0]
        return len(due)

    async def _look_for_orphan(self, desk: Desk, shipment: Shipment) -> None:
        plan = load_plan(shipment).plan
        key = f"{desk.id}/{plan.order}/orphan/{plan.generation}"
        try:
            found = await self._search(desk, plan, key)
        except (Later, FedExRejected) as unclear:
            # Of this one only: the others are looked for all the same.
            found = {} if isinstance(unclear, Later) else None
        if found:
            await self._found_orphans(desk, plan, key, found)
            return
        async with self._services.store.write(desk.id) as view:
            now = datetime.now(UTC)
            if found is None:
                await view.findings.add(plan.order, findings.ORPHANS_UNCLEAR)
            if shipment.watch_until is not None and now >= shipment.watch_until:
                await view.shipments.set_state(plan.order, plan.generation, ShipmentState.LOST)
            else:
                await view.shipments.update(
                    plan.order, plan.generation, check_at=now + desk.tenant.polling.recheck
                )
            current_trail().write(view)

    async def _found_orphans(
        self, desk: Desk, plan: ShipmentPlan, key: str, found: dict[str, Matches]
    ) -> None:
        """Cancel what can be cancelled, report what cannot."""
        removed = {
            master: not _tendered(matches) and await self._removed(desk, master, key)
            for master, matches in found.items()
        }
        left = [master for master, gone in removed.items() if not gone]
        async with self._services.store.write(desk.id) as view:
            for master in left:
                await view.findings.add(plan.order, findings.orphan_shipped(master))
            await view.findings.resolve(plan.order, findings.ORPHANS_UNCLEAR.code)
            await view.shipments.set_state(
                plan.order,
                plan.generation,
                ShipmentState.LOST if left else ShipmentState.CANCELLED,
                master_tracking=next(iter(left or removed)),
            )
            for master, gone in removed.items():
                current_trail().note(
                    view, "shipment:orphan_found", tracking_number=master, cancelled=gone
                )

    async def _removed(self, desk: Desk, master: str, key: str) -> bool:
        """Whether FedEx cancelled it. Its refusal is for a person, and stops no other look."""
        try:
            return await self._cancelled(desk, master, key)
        except FedExRejected:
            return False


def _not_founds(operation: Operation) -> int:
    """Definite not-founds so far; a note may also be about an attempt before this one."""
    note = operation.note or ""
    return int(note.removeprefix(ABSENT)) if note.startswith(ABSENT) else 0


def settled_note(found: str) -> str:
    """What a person has found: a tracking number, or `NOTHING_THERE`."""
    return f"{SETTLED}{found}"


def settlement(operation: Operation) -> str | None:
    """What a person has said of an operation in doubt; None: nothing."""
    note = operation.note or ""
    return note.removeprefix(SETTLED) if note.startswith(SETTLED) else None


def _shipped_on(matches: Matches) -> date | None:
    """FedEx's day of a shipment that it has found."""
    days = (match.report.ship_date for match in matches)
    return next((day.date() for day in days if day), None)


def search_range(ship_date: date, today: date) -> tuple[date, date]:
    """A range that holds the ship date, ends no later than today and is not too long."""
    end = max(today, ship_date)
    begin = ship_date - timedelta(days=1)
    return begin, min(end, begin + LONGEST_RANGE)


def _by_master(matches: Iterable[ReferenceMatch]) -> dict[str, Matches]:
    groups: dict[str, Matches] = {}
    for match in matches:
        master = match.master_tracking_number or match.tracking_number
        groups[master] = (*groups.get(master, ()), match)
    return groups


def _standing(found: dict[str, Matches]) -> dict[str, Matches]:
    """Without the shipments that FedEx shows as cancelled."""
    return {
        master: matches
        for master, matches in found.items()
        if any(interpret(each.report).state is not ParcelState.CANCELLED for each in matches)
    }


def _tendered(matches: Matches) -> bool:
    return any(interpret(match.report).first_scan is not None for match in matches)
