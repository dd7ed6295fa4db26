"""`/v1/purchaseorder` and `/v1/purchaseorderbasic`."""

from ml_connector.sandbox.visma import order_edits, paging, wire
from ml_connector.sandbox.visma.calls import (
    MODIFIED,
    OLD_PAGING,
    PAGING,
    Call,
    Operation,
    created,
    etag,
    found,
    updated,
)
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.documents import Order
from ml_connector.sandbox.visma.errors import NotFound, Refused, Reply
from ml_connector.sandbox.visma.history import content, difference, transaction
from ml_connector.sandbox.visma.order_views import render
from ml_connector.sandbox.visma.receipts import book
from ml_connector.sandbox.visma.wire import (
    CUSTOM,
    OPERATION,
    SEGMENTS,
    Kind,
    Plain,
    Rows,
    Shape,
    Wrapped,
    numbers,
    texts,
)
from ml_connector.sandbox.visma.world import VismaWorld

ORDER_TYPES = frozenset({"RegularOrder", "DropShip", "Blanket", "StandardBlanket"})
ORDER_STATUSES = frozenset(
    {"Balanced", "Cancelled", "Closed", "Hold", "Open"}
    | {"PendingEmail", "PendingPrint", "Printed", "Voided"}
)
LINE_TYPES = frozenset(
    {"GoodsForInventory", "GoodsForSalesOrder", "GoodsForReplenishment", "GoodsForDropShip"}
    | {"NonStockForDropShip", "NonStockForSalesOrder", "NonStock"}
    | {"Service", "Freight", "Description"}
)
_DESTINATIONS = frozenset({"CompanyLocation", "Customer", "Vendor", "Site"})
_FILTERS = (
    PAGING
    | OLD_PAGING
    | MODIFIED
    | {"greaterThanValue", "orderType", "orderStatus", "supplier", "branch"}
    | {"orderDate", "orderDateCondition", "deliveryDate", "deliveryDateCondition"}
    | {"includeCustomFreeFields"}
)

ADDRESS: Shape = {
    "overrideAddress": Wrapped(Kind.BOOLEAN),
    **texts("addressLine1", "addressLine2", "addressLine3"),
    **texts("postalCode", "city", "countryId", "county"),
}
CONTACT: Shape = {
    "overrideContact": Wrapped(Kind.BOOLEAN),
    **texts("name", "attention", "email", "web", "phone1", "phone2", "fax"),
}
_LINE: Shape = {
    "operation": OPERATION,
    "lineNumber": Wrapped(Kind.INTEGER),
    "lineType": Wrapped(Kind.TEXT, LINE_TYPES),
    **texts("branch", "inventory", "warehouse", "lineDescription", "uom", "discountCode"),
    **texts("alternateId", "taxCategory", "account", "project", "projectTask", "note"),
    **numbers("orderQty", "unitCost", "extCost", "discountAmount", "discountPercent", "amount"),
    **numbers("minReceipt", "maxReceipt", "completeOn"),
    "manualDiscount": Wrapped(Kind.BOOLEAN),
    "receiptAction": Wrapped(Kind.TEXT, frozenset({"Reject", "AcceptButWarn", "Accept"})),
    "sub": SEGMENTS,
    "requested": Wrapped(Kind.MOMENT),
    "promised": Wrapped(Kind.MOMENT),
    "completed": Wrapped(Kind.BOOLEAN),
    **CUSTOM,
}
_DISCOUNT: Shape = {
    "operation": OPERATION,
    "lineNbr": Wrapped(Kind.INTEGER),
    "skipDiscount": Wrapped(Kind.BOOLEAN),
    **texts("discountCode", "sequanceID"),
}
_BASIC: Shape = {
    "orderType": Wrapped(Kind.TEXT, ORDER_TYPES),
    "orderNumber": Wrapped(),
    "hold": Wrapped(Kind.BOOLEAN),
    "date": Wrapped(Kind.MOMENT),
    "promisedOn": Wrapped(Kind.MOMENT),
    **texts("description", "supplier", "location", "gln", "vatRegistrationId", "owner"),
    **texts("currency", "supplierRef", "branch", "note"),
    **numbers("exchangeRate", "controlTotal"),
    "lines": Rows(_LINE),
    "changeDatesOnLines": Plain(Kind.BOOLEAN),
    "overrideNumberSeries": Wrapped(Kind.BOOLEAN),
    "timeStamp": Plain(),
    **CUSTOM,
}
_FULL: Shape = {
    **_BASIC,
    "shippingDestinationType": Wrapped(Kind.TEXT, _DESTINATIONS),
    **texts("shipTo", "shippingLocation", "fobPoint", "shipVia", "shipTerms"),
    **texts("terms", "supplierVatZone"),
    "shippingContact": Wrapped(CONTACT),
    "shippingAddress": Wrapped(ADDRESS),
    "remitContact": Wrapped(CONTACT),
    "remitAddress": Wrapped(ADDRESS),
    "dontPrint": Wrapped(Kind.BOOLEAN),
    "dontEmail": Wrapped(Kind.BOOLEAN),
    "discountDetails": Rows(_DISCOUNT),
}
_ACTION: Shape = {"orderType": Plain(Kind.TEXT, ORDER_TYPES)}


def create(world: VismaWorld, company: Company, values: order_edits.Values, by: str) -> Order:
    """Put a new order into the company's books."""
    wanted = values.get("orderNumber", values.get("orderNbr"))
    number = str(wanted) if wanted else company.order_number()
    if number in company.orders:
        raise Refused(
            f"Another process has added the 'PurchaseOrder' record '{number}'.",
            what="Error creating document",
        )
    order = order_edits.new_order(company, number, values, company.today(world.clock.now()))
    company.orders[number] = order
    world.touch(order, by, "create", {})
    return order


def change(
    world: VismaWorld, company: Company, order: Order, values: order_edits.Values, by: str
) -> bool:
    """Change an order. False when nothing differs afterwards: then its version stays.

    Raises Refused, and nothing is changed then.
    """
    before = content(order)
    with transaction(order) as draft:
        order_edits.change_order(company, draft, values)
    changes = difference(before, content(order))
    if changes:
        world.touch(order, by, "update", changes)
    return bool(changes)


def apply_pending_edit(world: VismaWorld, company: Company, order: Order) -> None:
    """Let the next waiting person be quicker than the PUT that is about to be executed."""
    if order.pending_edits:
        values = order.pending_edits.pop(0)
        by = str(values.get("by", "person"))
        change(world, company, order, {k: v for k, v in values.items() if k != "by"}, by)


def _list(call: Call, *, basic: bool) -> Reply:
    rows = list(call.company.orders.values())
    rows = paging.beyond(call, rows, lambda order: order.number)
    rows = paging.equal(call, "supplier", rows, lambda order: order.supplier)
    rows = paging.equal(call, "branch", rows, lambda order: order.branch)
    order_type = call.choice("orderType", ORDER_TYPES)
    status = call.choice("orderStatus", ORDER_STATUSES)
    rows = [
        order
        for order in rows
        if order_type in (None, order.order_type) and status in (None, order.status)
    ]
    rows = paging.dated(call, "orderDate", rows, lambda order: order.ordered_on)
    rows = paging.dated(call, "deliveryDate", rows, lambda order: order.promised_on)
    rows = paging.modified_since(call, rows)
    custom = call.flag("includeCustomFreeFields")
    return paging.paged(
        call,
        "purchaseorder",
        rows,
        lambda order: render(call, order, custom=custom, basic=basic),
    )


def _get(call: Call, *, basic: bool) -> Reply:
    order = _order(call)
    custom = call.flag("includeCustomFreeFields")
    return found(order, render(call, order, custom=custom, basic=basic))


def _post(call: Call, *, basic: bool) -> Reply:
    values = call.values(_BASIC if basic else _FULL)
    if not values.get("supplier"):
        raise Refused("'Supplier' cannot be empty.", what="Error creating document")
    if not values.get("overrideNumberSeries"):
        values.pop("orderNumber", None)
    elif not call.company.manual_order_numbers:
        raise Refused("Manual numbering is not allowed.", what="Error creating document")
    order_edits.check_references(call.company, values)
    return created(call, create(call.world, call.company, values, call.caller))


def _put(call: Call, *, basic: bool) -> Reply:
    order = _order(call)
    values = call.values(_BASIC if basic else _FULL)
    apply_pending_edit(call.world, call.company, order)
    call.check_if_match(order)
    if call.world.switches.closed_orders_locked and order.status in ("Closed", "Cancelled"):
        raise Refused(
            f"Purchase order {order.number} cannot be changed: its status is {order.status}.",
            what="Error updating document",
        )
    order_edits.check_references(call.company, values)
    if not change(call.world, call.company, order, values, call.caller):
        call.world.blame("empty_put", call, order.number)
    return updated(order)


def _create_receipt(call: Call) -> Reply:
    """The action `createpurchasereceipt`: a receipt over all that is still open."""
    body = wire.parse(
        wire.read_json(call.content),
        _ACTION,
        lambda path: call.world.blame("unknown_field", call, path),
    )
    order = _order(call)
    if body.get("orderType") != order.order_type:
        raise NotFound("Purchase order", f"{body.get('orderType')} {order.number}")
    receipt = book(call.world, call.company, {order.number: None}, by=call.caller)
    return Reply(body={"receiptNbr": receipt.number}, headers=etag(order))


def _order(call: Call) -> Order:
    name = next(iter(call.path_params))
    order = call.company.orders.get(call.id(name))
    if order is None:
        raise NotFound("Purchase order", call.id(name))
    return order


def _operations(resource: str, *, basic: bool) -> tuple[Operation, ...]:
    one = f"{resource}/{{purchaseOrderNumber}}"
    return (
        Operation(
            method="GET", path=resource, handle=lambda c: _list(c, basic=basic), query=_FILTERS
        ),
        Operation(
            method="GET",
            path=one,
            handle=lambda c: _get(c, basic=basic),
            query=frozenset({"includeCustomFreeFields"}),
        ),
        Operation(method="POST", path=resource, handle=lambda c: _post(c, basic=basic)),
        Operation(method="PUT", path=one, handle=lambda c: _put(c, basic=basic)),
    )


OPERATIONS = (
    *_operations("/v1/purchaseorder", basic=False),
    *_operations("/v1/purchaseorderbasic", basic=True),
    Operation(
        method="POST",
        path="/v1/purchaseorder/{purchaseorderNbr}/action/createpurchasereceipt",
        handle=_create_receipt,
    ),
)
