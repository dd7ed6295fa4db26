"""Freight in the general ledger: one balanced journal a shipment.

    Debit   freight cost, by the order lines' account, subaccount, project and task
    Credit  accrued freight, one line, with the company's default subaccount

The cost is allocated over the lines once; lines of equal dimensions are merged afterwards,
so that merging can never change a cent. A reversal mirrors the lines that were posted.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from ml_connector.domain.allocation import allocate, basis_weights
from ml_connector.domain.errors import RuleError
from ml_connector.domain.freight import Allocation, Journal, JournalLine
from ml_connector.domain.money import Money, iso_currency, rounded
from ml_connector.domain.order import Dimensions
from ml_connector.domain.periods import PostingDate
from ml_connector.domain.shipment import ShipmentCost, ShippedLine
from ml_connector.domain.tenant import FreightSettings

REFERENCE_LIMIT = 15
"""Reference and batch numbers: Acumatica, under Visma.net, has 15 characters for them."""

_REFERENCE = re.compile(r"[FR](.+)-[1-9][0-9]*", re.ASCII)
_ZERO = Decimal(0)
_LINE_ACCOUNT = "line"


class CostMissing(RuleError):
    """Nobody has said what the shipment costs."""

    code = "cost_missing"
    remedy = "Ask for a quote (`quote`), then resume the order; or post the freight by hand."


class CostNotPositive(RuleError):
    """The cost is zero or negative, which no shipment's is."""

    code = "cost_not_positive"
    remedy = "Check FedEx's rating of the shipment, then resume the order."


class AccountMissing(RuleError):
    """An order line without an account, where freight goes to the line's own."""

    code = "debit_account_missing"
    remedy = "Set freight.default_debit_account in the tenant file, then resume the order."


class Unbalanced(RuleError):
    """A journal whose debits and credits differ; it is never sent."""

    code = "journal_unbalanced"
    remedy = "This is an error of the connector: report it with the order's number."


class JournalKind(StrEnum):
    """What a journal is; the first letter of its reference."""

    FREIGHT = "F"
    REVERSAL = "R"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHead:
    """What a journal says beside its lines."""

    order: str
    tracking_number: str
    reference: str
    """See `journal_reference`."""
    when: PostingDate
    exchange_rate: Decimal | None = None
    """To the base currency; `None` where the journal is in base currency."""
    branch: str | None = None
    """Of a new journal: the order's, where the company has several; `None` leaves it to Visma."""

    def text(self, what: str) -> str:
        """A line of text: what, order, tracking number, and the original date if it moved."""
        text = f"{what} {self.order} FedEx {self.tracking_number}"
        moved = self.when.original
        return f"{text} (of {moved.isoformat()})" if moved else text


def allocate_freight(
    cost: ShipmentCost | None, lines: Sequence[ShippedLine], freight: FreightSettings
) -> Allocation:
    """The shipment's cost, in FedEx's currency as ISO 4217, over the lines it carried.

    With taxes or without, as the tenant says; rounded once to the currency's minor unit.

    Raises `CostMissing`, `CostNotPositive`, `UnknownCurrency`, `AllocationError`.
    """
    if cost is None:
        raise CostMissing("The shipment's cost is not known.")
    charged = cost.net_charge if freight.include_taxes else cost.net_fedex_charge
    total = rounded(Money(charged, iso_currency(cost.currency)))
    if total.amount <= 0:
        raise CostNotPositive(f"The shipment's cost is {total}.")
    basis = freight.allocate_by
    return allocate(total.amount, total.currency, basis, basis_weights(basis, lines))


def build_journal(
    allocation: Allocation,
    lines: Iterable[ShippedLine],
    freight: FreightSettings,
    head: JournalHead,
) -> Journal:
    """The journal of an allocation over the snapshot it was made from.

    Debit lines stand in the order of their first order line; lines with no share have none.
    Raises `AccountMissing`, `Unbalanced`.
    """
    dimensions = {line.number: line.dimensions for line in lines}
    merged: dict[tuple[str, Dimensions], list[tuple[int, Decimal]]] = {}
    for share in allocation.shares:
        if share.amount:
            target = _target(dimensions[share.line], freight)
            merged.setdefault(target, []).append((share.line, share.amount))
    debits = (_debit(account, where, shares, head) for (account, where), shares in merged.items())
    journal = Journal(
        reference=head.reference,
        posting_date=head.when.day,
        period=head.when.period.id,
        currency=allocation.currency,
        exchange_rate=head.exchange_rate,
        description=head.text("Freight"),
        hold=freight.journal == "hold",
        lines=(*debits, _credit(allocation.total, freight, head)),
    )
    check_balanced(journal)
    return journal


def reverse(journal: Journal, head: JournalHead) -> Journal:
    """The mirror of a journal as it was posted: the same lines, debit and credit exchanged.

    Currency, exchange rate and branch stay those of the original, so that both add up to zero in
    base currency too; of `head` rate and branch are not used. Raises `Unbalanced`.
    """
    text = head.text(f"Reversal of {journal.reference}, freight")
    mirrored = replace(
        journal,
        reference=head.reference,
        batch_number=None,
        posting_date=head.when.day,
        period=head.when.period.id,
        description=text,
        lines=tuple(
            replace(line, debit=line.credit, credit=line.debit, text=text) for line in journal.lines
        ),
    )
    check_balanced(mirrored)
    return mirrored


def check_balanced(journal: Journal) -> None:
    """Raises `Unbalanced` unless each line has one side above zero and the sides are equal."""
    for number, line in enumerate(journal.lines, start=1):
        if min(line.debit, line.credit) != 0 or max(line.debit, line.credit) <= 0:
            raise Unbalanced(f"Line {number} of {journal.reference} has not exactly one side.")
    debit = sum((line.debit for line in journal.lines), _ZERO)
    credit = sum((line.credit for line in journal.lines), _ZERO)
    if debit != credit:
        raise Unbalanced(f"{journal.reference} debits {debit} and credits {credit}.")


def journal_reference(order: str, generation: int, kind: JournalKind) -> str:
    """What the journal is found by: `F500123-1`; unique per order, generation and kind.

    At most 15 characters; a longer order number is replaced by the head of its SHA-256.
    """
    tail = f"-{generation}"
    room = REFERENCE_LIMIT - len(kind) - len(tail)
    if len(order) > room:
        order = hashlib.sha256(order.encode()).hexdigest()[:room]
    return f"{kind}{order}{tail}"


def order_of_reference(reference: str) -> str | None:
    """The order that a reference of ours names; `None` for one that is not of our form.

    Of a long order number it is the digest that stands for it.
    """
    found = _REFERENCE.fullmatch(reference)
    return found[1] if found else None


def _target(line: Dimensions, freight: FreightSettings) -> tuple[str, Dimensions]:
    """Where a line's share is debited: (account, subaccount with project and task)."""
    project = line.project or freight.non_project
    has_project = project != freight.non_project
    where = Dimensions(
        # Segments that the line leaves out take the default, so that all are always filled.
        subaccount=tuple(sorted({**freight.default_subaccount, **dict(line.subaccount)}.items())),
        project=project,
        task=line.task if has_project else None,
    )
    return _account(line, freight), where


def _account(line: Dimensions, freight: FreightSettings) -> str:
    if freight.debit_account != _LINE_ACCOUNT:
        return freight.debit_account
    account = line.account or freight.default_debit_account
    if account is None:
        raise AccountMissing("An order line has no account, and the tenant file no default.")
    return account


def _debit(
    account: str, where: Dimensions, shares: Sequence[tuple[int, Decimal]], head: JournalHead
) -> JournalLine:
    numbers = tuple(number for number, _ in shares)
    return JournalLine(
        account=account,
        dimensions=where,
        debit=sum((amount for _, amount in shares), _ZERO),
        credit=_ZERO,
        text=head.text("Freight"),
        order_lines=numbers,
        branch=head.branch,
    )


def _credit(total: Decimal, freight: FreightSettings, head: JournalHead) -> JournalLine:
    return JournalLine(
        account=freight.accrual_account,
        dimensions=Dimensions(
            subaccount=tuple(sorted(freight.default_subaccount.items())),
            project=freight.non_project,
        ),
        debit=_ZERO,
        credit=total,
        text=head.text("Accrued freight"),
        branch=head.branch,
    )
