"""`/v2/PurchaseReceipt` for reading, `/v1/PurchaseReceipt` for everything else.

The v1 reads were removed on 2026-09-15 and answer 410, or 404 by a switch.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from ml_connector.sandbox.visma import order_edits, paging
from ml_connector.sandbox.visma.calls import (
    MODIFIED,
    PAGING,
    Call,
    Operation,
    created,
    found,
    updated,
)
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.documents import Order, Receipt, ReceiptLine
from ml_connector.sandbox.visma.errors import NotFound, Refused, Reply
from ml_connector.sandbox.visma.history import content, difference, transaction
from ml_connector.sandbox.visma.receipt_edits import RECEIPT, change_receipt
from ml_connector.sandbox.visma.receipt_views import render
from ml_connector.sandbox.visma.world import VismaWorld

RECEIPT_TYPES = frozenset({"PoReceipt", "PoReturn", "TransferReceipt"})
RECEIPT_STATUSES = frozenset({"Hold", "Balanced", "Released", "Cancelled"})
_FILTERS = (
    PAGING
    | MODIFIED
    | {"receiptType", "status", "greaterThanValue", "supplier", "poOrderNbr", "expandNote"}
    | {"branch", "finPeriod", "receiptDate", "receiptDateCondition"}
    | {"dueDate", "dueDateCondition", "includeCustomFreeFields"}
)

Quantities = Mapping[int, Decimal]
"""Order line number to quantity received."""


def book(
    world: VismaWorld,
    company: Company,
    wanted: Mapping[str, Quantities | None],
    *,
    by: str,
    receipt_type: str = "PoReceipt",
    hold: bool = False,
    day: date | None = None,
    number: str | None = None,
) -> Receipt:
    """A receipt over these orders: of each the given quantities, or (None) all that is open.

    The orders must be of one supplier. Raises Refused when nothing is left to receive.
    """
    day = day or company.today(world.clock.now())
    lines: list[ReceiptLine] = []
    for order_number, quantities in wanted.items():
        order = _known_order(company, order_number)
        lines.extend(_receivable(order, quantities, returning=receipt_type == "PoReturn"))
    if not lines:
        raise Refused("There is nothing left to receive.", what="Error creating document")
    for position, line in enumerate(lines, start=1):
        line.number = position
    orders = [company.orders[number] for number in wanted]
    if len({order.supplier for order in orders}) > 1:
        raise Refused("One receipt takes orders of one supplier only.")
    first = orders[0]
    period = company.period_of(day)
    receipt = Receipt(
        number=number or company.receipt_number(),
        receipt_type=receipt_type,
        status="Hold" if hold else "Balanced",
        hold=hold,
        received_on=day,
        period=period.id if period else f"{day:%Y%m}",
        supplier=first.supplier,
        location=first.location,
        branch=first.branch,
        warehouse=first.warehouse,
        currency=first.currency,
        exchange_rate=first.exchange_rate,
        lines=lines,
    )
    enter(world, company, receipt, by)
    return receipt


def _known_order(company: Company, number: str) -> Order:
    order = company.orders.get(number)
    if order is None:
        raise NotFound("Purchase order", number)
    return order


def _receivable(
    order: Order, quantities: Quantities | None, *, returning: bool
) -> list[ReceiptLine]:
    lines = []
    for line in order.lines:
        everything = line.quantity_on_receipts if returning else line.open_quantity
        if quantities is None:
            quantity = everything if line.is_goods else Decimal(0)
        else:
            quantity = quantities.get(line.number, Decimal(0))
        if quantity <= 0:
            continue
        lines.append(
            ReceiptLine(
                number=0,
                order=order.number,
                order_line=line.number,
                line_type=line.line_type,
                item=line.item,
                description=line.description,
                warehouse=line.warehouse,
                uom=line.uom,
                quantity=quantity,
                base_quantity=quantity * line.base_quantity / line.quantity,
                unit_cost=line.unit_cost,
                account=line.account,
                sub=dict(line.sub),
                project=line.project,
                task=line.task,
            )
        )
    return lines


def enter(world: VismaWorld, company: Company, receipt: Receipt, by: str) -> None:
    """Put a receipt into the books: the orders' quantities count it at once, released or not."""
    company.receipts[receipt.number] = receipt
    world.touch(receipt, by, "create", {})
    for number in receipt.orders:
        company.orders[number].receipts.append(receipt.number)
    _count(world, company, receipt, by, direction=1)


def _count(world: VismaWorld, company: Company, receipt: Receipt, by: str, direction: int) -> None:
    """Add the receipt's quantities to the orders' lines, or with -1 take them off."""
    sign = -direction if receipt.receipt_type == "PoReturn" else direction
    for number in receipt.orders:
        order = company.orders[number]
        before = content(order)
        for row in receipt.lines:
            line = order.line(row.order_line or 0) if row.order == number else None
            if line is not None:
                line.quantity_on_receipts += sign * row.quantity
        world.touch(
            order,
            by,
            "receipt",
            difference(before, content(order)),
            silently=not world.switches.receipts_touch_orders,
        )


def release(world: VismaWorld, company: Company, receipt: Receipt, by: str) -> None:
    """Release a receipt; orders that are then fully received are Closed. Raises Refused."""
    if receipt.status != "Balanced":
        raise Refused(f"Receipt {receipt.number} cannot be released: it is {receipt.status}.")
    receipt.status = "Released"
    world.touch(receipt, by, "release", {"status": ("Balanced", "Released")})
    if receipt.receipt_type == "PoReturn":
        return
    for number in receipt.orders:
        _complete(world, company.orders[number], receipt, by)


def _complete(world: VismaWorld, order: Order, receipt: Receipt, by: str) -> None:
    before = content(order)
    for row in receipt.lines:
        line = order.line(row.order_line or 0) if row.order == order.number else None
        if line is not None and (row.complete_order_line or line.open_quantity == 0):
            line.completed = True
    goods = [line for line in order.lines if line.is_goods and not line.canceled]
    if order.status == "Open" and all(line.completed for line in goods):
        order.status = "Closed"
        for line in order.lines:
            line.completed = True
    changes = difference(before, content(order))
    closed = "status" in changes
    if changes:
        touches = closed or world.switches.receipts_touch_orders
        world.touch(order, by, "receipt released", changes, silently=not touches)


def cancel(world: VismaWorld, company: Company, receipt: Receipt, by: str) -> None:
    """Cancel a receipt that is not released; its quantities are open again. Raises Refused."""
    if receipt.status not in ("Hold", "Balanced"):
        raise Refused(f"Receipt {receipt.number} cannot be cancelled: it is {receipt.status}.")
    before, receipt.status = receipt.status, "Cancelled"
    world.touch(receipt, by, "cancel", {"status": (before, "Cancelled")})
    _count(world, company, receipt, by, direction=-1)


def change(world: VismaWorld, receipt: Receipt, values: order_edits.Values, by: str) -> bool:
    """Change a receipt's header and line texts. False when nothing differs. Raises Refused."""
    before = content(receipt)
    with transaction(receipt) as draft:
        change_receipt(draft, values)
    changes = difference(before, content(receipt))
    if changes:
        world.touch(receipt, by, "update", changes)
    return bool(changes)


def apply_pending_edit(world: VismaWorld, receipt: Receipt) -> None:
    """Let the next waiting person be quicker than the PUT that is about to be executed."""
    if receipt.pending_edits:
        values = receipt.pending_edits.pop(0)
        by = str(values.get("by", "person"))
        change(world, receipt, {k: v for k, v in values.items() if k != "by"}, by)


def _list(call: Call) -> Reply:
    rows = list(call.company.receipts.values())
    order = call.query.get("poOrderNbr")
    if order is not None:
        rows = [receipt for receipt in rows if order in receipt.orders]
    rows = paging.beyond(call, rows, lambda receipt: receipt.number)
    rows = paging.equal(call, "supplier", rows, lambda receipt: receipt.supplier)
    rows = paging.equal(call, "branch", rows, lambda receipt: receipt.branch)
    rows = paging.equal(call, "finPeriod", rows, lambda receipt: receipt.period)
    receipt_type = call.choice("receiptType", RECEIPT_TYPES)
    status = call.choice("status", RECEIPT_STATUSES)
    rows = [
        receipt
        for receipt in rows
        if receipt_type in (None, receipt.receipt_type) and status in (None, receipt.status)
    ]
    rows = paging.dated(call, "receiptDate", rows, lambda receipt: receipt.received_on)
    rows = paging.dated(call, "dueDate", rows, lambda receipt: receipt.received_on)
    rows = paging.modified_since(call, rows)
    custom, note = call.flag("includeCustomFreeFields"), call.flag("expandNote")
    return paging.paged(
        call,
        "purchasereceipt",
        rows,
        lambda receipt: render(call, receipt, custom=custom, note=note),
    )


def _get(call: Call) -> Reply:
    receipt = _receipt(call)
    body = render(call, receipt, custom=call.flag("includeCustomFreeFields"), note=True)
    return found(receipt, body, with_etag=call.world.switches.receipt_etag_header)


def _gone(call: Call) -> Reply:
    call.world.blame("removed_endpoint", call)
    return Reply(status=call.world.switches.removed_status)


def _post(call: Call) -> Reply:
    values = call.values(RECEIPT)
    wanted: dict[str, dict[int, Decimal]] = {}
    rows = values.get("lines")
    for row in rows if isinstance(rows, list) else []:
        order, line = row.get("poOrderNbr"), row.get("poOrderLineNbr")
        if not order or line is None:
            raise Refused("A receipt line needs poOrderNbr and poOrderLineNbr.")
        wanted.setdefault(order, {})[line] = row.get("receiptQty", Decimal(0))
    receipt = book(
        call.world,
        call.company,
        wanted,
        by=call.caller,
        receipt_type=str(values.get("receiptType", "PoReceipt")),
        hold=bool(values.get("hold", False)),
    )
    header = {name: value for name, value in values.items() if name not in ("lines", "hold")}
    change(call.world, receipt, header, call.caller)
    return created(call, receipt)


def _put(call: Call) -> Reply:
    receipt = _receipt(call)
    values = call.values(RECEIPT)
    apply_pending_edit(call.world, receipt)
    call.check_if_match(receipt)
    locked = call.world.switches.released_receipts_locked
    if locked and receipt.status in ("Released", "Cancelled"):
        raise Refused(f"Receipt {receipt.number} can't be updated because it is {receipt.status}.")
    if not change(call.world, receipt, values, call.caller):
        call.world.blame("empty_put", call, receipt.number)
    return updated(receipt)


def _release(call: Call) -> Reply:
    release(call.world, call.company, _receipt(call), call.caller)
    return Reply(body={"actionId": "0", "actionResult": "Done", "errorInfo": ""})


def _cancel(call: Call) -> Reply:
    cancel(call.world, call.company, _receipt(call), call.caller)
    return Reply(body={})


def _receipt(call: Call) -> Receipt:
    receipt = call.company.receipts.get(call.id("receiptNumber"))
    if receipt is None:
        raise NotFound("Purchase receipt", call.id("receiptNumber"))
    return receipt


def _writes(resource: str) -> tuple[Operation, ...]:
    one = f"{resource}/{{receiptNumber}}"
    return (
        Operation(method="GET", path=resource, handle=_gone),
        Operation(method="GET", path=one, handle=_gone),
        Operation(method="POST", path=resource, handle=_post),
        Operation(method="PUT", path=one, handle=_put),
        Operation(method="POST", path=f"{one}/action/release", handle=_release),
    )


OPERATIONS = (
    Operation(method="GET", path="/v2/PurchaseReceipt", handle=_list, query=_FILTERS),
    Operation(
        method="GET",
        path="/v2/PurchaseReceipt/{receiptNumber}",
        handle=_get,
        query=frozenset({"includeCustomFreeFields"}),
    ),
    *_writes("/v1/PurchaseReceipt"),
    *_writes("/v1/PurchaseReceiptBasic"),
    Operation(
        method="POST",
        path="/v1/PurchaseReceipt/{receiptNumber}/action/cancelReceipt",
        handle=_cancel,
    ),
)
