"""Plan a shipment, and buy it once."""

from dataclasses import replace
from datetime import UTC, datetime

from temporalio import activity

from activities.estimates import estimate
from activities.failures import Later, attention_for, attention_of
from activities.findings import OUTCOME_UNKNOWN, UNKNOWN_TRACKING_NUMBER, job_refused
from activities.master import MasterReader
from activities.observation import SETTLED_IN_VISMA, holds_unknown_number, observe
from activities.recovery import Recovery
from activities.services import Desk, Services
from activities.shipped import (
    NO_ATTENTION,
    PlannedShipment,
    dump_cost,
    dump_plan,
    freight_journal,
    is_alive,
    load_plan,
    next_generation,
    record_created,
    ship_key,
    shown,
)
from activities.signatures import BUY_SHIPMENT, PREPARE_SHIPMENT
from activities.trail import current_trail
from ml_connector.domain.eligibility import Skipped, shipping_fingerprint
from ml_connector.domain.findings import Finding
from ml_connector.domain.order import PurchaseOrder
from ml_connector.domain.planning import plan_shipment
from ml_connector.domain.shipment import CreatedShipment, ShipmentPlan
from ml_connector.domain.stage import Stage
from ml_connector.fedex.client import PendingShipment
from ml_connector.fedex.errors import FedExOutcomeUnknown, FedExRejected
from ml_connector.http.faults import Fault
from ml_connector.store.operations import Operation
from ml_connector.store.states import OperationState, ShipmentState
from ml_connector.store.view import TenantView
from ml_connector.temporal.order_messages import Bought, OrderRef, Prepared, PrepareRequest

IN_DOUBT = frozenset({OperationState.SENT, OperationState.UNKNOWN})
JOB = "job:"
"""How an operation remembers an asynchronous shipment."""
JOB_UNKNOWN = frozenset(
    {"SHIPMENT.JOBID.INVALID", "TRACKINGNUMBER.ENTERED.INVALID", "NOT.FOUND.ERROR"}
)
"""FedEx has forgotten the job, which says nothing about its shipment. The first code is of an
earlier specification; the other two are what the present one answers to `results`."""


class ShippingActivities:
    """The order's way to a label."""

    def __init__(self, services: Services, master: MasterReader, recovery: Recovery) -> None:
        self._services = services
        self._master = master
        self._recovery = recovery

    # -- planning ---------------------------------------------------------------------------

    @activity.defn(name=PREPARE_SHIPMENT.name)
    async def prepare_shipment(self, request: PrepareRequest) -> Prepared:
        """Read the order, judge it, and store the plan of its next shipment."""
        began = datetime.now(UTC)
        desk = await self._services.desk(request.tenant)
        known = await self._already_shipped(desk, request)
        if known is not None:
            return known
        order = await desk.visma.get_order(request.order)
        async with self._services.store.write(desk.id) as view:
            row = await view.orders.get(order.number)
            seen = await observe(view, desk, order, row)
            generation = next_generation(await view.shipments.current(order.number))
            stray = await holds_unknown_number(view, desk, order)
        if isinstance(seen.verdict, Skipped):
            return await self._skip(desk, order, seen.verdict)
        if stray:
            return await self._refuse(desk, order, (UNKNOWN_TRACKING_NUMBER,))
        master = await self._master.of(desk, order)
        plan = plan_shipment(order, master, desk.tenant, generation, desk.now().date())
        if not isinstance(plan, ShipmentPlan):
            # Before a person is asked, or asked again, the master data is read anew.
            master = await self._master.of(desk, order, not_before=began)
            plan = plan_shipment(order, master, desk.tenant, generation, desk.now().date())
        if not isinstance(plan, ShipmentPlan):
            return await self._refuse(desk, order, plan)
        planned = PlannedShipment(
            plan=plan,
            fingerprint=seen.fingerprint,
            parcel=shipping_fingerprint(order),
            supplier_email=order.supplier_email,
        )
        return await self._accept(desk, planned, released=request.released)

    async def _already_shipped(self, desk: Desk, request: PrepareRequest) -> Prepared | None:
        """A live shipment, one whose answer is in doubt, one a person has cancelled: none of them
        is planned again. One that a person has had superseded is."""
        number = request.order
        async with self._services.store.read(desk.id) as view:
            row = await view.orders.get(number)
            shipment = await view.shipments.current(number)
            if row is None or shipment is None:
                return None
            released = row.released or request.released
            if shipment.state is ShipmentState.WITHDRAWN and not released:
                return Prepared(outcome="closed")
            if is_alive(shipment):
                journal = await freight_journal(view, number, shipment.generation)
                return Prepared(outcome="shipped", shipment=shown(desk, row, shipment, journal))
            operation = await view.operations.get(ship_key(desk.id, number, shipment.generation))
        if operation is not None and operation.state in IN_DOUBT:
            return Prepared(outcome="ready", generation=shipment.generation)
        return None

    async def _skip(self, desk: Desk, order: PurchaseOrder, why: Skipped) -> Prepared:
        over = order.status in SETTLED_IN_VISMA
        async with self._services.store.write(desk.id) as view:
            await view.orders.save(
                order.number,
                stage=Stage.CANCELLED if over else Stage.DISCOVERED,
                **NO_ATTENTION,
            )
            if over:
                await self._call_off(view, desk, order.number)
            current_trail().write(view)
        return Prepared(outcome="closed" if over else "skipped", skip_reason=why.code)

    async def _call_off(self, view: TenantView, desk: Desk, order: str) -> None:
        """A purchase that was planned and never asked for is not left open."""
        shipment = await view.shipments.current(order)
        if shipment is None or shipment.state is not ShipmentState.PLANNED:
            return
        key = ship_key(desk.id, order, shipment.generation)
        operation = await view.operations.get(key)
        if operation is not None and operation.state is OperationState.INTENDED:
            await view.operations.reject(key, {"what": "the order ended before it was sent"})

    async def _refuse(
        self, desk: Desk, order: PurchaseOrder, findings: tuple[Finding, ...]
    ) -> Prepared:
        attention = attention_of(findings)
        async with self._services.store.write(desk.id) as view:
            for finding in findings:
                await view.findings.add(order.number, finding)
            current_trail().note(
                view, "order:cannot_ship", findings=[finding.code for finding in findings]
            )
        return Prepared(outcome="attention", attention=attention)

    async def _accept(self, desk: Desk, planned: PlannedShipment, *, released: bool) -> Prepared:
        plan = planned.plan
        waits = desk.tenant.shipping.release == "manual" and not released
        async with self._services.store.write(desk.id) as view:
            row = await view.orders.get(plan.order)
            waits = waits and not (row is not None and row.released)
            await view.findings.resolve_all(plan.order)
            await view.orders.save(
                plan.order,
                stage=Stage.WAITING_RELEASE if waits else Stage.SHIPPING,
                released=not waits,
                **NO_ATTENTION,
            )
            if not waits:
                await self._store_plan(view, desk, planned)
            current_trail().note(view, "shipment:planned", generation=plan.generation)
        if waits:
            return Prepared(outcome="needs_release", generation=plan.generation)
        return Prepared(outcome="ready", generation=plan.generation)

    async def _store_plan(self, view: TenantView, desk: Desk, planned: PlannedShipment) -> None:
        plan = planned.plan
        await view.shipments.add(
            plan.order,
            plan.generation,
            reference=plan.reference,
            plan=dump_plan(planned),
            service=plan.service,
            ship_date=plan.ship_date,
        )
        key = ship_key(desk.id, plan.order, plan.generation)
        known = await view.operations.get(key)
        if known is not None and known.state is OperationState.REJECTED:
            await view.operations.back_to_intended(key, "the order ships after all")
        await view.operations.begin(
            key,
            step="ship",
            order=plan.order,
            generation=plan.generation,
            request_digest=planned.fingerprint,
        )

    # -- buying -----------------------------------------------------------------------------

    @activity.defn(name=BUY_SHIPMENT.name)
    async def buy_shipment(self, ref: OrderRef) -> Bought:
        """Create the planned shipment at FedEx; whatever was done before is found, not repeated."""
        desk = await self._services.desk(ref.tenant)
        key = ship_key(desk.id, ref.order, ref.generation)
        async with self._services.store.read(desk.id) as view:
            row = await view.orders.get(ref.order)
            shipment = await view.shipments.get(ref.order, ref.generation)
            operation = await view.operations.get(key)
        if row is None or shipment is None or operation is None:
            return Bought(outcome="again")
        if is_alive(shipment):
            return Bought(outcome="live", shipment=shown(desk, row, shipment, None))
        if shipment.state is not ShipmentState.PLANNED:
            return Bought(outcome="again")
        planned = load_plan(shipment)
        if operation.state in IN_DOUBT:
            if (operation.note or "").startswith(JOB):
                return await self._collect(desk, key, operation, planned)
            return await self._recovery.resolve(desk, key, operation, planned)
        if row.fingerprint != planned.fingerprint or planned.plan.ship_date < desk.now().date():
            # Planned anew. FedEx would ship today, and be searched around the planned day.
            return Bought(outcome="again")
        return await self._buy(desk, key, planned)

    async def _buy(self, desk: Desk, key: str, planned: PlannedShipment) -> Bought:
        async with self._services.store.write(desk.id) as view:
            sent = await view.operations.mark_sent(key, datetime.now(UTC) + desk.deadline)
        try:
            created = await desk.fedex.create_shipment(planned.plan, transaction_id=key)
        except FedExRejected as rejected:
            return await self._rejected(desk, key, planned, rejected)
        except FedExOutcomeUnknown as unknown:
            async with self._services.store.write(desk.id) as view:
                await view.operations.mark_unknown(
                    key, {"what": str(unknown)}, deadline=datetime.now(UTC)
                )
                current_trail().note(view, "shipment:answer_lost", operation=key)
            wait = desk.tenant.retry.recovery_wait
            raise Later(str(unknown), datetime.now(UTC) + wait) from unknown
        except Fault:
            # The error tree says so: nothing was created, so nothing needs looking up.
            async with self._services.store.write(desk.id) as view:
                await view.operations.back_to_intended(key, "nothing was created")
            raise
        if isinstance(created, PendingShipment):
            async with self._services.store.write(desk.id) as view:
                await view.operations.annotate(key, f"{JOB}{created.job_id}")
                current_trail().note(view, "shipment:in_background", operation=key)
            raise _in_background(desk, sent)
        return await self._bought(desk, sent, planned, created)

    async def _bought(
        self, desk: Desk, operation: Operation, planned: PlannedShipment, created: CreatedShipment
    ) -> Bought:
        store = self._services.store
        row, shipment = await record_created(store, desk, operation, planned, created)
        if created.cost is None:
            # Not before: a label that is lost with this process would be bought again.
            cost = await estimate(store, desk, shipment)
            shipment = replace(shipment, cost=dump_cost(cost))
        return Bought(outcome="live", shipment=shown(desk, row, shipment, None))

    async def _collect(
        self, desk: Desk, key: str, operation: Operation, planned: PlannedShipment
    ) -> Bought:
        """The results of a shipment that FedEx makes in the background."""
        job_id = (operation.note or "").removeprefix(JOB)
        try:
            created = await desk.fedex.shipment_results(job_id, transaction_id=key)
        except FedExRejected as refused:
            if JOB_UNKNOWN.intersection(refused.codes):
                return await self._recovery.resolve(desk, key, operation, planned)
            return await self._job_refused(desk, planned.plan, refused)
        if isinstance(created, PendingShipment):
            raise _in_background(desk, operation)
        async with self._services.store.write(desk.id) as view:
            await view.findings.resolve(planned.plan.order, OUTCOME_UNKNOWN.code)
        return await self._bought(desk, operation, planned, created)

    async def _job_refused(self, desk: Desk, plan: ShipmentPlan, refused: FedExRejected) -> Bought:
        """FedEx took the shipment on and does not give it out: whether it exists, a person says."""
        finding = job_refused(refused.told)
        async with self._services.store.write(desk.id) as view:
            await view.findings.add(plan.order, finding)
            current_trail().note(view, "shipment:job_refused", code=refused.code)
        return Bought(outcome="attention", attention=attention_of((finding,)))

    async def _rejected(
        self, desk: Desk, key: str, planned: PlannedShipment, rejected: FedExRejected
    ) -> Bought:
        attention = attention_for(rejected)
        async with self._services.store.write(desk.id) as view:
            await view.operations.reject(key, {"code": rejected.code, "what": str(rejected)})
            await view.operations.back_to_intended(key, "FedEx refused it")
            await view.findings.add(
                planned.plan.order,
                Finding(code=attention.reason, message=attention.detail, remedy=attention.remedy),
            )
            current_trail().note(view, "shipment:rejected", code=rejected.code)
        return Bought(outcome="attention", attention=attention)


def _in_background(desk: Desk, operation: Operation) -> Later:
    """Each pause is as long as the wait so far: FedEx does not say how long a job may take."""
    now, retry = datetime.now(UTC), desk.tenant.retry
    waited = now - (operation.sent_at or now)
    pause = min(max(waited, retry.initial), retry.maximum)
    return Later("FedEx makes this shipment in the background.", now + pause)
