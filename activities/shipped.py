"""A shipment in the store: its plan, what FedEx answered, and how the workflow sees it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from activities import findings
from activities.label_promise import mails_label, promise
from activities.services import Desk
from activities.trail import current_trail
from ml_connector.domain.findings import Finding
from ml_connector.domain.shipment import (
    CostSource,
    CreatedShipment,
    Piece,
    ShipmentCost,
    ShipmentPlan,
)
from ml_connector.domain.stage import Stage
from ml_connector.domain.tenant import Tenant
from ml_connector.domain.tracking import ParcelState
from ml_connector.store.journals import JournalRecord
from ml_connector.store.operations import Operation
from ml_connector.store.orders import OrderRow
from ml_connector.store.parcels import NewParcel
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import JournalKind, JournalState, ShipmentState
from ml_connector.store.store import Store
from ml_connector.store.view import TenantView
from ml_connector.temporal.order_messages import Shipped, Tracking


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShipment:
    """A plan, and what the order it was made from looked like."""

    plan: ShipmentPlan
    fingerprint: str
    """Of everything that matters for shipping and posting."""
    parcel: str
    """Of what the parcel itself depends on."""
    supplier_email: str = ""
    """The order's supplier contact, as people typed it; the label may go there."""


_PLAN = TypeAdapter(PlannedShipment)
_COST = TypeAdapter(ShipmentCost)

ALIVE = frozenset({ShipmentState.LIVE, ShipmentState.ADOPTED})
NO_ATTENTION: dict[str, Any] = {
    "attention": None,
    "attention_detail": None,
    "attention_remedy": None,
    "attention_since": None,
}


def attention_to(finding: Finding) -> dict[str, Any]:
    """The columns that ask a person about an order, which goes on meanwhile."""
    return {
        "attention": finding.code,
        "attention_detail": finding.message,
        "attention_remedy": finding.remedy,
        "attention_since": datetime.now(UTC),
    }


def dump_plan(planned: PlannedShipment) -> dict[str, Any]:
    """The plan as JSON; it holds addresses, so the store seals it."""
    dumped: dict[str, Any] = _PLAN.dump_python(planned, mode="json")
    return dumped


def load_plan(shipment: Shipment) -> PlannedShipment:
    return _PLAN.validate_python(shipment.plan)


def dump_cost(cost: ShipmentCost | None) -> Any:
    return None if cost is None else _COST.dump_python(cost, mode="json")


def load_cost(shipment: Shipment) -> ShipmentCost | None:
    return None if shipment.cost is None else _COST.validate_python(shipment.cost)


def is_alive(shipment: Shipment) -> bool:
    """FedEx holds this shipment, and it is not cancelled."""
    return shipment.state in ALIVE


def next_generation(current: Shipment | None) -> int:
    """The generation that is planned next: it rises only when something was bought, or might
    have been."""
    if current is None:
        return 1
    bought = current.state is not ShipmentState.PLANNED
    return current.generation + bought


def ship_key(tenant: str, order: str, generation: int) -> str:
    """The business identity of buying one shipment; FedEx gets it as transaction id."""
    return f"{tenant}/{order}/ship/{generation}"


def shown(desk: Desk, row: OrderRow, shipment: Shipment, journal: JournalRecord | None) -> Shipped:
    """The shipment as its workflow sees it; no address, no document.

    Posted is what the order's row shows, too: who died between the two has left one to be brought
    up, which posting does where it finds the journal.
    """
    cost = charged(desk, load_cost(shipment))
    posted = (
        journal is not None
        and is_posted(desk.tenant, journal)
        and row.journal_batch == journal.batch
    )
    return Shipped(
        generation=shipment.generation,
        service=shipment.service,
        tracking_number=shipment.master_tracking or "",
        fingerprint=load_plan(shipment).fingerprint,
        cost=cost,
        tracking=tracking_of(row),
        journal_batch=(journal.batch or "") if journal else "",
        posted=posted,
        post_on_pickup=desk.tenant.freight.post_on == "pickup",
        mail_label=mails_label(desk.tenant, shipment),
    )


async def freight_journal(view: TenantView, order: str, generation: int) -> JournalRecord | None:
    """The journal of one shipment's freight; not its reversal."""
    journals = await view.journals.by_order(order)
    return next(
        (
            journal
            for journal in journals
            if journal.generation == generation and journal.kind is JournalKind.POST
        ),
        None,
    )


def is_posted(tenant: Tenant, journal: JournalRecord) -> bool:
    """As far in Visma as the tenant wants its journals; also one that was taken back since."""
    if tenant.freight.journal == "released":
        return journal.state in (JournalState.RELEASED, JournalState.REVERSED)
    return journal.state is not JournalState.DRAFT


def tracking_of(row: OrderRow) -> Tracking | None:
    if not row.tracking_state:
        return None
    return Tracking(
        state=ParcelState(row.tracking_state),
        code=row.tracking_code or "",
        first_scan=row.first_scan_at,
        delivered_at=row.delivered_at,
    )


def after_posting(stage: str, tracking_state: str | None) -> Stage:
    """Where an order stands once its freight is in the ledger."""
    if tracking_state == ParcelState.DELIVERED:
        return Stage.COMPLETED
    return Stage.RETURNED if tracking_state == ParcelState.RETURNED else Stage(stage)


def charged(desk: Desk, cost: ShipmentCost | None) -> str:
    """The part of a cost that goes to the ledger, with its currency; empty when unknown."""
    return "" if cost is None else f"{_charged(desk, cost)} {cost.currency}"


def _charged(desk: Desk, cost: ShipmentCost) -> Decimal:
    return cost.net_charge if desk.tenant.freight.include_taxes else cost.net_fedex_charge


async def record_created(
    store: Store,
    desk: Desk,
    operation: Operation,
    planned: PlannedShipment,
    created: CreatedShipment,
) -> tuple[OrderRow, Shipment]:
    """Everything that FedEx's answer means, in one transaction.

    Raises `IllegalTransition` when the operation is not as it was given: whoever took this answer
    for lost may have cancelled the shipment by now.
    """
    plan = planned.plan
    async with store.write(desk.id) as view:
        documents = [
            {
                "kind": document.kind,
                "media": document.media,
                "tracking_number": document.tracking_number,
                "copies": document.copies,
                "blob": await view.blobs.put(document.content, document.media),
            }
            for document in created.documents
        ]
        await view.operations.succeed(
            operation.key,
            {
                "tracking_number": created.master_tracking_number,
                "transaction_id": created.transaction_id,
            },
            only_from=operation.state,
        )
        shipment = await view.shipments.set_state(
            plan.order,
            plan.generation,
            ShipmentState.LIVE,
            carrier_code=created.carrier_code,
            master_tracking=created.master_tracking_number,
            cost=dump_cost(created.cost),
            documents=documents,
        )
        shipped_on = created.ship_date or plan.ship_date
        row = await enter_shipment(
            view, desk, planned, shipment, created.pieces, created.cost, shipped_on
        )
        if mails_label(desk.tenant, shipment):
            await promise(view, plan)
        await _findings(view, plan.order, created)
        current_trail().note(
            view,
            "shipment:created",
            operation=operation.key,
            tracking_number=created.master_tracking_number,
            transaction_id=created.transaction_id,
            pieces=len(created.pieces),
            alerts=list(created.alerts),
        )
    return row, shipment


async def enter_shipment(
    view: TenantView,
    desk: Desk,
    planned: PlannedShipment,
    shipment: Shipment,
    pieces: tuple[Piece, ...],
    cost: ShipmentCost | None,
    shipped_on: date,
) -> OrderRow:
    """The pieces are watched from now on, and the order shows its shipment."""
    plan = planned.plan
    now = datetime.now(UTC)
    due = now + desk.tenant.polling.due.label_created
    await view.parcels.add(
        NewParcel(
            order=plan.order,
            generation=plan.generation,
            tracking_number=piece.tracking_number,
            sequence=piece.sequence,
            shipped_on=shipped_on,
            next_poll_at=due,
        )
        for piece in pieces
    )
    await find_cost(view, plan.order, cost)
    return await view.orders.progressed(
        plan.order,
        signal=False,
        stage=Stage.LABEL_CREATED,
        generation=plan.generation,
        service=shipment.service,
        master_tracking=shipment.master_tracking,
        **shown_cost(desk, cost),
        # What an earlier generation came to stays with its journal.
        journal_batch=None,
        cutoff_period=None,
        tracking_state=ParcelState.LABEL_CREATED,
        tracking_code="",
        first_scan_at=None,
        delivered_at=None,
        **NO_ATTENTION,
    )


def shown_cost(desk: Desk, cost: ShipmentCost | None) -> dict[str, Any]:
    """A cost as the read model shows it: with taxes where they are a cost of the tenant's."""
    if cost is None:
        return {"cost_amount": None, "cost_currency": None, "cost_source": None}
    return {
        "cost_amount": _charged(desk, cost),
        "cost_currency": cost.currency,
        "cost_source": cost.source.value,
    }


async def find_cost(view: TenantView, order: str, cost: ShipmentCost | None) -> None:
    """No cost, or none but a quote, is a finding from the first moment on."""
    if cost is None:
        await view.findings.add(order, findings.COST_UNKNOWN)
        return
    await view.findings.resolve(order, findings.COST_UNKNOWN.code)
    if cost.source is CostSource.QUOTE:
        await view.findings.add(order, findings.COST_ESTIMATED)


def unlabelled(created: CreatedShipment) -> tuple[str, ...]:
    """Tracking numbers of the pieces that came without a label of their own."""
    labelled = {each.tracking_number for each in created.documents if each.kind == "LABEL"}
    numbers = (piece.tracking_number for piece in created.pieces)
    return tuple(number for number in numbers if number not in labelled)


async def _findings(view: TenantView, order: str, created: CreatedShipment) -> None:
    if unlabelled(created):
        await view.findings.add(order, findings.LABEL_MISSING)
