"""Take a posted freight journal back by its mirror.

By itself only for a shipment that FedEx never scanned; else by a person, who says why. Freight
that was taken back stays so: no cut-off, replay or reset posts it again.
"""

from datetime import UTC, datetime

from temporalio import activity

from activities.failures import attention_for, attention_of
from activities.findings import freight_reversed
from activities.journal_drafts import journal_of, reversal_draft
from activities.journals import Ledger
from activities.master import MasterReader
from activities.services import Desk, Services
from activities.shipped import freight_journal, is_posted
from activities.signatures import REVERSE_FREIGHT
from activities.trail import current_trail
from ml_connector.domain.errors import RuleError
from ml_connector.domain.periods import posting_date
from ml_connector.domain.posting import JournalHead, JournalKind, journal_reference, reverse
from ml_connector.store.journals import JournalDraft, JournalRecord
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import JournalKind as StoredKind
from ml_connector.store.states import JournalState
from ml_connector.temporal.order_messages import Posted, ReverseRequest
from ml_connector.visma.errors import VismaRejected

IN_VISMA = frozenset({JournalState.CREATED, JournalState.RELEASED})


class NothingToReverse(RuleError):
    """Freight that is in no journal, or in one that is still on its way into the ledger."""

    code = "freight_not_posted"
    remedy = "See where the order stands (po show); post it first with: po replay."


class Reversals:
    """Mirrors posted journals."""

    def __init__(self, services: Services, master: MasterReader, ledger: Ledger) -> None:
        self._services = services
        self._master = master
        self._ledger = ledger

    @activity.defn(name=REVERSE_FREIGHT.name)
    async def reverse_freight(self, request: ReverseRequest) -> Posted:
        """What a person asks for: the mirror's batch, or why there is none. Safe to repeat."""
        desk = await self._services.desk(request.tenant)
        try:
            return await self._reverse_posted(desk, request)
        except RuleError as rule:
            return Posted(attention=attention_of((rule.finding(),)))
        except VismaRejected as rejected:
            self._master.forget(desk.id)
            return Posted(attention=attention_for(rejected))

    async def _reverse_posted(self, desk: Desk, request: ReverseRequest) -> Posted:
        """Raises `NothingToReverse`, other RuleErrors, and what Visma's client raises."""
        async with self._services.store.read(desk.id) as view:
            shipment = await view.shipments.get(request.order, request.generation)
            posted = await freight_journal(view, request.order, request.generation)
        if shipment is None or posted is None or not is_posted(desk.tenant, posted):
            raise NothingToReverse("The shipment's freight is not in the ledger.")
        batch = await self._mirrored(desk, shipment, posted)
        async with self._services.store.write(desk.id) as view:
            await view.findings.add(request.order, freight_reversed(posted.batch or "", batch))
            current_trail().note(
                view,
                "freight:reversed",
                generation=request.generation,
                reversed=posted.batch,
                batch=batch,
                by=request.by,
                reason=request.reason,
            )
        return Posted(journal_batch=batch, amount=f"{posted.amount} {posted.currency}")

    async def reverse_if_posted(self, desk: Desk, shipment: Shipment) -> None:
        """Post the mirror of the shipment's journal, if it has one."""
        async with self._services.store.read(desk.id) as view:
            posted = await freight_journal(view, shipment.order, shipment.generation)
        if posted is not None and posted.state in IN_VISMA:
            await self._mirrored(desk, shipment, posted)

    async def _mirrored(self, desk: Desk, shipment: Shipment, posted: JournalRecord) -> str:
        """The mirror in Visma; made once, found afterwards."""
        mirror = await self._mirror(desk, shipment, posted)
        batch = await self._ledger.bring(desk, mirror, shipped_at=shipment.created_at)
        if posted.state is not JournalState.REVERSED:
            async with self._services.store.write(desk.id) as view:
                await view.journals.set_state(posted.reference, JournalState.REVERSED)
        return batch

    async def _mirror(self, desk: Desk, shipment: Shipment, posted: JournalRecord) -> JournalDraft:
        """As it was written down, where Visma has it or may have it; else dated today."""
        known = await self._ledger.in_hand(
            desk.id, shipment.order, shipment.generation, kind=StoredKind.REVERSAL
        )
        if known is not None:
            return known
        head = JournalHead(
            order=shipment.order,
            tracking_number=shipment.master_tracking or "",
            reference=journal_reference(shipment.order, shipment.generation, JournalKind.REVERSAL),
            when=posting_date(
                trigger=datetime.now(UTC),
                first_scan=None,
                zone=desk.zone,
                periods=await self._master.periods(desk),
                cutoff=False,
            ),
        )
        return reversal_draft(reverse(journal_of(posted, desk.tenant), head), posted)
