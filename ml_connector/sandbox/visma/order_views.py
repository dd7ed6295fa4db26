"""Purchase orders as GET shows them: `PurchaseOrderDto` and the lighter `PurchaseOrderBasicDto`."""

from decimal import ROUND_HALF_UP, Decimal

from ml_connector.sandbox.visma import views, wire
from ml_connector.sandbox.visma.calls import Call
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.documents import ZERO, Order, OrderLine
from ml_connector.sandbox.visma.receipt_views import summary
from ml_connector.sandbox.visma.views import Body

_DELIVERY_TABS = frozenset(
    {
        "shippingDestinationType",
        "shippingLocation",
        "warehouse",
        "shippingContact",
        "shippingAddress",
        "remitContact",
        "remitAddress",
        "fobPoint",
        "shipVia",
        "shipTerms",
        "terms",
        "discountDetails",
        "dontPrint",
        "printed",
        "dontEmail",
        "emailed",
        "openQuantity",
        "openBalance",
    }
)
"""What the basic resource leaves out."""


def render(call: Call, order: Order, *, custom: bool, basic: bool = False) -> Body:
    """One order; its custom free fields only when they were asked for."""
    body = {
        **_identity(call, order),
        **_delivery(call.company, order),
        **_money(call.company, order),
        "lines": [_line(call.company, line, custom=custom) for line in order.lines],
        "taxDetails": [],
        "purchaseReceipts": [
            summary(call.company, call.company.receipts[number]) for number in order.receipts
        ],
        **(views.custom(order.custom) if custom else {}),
    }
    if basic:
        return {name: value for name, value in body.items() if name not in _DELIVERY_TABS}
    return body


def _identity(call: Call, order: Order) -> Body:
    company = call.company
    return {
        "orderType": order.order_type,
        "orderNbr": order.number,
        "hold": order.hold,
        "status": order.status,
        "date": wire.day(order.ordered_on),
        "promisedOn": wire.day(order.promised_on) if order.promised_on else None,
        "description": order.description,
        "supplier": views.supplier(company, order.supplier),
        "location": _location(company, order),
        "owner": {"id": order.owner, "name": ""} if order.owner else None,
        "branch": views.branch(company, order.branch),
        "supplierRef": order.supplier_ref,
        "note": order.note,
        "lastModifiedDateTime": call.modified(order),
        "timeStamp": wire.row_version(order.version),
    }


def _location(company: Company, order: Order) -> Body | None:
    """Here the id is a number, unlike the location's own `locationId`."""
    if order.location is None:
        return None
    supplier = company.suppliers.get(order.supplier)
    location = supplier.locations.get(order.location) if supplier else None
    return {
        "id": location.internal_id if location else 0,
        "name": location.description if location else order.location,
    }


def _delivery(company: Company, order: Order) -> Body:
    at_site = order.destination_type == "Site"
    return {
        "shippingDestinationType": order.destination_type,
        "shippingLocation": None if at_site else {"id": 1, "name": "Primary Location"},
        "warehouse": views.warehouse(company, order.warehouse),
        "shippingAddress": _with(
            "overrideAddress", order.override_address, views.address(order.shipping_address)
        ),
        "shippingContact": _with(
            "overrideContact", order.override_contact, views.contact(order.shipping_contact)
        ),
        "remitAddress": _with(
            "overrideAddress", order.override_remit_address, views.address(order.remit_address)
        ),
        "remitContact": _with(
            "overrideContact", order.override_remit_contact, views.contact(order.remit_contact)
        ),
        "shipVia": order.ship_via,
        "fobPoint": order.fob_point,
        "shipTerms": order.ship_terms,
        "terms": {"id": order.terms, "description": ""} if order.terms else None,
        "discountDetails": [],
        "dontPrint": False,
        "printed": False,
        "dontEmail": False,
        "emailed": False,
        "openQuantity": sum((line.open_quantity for line in order.lines), ZERO),
        "openBalance": sum((line.open_quantity * line.unit_cost for line in order.lines), ZERO),
    }


def _with(name: str, override: bool, body: Body | None) -> Body | None:
    return None if body is None else {name: override, **body}


def _money(company: Company, order: Order) -> Body:
    total = sum((line.amount for line in order.lines if not line.canceled), ZERO)
    base = in_base(company, total, order.exchange_rate)
    return {
        "currency": order.currency,
        "exchangeRate": order.exchange_rate,
        "lineTotal": total,
        "lineTotalInBaseCurrency": base,
        "vatExemptTotal": total,
        "vatExemptTotalInBaseCurrency": base,
        "taxTotal": ZERO,
        "taxTotalInBaseCurrency": ZERO,
        "orderTotal": total,
        "orderTotalInBaseCurrency": base,
        "controlTotal": total,
        "controlTotalInBaseCurrency": base,
    }


def in_base(company: Company, amount: Decimal, rate: Decimal) -> Decimal:
    """An amount in the company's base currency, rounded to its decimals."""
    quantum = Decimal(1).scaleb(-company.currencies[company.base_currency].precision)
    return (amount * rate).quantize(quantum, ROUND_HALF_UP)


def _line(company: Company, line: OrderLine, *, custom: bool) -> Body:
    return {
        "lineNbr": line.number,
        "inventory": views.item(company, line.item),
        "lineType": line.line_type,
        "warehouse": views.warehouse(company, line.warehouse),
        "lineDescription": line.description,
        "uom": line.uom,
        "orderQty": line.quantity,
        "baseOrderQty": line.base_quantity,
        "qtyOnReceipts": line.quantity_on_receipts,
        "unitCost": line.unit_cost,
        "extCost": line.quantity * line.unit_cost,
        "discountAmount": line.discount,
        "manualDiscount": False,
        "amount": line.amount,
        "receivedAmt": line.quantity_on_receipts * line.unit_cost,
        "minReceipt": ZERO,
        "maxReceipt": Decimal(100),
        "completeOn": Decimal(100),
        "receiptAction": "AcceptButWarn",
        "account": views.account(company, line.account),
        "sub": views.subaccount(company, line.sub),
        "project": views.project(company, line.project),
        "projectTask": views.task(company, line.project, line.task),
        "promised": wire.day(line.promised) if line.promised else None,
        "completed": line.completed,
        "canceled": line.canceled,
        "note": line.note,
        **(views.custom(line.custom) if custom else {}),
    }
