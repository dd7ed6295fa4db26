"""The update DTO of a purchase receipt, whose names differ from the read DTO's."""

from datetime import date, datetime

from ml_connector.sandbox.visma.documents import CUSTOM_FIELDS, Receipt
from ml_connector.sandbox.visma.errors import Refused
from ml_connector.sandbox.visma.order_edits import Values, segment_values, set_custom
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

_ALLOCATION: Shape = {
    "operation": OPERATION,
    "lineNbr": Wrapped(Kind.INTEGER),
    **texts("location", "lotSerialNumber", "uom"),
    **numbers("quantity"),
    "expirationDate": Wrapped(Kind.MOMENT),
}
_LINE: Shape = {
    "allocations": Rows(_ALLOCATION),
    "operation": OPERATION,
    "lineNbr": Wrapped(Kind.INTEGER),
    **texts("lineType", "branchId", "branchNumber", "inventoryId", "warehouseId", "locationId"),
    **texts("transactionDescription", "uom", "discountCodeId", "taxCategoryId", "accountId"),
    **texts("accountDescription", "actualAccountId", "projectId", "projectTaskId", "note"),
    **texts("lotSerialNumber", "poOrderType", "poOrderNbr"),
    **texts("transferOrderType", "transferOrderNbr"),
    **numbers("receiptQty", "unitCost", "extCost", "discountPercent", "discountAmount", "amount"),
    "manualDiscount": Wrapped(Kind.BOOLEAN),
    "completePoLine": Wrapped(Kind.BOOLEAN),
    "poOrderLineNbr": Wrapped(Kind.INTEGER),
    "transferOrderLineNbr": Wrapped(Kind.INTEGER),
    "expirationDate": Wrapped(Kind.MOMENT),
    "subaccount": SEGMENTS,
    "actualSubaccount": SEGMENTS,
    **CUSTOM,
}
_LANDED_COST: Shape = {
    "operation": OPERATION,
    "lineNbr": Wrapped(Kind.INTEGER),
    **texts("landedCostCode", "description", "purchaseInvoiceNbr", "supplierId", "locationId"),
    **texts("currency", "taxCategory", "terms", "inventoryId", "apDocType", "apRefNbr"),
    **texts("inDocType", "inRefNbr"),
    **numbers("amount"),
    "apBillDate": Wrapped(Kind.MOMENT),
    "postponePurchaseInvoiceCreation": Wrapped(Kind.BOOLEAN),
}
RECEIPT: Shape = {
    "receiptType": Wrapped(Kind.TEXT, frozenset({"PoReceipt", "PoReturn", "TransferReceipt"})),
    "hold": Wrapped(Kind.BOOLEAN),
    "date": Wrapped(Kind.MOMENT),
    "createBill": Wrapped(Kind.BOOLEAN),
    **texts("receiptNbr", "postPeriod", "warehouseId", "supplierId", "locationId", "currency"),
    **texts("supplierRef", "branchNumber", "note"),
    **numbers("exchangeRate", "controlQty", "controlAmount"),
    "lines": Rows(_LINE),
    "landedCost": Rows(_LANDED_COST),
    "timeStamp": Plain(),
    **CUSTOM,
}

_HEADER = {
    "warehouseId": "warehouse",
    "supplierId": "supplier",
    "locationId": "location",
    "createBill": "create_bill",
    "supplierRef": "supplier_ref",
    "note": "note",
    "controlQty": "control_quantity",
}
_LINE_FIELDS = {
    "transactionDescription": "description",
    "warehouseId": "warehouse",
    "accountId": "account",
    "projectId": "project",
    "projectTaskId": "task",
    "completePoLine": "complete_order_line",
    "note": "note",
}


def change_receipt(receipt: Receipt, values: Values) -> None:
    """Set what the values name. Quantities of a booked receipt stay. Raises Refused."""
    for name, value in values.items():
        if name in _HEADER:
            current = getattr(receipt, _HEADER[name])
            setattr(receipt, _HEADER[name], type(current)() if value is None else value)
        elif name in CUSTOM_FIELDS:
            set_custom(receipt.custom, name, value)
        elif name == "date":
            receipt.received_on = _date(value)
        elif name == "hold" and receipt.status in ("Hold", "Balanced"):
            receipt.hold = bool(value)
            receipt.status = "Hold" if value else "Balanced"
        elif name == "lines":
            for row in value:
                _change_line(receipt, row)


def _change_line(receipt: Receipt, values: Values) -> None:
    if values.get("operation", "Update") != "Update":
        raise Refused("Lines of a booked receipt are changed only, not inserted or deleted.")
    number = values.get("lineNbr")
    line = next((line for line in receipt.lines if line.number == number), None)
    if line is None:
        raise Refused(f"Line {number} cannot be found in purchase receipt {receipt.number}.")
    for name, value in values.items():
        if name in _LINE_FIELDS:
            setattr(line, _LINE_FIELDS[name], value)
        elif name in CUSTOM_FIELDS:
            set_custom(line.custom, name, value)
        elif name == "subaccount":
            line.sub = segment_values(value)


def _date(value: object) -> date:
    return value.date() if isinstance(value, datetime) else date.fromisoformat(str(value)[:10])
