"""Does Visma hold what the subledger says? Journal by journal, account by account.

The difference has to be nothing. A journal that Visma lacks counts with its whole amount, and so
does one on our references that the subledger knows nothing of: a posting made twice would be one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from activities.journal_drafts import lines_of
from activities.services import Desk
from ml_connector.domain.freight import JournalLine
from ml_connector.domain.posting import order_of_reference
from ml_connector.domain.tenant import FreightSettings
from ml_connector.store.journals import JournalRecord
from ml_connector.store.states import JournalState
from ml_connector.store.view import TenantView
from ml_connector.visma.errors import VismaNotFound
from ml_connector.visma.records import PostedJournal, PostedLine

Key = tuple[str, str, str, str]
"""Account, subaccount, project, task."""
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One journal on both sides."""

    batch: str
    reference: str
    currency: str
    subledger: Decimal
    """Its debits; nothing where the subledger does not know it."""
    visma: Decimal | None
    """The same in Visma; `None` where Visma does not have it."""
    difference: Decimal
    """How much stands on another account, project or task than it should, or nowhere."""
    remark: str = ""

    @property
    def agrees(self) -> bool:
        return not self.difference and not self.remark


def compare(
    records: Sequence[JournalRecord],
    batches: Sequence[PostedJournal],
    *,
    period: str,
    freight: FreightSettings,
    ours: Collection[str] = (),
) -> list[Compared]:
    """Every journal of the subledger, then every batch in Visma on our references without one.

    `ours` are the references in `batches` that are ours though no record here has them.
    """
    by_batch = {batch.batch: batch for batch in batches}
    compared = [
        _compared(record, by_batch.get(record.batch or ""), period, freight)
        for record in records
        if record.state is not JournalState.DRAFT
    ]
    known = {(record.batch, record.reference) for record in records}
    references = {record.reference for record in records} | set(ours)
    return compared + [
        _unknown(batch, reference)
        for batch in batches
        for reference in batch.references
        if reference in references and (batch.batch, reference) not in known
    ]


def _compared(
    record: JournalRecord, batch: PostedJournal | None, period: str, freight: FreightSettings
) -> Compared:
    # All lines of our own batch: one that lost its reference, or a new one, is a difference too.
    lines = () if batch is None else batch.lines
    non_project = freight.non_project
    ours, theirs = _net(lines_of(record), non_project), _net(lines, non_project)
    apart = (abs(ours.get(key, ZERO) - theirs.get(key, ZERO)) for key in ours.keys() | theirs)
    return Compared(
        batch=record.batch or "",
        reference=record.reference,
        currency=record.currency,
        subledger=record.amount,
        visma=None if batch is None else sum((line.debit for line in lines), ZERO),
        # What is missing at one place is missing, or too much, at another: counted once.
        difference=sum(apart, ZERO) / 2,
        remark=_remark(record, batch, period, must_be_released=freight.journal == "released"),
    )


def _remark(
    record: JournalRecord, batch: PostedJournal | None, period: str, *, must_be_released: bool
) -> str:
    if batch is None:
        return "Visma does not have it."
    if batch.period and batch.period != period:
        return f"It stands in period {batch.period} in Visma."
    if batch.currency != record.currency:
        return f"It is in {batch.currency} in Visma."
    if record.reference not in batch.references:
        return "Its lines have another reference in Visma."
    wanted = must_be_released or record.state is JournalState.RELEASED
    if wanted and not batch.released:
        return f"It is not released in Visma; its status is {batch.status}."
    return ""


def _unknown(batch: PostedJournal, reference: str) -> Compared:
    lines = [line for line in batch.lines if line.reference == reference]
    amount = max(sum((getattr(line, side) for line in lines), ZERO) for side in ("debit", "credit"))
    return Compared(
        batch=batch.batch,
        reference=reference,
        currency=batch.currency,
        subledger=ZERO,
        visma=amount,
        difference=amount,
        remark="The subledger does not know this batch.",
    )


def _net(lines: Iterable[JournalLine | PostedLine], non_project: str) -> Mapping[Key, Decimal]:
    """Debits less credits by account, subaccount, project and task. Visma may or may not name its
    code for no project."""
    net: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for line in lines:
        where = line.dimensions
        project = where.project or ""
        subaccount = "-".join(value for _, value in sorted(where.subaccount))
        shown = "" if project == non_project else project
        net[line.account, subaccount, shown, where.task or ""] += line.debit - line.credit
    return net


async def our_references(view: TenantView, batches: Iterable[PostedJournal]) -> frozenset[str]:
    """References in Visma that are ours: of a journal of any period, or of an order we know.

    The latter after a backup was restored, or when somebody posts on our references by hand.
    """
    orders = {
        reference: order
        for batch in batches
        for reference in batch.references
        if (order := order_of_reference(reference)) is not None
    }
    known = await view.journals.known(orders)
    others = [
        reference
        for reference, order in orders.items()
        if reference not in known and await view.orders.get(order) is not None
    ]
    return known | frozenset(others)


async def batches_of(
    desk: Desk, records: Sequence[JournalRecord], period: str
) -> list[PostedJournal]:
    """What Visma holds: the period's whole ledger, and ours wherever else they stand.

    Raises what Visma's client raises.
    """
    found = {batch.batch: batch for batch in await desk.visma.journals_in(period)}
    elsewhere = {record.batch for record in records if record.batch} - found.keys()
    for number in sorted(elsewhere):
        try:
            found[number] = await desk.visma.get_journal(number)
        except VismaNotFound:
            continue
    return list(found.values())
