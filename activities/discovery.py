"""Read what changed in Visma, lose nothing, start nothing twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from pydantic import TypeAdapter
from temporalio import activity

from activities import findings
from activities.due import TENANT_VERSION, under_other_settings, what_is_due
from activities.master import MasterReader
from activities.observation import (
    holds_unknown_number,
    observe,
    own_receipt_fields,
    plain,
)
from activities.services import Desk, Services
from activities.shipped import load_plan
from activities.signatures import DISCOVER_ORDERS, DISCOVER_RECEIPTS, RECHECK_ORDERS
from activities.trail import current_trail
from ml_connector.domain.order import PurchaseOrder
from ml_connector.domain.planning import plan_shipment
from ml_connector.domain.shipment import ShipmentPlan
from ml_connector.domain.stage import Stage
from ml_connector.store.orders import OrderRow
from ml_connector.store.states import ShipmentState
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.sweep_messages import DiscoveryRound
from ml_connector.visma.budget import Priority
from ml_connector.visma.cursor import Changed, Cursor, advance, fresh, normalised, query_from
from ml_connector.visma.errors import VismaNotFound
from ml_connector.visma.records import PurchaseReceipt, UnreadableRow

OVERLAP = timedelta(minutes=5)
"""A change may become visible late; each question reaches this far behind the last answer."""
FUTURE = timedelta(days=1)
"""Zones, clocks: no server is further ahead of us."""
RECHECK_BATCH = 100
AT_ONCE = 50
"""Orders entered in one transaction: in SQLite, every other writer waits for its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the reading of one resource stands."""

    cursor: Cursor = field(default_factory=Cursor)
    start: str = ""
    """Rows last changed before it are left alone (`polling.start_from`); server's clock."""
    compared_at: datetime | None = None
    """Last full compare of the open orders."""


_POSITION = TypeAdapter(Position)


class DiscoveryActivities:
    """The steps of a discovery run."""

    def __init__(self, services: Services, master: MasterReader) -> None:
        self._services = services
        self._master = master

    # -- orders -----------------------------------------------------------------------------

    @activity.defn(name=DISCOVER_ORDERS.name)
    async def discover_orders(self, tenant: TenantInput) -> DiscoveryRound:
        """Enter every changed order; the cursor moves when all of them are in the store."""
        desk = await self._desk(tenant)
        position = await self._position(desk, "orders")
        since = query_from(position.cursor, OVERLAP, desk.zone)
        moved = position.cursor
        read = news = 0
        async for page in desk.visma.orders(modified_since=since or position.start or None):
            activity.heartbeat(read)
            wanted = _not_before(page, position.start, desk)
            news += await self._enter(desk, fresh(position.cursor, wanted))
            await self._unreadable(desk, page.unreadable)
            seen: list[Changed] = [*page, *page.unreadable]
            moved = _advanced(moved, seen, desk)
            read += len(page)
        position = replace(position, cursor=moved)
        if self._compare_is_due(desk, position):
            news += await self._compare(desk, position.start)
            position = replace(position, compared_at=datetime.now(UTC))
        await self._move(desk, "orders", position)
        due = await what_is_due(self._services, desk)
        return DiscoveryRound(read=read, news=news, due=due)

    async def _enter(self, desk: Desk, orders: Sequence[PurchaseOrder]) -> int:
        """What the store learns and whom it must tell, in one transaction; a few at a time."""
        news = 0
        for start in range(0, max(len(orders), 1), AT_ONCE):
            async with self._services.store.write(desk.id) as view:
                for order in orders[start : start + AT_ONCE]:
                    row = await view.orders.get(order.number)
                    if row is not None and row.version == order.version:
                        continue
                    seen = await observe(view, desk, order, row)
                    news += seen.news
                current_trail().write(view)
        return news

    def _compare_is_due(self, desk: Desk, position: Position) -> bool:
        last = position.compared_at
        return last is not None and datetime.now(UTC) - last >= desk.tenant.polling.full_compare

    async def _compare(self, desk: Desk, start: str) -> int:
        """All open orders against the store: what any cursor might have missed.

        A label whose order is not open any more may still be cancelled.
        """
        news, still_open = 0, set[str]()
        async for page in desk.visma.orders(status="Open"):
            activity.heartbeat()
            news += await self._enter(desk, _not_before(page, start, desk))
            still_open.update(order.number for order in page)
        async with self._services.store.read(desk.id) as view:
            labelled = await view.orders.list(stages=[Stage.LABEL_CREATED])
        for row in labelled:
            if row.order not in still_open and (order := await _if_there(desk, row.order)):
                news += await self._enter(desk, [order])
        return news

    # -- receipts ---------------------------------------------------------------------------

    @activity.defn(name=DISCOVER_RECEIPTS.name)
    async def discover_receipts(self, tenant: TenantInput) -> DiscoveryRound:
        """Link changed receipts to the orders they receive; their progress is then due."""
        desk = await self._desk(tenant)
        position = await self._position(desk, "receipts")
        since = query_from(position.cursor, OVERLAP, desk.zone)
        moved = position.cursor
        read = news = 0
        async for page in desk.visma.receipts(modified_since=since or position.start or None):
            activity.heartbeat(read)
            news += await self._link(desk, fresh(position.cursor, page))
            await self._unreadable(desk, page.unreadable, receipts=True)
            seen: list[Changed] = [*page, *page.unreadable]
            moved = _advanced(moved, seen, desk)
            read += len(page)
        await self._move(desk, "receipts", replace(position, cursor=moved))
        due = await what_is_due(self._services, desk)
        return DiscoveryRound(read=read, news=news, due=due)

    async def _link(self, desk: Desk, receipts: Sequence[PurchaseReceipt]) -> int:
        linked = 0
        async with self._services.store.write(desk.id) as view:
            for receipt in receipts:
                known = await view.receipts.get(receipt.number)
                if known is not None and known.version == receipt.version:
                    continue
                await view.receipts.save(
                    receipt.number,
                    orders=receipt.orders,
                    version=receipt.version,
                    last_modified=receipt.last_modified,
                    status=receipt.status,
                    receipt_type=receipt.receipt_type,
                    lines=_lines(receipt),
                    seen_fields=plain(own_receipt_fields(desk, receipt)),
                )
                for number in receipt.orders:
                    row = await view.orders.get(number)
                    if row is None or row.generation == 0:
                        continue
                    receipts_of = sorted({*row.receipts, receipt.number})
                    await view.orders.progressed(number, signal=False, receipts=receipts_of)
                    linked += 1
            current_trail().write(view)
        return linked

    # -- looking again ----------------------------------------------------------------------

    @activity.defn(name=RECHECK_ORDERS.name)
    async def recheck_orders(self, tenant: TenantInput) -> DiscoveryRound:
        """Parked and skipped orders, with master data read again, and unanswered quotes.

        Whoever repairs the supplier, the item or the tenant file need not touch the order.
        """
        desk = await self._desk(tenant)
        now = datetime.now(UTC)
        async with self._services.store.read(desk.id) as view:
            anew = await under_other_settings(view, desk)
            before = now if anew else now - desk.tenant.polling.recheck
            rows = await view.orders.to_recheck(before, RECHECK_BATCH)
        news = 0
        for row in rows:
            activity.heartbeat()
            news += await self._look_again(desk, row, now)
        async with self._services.store.write(desk.id) as view:
            await view.cursors.set(TENANT_VERSION, str(desk.version))
            current_trail().write(view)
        return DiscoveryRound(read=len(rows), news=news)

    async def _look_again(self, desk: Desk, row: OrderRow, now: datetime) -> bool:
        order = await _if_there(desk, row.order)
        if order is None:
            async with self._services.store.write(desk.id) as view:
                await view.orders.save(row.order, checked_at=now)
            return False
        ships = row.attention != findings.ANSWERS_LOST.code and await self._would_ship_now(
            desk, order, now
        )
        async with self._services.store.write(desk.id) as view:
            seen = await observe(view, desk, order, row)
            parked = row.stage == Stage.NEEDS_ATTENTION
            may_go_on = ships if row.generation == 0 else _owes_freight(row)
            asked = await view.orders.get(row.order)
            unanswered = asked is not None and asked.quote_request_version is not None
            wake = (unanswered or (parked and may_go_on)) and not seen.news
            if wake:
                await view.orders.progressed(row.order)
            await view.orders.save(row.order, checked_at=now)
            current_trail().write(view)
        return wake or seen.news

    async def _would_ship_now(self, desk: Desk, order: PurchaseOrder, since: datetime) -> bool:
        """True when a plan can be made, and it is not one that FedEx has refused before.

        Master data that was read before `since` may have been repaired.
        """
        master = await self._master.of(desk, order, not_before=since)
        plan = plan_shipment(order, master, desk.tenant, 1, desk.now().date())
        if not isinstance(plan, ShipmentPlan):
            return False
        async with self._services.store.read(desk.id) as view:
            if await holds_unknown_number(view, desk, order):
                return False
            tried = await view.shipments.current(order.number)
        if tried is None or tried.state is not ShipmentState.PLANNED:
            return True
        before = load_plan(tried).plan
        return before != replace(plan, generation=before.generation, reference=before.reference)

    async def _desk(self, tenant: TenantInput) -> Desk:
        """Looking for news leaves a part of the hour's calls to orders under way and to people."""
        return (await self._services.desk(tenant.tenant)).at(Priority.BACKLOG)

    # -- positions --------------------------------------------------------------------------

    async def _position(self, desk: Desk, resource: str) -> Position:
        async with self._services.store.read(desk.id) as view:
            text = await view.cursors.get(resource)
        if text is not None:
            return _POSITION.validate_json(text)
        return Position(start=await self._start(desk), compared_at=datetime.now(UTC))

    async def _start(self, desk: Desk) -> str:
        """`start_from` as the server's clock would show it."""
        wanted = desk.tenant.polling.start_from
        if wanted == "all":
            return ""
        if wanted == "now":
            record = await self._services.store.tenants.get(desk.id)
            begin = record.created_at if record else datetime.now(UTC)
        else:
            begin = datetime.combine(wanted, time(), desk.zone)
        return begin.astimezone(desk.zone).replace(tzinfo=None).isoformat(timespec="milliseconds")

    async def _move(self, desk: Desk, resource: str, position: Position) -> None:
        async with self._services.store.write(desk.id) as view:
            await view.cursors.set(resource, _POSITION.dump_json(position).decode())
            current_trail().write(view)

    async def _unreadable(
        self, desk: Desk, rows: Sequence[UnreadableRow], *, receipts: bool = False
    ) -> None:
        if not rows:
            return
        async with self._services.store.write(desk.id) as view:
            for row in rows:
                if receipts:
                    # Whose order it is cannot be read, so it is the tenant's.
                    finding = findings.receipt_unreadable(row.number, row.why)
                    await view.findings.add(None, finding)
                else:
                    await view.findings.add(row.number, findings.unreadable(row.number, row.why))


async def _if_there(desk: Desk, number: str) -> PurchaseOrder | None:
    try:
        return await desk.visma.get_order(number)
    except VismaNotFound:
        return None


def _owes_freight(row: OrderRow) -> bool:
    """Its parcel was scanned and its freight is in no journal: a rate, a period or an account
    that was missing may be there now."""
    return row.first_scan_at is not None and row.journal_batch is None


def _advanced(cursor: Cursor, rows: Iterable[Changed], desk: Desk) -> Cursor:
    latest = (desk.now() + FUTURE).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return advance(cursor, rows, overlap=OVERLAP, zone=desk.zone, latest=latest)


def _not_before(orders: Iterable[PurchaseOrder], start: str, desk: Desk) -> list[PurchaseOrder]:
    """Without the orders that were last changed before the tenant's start."""
    if not start:
        return list(orders)
    return [
        order for order in orders if (normalised(order.last_modified, desk.zone) or start) >= start
    ]


def _lines(receipt: PurchaseReceipt) -> list[dict[str, object]]:
    return [
        {
            "order": line.order,
            "line": line.order_line,
            "quantity": str(line.base_quantity or line.quantity or 0),
        }
        for line in receipt.lines
        if line.order
    ]
