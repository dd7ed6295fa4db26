"""From a journal line back to everything that made it, gathered from the store alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from activities.journal_drafts import lines_of
from activities.shipped import load_cost, load_plan
from ml_connector.domain.freight import JournalLine
from ml_connector.domain.shipment import ShippedLine
from ml_connector.store.audit_chain import AuditEvent
from ml_connector.store.journals import JournalRecord
from ml_connector.store.operations import Operation
from ml_connector.store.orders import OrderRow
from ml_connector.store.parcels import Parcel
from ml_connector.store.shipments import Shipment
from ml_connector.store.view import TenantView
from starter.context import Installation
from starter.money import money


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One order that a name stands for."""

    tenant: str
    order: str
    batch: str | None = None
    """Only this journal of it, where the name was a batch number."""


async def subjects_of(here: Installation, name: str, tenant: str | None) -> list[Subject]:
    """Every order that has this number, this tracking number or a journal in this batch."""
    owner, slash, number = name.rpartition("/")
    store = await here.store()
    found: list[Subject] = []
    for each in await here.tenant_ids(owner if slash else tenant):
        async with store.read(each) as view:
            if await view.orders.get(number) is not None:
                found.append(Subject(tenant=each, order=number))
                continue
            rows = await view.orders.by_tracking(number)
            found += [Subject(tenant=each, order=row.order) for row in rows]
            if not rows:
                batches = await view.orders.by_batch(number)
                found += [Subject(tenant=each, order=row.order, batch=number) for row in batches]
    return found


async def explain_order(view: TenantView, subject: Subject) -> dict[str, object]:
    """One order's whole story: its shipments, and each with its journals."""
    row = await view.orders.get(subject.order)
    assert row is not None
    journals = [
        journal
        for journal in await view.journals.by_order(subject.order)
        if subject.batch in (None, journal.batch)
    ]
    shipments = [
        shipment
        for shipment in await view.shipments.list(subject.order)
        if subject.batch is None or any(each.generation == shipment.generation for each in journals)
    ]
    operations = await view.operations.history(subject.order)
    events = await view.audit.show(order=subject.order)
    return {
        "tenant": subject.tenant,
        **_order(row),
        "shipments": [
            await _shipment(view, shipment, journals, operations) for shipment in shipments
        ],
        "findings": [
            {"code": each.code, "message": each.message, "since": each.opened_at}
            for each in await view.findings.open(subject.order)
        ],
        "audit": [_event(event) for event in events],
    }


def _order(row: OrderRow) -> dict[str, object]:
    return {
        "order": row.order,
        "stage": row.stage,
        "attention": row.attention,
        "version": row.version,
        "receipts": row.receipts,
    }


async def _shipment(
    view: TenantView,
    shipment: Shipment,
    journals: Iterable[JournalRecord],
    operations: Iterable[Operation],
) -> dict[str, object]:
    plan, cost = load_plan(shipment).plan, load_cost(shipment)
    parcels = await view.parcels.by_order(shipment.order, shipment.generation)
    return {
        "generation": shipment.generation,
        "state": shipment.state,
        "reference": shipment.reference,
        "tracking_number": shipment.master_tracking,
        "service": shipment.service,
        "ship_date": shipment.ship_date,
        "label": [
            {"kind": each["kind"], "media": each["media"], "blob": each["blob"]}
            for each in shipment.documents
        ],
        "cost": None
        if cost is None
        else {
            "net_charge": money(cost.net_charge, cost.currency),
            "net_fedex_charge": money(cost.net_fedex_charge, cost.currency),
            "fedex_currency": cost.raw_currency,
            "rate_type": cost.rate_type,
            "source": cost.source,
            "charges": cost.charges,
        },
        "parcels": [_parcel(parcel) for parcel in parcels],
        "journals": [
            _journal(journal, plan.lines)
            for journal in journals
            if journal.generation == shipment.generation
        ],
        "operations": [
            _operation(each) for each in operations if each.generation == shipment.generation
        ],
    }


def _parcel(parcel: Parcel) -> dict[str, object]:
    return {
        "tracking_number": parcel.tracking_number,
        "state": parcel.state,
        "first_scan_at": parcel.first_scan_at,
        "delivered_at": parcel.delivered_at,
        "scans": [
            {"at": scan.at, "code": scan.code, "description": scan.description, "place": scan.place}
            for scan in parcel.scans
        ],
    }


def _operation(operation: Operation) -> dict[str, object]:
    """`key` is what FedEx got as transaction id; `result` holds the other side's ids."""
    return {
        "key": operation.key,
        "state": operation.state,
        "attempts": operation.attempts,
        "sent_at": operation.sent_at,
        "finished_at": operation.finished_at,
        "note": operation.note,
        "result": operation.result,
    }


def _event(event: AuditEvent) -> dict[str, object]:
    return {
        "seq": event.seq,
        "at": event.at,
        "action": event.action,
        "actor": event.actor,
        "operation": event.operation,
        "detail": event.detail,
    }


def _journal(journal: JournalRecord, shipped: Sequence[ShippedLine]) -> dict[str, object]:
    by_number = {line.number: line for line in shipped}
    return {
        "reference": journal.reference,
        "kind": journal.kind,
        "state": journal.state,
        "batch": journal.batch,
        "total": money(journal.amount, journal.currency),
        "exchange_rate": journal.exchange_rate,
        "posting_date": journal.posting_date,
        "period": journal.period,
        "allocated_by": journal.basis,
        "rule_version": journal.rule_version,
        "cost_source": journal.cost_source,
        "rate_type": journal.rate_type,
        "lines": [
            _line(number, line, journal, by_number)
            for number, line in enumerate(lines_of(journal), start=1)
        ],
    }


def _line(
    number: int, line: JournalLine, journal: JournalRecord, shipped: dict[int, ShippedLine]
) -> dict[str, object]:
    return {
        "line": number,
        "account": line.account,
        "subaccount": dict(line.dimensions.subaccount),
        "project": line.dimensions.project,
        "task": line.dimensions.task,
        "branch": line.branch,
        "debit": line.debit,
        "credit": line.credit,
        "shares": [_share(each, journal, shipped[each]) for each in line.order_lines],
    }


def _share(number: int, journal: JournalRecord, line: ShippedLine) -> dict[str, object]:
    """One order line's part: what it weighed on the basis, and the amount that made."""
    share = journal.weights[str(number)]
    return {
        "order_line": number,
        "description": line.description,
        "measure": Decimal(share["weight"]),
        "amount": Decimal(share["amount"]),
        "shipped_quantity": line.base_quantity,
        "shipped_weight": str(line.weight),
        "line_amount": line.amount,
        "dimensions": line.dimensions,
    }
