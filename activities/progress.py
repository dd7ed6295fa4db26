"""Write what became of a shipment into Visma's custom fields, on the order and its receipts.

Level-triggered: the store holds what should stand there (`progress_version`) and what was
written (`progress_written`); whoever comes by writes the difference. A person's edit always
survives: every PUT carries the version it was made from, and a foreign value stays.
"""

import asyncio
from collections import Counter
from enum import Enum, auto

from temporalio import activity

from activities import findings
from activities.documents import Document, OrderDocument, ReceiptDocument
from activities.receipts import matched_receipts
from activities.services import Desk, Services
from activities.signatures import FLUSH_PROGRESS, WRITE_PROGRESS
from activities.trail import current_trail
from ml_connector.domain.progress import diff
from ml_connector.store.orders import OrderRow
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import OrderRef
from ml_connector.visma.errors import VismaOutcomeUnknown, VismaRejected, VismaStale

STALE_LIMIT = 5
"""Refusals of an unchanged version before a person is asked (DESIGN rule 5)."""
AT_ONCE = 8
"""Parallel writes; other clients of this API cap themselves at eight requests."""
BATCH = 200


class Outcome(Enum):
    """What bringing a document up to date came to."""

    SENT = auto()
    NOTHING_TO_SAY = auto()
    """It says what it should, or what differs is not ours to change."""
    ALWAYS_STALE = auto()
    """It is still behind; the next sweep tries again."""


class ProgressActivities:
    """Bring documents in Visma up to date."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn(name=WRITE_PROGRESS.name)
    async def write_progress(self, ref: OrderRef) -> int:
        """Bring one order and its receipts up to date; how many documents were written."""
        desk = await self._services.desk(ref.tenant)
        async with self._services.store.read(desk.id) as view:
            row = await view.orders.get(ref.order)
        return 0 if row is None else await self._bring(desk, row)

    @activity.defn(name=FLUSH_PROGRESS.name)
    async def flush_progress(self, tenant: TenantInput) -> int:
        """Bring every order up to date that is behind; how many documents were written."""
        desk = await self._services.desk(tenant.tenant)
        async with self._services.store.read(desk.id) as view:
            behind = await view.orders.pending_progress(BATCH)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: OrderRow) -> int:
            async with gate:
                activity.heartbeat()
                return await self._bring(desk, row)

        return sum(await asyncio.gather(*(one(row) for row in behind)))

    async def _bring(self, desk: Desk, row: OrderRow) -> int:
        """The order first; then each receipt that received its goods."""
        outcomes = [await bring_up_to_date(each) for each in await self._documents(desk, row)]
        async with self._services.store.write(desk.id) as view:
            if Outcome.ALWAYS_STALE not in outcomes:
                await view.orders.mark_progress_written(row.order, row.progress_version)
            current_trail().write(view)
        return outcomes.count(Outcome.SENT)

    async def _documents(self, desk: Desk, row: OrderRow) -> list[Document]:
        if row.generation == 0:
            return []
        store = self._services.store
        async with store.read(desk.id) as view:
            receipts = await matched_receipts(view, desk, row)
        return [
            OrderDocument(store, desk, row.order),
            *(
                ReceiptDocument(store, desk, receipt.number, order=row.order)
                for receipt, _ in receipts
            ),
        ]


async def bring_up_to_date(document: Document) -> Outcome:
    """Write what differs, at most once; read again whenever the version was not ours.

    The first attempt uses the version and values of the last reading, so that a quiet order
    costs no read of its own.
    """
    refused: Counter[str] = Counter()
    while True:
        entry = await document.entry()
        if entry is None:
            return Outcome.NOTHING_TO_SAY
        changes, found = diff(entry.held, entry.desired, entry.written)
        await document.report(found)
        if not changes:
            return Outcome.NOTHING_TO_SAY
        await document.intend(changes)
        try:
            version = await document.put(changes, entry.version)
        except VismaStale:
            refused[entry.version] += 1
            if refused[entry.version] >= STALE_LIMIT:
                await document.report((findings.ALWAYS_STALE,))
                return Outcome.ALWAYS_STALE
            await document.read()
        except VismaOutcomeUnknown:
            await document.read()
        except VismaRejected as rejected:
            await document.report((findings.refuses_writes(document.name, rejected.what),))
            return Outcome.NOTHING_TO_SAY
        else:
            await document.wrote({**entry.held, **changes}, version)
            return Outcome.SENT
