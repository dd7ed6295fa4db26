"""A journal as it is written down before it is sent, and back again.

What was once sent is never computed anew: date, rate, lines and number come from the record.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pydantic import TypeAdapter

from ml_connector.domain.freight import Allocation, Journal, JournalLine
from ml_connector.domain.shipment import ShipmentCost
from ml_connector.domain.tenant import Tenant
from ml_connector.store.journals import JournalDraft
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import JournalKind
from ml_connector.visma.records import PostedJournal

_LINES = TypeAdapter(tuple[JournalLine, ...])


def draft_of(
    shipment: Shipment, journal: Journal, allocation: Allocation, cost: ShipmentCost
) -> JournalDraft:
    """A freight journal with everything that explains its cents."""
    weights: Mapping[str, Any] = {
        str(share.line): {"weight": str(share.weight), "amount": str(share.amount)}
        for share in allocation.shares
    }
    return JournalDraft(
        reference=journal.reference,
        kind=JournalKind.POST,
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


def reversal_draft(mirror: Journal, original: JournalDraft) -> JournalDraft:
    """The mirror of a posted journal, explained as the journal itself is."""
    same = {column.name: getattr(original, column.name) for column in fields(JournalDraft)}
    return replace(
        JournalDraft(**same),
        reference=mirror.reference,
        kind=JournalKind.REVERSAL,
        posting_date=mirror.posting_date,
        period=mirror.period,
        lines=_LINES.dump_python(mirror.lines, mode="json"),
    )


def journal_of(draft: JournalDraft, tenant: Tenant) -> Journal:
    """What Visma is sent."""
    lines = lines_of(draft)
    return Journal(
        reference=draft.reference,
        batch_number=draft.reference if tenant.visma.manual_batch_numbers else None,
        posting_date=draft.posting_date,
        period=draft.period,
        currency=draft.currency,
        exchange_rate=draft.exchange_rate,
        # The text of the first line: what, order and tracking number, a moved date.
        description=lines[0].text,
        hold=tenant.freight.journal == "hold",
        lines=lines,
    )


def lines_of(draft: JournalDraft) -> tuple[JournalLine, ...]:
    """The lines as posted."""
    return _LINES.validate_python(draft.lines)


def is_same(posted: PostedJournal, draft: JournalDraft) -> bool:
    """Whether a batch holds exactly these amounts on these accounts.

    A person who reverses a batch in Visma gets another one on the same reference.
    """
    ours = Counter((line.account, line.debit, line.credit) for line in lines_of(draft))
    theirs = Counter((line.account, line.debit, line.credit) for line in posted.lines)
    return posted.currency == draft.currency and ours == theirs
