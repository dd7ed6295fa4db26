"""What would become of a purchase order: the whole chain, dry.

Visma is read. FedEx is asked to validate (it does so for single packages only) and to quote; both
create nothing. The journal is the one that would be posted if the parcel were delivered today.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from activities.findings import UNKNOWN_TRACKING_NUMBER
from activities.master import MasterReader
from activities.observation import holds_unknown_number
from activities.posting import posting_trigger
from activities.services import Desk
from activities.shipped import (
    freight_journal,
    is_alive,
    load_cost,
    load_plan,
    next_generation,
)
from ml_connector.domain.eligibility import Skipped, assess
from ml_connector.domain.errors import RuleError
from ml_connector.domain.findings import Finding
from ml_connector.domain.freight import Allocation, Journal
from ml_connector.domain.order import PurchaseOrder
from ml_connector.domain.periods import posting_date
from ml_connector.domain.planning import plan_shipment
from ml_connector.domain.posting import (
    JournalHead,
    JournalKind,
    allocate_freight,
    build_journal,
    journal_reference,
)
from ml_connector.domain.shipment import ShipmentCost, ShipmentPlan
from ml_connector.fedex.client import Alert, RateQuote
from ml_connector.http.faults import Fault
from ml_connector.store.orders import OrderRow
from ml_connector.store.shipments import Shipment
from ml_connector.store.store import Store
from starter.desks import calls_made
from starter.errors import CommandError, explain

T = TypeVar("T")

SHIPS, WAITS, SKIPPED, BLOCKED, SHIPPED = (
    "ships",
    "waits_for_release",
    "skipped",
    "cannot_ship",
    "shipped",
)
"""What would become of the order now."""
SEVERAL_PACKAGES = "FedEx validates shipments of a single package only."


@dataclass(slots=True, kw_only=True)
class DryRun:
    """One order's chain as far as it goes. What could not be found out stands in `problems`."""

    tenant: str
    order: str
    outcome: str = BLOCKED
    skipped: Skipped | None = None
    findings: tuple[Finding, ...] = ()
    """What keeps the order from shipping or, of one that ships, what was assumed."""
    plan: ShipmentPlan | None = None
    tracking_number: str = ""
    """Of a shipment that exists already."""
    not_validated: str = ""
    """Why FedEx was not asked to validate; empty where it was."""
    alerts: tuple[Alert, ...] = ()
    quote: RateQuote | None = None
    cost: ShipmentCost | None = None
    allocation: Allocation | None = None
    journal: Journal | None = None
    journal_batch: str = ""
    """Of a journal that exists already."""
    problems: list[CommandError] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def attempt(self, step: Callable[[], Awaitable[T]]) -> T | None:
        """Do a step; its failure is a problem, and the others still go on."""
        try:
            return await step()
        except (Fault, RuleError) as error:
            problem = explain(error)
            assert problem is not None
            self.problems.append(problem)
            return None


class Planner:
    """Walks one order through the chain."""

    def __init__(self, store: Store, desk: Desk) -> None:
        self._store = store
        self._desk = desk
        self._master = MasterReader()

    async def dry_run(self, number: str) -> DryRun:
        """The chain of one order. Raises what reading the order from Visma raises."""
        run = DryRun(tenant=self._desk.id, order=number)
        async with self._store.read(self._desk.id) as view:
            row = await view.orders.get(number)
            shipment = await view.shipments.current(number)
        if row is not None and shipment is not None and is_alive(shipment):
            await self._from_shipment(run, row, shipment)
        else:
            await self._from_order(run, row, shipment)
        run.calls = calls_made()
        return run

    async def next_plan(
        self, number: str, shipment: Shipment | None
    ) -> ShipmentPlan | Skipped | tuple[Finding, ...]:
        """The plan of the generation after `shipment`, or why there is none.

        Raises what reading from Visma raises.
        """
        order = await self._desk.visma.get_order(number)
        planned = await self._plan(order, next_generation(shipment))
        if isinstance(planned, ShipmentPlan):
            async with self._store.read(self._desk.id) as view:
                if await holds_unknown_number(view, self._desk, order):
                    return (UNKNOWN_TRACKING_NUMBER,)
        return planned

    async def _plan(
        self, order: PurchaseOrder, generation: int
    ) -> ShipmentPlan | Skipped | tuple[Finding, ...]:
        verdict = assess(order, self._desk.tenant)
        if isinstance(verdict, Skipped):
            return verdict
        master = await self._master.of(self._desk, order)
        return plan_shipment(order, master, self._desk.tenant, generation, self._desk.now().date())

    async def _from_order(
        self, run: DryRun, row: OrderRow | None, shipment: Shipment | None
    ) -> None:
        planned = await self.next_plan(run.order, shipment)
        if isinstance(planned, Skipped):
            run.outcome, run.skipped = SKIPPED, planned
            return
        if not isinstance(planned, ShipmentPlan):
            run.findings = planned
            return
        manual = self._desk.tenant.shipping.release == "manual"
        run.outcome = WAITS if manual and not (row is not None and row.released) else SHIPS
        run.plan, run.findings = planned, planned.findings
        if await self._ask_fedex(run, planned):
            await run.attempt(lambda: self._post(run, planned, None))

    async def _from_shipment(self, run: DryRun, row: OrderRow, shipment: Shipment) -> None:
        """It is shipped: what is still to come is its journal."""
        run.outcome, run.plan = SHIPPED, load_plan(shipment).plan
        run.tracking_number, run.cost = shipment.master_tracking or "", load_cost(shipment)
        run.not_validated = "It is shipped already."
        async with self._store.read(self._desk.id) as view:
            journal = await freight_journal(view, run.order, shipment.generation)
        if journal is not None and journal.batch is not None:
            run.journal_batch = journal.batch
            return
        plan = run.plan
        await run.attempt(lambda: self._post(run, plan, row))

    async def _ask_fedex(self, run: DryRun, plan: ShipmentPlan) -> bool:
        """Validate and quote; False when there is no answer to the quote."""
        key = f"{plan.tenant}/{plan.order}/plan/{plan.generation}"
        fedex = self._desk.fedex
        if len(plan.packages) == 1:
            alerts = await run.attempt(lambda: fedex.validate_shipment(plan, transaction_id=key))
            run.alerts = alerts or ()
        else:
            run.not_validated = SEVERAL_PACKAGES
        quotes = await run.attempt(
            lambda: fedex.quote(plan, service=plan.service, transaction_id=key)
        )
        run.quote = next((quote for quote in quotes or () if quote.service == plan.service), None)
        run.cost = run.quote.cost if run.quote else None
        return quotes is not None

    async def _post(self, run: DryRun, plan: ShipmentPlan, row: OrderRow | None) -> None:
        """The journal, were the parcel delivered now. Raises RuleError, VismaError."""
        freight = self._desk.tenant.freight
        run.allocation = allocate_freight(run.cost, plan.lines, freight)
        when = posting_date(
            trigger=posting_trigger(freight, row) if row else datetime.now(UTC),
            first_scan=row.first_scan_at if row else None,
            zone=self._desk.zone,
            periods=await self._master.periods(self._desk),
            cutoff=freight.cutoff,
        )
        head = JournalHead(
            order=plan.order,
            tracking_number=run.tracking_number,
            reference=journal_reference(plan.order, plan.generation, JournalKind.FREIGHT),
            when=when,
            exchange_rate=await self._master.rate_to_base(
                self._desk, run.allocation.currency, when.day
            ),
            branch=await self._master.branch_of_journal(self._desk, plan.branch),
        )
        run.journal = build_journal(run.allocation, plan.lines, freight, head)
