"""Take a posted freight journal back: only for a shipment that FedEx never scanned."""

from datetime import UTC, datetime

from activities.journals import Ledger, lines_of
from activities.master import MasterReader
from activities.services import Desk, Services
from activities.shipped import freight_journal
from ml_connector.domain.freight import Journal
from ml_connector.domain.periods import posting_date
from ml_connector.domain.posting import JournalHead, JournalKind, journal_reference, reverse
from ml_connector.store.journals import JournalRecord
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import JournalState

IN_VISMA = frozenset({JournalState.CREATED, JournalState.RELEASED})


class Reversals:
    """Mirrors posted journals."""

    def __init__(self, services: Services, master: MasterReader, ledger: Ledger) -> None:
        self._services = services
        self._master = master
        self._ledger = ledger

    async def reverse_if_posted(self, desk: Desk, shipment: Shipment) -> None:
        """Post the mirror of the shipment's journal, if it has one."""
        async with self._services.store.read(desk.id) as view:
            posted = await freight_journal(view, shipment.order, shipment.generation)
        if posted is not None and posted.state in IN_VISMA:
            mirror = await self._mirror(desk, shipment, posted)
            await self._ledger.post_reversal(desk, shipment, mirror, posted)

    async def _mirror(self, desk: Desk, shipment: Shipment, posted: JournalRecord) -> Journal:
        reference = journal_reference(shipment.order, shipment.generation, JournalKind.REVERSAL)
        when = posting_date(
            trigger=datetime.now(UTC),
            first_scan=None,
            zone=desk.zone,
            periods=await self._master.periods(desk),
            cutoff=False,
        )
        original = Journal(
            reference=posted.reference,
            batch_number=posted.batch,
            posting_date=posted.posting_date,
            period=posted.period,
            currency=posted.currency,
            exchange_rate=posted.exchange_rate,
            description="",
            hold=False,
            lines=lines_of(posted),
        )
        own_number = desk.tenant.visma.manual_batch_numbers
        head = JournalHead(
            order=shipment.order,
            tracking_number=shipment.master_tracking or "",
            reference=reference,
            when=when,
            batch_number=reference if own_number else None,
        )
        return reverse(original, head)
