"""Purchase receipts as GET v2 shows them (`PurchaseReceiptDto`), and as an order lists them."""

from decimal import Decimal

from ml_connector.sandbox.visma import views, wire
from ml_connector.sandbox.visma.calls import Call
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.documents import ZERO, Receipt, ReceiptLine
from ml_connector.sandbox.visma.views import Body


def summary(company: Company, receipt: Receipt) -> Body:
    """A receipt in an order's `purchaseReceipts`."""
    supplier = company.suppliers.get(receipt.supplier)
    return {
        "type": receipt.receipt_type,
        "receiptNumber": receipt.number,
        "status": receipt.status,
        "supplierName": supplier.name if supplier else "",
        "currency": receipt.currency,
        "totalQty": _quantity(receipt),
        "totalAmt": _amount(receipt),
    }


def render(call: Call, receipt: Receipt, *, custom: bool, note: bool) -> Body:
    """One receipt; custom free fields and the note only when they were asked for."""
    company = call.company
    total = _amount(receipt)
    return {
        "receiptType": receipt.receipt_type,
        "receiptNbr": receipt.number,
        "hold": receipt.hold,
        "status": receipt.status,
        "date": wire.day(receipt.received_on),
        "postPeriod": f"{receipt.period[4:]}{receipt.period[:4]}",
        "warehouse": views.warehouse(company, receipt.warehouse),
        "supplier": views.supplier(company, receipt.supplier),
        "location": _location(company, receipt),
        "currency": receipt.currency,
        "exchangeRate": receipt.exchange_rate,
        "createBill": receipt.create_bill,
        "supplierRef": receipt.supplier_ref,
        "totalQty": _quantity(receipt),
        "controlQty": receipt.control_quantity,
        "vatExemptTotal": total,
        "vatTaxableTotal": ZERO,
        "totalAmt": total,
        "controlTotal": total,
        "lastModifiedDateTime": call.modified(receipt),
        "branchNumber": views.branch(company, receipt.branch),
        "landedCost": [],
        "lines": [_line(company, line, custom=custom) for line in receipt.lines],
        "note": receipt.note if note else None,
        "timeStamp": wire.row_version(receipt.version),
        **(views.custom(receipt.custom) if custom else {}),
    }


def _quantity(receipt: Receipt) -> Decimal:
    return sum((line.quantity for line in receipt.lines), ZERO)


def _amount(receipt: Receipt) -> Decimal:
    return sum((line.amount for line in receipt.lines), ZERO)


def _location(company: Company, receipt: Receipt) -> Body | None:
    supplier = company.suppliers.get(receipt.supplier)
    location = supplier.locations.get(receipt.location or "") if supplier else None
    if location is None:
        return None
    return {
        "countryId": location.address.country,
        "id": location.id,
        "name": location.description,
    }


def _line(company: Company, line: ReceiptLine, *, custom: bool) -> Body:
    order = company.orders.get(line.order or "")
    ordered = order.line(line.order_line or 0) if order else None
    sub = views.subaccount(company, line.sub)
    return {
        "lineNbr": line.number,
        "inventory": views.item(company, line.item),
        "lineType": line.line_type,
        "warehouse": views.warehouse(company, line.warehouse),
        "transactionDescription": line.description,
        "uom": line.uom,
        "orderQty": ordered.quantity if ordered else None,
        "openQty": ordered.open_quantity if ordered else None,
        "receiptQty": line.quantity,
        "baseReceiptQty": line.base_quantity,
        "unitCost": line.unit_cost,
        "extCost": line.amount,
        "discountAmount": ZERO,
        "manualDiscount": False,
        "amount": line.amount,
        "account": views.account(company, line.account),
        "sub": sub
        and {"active": True, "id": sub["subaccountNumber"], "description": sub["description"]},
        "project": views.project(company, line.project),
        "projectTask": views.task(company, line.project, line.task),
        "poOrderType": order.order_type if order else None,
        "poOrderNbr": line.order,
        "poOrderLineNbr": line.order_line,
        "completePoLine": line.complete_order_line,
        "note": line.note,
        "allocations": [],
        **(views.custom(line.custom) if custom else {}),
    }
