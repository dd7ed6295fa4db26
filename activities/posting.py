"""Post a shipment's freight: one journal, in the right period, found again after a lost answer."""

from datetime import UTC, datetime

from temporalio import activity

from activities.estimates import quoted_cost
from activities.failures import attention_for
from activities.journals import Ledger
from activities.master import MasterReader
from activities.services import Desk, Services
from activities.shipped import NO_ATTENTION, after_posting, charged, dump_cost, load_cost, load_plan
from activities.signatures import POST_FREIGHT
from activities.trail import current_trail
from ml_connector.domain.errors import RuleError
from ml_connector.domain.freight import Allocation, Journal
from ml_connector.domain.periods import PostingDate, posting_date
from ml_connector.domain.posting import (
    JournalHead,
    JournalKind,
    allocate_freight,
    build_journal,
    journal_reference,
)
from ml_connector.domain.shipment import ShipmentCost
from ml_connector.store.orders import OrderRow
from ml_connector.store.shipments import Shipment
from ml_connector.temporal.order_messages import Attention, Posted, PostRequest
from ml_connector.visma.errors import VismaRejected


class PostingActivities:
    """The step from a delivered parcel to the general ledger."""

    def __init__(self, services: Services, master: MasterReader, ledger: Ledger) -> None:
        self._services = services
        self._master = master
        self._ledger = ledger

    @activity.defn(name=POST_FREIGHT.name)
    async def post_freight(self, request: PostRequest) -> Posted:
        """Allocate, build, create and, as the tenant wants it, release the journal."""
        desk = await self._services.desk(request.tenant)
        async with self._services.store.read(desk.id) as view:
            row = await view.orders.get(request.order)
            shipment = await view.shipments.get(request.order, request.generation)
        if row is None or shipment is None:
            raise LookupError(f"order {request.order} has no shipment {request.generation}")
        try:
            journal, allocation, cost = await self._journal(desk, row, shipment)
            batch = await self._ledger.post(desk, shipment, journal, allocation, cost)
        except RuleError as rule:
            return await self._park(
                desk,
                request.order,
                Attention(reason=rule.code, detail=str(rule), remedy=rule.remedy),
            )
        except VismaRejected as rejected:
            self._master.forget(desk.id)
            return await self._park(desk, request.order, attention_for(rejected))
        async with self._services.store.write(desk.id) as view:
            await view.orders.save(
                request.order,
                journal_batch=batch,
                stage=after_posting(row.stage, row.tracking_state),
                **NO_ATTENTION,
            )
            current_trail().write(view)
        return Posted(journal_batch=batch, amount=charged(desk, cost))

    async def _journal(
        self, desk: Desk, row: OrderRow, shipment: Shipment
    ) -> tuple[Journal, Allocation, ShipmentCost]:
        cost = load_cost(shipment) or await self._late_quote(desk, shipment)
        plan = load_plan(shipment).plan
        allocation = allocate_freight(cost, plan.lines, desk.tenant.freight)
        when = await self._when(desk, row)
        reference = journal_reference(shipment.order, shipment.generation, JournalKind.FREIGHT)
        own_number = desk.tenant.visma.manual_batch_numbers
        head = JournalHead(
            order=shipment.order,
            tracking_number=shipment.master_tracking or "",
            reference=reference,
            when=when,
            exchange_rate=await self._master.rate_to_base(desk, allocation.currency, when.day),
            batch_number=reference if own_number else None,
        )
        assert cost is not None
        return build_journal(allocation, plan.lines, desk.tenant.freight, head), allocation, cost

    async def _when(self, desk: Desk, row: OrderRow) -> PostingDate:
        """The trigger's day: delivery or completed return, first scan, or the cut-off's now."""
        freight = desk.tenant.freight
        trigger = row.delivered_at or datetime.now(UTC)
        if freight.post_on == "pickup" and row.first_scan_at is not None:
            trigger = row.first_scan_at
        return posting_date(
            trigger=trigger,
            first_scan=row.first_scan_at,
            zone=desk.zone,
            periods=await self._master.periods(desk),
            cutoff=freight.cutoff,
        )

    async def _late_quote(self, desk: Desk, shipment: Shipment) -> ShipmentCost | None:
        """FedEx did not rate the shipment when it was made; perhaps it quotes it now."""
        planned = load_plan(shipment)
        key = f"{desk.id}/{shipment.order}/quote/{shipment.generation}"
        cost = await quoted_cost(desk, planned.plan, key)
        if cost is not None:
            async with self._services.store.write(desk.id) as view:
                await view.shipments.update(
                    shipment.order, shipment.generation, cost=dump_cost(cost)
                )
                await view.findings.resolve(shipment.order, "cost_unknown")
                current_trail().write(view)
        return cost

    async def _park(self, desk: Desk, order: str, attention: Attention) -> Posted:
        async with self._services.store.write(desk.id) as view:
            current_trail().note(view, "freight:not_posted", reason=attention.reason)
        return Posted(attention=attention)
