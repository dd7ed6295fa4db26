"""Journals in Visma as operations: created once, released once.

A journal is written down before it is sent. After a lost answer it is looked for exactly, by our
own batch number where the company allows one, else by the reference on its lines; only a definite
not-found lets it be sent again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from activities.failures import Later
from activities.services import Desk, Services
from activities.trail import current_trail
from ml_connector.domain.freight import Allocation, Journal, JournalLine
from ml_connector.domain.shipment import ShipmentCost
from ml_connector.http.faults import Fault
from ml_connector.store.journals import JournalDraft, JournalRecord
from ml_connector.store.operations import Operation
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import JournalKind, JournalState, OperationState
from ml_connector.visma.errors import (
    VismaNotFound,
    VismaOutcomeUnknown,
    VismaRejected,
    VismaStale,
)
from ml_connector.visma.records import CreatedJournal, PostedJournal

LOOK_BACK = timedelta(days=1)
"""The search for a reference begins this long before the first attempt: clocks differ."""
QUEUE_PAUSE = timedelta(seconds=2)
"""Between two looks at a release that Visma has queued."""

_LINES = TypeAdapter(tuple[JournalLine, ...])


class Ledger:
    """Brings journals into Visma's general ledger."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def post(
        self,
        desk: Desk,
        shipment: Shipment,
        journal: Journal,
        allocation: Allocation,
        cost: ShipmentCost,
    ) -> str:
        """Create and release a shipment's freight journal; its batch number.

        Raises what Visma's client raises; `Later` while an outcome is still open.
        """
        draft = draft_of(shipment, journal, allocation, cost, JournalKind.POST)
        return await self._bring(desk, shipment, journal, draft)

    async def post_reversal(
        self, desk: Desk, shipment: Shipment, reversal: Journal, original: JournalRecord
    ) -> str:
        """Create and release the mirror of a posted journal."""
        draft = JournalDraft(
            **{
                name: getattr(original, name)
                for name in ("order", "generation", "amount", "currency", "exchange_rate")
            },
            **{
                name: getattr(original, name)
                for name in ("basis", "weights", "rule_version", "cost_source", "rate_type")
            },
            reference=reversal.reference,
            kind=JournalKind.REVERSAL,
            posting_date=reversal.posting_date,
            period=reversal.period,
            lines=_LINES.dump_python(reversal.lines, mode="json"),
        )
        batch = await self._bring(desk, shipment, reversal, draft)
        async with self._services.store.write(desk.id) as view:
            await view.journals.set_state(original.reference, JournalState.REVERSED)
        return batch

    async def _bring(
        self, desk: Desk, shipment: Shipment, journal: Journal, draft: JournalDraft
    ) -> str:
        key = f"{desk.id}/{shipment.order}/{draft.kind.value}/{shipment.generation}"
        record, operation = await self._begin(desk, key, draft)
        if operation.state is OperationState.SUCCEEDED and record.batch is not None:
            made = CreatedJournal(batch=record.batch, version="")
        else:
            made = await self._create(desk, key, operation, as_recorded(journal, record))
        if desk.tenant.freight.journal == "released":
            await self._release(desk, key, shipment, made, record.reference)
        return made.batch

    async def _begin(
        self, desk: Desk, key: str, draft: JournalDraft
    ) -> tuple[JournalRecord, Operation]:
        """The journal as it was first written down, while it may already have been sent."""
        step = key.rsplit("/", 2)[1]
        async with self._services.store.write(desk.id) as view:
            operation = await view.operations.begin(
                key,
                step=step,
                order=draft.order,
                generation=draft.generation,
                request_digest=draft.reference,
            )
            known = await view.journals.get(draft.reference)
            if known is None or operation.state is OperationState.INTENDED:
                known = await view.journals.add(draft)
            current_trail().write(view)
        return known, operation

    # -- create -----------------------------------------------------------------------------

    async def _create(
        self, desk: Desk, key: str, operation: Operation, journal: Journal
    ) -> CreatedJournal:
        if operation.state in (OperationState.SENT, OperationState.UNKNOWN):
            found = await self._find(desk, operation, journal)
            if found is not None:
                made = CreatedJournal(batch=found.batch, version="")
                return await self._created(desk, key, journal.reference, made)
            await self._allow_again(desk, key, "an exact look-up did not find it")
        elif operation.state is OperationState.REJECTED:
            await self._allow_again(desk, key, "Visma refused it")
        async with self._services.store.write(desk.id) as view:
            await view.operations.mark_sent(key, datetime.now(UTC) + desk.deadline)
        override = desk.tenant.visma.manual_batch_numbers
        try:
            made = await desk.visma.create_journal(journal, override_number=override, operation=key)
        except VismaOutcomeUnknown as unknown:
            await self._lost(desk, key, unknown)
            raise
        except VismaRejected as rejected:
            await self._rejected(desk, key, rejected)
            raise
        except Fault:
            await self._allow_again(desk, key, "nothing was created")
            raise
        return await self._created(desk, key, journal.reference, made)

    async def _find(
        self, desk: Desk, operation: Operation, journal: Journal
    ) -> PostedJournal | None:
        """Exactly this journal, or the certainty that there is none.

        Visma may go on working at a request whose answer we no longer await, so a not-found counts
        only once `recovery_wait` has passed. Raises `Later` until then.
        """
        last_word = operation.deadline or operation.updated_at
        certain_from = last_word + desk.tenant.retry.recovery_wait
        certain = datetime.now(UTC) >= certain_from
        found = await self._look_up(desk, operation, journal)
        if found is None and not certain:
            raise Later("A journal's answer was lost; it may still arrive in Visma.", certain_from)
        return found

    async def _look_up(
        self, desk: Desk, operation: Operation, journal: Journal
    ) -> PostedJournal | None:
        if journal.batch_number is not None:
            try:
                return await desk.visma.get_journal(journal.batch_number)
            except VismaNotFound:
                return None
        since = (operation.created_at - LOOK_BACK).astimezone(desk.zone).date()
        found = await desk.visma.find_journals(journal.reference, since=since)
        return found[0] if found else None

    async def _created(
        self, desk: Desk, key: str, reference: str, made: CreatedJournal
    ) -> CreatedJournal:
        async with self._services.store.write(desk.id) as view:
            await view.operations.succeed(key, {"batch": made.batch})
            await view.journals.set_state(reference, JournalState.CREATED, batch=made.batch)
            current_trail().note(view, "journal:created", reference=reference, batch=made.batch)
        return made

    # -- release ----------------------------------------------------------------------------

    async def _release(
        self, desk: Desk, create_key: str, shipment: Shipment, made: CreatedJournal, reference: str
    ) -> None:
        """Release is its own operation; whether it happened is read off the batch itself.

        Only a batch that was made a moment ago, and still has that version, is released unread.
        """
        key = f"{create_key.rsplit('/', 1)[0]}_release/{shipment.generation}"
        async with self._services.store.write(desk.id) as view:
            operation = await view.operations.begin(
                key,
                step=key.rsplit("/", 2)[1],
                order=shipment.order,
                generation=shipment.generation,
                request_digest=made.batch,
            )
        if operation.state is OperationState.SUCCEEDED:
            return
        version = made.version if operation.state is OperationState.INTENDED else ""
        if not version:
            posted = await desk.visma.get_journal(made.batch)
            if posted.released:
                await self._released(desk, key, operation, reference)
                return
            version = posted.version
        if operation.state is not OperationState.INTENDED:
            await self._allow_again(desk, key, "the batch is not released")
        async with self._services.store.write(desk.id) as view:
            sent = await view.operations.mark_sent(key, datetime.now(UTC) + desk.deadline)
        try:
            outcome = await desk.visma.release_journal(made.batch, version=version, operation=key)
        except VismaOutcomeUnknown as unknown:
            await self._lost(desk, key, unknown)
            raise
        except VismaStale as stale:
            await self._allow_again(desk, key, "the batch changed meanwhile")
            raise Later(str(stale), datetime.now(UTC) + desk.tenant.retry.initial) from stale
        except VismaRejected as rejected:
            await self._rejected(desk, key, rejected)
            raise
        except Fault:
            await self._allow_again(desk, key, "nothing was released")
            raise
        if not outcome.done:
            raise Later("Visma has queued the release.", datetime.now(UTC) + QUEUE_PAUSE)
        await self._released(desk, key, sent, reference)

    async def _released(self, desk: Desk, key: str, operation: Operation, reference: str) -> None:
        async with self._services.store.write(desk.id) as view:
            if operation.state in (OperationState.INTENDED, OperationState.REJECTED):
                # Somebody released it in Visma; the operation passes through its states.
                if operation.state is OperationState.REJECTED:
                    await view.operations.back_to_intended(key, "released by somebody else")
                await view.operations.mark_sent(key, datetime.now(UTC))
            await view.operations.succeed(key, {})
            await view.journals.set_state(reference, JournalState.RELEASED)
            current_trail().note(view, "journal:released", reference=reference)

    # -- outcomes ---------------------------------------------------------------------------

    async def _lost(self, desk: Desk, key: str, unknown: VismaOutcomeUnknown) -> None:
        async with self._services.store.write(desk.id) as view:
            await view.operations.mark_unknown(
                key, {"what": str(unknown)}, deadline=datetime.now(UTC)
            )
            current_trail().note(view, "journal:answer_lost", operation=key)

    async def _rejected(self, desk: Desk, key: str, rejected: VismaRejected) -> None:
        async with self._services.store.write(desk.id) as view:
            await view.operations.reject(key, {"what": str(rejected)})
            current_trail().note(view, "journal:rejected", operation=key)

    async def _allow_again(self, desk: Desk, key: str, proof: str) -> None:
        async with self._services.store.write(desk.id) as view:
            await view.operations.back_to_intended(key, proof)
            current_trail().write(view)


def as_recorded(journal: Journal, record: JournalRecord) -> Journal:
    """The journal with what was written down for it: date, rate and lines never drift."""
    return Journal(
        reference=record.reference,
        batch_number=journal.batch_number,
        posting_date=record.posting_date,
        period=record.period,
        currency=record.currency,
        exchange_rate=record.exchange_rate,
        description=journal.description,
        hold=journal.hold,
        lines=lines_of(record),
    )


def lines_of(record: JournalRecord) -> tuple[JournalLine, ...]:
    """The lines as posted."""
    return _LINES.validate_python(record.lines)


def draft_of(
    shipment: Shipment,
    journal: Journal,
    allocation: Allocation,
    cost: ShipmentCost,
    kind: JournalKind,
) -> JournalDraft:
    """What is written down of a journal before it is sent."""
    weights: Mapping[str, Any] = {
        str(share.line): {"weight": str(share.weight), "amount": str(share.amount)}
        for share in allocation.shares
    }
    return JournalDraft(
        reference=journal.reference,
        kind=kind,
        order=shipment.order,
        generation=shipment.generation,
        amount=allocation.total,
        currency=allocation.currency,
        posting_date=journal.posting_date,
        period=journal.period,
        exchange_rate=journal.exchange_rate,
        lines=_LINES.dump_python(journal.lines, mode="json"),
        basis=allocation.basis.value,
        weights=weights,
        rule_version=allocation.rule_version,
        cost_source=cost.source.value,
        rate_type=cost.rate_type,
    )
