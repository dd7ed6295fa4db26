"""Which purchase receipts received a shipment's goods, and what they should say."""

from decimal import Decimal

from activities.services import Desk
from activities.shipped import is_alive, load_plan
from ml_connector.domain.matching import Carried, match
from ml_connector.domain.money import Money
from ml_connector.domain.progress import ShipmentProgress
from ml_connector.domain.receipt import Receipt as ReceiptValue
from ml_connector.domain.receipt import ReceiptLine
from ml_connector.domain.tracking import ParcelState
from ml_connector.store.orders import OrderRow
from ml_connector.store.receipts import Receipt
from ml_connector.store.view import TenantView


def progress_of(row: OrderRow) -> ShipmentProgress:
    """What is known of an order's present shipment."""
    cost = None
    if row.cost_amount is not None and row.cost_currency is not None:
        cost = Money(row.cost_amount, row.cost_currency)
    return ShipmentProgress(
        tracking_number=row.master_tracking or "",
        state=ParcelState(row.tracking_state or ParcelState.LABEL_CREATED),
        code=row.tracking_code or "",
        cost=cost,
        delivered_at=row.delivered_at,
    )


async def matched_receipts(
    view: TenantView, desk: Desk, row: OrderRow
) -> list[tuple[Receipt, tuple[ShipmentProgress, ...]]]:
    """The receipts of an order's goods, each with every shipment it received.

    One receipt may hold goods of several orders: it says all their numbers.
    """
    receipts = await view.receipts.for_order(row.order)
    rows = {row.order: row}
    for number in sorted({order for receipt in receipts for order in receipt.orders}):
        known = await view.orders.get(number)
        if known is not None and known.generation > 0:
            rows[number] = known
    carried = [each for known in rows.values() if (each := await _carried(view, known))]
    matches = match([_value(receipt) for receipt in receipts], carried)
    by_number = {receipt.number: receipt for receipt in receipts}
    return [
        (by_number[found.receipt], tuple(progress_of(rows[order]) for order in found.shipments))
        for found in matches
    ]


async def _carried(view: TenantView, row: OrderRow) -> Carried | None:
    shipment = await view.shipments.get(row.order, row.generation)
    if shipment is None or not is_alive(shipment):
        return None
    plan = load_plan(shipment).plan
    return Carried(
        shipment=row.order,
        order=row.order,
        generation=row.generation,
        lines={line.number: line.base_quantity for line in plan.lines},
    )


def _value(receipt: Receipt) -> ReceiptValue:
    return ReceiptValue(
        number=receipt.number,
        receipt_type=receipt.receipt_type or "",
        status=receipt.status or "",
        lines=tuple(
            ReceiptLine(
                po_order=line["order"],
                po_line=line["line"],
                quantity=Decimal(line["quantity"]),
            )
            for line in receipt.lines
        ),
        custom={},
        last_modified=receipt.last_modified or "",
        version=receipt.version or "",
    )
