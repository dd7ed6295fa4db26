"""Orders as a worker would have left them in the store, for commands that only read it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

from activities.journal_drafts import draft_of
from activities.shipped import PlannedShipment, dump_cost, dump_plan
from ml_connector.domain.freight import FinancialPeriod
from ml_connector.domain.periods import PostingDate
from ml_connector.domain.posting import (
    JournalHead,
    JournalKind,
    allocate_freight,
    build_journal,
    journal_reference,
)
from ml_connector.domain.shipment import (
    CostSource,
    LabelSpec,
    Package,
    ShipmentCost,
    ShipmentPlan,
)
from ml_connector.domain.tracking import ParcelState, ParcelStatus, Scan
from ml_connector.settings import Settings
from ml_connector.store.states import JournalState, ShipmentState
from ml_connector.store.store import Store
from ml_connector.store.view import TenantView
from starter.context import Installation
from tests.parcels import new_parcels
from tests.unit.domain.builders import HAMBURG, OSLO, kg, party, shipped, tenant

T = TypeVar("T")

SCANNED = datetime(2026, 11, 2, 15, tzinfo=UTC)
NOVEMBER = FinancialPeriod(
    id="202611", first_day=date(2026, 11, 1), last_day=date(2026, 11, 30), open=True
)
MASTER = "794600000001"
SECOND = "794600000002"
BATCH = "GL000042"


def with_store(use: Callable[[Store], Awaitable[T]]) -> T:
    """Use the store that the command line uses."""

    async def run() -> T:
        async with Installation.open(Settings.from_env()) as here:
            return await use(await here.store())

    return asyncio.run(run())


def in_store(name: str, write: Callable[[TenantView], Awaitable[object]]) -> None:
    """Write to the store that the command line reads."""

    async def one_transaction(store: Store) -> None:
        async with store.write(name) as view:
            await write(view)

    with_store(one_transaction)


def plan(order: str = "PO1", generation: int = 1) -> ShipmentPlan:
    return ShipmentPlan(
        tenant="nordic",
        order=order,
        generation=generation,
        reference=f"{order}-abc-{generation}",
        shipper=party(HAMBURG),
        recipient=party(OSLO),
        service="FEDEX_INTERNATIONAL_PRIORITY",
        packaging="YOUR_PACKAGING",
        pickup="USE_SCHEDULED_PICKUP",
        payment="SENDER",
        label=LabelSpec(image_type="PDF", stock="PAPER_4X6"),
        ship_date=date(2026, 11, 2),
        packages=tuple(Package(sequence=number, weight=kg("5")) for number in (1, 2)),
        lines=(shipped(1, amount=Decimal(300)), shipped(2, amount=Decimal(100))),
    )


def cost(source: CostSource = CostSource.SHIP_REPLY) -> ShipmentCost:
    return ShipmentCost(
        net_charge=Decimal("125.00"),
        net_fedex_charge=Decimal("100.00"),
        currency="NOK",
        raw_currency="NOK",
        rate_type="PAYOR_ACCOUNT_SHIPMENT",
        source=source,
    )


async def label(
    view: TenantView, order: str = "PO1", *, rated: ShipmentCost | None = None, labels: bool = True
) -> None:
    """A shipment of two pieces with its labels; nobody has scanned it."""
    rated = rated or cost()
    planned = PlannedShipment(plan=plan(order), fingerprint="f", parcel="p")
    await view.shipments.add(
        order,
        1,
        reference=planned.plan.reference,
        plan=dump_plan(planned),
        service=planned.plan.service,
        ship_date=planned.plan.ship_date,
    )
    numbers = (MASTER, SECOND) if order == "PO1" else (f"{MASTER}{order}",)
    documents = [
        {
            "kind": "LABEL",
            "media": "PDF",
            "tracking_number": number,
            "blob": await view.blobs.put(f"%PDF {number}".encode(), "PDF"),
        }
        for number in numbers
    ]
    invoice = {
        "kind": "COMMERCIAL_INVOICE",
        "media": "PDF",
        "tracking_number": numbers[0],
        "blob": await view.blobs.put(b"%PDF invoice", "PDF"),
    }
    await view.shipments.set_state(
        order,
        1,
        ShipmentState.LIVE,
        master_tracking=numbers[0],
        cost=dump_cost(rated),
        documents=[*documents, invoice] if labels else [],
    )
    await view.parcels.add(new_parcels(order, numbers, since=SCANNED))
    await view.orders.save(
        order,
        stage="label_created",
        generation=1,
        service=planned.plan.service,
        master_tracking=numbers[0],
        cost_amount=rated.net_fedex_charge,
        cost_currency=rated.currency,
        cost_source=rated.source,
        tracking_state="label_created",
    )


async def scan(view: TenantView, order: str = "PO1", number: str = MASTER) -> None:
    status = ParcelStatus(
        state=ParcelState.IN_TRANSIT,
        code="PU",
        description="Picked up",
        first_scan=SCANNED,
        delivered_at=None,
    )
    seen = Scan(at=SCANNED, code="PU", description="Picked up", exception_code="", place="Hamburg")
    await view.parcels.record(
        number, status, unique_id="u", scans=[seen], last_hash="h", next_poll_at=SCANNED
    )
    await view.orders.save(
        order, stage="in_transit", tracking_state="in_transit", first_scan_at=SCANNED
    )


async def post(
    view: TenantView, order: str = "PO1", source: CostSource = CostSource.SHIP_REPLY
) -> None:
    """Its freight, in the ledger since November."""
    freight = tenant(freight={"non_project": "X"}).freight
    lines = plan(order).lines
    allocation = allocate_freight(cost(source), lines, freight)
    reference = journal_reference(order, 1, JournalKind.FREIGHT)
    head = JournalHead(
        order=order,
        tracking_number=MASTER,
        reference=reference,
        when=PostingDate(day=date(2026, 11, 3), period=NOVEMBER),
    )
    journal = build_journal(allocation, lines, freight, head)
    shipment = await view.shipments.get(order, 1)
    assert shipment is not None
    await view.journals.add(draft_of(shipment, journal, allocation, cost(source)))
    await view.journals.set_state(reference, JournalState.CREATED, batch=BATCH)
    await view.journals.set_state(reference, JournalState.RELEASED)
    await view.orders.save(order, journal_batch=BATCH)


async def park(view: TenantView, order: str = "PO2", cause: str = "postcode_missing") -> None:
    await view.orders.save(
        order,
        stage="needs_attention",
        attention=cause,
        attention_detail="The supplier's address has no postcode.",
        attention_remedy="Add it in Visma.",
        attention_since=SCANNED,
    )
