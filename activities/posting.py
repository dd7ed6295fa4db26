"""Post a shipment's freight: one journal, in the right period, found again after a lost answer."""

from datetime import UTC, datetime

from temporalio import activity

from activities.estimates import estimate
from activities.failures import attention_for, attention_of
from activities.journal_drafts import draft_of
from activities.journals import Ledger
from activities.master import MasterReader
from activities.services import Desk, Services
from activities.shipped import (
    NO_ATTENTION,
    after_posting,
    load_cost,
    load_plan,
)
from activities.signatures import POST_FREIGHT
from activities.trail import current_trail
from ml_connector.domain.errors import RuleError
from ml_connector.domain.periods import posting_date
from ml_connector.domain.posting import (
    JournalHead,
    JournalKind,
    allocate_freight,
    build_journal,
    journal_reference,
)
from ml_connector.domain.tenant import FreightSettings
from ml_connector.store.journals import JournalDraft
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
        """Allocate, build, create and, as the tenant wants it, release the journal.

        What Visma has, or may have, is brought to its end as it was written down, whatever has
        become of the tenant file, the rates and the periods since.
        """
        desk = await self._services.desk(request.tenant)
        async with self._services.store.read(desk.id) as view:
            row = await view.orders.get(request.order)
            shipment = await view.shipments.get(request.order, request.generation)
        if row is None or shipment is None:
            raise LookupError(f"order {request.order} has no shipment {request.generation}")
        try:
            known = await self._ledger.in_hand(desk.id, request.order, request.generation)
            draft = known or await self._draft(desk, row, shipment)
            batch = await self._ledger.bring(desk, draft, shipped_at=shipment.created_at)
        except RuleError as rule:
            return await self._park(desk, attention_of((rule.finding(),)))
        except VismaRejected as rejected:
            self._master.forget(desk.id)
            return await self._park(desk, attention_for(rejected))
        await self._posted(desk, shipment, batch)
        return Posted(journal_batch=batch, amount=f"{draft.amount} {draft.currency}")

    async def _draft(self, desk: Desk, row: OrderRow, shipment: Shipment) -> JournalDraft:
        cost = load_cost(shipment) or await estimate(self._services.store, desk, shipment)
        plan = load_plan(shipment).plan
        allocation = allocate_freight(cost, plan.lines, desk.tenant.freight)
        when = posting_date(
            trigger=posting_trigger(desk.tenant.freight, row),
            first_scan=row.first_scan_at,
            zone=desk.zone,
            periods=await self._master.periods(desk),
            cutoff=desk.tenant.freight.cutoff,
        )
        head = JournalHead(
            order=shipment.order,
            tracking_number=shipment.master_tracking or "",
            reference=journal_reference(shipment.order, shipment.generation, JournalKind.FREIGHT),
            when=when,
            exchange_rate=await self._master.rate_to_base(desk, allocation.currency, when.day),
            branch=await self._master.branch_of_journal(desk, plan.branch),
        )
        assert cost is not None
        journal = build_journal(allocation, plan.lines, desk.tenant.freight, head)
        return draft_of(shipment, journal, allocation, cost)

    async def _posted(self, desk: Desk, shipment: Shipment, batch: str) -> None:
        """The order shows its journal, as the order stands now: its parcel may have moved."""
        async with self._services.store.write(desk.id) as view:
            # Saving nothing locks the row until the stage that follows from it is written.
            row = await view.orders.save(shipment.order)
            if row.generation == shipment.generation:
                await view.orders.save(
                    shipment.order,
                    journal_batch=batch,
                    stage=after_posting(row.stage, row.tracking_state),
                    **NO_ATTENTION,
                )
            current_trail().write(view)

    async def _park(self, desk: Desk, attention: Attention) -> Posted:
        async with self._services.store.write(desk.id) as view:
            current_trail().note(view, "freight:not_posted", reason=attention.reason)
        return Posted(attention=attention)


def posting_trigger(freight: FreightSettings, row: OrderRow) -> datetime:
    """When the event was that is posted: delivery or completed return, first scan, else now."""
    if freight.post_on == "pickup" and row.first_scan_at is not None:
        return row.first_scan_at
    return row.delivered_at or datetime.now(UTC)
