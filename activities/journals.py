"""Journals in Visma as operations: created once, released once.

A journal is written down before it is sent, and looked for first where Visma may have it: after a
lost answer, after a death, or from before the store was restored. It is looked for exactly, by our
own batch number where the company allows one, else by the reference on its lines; only a definite
not-found lets it be sent (again).
"""

from datetime import UTC, date, datetime, timedelta

from activities.earlier_journals import EarlierJournals
from activities.failures import Later
from activities.journal_drafts import is_same, journal_of
from activities.services import Desk, Services
from activities.trail import current_trail
from ml_connector.domain.errors import RuleError
from ml_connector.http.faults import Fault
from ml_connector.store.journals import JournalDraft, JournalRecord
from ml_connector.store.operations import Operation
from ml_connector.store.states import JournalKind, JournalState, OperationState
from ml_connector.store.view import TenantView
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
"""Until the first look at a release that Visma has queued; each further pause is longer."""

IN_DOUBT = frozenset({OperationState.SENT, OperationState.UNKNOWN})
NOT_DONE = frozenset({OperationState.INTENDED, OperationState.REJECTED})
"""Nothing of it is in Visma: it may be made anew, with other dates, lines and accounts."""


class JournalDiffers(RuleError):
    """A batch in Visma has our reference and other lines."""

    code = "journal_differs"
    remedy = "Look at the batch in Visma: give its lines another reference, or reverse it; resume."


class Ledger:
    """Brings journals into Visma's general ledger."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._earlier = EarlierJournals()

    async def in_hand(
        self, tenant: str, order: str, generation: int, kind: JournalKind = JournalKind.POST
    ) -> JournalRecord | None:
        """A shipment's journal that Visma has, or may have: it is not made anew."""
        async with self._services.store.read(tenant) as view:
            operation = await view.operations.get(_key(tenant, order, kind.value, generation))
            if operation is None or operation.state in NOT_DONE:
                return None
            return await view.journals.get(operation.request_digest)

    async def bring(self, desk: Desk, draft: JournalDraft, *, shipped_at: datetime) -> str:
        """Create a journal and, where the tenant wants it, release it; its batch number.

        `shipped_at` is when its shipment was planned: no journal of it can be older.
        Raises what Visma's client raises; `Later` while an outcome is still open;
        `JournalDiffers`.
        """
        key = _key(desk.id, draft.order, draft.kind.value, draft.generation)
        record, operation = await self._begin(desk, key, draft)
        if operation.state is OperationState.SUCCEEDED and record.batch is not None:
            made = CreatedJournal(batch=record.batch, version="")
        else:
            made = await self._create(desk, key, operation, record, shipped_at)
        if desk.tenant.freight.journal == "released":
            await self._release(desk, record, made)
        return made.batch

    async def _begin(
        self, desk: Desk, key: str, draft: JournalDraft
    ) -> tuple[JournalRecord, Operation]:
        """The journal as it was first written down, while it may already have been sent."""
        async with self._services.store.write(desk.id) as view:
            operation = await _operation(view, key, draft, digest=draft.reference)
            if operation.state is OperationState.REJECTED:
                operation = await view.operations.back_to_intended(key, "Visma refused it")
            known = await view.journals.get(draft.reference)
            if known is None or operation.state is OperationState.INTENDED:
                known = await view.journals.add(draft)
            current_trail().write(view)
        return known, operation

    # -- create -----------------------------------------------------------------------------

    async def _create(
        self,
        desk: Desk,
        key: str,
        operation: Operation,
        record: JournalRecord,
        shipped_at: datetime,
    ) -> CreatedJournal:
        if operation.state in IN_DOUBT:
            found = await self._find(desk, operation, record)
            if found is not None:
                made = CreatedJournal(batch=found.batch, version="")
                return await self._created(desk, key, record.reference, made)
            await self._allow_again(desk, key, "an exact look-up did not find it")
        else:
            found = await self._made_before(desk, operation, record, shipped_at)
            if found is not None:
                made = CreatedJournal(batch=found.batch, version="")
                return await self._created_before(desk, key, record.reference, made)
        async with self._services.store.write(desk.id) as view:
            await view.operations.mark_sent(key, datetime.now(UTC) + desk.deadline)
        try:
            made = await desk.visma.create_journal(
                journal_of(record, desk.tenant),
                override_number=desk.tenant.visma.manual_batch_numbers,
                operation=key,
            )
        except VismaOutcomeUnknown as unknown:
            await self._lost(desk, key, unknown)
            raise
        except VismaRejected as rejected:
            await self._rejected(desk, key, rejected)
            raise
        except Fault:
            await self._allow_again(desk, key, "nothing was created")
            raise
        return await self._created(desk, key, record.reference, made)

    async def _made_before(
        self, desk: Desk, operation: Operation, record: JournalRecord, shipped_at: datetime
    ) -> PostedJournal | None:
        """A journal of which the store knows nothing: somebody died in between, or the store was
        restored from a backup. Looked up where it may be so."""
        since = _look_back(desk, min(shipped_at, operation.created_at))
        left_behind = _was_left_behind(operation)
        if left_behind or await self._earlier.hold(desk, record.reference, since):
            return await self._look_up(desk, since, record)
        return None

    async def _find(
        self, desk: Desk, operation: Operation, record: JournalRecord
    ) -> PostedJournal | None:
        """Exactly this journal, or the certainty that there is none.

        Visma may go on working at a request whose answer we no longer await, so a not-found counts
        only once `recovery_wait` has passed. Raises `Later` until then.
        """
        certain_from = _certain_from(desk, operation)
        certain = datetime.now(UTC) >= certain_from
        since = _look_back(desk, operation.created_at)
        found = await self._look_up(desk, since, record)
        if found is None and not certain:
            raise Later("A journal's answer was lost; it may still arrive in Visma.", certain_from)
        return found

    async def _look_up(
        self, desk: Desk, since: date, record: JournalRecord
    ) -> PostedJournal | None:
        """By our own number, then by the reference: a tenant may have changed how it numbers.

        Raises `JournalDiffers` when only other journals have our reference.
        """
        if desk.tenant.visma.manual_batch_numbers:
            try:
                posted = await desk.visma.get_journal(record.reference)
            except VismaNotFound:
                posted = None
            if posted is not None and is_same(posted, record):
                return posted
        found = await desk.visma.find_journals(record.reference, since=since)
        same = [each for each in found if is_same(each, record)]
        if found and not same:
            batches = ", ".join(each.batch for each in found)
            raise JournalDiffers(f"Batch {batches} has the reference {record.reference}.")
        return same[0] if same else None

    async def _created(
        self, desk: Desk, key: str, reference: str, made: CreatedJournal
    ) -> CreatedJournal:
        async with self._services.store.write(desk.id) as view:
            await view.operations.succeed(key, {"batch": made.batch})
            await view.journals.set_state(reference, JournalState.CREATED, batch=made.batch)
            current_trail().note(view, "journal:created", reference=reference, batch=made.batch)
        return made

    async def _created_before(
        self, desk: Desk, key: str, reference: str, made: CreatedJournal
    ) -> CreatedJournal:
        """Visma has it though our own record of sending it is lost."""
        async with self._services.store.write(desk.id) as view:
            await view.operations.mark_sent(key, datetime.now(UTC))
        return await self._created(desk, key, reference, made)

    # -- release ----------------------------------------------------------------------------

    async def _release(self, desk: Desk, record: JournalRecord, made: CreatedJournal) -> None:
        """Release is its own operation; whether it happened is read off the batch itself.

        Only a batch that was made a moment ago, and still has that version, is released unread.
        """
        key = _key(desk.id, record.order, f"{record.kind.value}_release", record.generation)
        async with self._services.store.write(desk.id) as view:
            operation = await _operation(view, key, record, digest=made.batch)
        if operation.state is OperationState.SUCCEEDED:
            return
        version = made.version if operation.state is OperationState.INTENDED else ""
        if not version:
            posted = await desk.visma.get_journal(made.batch)
            if posted.released:
                await self._released(desk, key, operation, record.reference)
                return
            version = posted.version
        if operation.state in IN_DOUBT:
            _wait_for_release(desk, operation)
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
            if (await desk.visma.get_journal(made.batch)).released:
                # An earlier release of ours, or a person, was faster.
                await self._released(desk, key, sent, record.reference)
                return
            await self._rejected(desk, key, rejected)
            raise
        except Fault:
            await self._allow_again(desk, key, "nothing was released")
            raise
        if not outcome.done:
            raise Later("Visma has queued the release.", datetime.now(UTC) + QUEUE_PAUSE)
        await self._released(desk, key, sent, record.reference)

    async def _released(self, desk: Desk, key: str, operation: Operation, reference: str) -> None:
        async with self._services.store.write(desk.id) as view:
            if operation.state in NOT_DONE:
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


def _key(tenant: str, order: str, step: str, generation: int) -> str:
    return f"{tenant}/{order}/{step}/{generation}"


async def _operation(view: TenantView, key: str, draft: JournalDraft, *, digest: str) -> Operation:
    return await view.operations.begin(
        key,
        step=key.rsplit("/", 2)[1],
        order=draft.order,
        generation=draft.generation,
        request_digest=digest,
    )


def _look_back(desk: Desk, moment: datetime) -> date:
    """The first day of a search for what was made after a moment."""
    return (moment - LOOK_BACK).astimezone(desk.zone).date()


def _was_left_behind(operation: Operation) -> bool:
    """It was there before this attempt and never sent, as far as the store knows.

    Somebody died in between; or the store was restored from a backup of just that moment.
    """
    return operation.attempts == 0 and operation.updated_at != operation.created_at


def _certain_from(desk: Desk, operation: Operation) -> datetime:
    """From then on what Visma does not have, it will not have."""
    last_word = operation.deadline or operation.updated_at
    return last_word + desk.tenant.retry.recovery_wait


def _wait_for_release(desk: Desk, operation: Operation) -> None:
    """A release that was queued, or whose answer was lost, may still happen: never twice at once.

    Raises `Later` until it can no longer; each pause is as long as the wait so far.
    """
    now, certain_from = datetime.now(UTC), _certain_from(desk, operation)
    if now < certain_from:
        waited = now - (operation.sent_at or now)
        pause = max(QUEUE_PAUSE, waited)
        raise Later("A release may still happen in Visma.", min(certain_from, now + pause))
