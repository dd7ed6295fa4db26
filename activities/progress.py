"""Write what became of a shipment into Visma's custom fields, on the order and its receipts.

Level-triggered: the store holds what should stand there (`progress_version`) and what was
written (`progress_written`); whoever comes by writes the difference. A person's edit always
survives: every PUT carries the version it was made from, and a foreign value stays.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from temporalio import activity

from activities import findings
from activities.documents import Document, Fields, OrderDocument, ReceiptDocument
from activities.failures import HOPELESS
from activities.receipts import matched_receipts
from activities.services import Desk, Services
from activities.shipped import NO_ATTENTION, attention_to
from activities.signatures import FLUSH_PROGRESS, WRITE_PROGRESS
from activities.trail import current_trail
from ml_connector.domain.progress import diff
from ml_connector.domain.stage import Stage
from ml_connector.store.orders import OrderRow
from ml_connector.store.view import TenantView
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import OrderRef
from ml_connector.visma.errors import VismaOutcomeUnknown, VismaRejected, VismaStale

STALE_LIMIT = 5
"""Refusals of an unchanged version before a person is asked."""
OVERTAKEN_LIMIT = 20
"""Refusals in a row, each of a newer version, before it is left to the next sweep."""
AT_ONCE = 8
"""Parallel writes; other clients of this API cap themselves at eight requests."""
BATCH = 200
FIRST_WRITE = timedelta(minutes=1)
"""How long an order's workflow is left alone with the first write of its shipment."""


class Outcome(Enum):
    """What bringing a document up to date came to."""

    SENT = auto()
    NOTHING_TO_SAY = auto()
    """It says what it should, or what differs is not ours to change."""
    REFUSED = auto()
    """Visma takes no write on it; the other documents say the same."""
    ALWAYS_STALE = auto()
    """It is still behind, though nobody edits it; the next sweep tries again."""
    OVERTAKEN = auto()
    """It is still behind, for it is edited all the time; the next sweep tries again."""


STILL_BEHIND = frozenset({Outcome.ALWAYS_STALE, Outcome.OVERTAKEN})


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
        """Bring every order up to date that is behind; how many documents were written.

        An order that cannot be written keeps no other from it. Raises the first failure at the
        end, at once where the next order would only meet the same.
        """
        desk = await self._services.desk(tenant.tenant)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: OrderRow) -> int:
            async with gate:
                return await self._bring(desk, row)

        written, last, failures = 0, "", list[BaseException]()
        while not any(isinstance(failure, HOPELESS) for failure in failures):
            async with self._services.store.read(desk.id) as view:
                behind = await view.orders.pending_progress(BATCH, after=last)
            if not behind:
                break
            last = behind[-1].order
            ours = [row for row in behind if not _is_being_written(row)]
            results = await asyncio.gather(*map(one, ours), return_exceptions=True)
            failures += [result for result in results if isinstance(result, BaseException)]
            written += sum(result for result in results if isinstance(result, int))
            activity.heartbeat(written)
        if failures:
            raise failures[0]
        return written

    async def _bring(self, desk: Desk, row: OrderRow) -> int:
        """The order first; then each receipt that received its goods, whatever the order said."""
        outcomes, lost = [], None
        for document in await self._documents(desk, row):
            try:
                outcomes.append(await bring_up_to_date(document))
            except VismaOutcomeUnknown as unknown:
                lost = unknown
        async with self._services.store.write(desk.id) as view:
            if lost is None and STILL_BEHIND.isdisjoint(outcomes):
                await view.orders.mark_progress_written(row.order, row.progress_version)
            await _show_stale(view, row, stale=Outcome.ALWAYS_STALE in outcomes)
            current_trail().write(view)
        if lost is not None:
            raise lost
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


def _is_being_written(row: OrderRow) -> bool:
    """A label that was just made: its workflow writes the number itself, and twice would be one
    call too many. Should it fail, the next flush writes it."""
    fresh = datetime.now(UTC) - row.updated_at < FIRST_WRITE
    return row.stage == Stage.LABEL_CREATED and row.progress_written == 0 and fresh


async def _show_stale(view: TenantView, row: OrderRow, *, stale: bool) -> None:
    """A person is asked while Visma refuses our version, and no longer."""
    if stale and row.attention is None:
        await view.orders.save(row.order, **attention_to(findings.ALWAYS_STALE))
    elif not stale and row.attention == findings.ALWAYS_STALE.code:
        await view.findings.resolve(row.order, findings.ALWAYS_STALE.code)
        await view.orders.save(row.order, **NO_ATTENTION)


async def bring_up_to_date(document: Document) -> Outcome:
    """Write what differs, at most once; read again whenever the version was not ours.

    The first attempt uses the version and values of the last reading, so that a quiet order
    costs no read of its own. Raises `VismaOutcomeUnknown` where a lost write did not happen, or
    not yet: at once it is not repeated, for Visma may refuse it again and again, or have queued it.
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
        if not entry.version:
            # Visma did not name the version that our last write made.
            await document.read()
            continue
        await document.intend(changes)
        try:
            version = await document.put(changes, entry.version)
        except VismaStale:
            refused[entry.version] += 1
            if refused[entry.version] >= STALE_LIMIT:
                await document.report((findings.ALWAYS_STALE,))
                return Outcome.ALWAYS_STALE
            if refused.total() >= OVERTAKEN_LIMIT:
                return Outcome.OVERTAKEN
            await document.read()
        except VismaOutcomeUnknown:
            await document.read()
            if not await _arrived(document, changes):
                raise
        except VismaRejected as rejected:
            await document.report((findings.refuses_writes(document.name, rejected.what),))
            return Outcome.REFUSED
        else:
            await document.wrote({**entry.held, **changes}, version)
            return Outcome.SENT


async def _arrived(document: Document, changes: Fields) -> bool:
    """Whether a write whose answer was lost did happen, as the document was just read."""
    entry = await document.entry()
    return entry is None or not diff(entry.held, changes, entry.written)[0]
