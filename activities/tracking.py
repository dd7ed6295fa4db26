"""Poll due tracking numbers, thirty a call, and keep what changed."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities import findings
from activities.services import Desk, Services
from activities.shipped import after_posting
from activities.signatures import POLL_TRACKING
from activities.trail import current_trail
from ml_connector.domain.progress import status_text
from ml_connector.domain.stage import Stage
from ml_connector.domain.tracking import ParcelReport, ParcelState, ParcelStatus
from ml_connector.domain.tracking_states import (
    due_after,
    interpret,
    select_report,
    shipment_status,
)
from ml_connector.fedex.client import TrackError, TrackQuery
from ml_connector.http.faults import Fault, RejectedFault
from ml_connector.store.errors import UnknownRecord
from ml_connector.store.orders import OrderRow
from ml_connector.store.parcels import Parcel
from ml_connector.store.view import TenantView
from ml_connector.temporal.sweep_messages import SweepRequest, SweepRound

BUNDLE = 30
"""Numbers in one Track call (TRACKING.TRACKINGNUMBERS.LIMITEXCEEDED above)."""
BUNDLES = 20
ROUND = BUNDLES * BUNDLE
"""Numbers that one round claims at once."""
ARRIVED = frozenset({ParcelState.DELIVERED, ParcelState.RETURNED})
FINAL = ARRIVED | {ParcelState.CANCELLED}

PASSING = {
    "tracking_unavailable": None,
    "tracking_code_unknown": ParcelState.UNKNOWN,
    "delivery_exception": ParcelState.EXCEPTION,
}
"""Findings that end by themselves: as soon as FedEx reports on the shipment, or once no piece of
it is in that state any more."""


Answers = dict[str, tuple[ParcelReport, ...] | TrackError]
"""By tracking number."""


class TrackingActivities:
    """One round of the sweep."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn(name=POLL_TRACKING.name)
    async def poll_tracking(self, request: SweepRequest) -> SweepRound:
        """Claim due parcels, ask FedEx about them, and record what is new.

        A bundle that cannot be recorded keeps no other from it; the first failure is raised at
        the end.
        """
        desk = await self._services.desk(request.tenant)
        now = datetime.now(UTC)
        due_by = request.due_by or now
        # As long as the round can take; what a killed worker has claimed is free again then.
        claim = desk.deadline * BUNDLES
        async with self._services.store.write(desk.id) as view:
            due = await view.parcels.due(now, ROUND, due_by=due_by, claim_for=claim)
        changed, failures = 0, list[Exception]()
        for start in range(0, len(due), BUNDLE):
            activity.heartbeat(start)
            bundle = due[start : start + BUNDLE]
            try:
                changed += await self._poll(desk, bundle)
            except Fault:
                # The next bundle would only meet the same.
                await self._release(desk, due[start:])
                raise
            except Exception as failure:
                # Ours: it lies in this bundle, and comes first at each sweep.
                await self._release(desk, bundle)
                failures.append(failure)
        if failures:
            raise failures[0]
        more = len(due) == ROUND
        return SweepRound(polled=len(due), changed=changed, more=more, due_by=due_by)

    async def _release(self, desk: Desk, parcels: Sequence[Parcel]) -> None:
        """They are due still, so that the next attempt finds them."""
        async with self._services.store.write(desk.id) as view:
            await view.parcels.release([parcel.tracking_number for parcel in parcels])

    async def _poll(self, desk: Desk, parcels: Sequence[Parcel]) -> int:
        answers = await self._ask(desk, [parcel.tracking_number for parcel in parcels])
        async with self._services.store.write(desk.id) as view:
            moved: set[tuple[str, int]] = set()
            unmoved: defaultdict[timedelta, list[str]] = defaultdict(list)
            for parcel in parcels:
                answer = answers.get(parcel.tracking_number)
                if await self._learn(view, desk, parcel, answer, unmoved):
                    moved.add((parcel.order, parcel.generation))
            for pause, numbers in unmoved.items():
                await view.parcels.postpone(numbers, datetime.now(UTC) + pause)
            told = [await self._tell(view, *shipment) for shipment in sorted(moved)]
            current_trail().write(view)
        return sum(told)

    async def _ask(self, desk: Desk, numbers: Sequence[str]) -> Answers:
        """What FedEx says of each number, also where it refuses the whole call for one of them."""
        try:
            return await self._track(desk, numbers)
        except RejectedFault as refused:
            if not refused.code:
                # Not FedEx's own words: a proxy's page says nothing of any number.
                raise
            answers = await self._by_halves(desk, numbers, refused)
            if len(numbers) > 1 and all(_is_refused(each, refused) for each in answers.values()):
                # It is the call itself that FedEx does not take: no number's own fault.
                raise
            return answers

    async def _by_halves(
        self, desk: Desk, numbers: Sequence[str], refused: RejectedFault
    ) -> Answers:
        """FedEx does not say for which number it refuses a call."""
        if len(numbers) == 1:
            return {numbers[0]: TrackError(code=refused.code, message=refused.why)}
        middle = len(numbers) // 2
        answers: Answers = {}
        for half in (numbers[:middle], numbers[middle:]):
            try:
                answers |= await self._track(desk, half)
            except RejectedFault as again:
                answers |= await self._by_halves(desk, half, again)
        return answers

    async def _track(self, desk: Desk, numbers: Sequence[str]) -> Answers:
        answers = await desk.fedex.track(
            # Without ship dates: half a range is not documented, a whole one must end in FedEx's
            # past and span 30 days at most. An older parcel of the number is told apart by us.
            [TrackQuery(tracking_number=number) for number in numbers],
            transaction_id=f"{desk.id}/track",
            zone=desk.zone,
        )
        return dict(answers)

    async def _learn(
        self,
        view: TenantView,
        desk: Desk,
        parcel: Parcel,
        answer: tuple[ParcelReport, ...] | TrackError | None,
        unmoved: Mapping[timedelta, list[str]],
    ) -> bool:
        """Whether anything is new. Of most parcels nothing is: those are only asked for later."""
        now = datetime.now(UTC)
        report = None
        if isinstance(answer, tuple):
            report = select_report(answer, parcel.shipped_on, parcel.unique_id)
        if report is None:
            await self._no_answer(view, desk, parcel, answer, now)
            return False
        status = interpret(report)
        pause = due_after(status.state, desk.tenant.polling.due)
        mark = _digest(report)
        if mark == parcel.last_hash and pause is not None:
            unmoved[pause].append(parcel.tracking_number)
            return False
        try:
            changed = await view.parcels.record(
                parcel.tracking_number,
                status,
                unique_id=report.unique_id,
                scans=report.scans,
                last_hash=mark,
                next_poll_at=now + (pause or timedelta()),
            )
        except UnknownRecord:
            # Its shipment was cancelled while FedEx was asked.
            return False
        if status.state in FINAL:
            await view.parcels.finish(parcel.tracking_number)
        await _find(view, parcel, status)
        return changed

    async def _no_answer(
        self,
        view: TenantView,
        desk: Desk,
        parcel: Parcel,
        answer: object,
        now: datetime,
    ) -> None:
        """A fresh number may be unknown to FedEx for a day, or known as an older parcel's only;
        after that it is a finding."""
        pause = desk.tenant.polling.due.label_created
        await view.parcels.postpone([parcel.tracking_number], now + pause)
        unknown = answer.not_found if isinstance(answer, TrackError) else answer is not None
        if unknown and now - parcel.created_at < desk.tenant.polling.not_found_grace:
            return
        code = answer.code if isinstance(answer, TrackError) else "no report near the ship date"
        await view.findings.add(
            parcel.order, findings.tracking_unavailable(parcel.tracking_number, code)
        )

    async def _tell(self, view: TenantView, order: str, generation: int) -> bool:
        """All pieces together; the order hears of it only when that has changed."""
        # Saving nothing locks the row: whoever records another piece of it at the same time, or its
        # journal, comes before us and is seen, or after us and sees this.
        row = await view.orders.save(order)
        if row.generation != generation:
            return False
        pieces = await view.parcels.by_order(order, generation)
        states = {piece.state for piece in pieces}
        over = [code for code, state in PASSING.items() if state not in states]
        await view.findings.resolve(order, *over)
        whole = shipment_status([_status(piece) for piece in pieces])
        before = (_said(row), row.first_scan_at, row.delivered_at)
        if before == (status_text(whole.state, whole.code), whole.first_scan, whole.delivered_at):
            return False
        await view.orders.progressed(
            order,
            stage=_stage(row, whole),
            tracking_state=whole.state.value,
            tracking_code=whole.code,
            first_scan_at=whole.first_scan,
            delivered_at=whole.delivered_at,
        )
        current_trail().note(view, "parcel:moved", order=order, state=whole.state.value)
        return True


def _digest(report: ParcelReport) -> str:
    return hashlib.sha256(repr(report).encode()).hexdigest()


def _status(parcel: Parcel) -> ParcelStatus:
    return ParcelStatus(
        state=parcel.state,
        code=parcel.code,
        description="",
        first_scan=parcel.first_scan_at,
        delivered_at=parcel.delivered_at,
    )


def _stage(row: OrderRow, whole: ParcelStatus) -> Stage:
    """The stage the parcel itself brings about; a parked order stays parked."""
    if row.stage == Stage.NEEDS_ATTENTION:
        return Stage.NEEDS_ATTENTION
    if row.journal_batch is not None and whole.state in ARRIVED:
        return after_posting(row.stage, whole.state)
    if whole.state is ParcelState.DELIVERED:
        return Stage.DELIVERED
    return Stage.IN_TRANSIT if whole.first_scan is not None else Stage.LABEL_CREATED


def _said(row: OrderRow) -> str:
    """What the order says of its shipment so far."""
    if not row.tracking_state:
        return ""
    return status_text(ParcelState(row.tracking_state), row.tracking_code or "")


async def _find(view: TenantView, parcel: Parcel, status: ParcelStatus) -> None:
    number = parcel.tracking_number
    finding = None
    match status.state:
        case ParcelState.UNKNOWN:
            finding = findings.tracking_code_unknown(number, status.code)
        case ParcelState.EXCEPTION:
            finding = findings.delivery_exception(number, status.description, status.code)
        case ParcelState.RETURNED:
            finding = findings.return_charge_expected(number)
        case ParcelState.CANCELLED:
            finding = findings.cancelled_at_fedex(number)
    if finding is not None:
        await view.findings.add(parcel.order, finding)


def _is_refused(answer: object, refused: RejectedFault) -> bool:
    return isinstance(answer, TrackError) and answer.code == refused.code
