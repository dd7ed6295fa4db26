"""Creating and changing purchase orders, from the API's bodies and from people's.

Both arrive as values by their wire name, wrappers off. The API's are checked against the
company's master data; people's are not, for real master data is dirty.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ml_connector.sandbox.visma import wire
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.documents import (
    CUSTOM_DECIMALS,
    CUSTOM_FIELDS,
    CUSTOM_MOMENT,
    CUSTOM_TEXTS,
    Address,
    Contact,
    Order,
    OrderLine,
)
from ml_connector.sandbox.visma.errors import Refused

CUSTOM_TEXT_LENGTH = 100
_CUSTOM_QUANTUM = Decimal("0.0001")
_CENT = Decimal("0.01")

_HEADER = {
    "orderType": "order_type",
    "status": "status",
    "hold": "hold",
    "date": "ordered_on",
    "promisedOn": "promised_on",
    "description": "description",
    "supplier": "supplier",
    "location": "location",
    "branch": "branch",
    "warehouse": "warehouse",
    "shippingDestinationType": "destination_type",
    "shipVia": "ship_via",
    "fobPoint": "fob_point",
    "shipTerms": "ship_terms",
    "terms": "terms",
    "owner": "owner",
    "currency": "currency",
    "exchangeRate": "exchange_rate",
    "supplierRef": "supplier_ref",
    "note": "note",
}
_LINE = {
    "lineType": "line_type",
    "inventory": "item",
    "lineDescription": "description",
    "warehouse": "warehouse",
    "uom": "uom",
    "orderQty": "quantity",
    "qtyOnReceipts": "quantity_on_receipts",
    "unitCost": "unit_cost",
    "discountAmount": "discount",
    "account": "account",
    "project": "project",
    "projectTask": "task",
    "promised": "promised",
    "completed": "completed",
    "canceled": "canceled",
    "note": "note",
}
_ADDRESS = {
    "addressLine1": "line1",
    "addressLine2": "line2",
    "addressLine3": "line3",
    "postalCode": "postal_code",
    "city": "city",
    "countryId": "country",
    "county": "county",
}
_CONTACT = {
    "name": "name",
    "attention": "attention",
    "email": "email",
    "phone1": "phone1",
    "phone2": "phone2",
}
_NULLABLE = frozenset(
    {"promised_on", "location", "warehouse", "ship_via", "fob_point", "ship_terms", "terms"}
    | {"owner", "item", "account", "project", "task", "promised"}
)
"""Fields that `{"value": null}` clears to nothing; texts become empty."""

Values = Mapping[str, Any]


def new_order(company: Company, number: str, values: Values, today: date) -> Order:
    """An order of these values, with the company's and the supplier's defaults for the rest."""
    supplier = company.suppliers.get(values.get("supplier", ""))
    warehouse_id = values.get("warehouse", next(iter(company.warehouses), None))
    warehouse = company.warehouses.get(warehouse_id or "")
    currency = values.get("currency", supplier.currency if supplier else company.base_currency)
    order = Order(
        number=number,
        ordered_on=today,
        supplier=values.get("supplier", ""),
        location=supplier.default_location if supplier else None,
        branch=next(iter(company.branches), ""),
        warehouse=warehouse_id,
        currency=currency,
        exchange_rate=company.rate_on(currency, today) or Decimal(1),
        shipping_address=replace(warehouse.address) if warehouse else None,
        shipping_contact=replace(warehouse.contact) if warehouse else None,
        remit_address=replace(supplier.address) if supplier else None,
        remit_contact=replace(supplier.contact) if supplier else None,
    )
    change_order(company, order, values)
    return order


def change_order(company: Company, order: Order, values: Values) -> None:
    """Set what the values name, and nothing else."""
    for name, value in values.items():
        if name in _HEADER:
            _set(order, _HEADER[name], value)
        elif name in CUSTOM_FIELDS:
            set_custom(order.custom, name, value)
        elif name == "shippingAddress":
            order.shipping_address = changed_address(order.shipping_address, value)
            order.override_address = value is not None
        elif name == "shippingContact":
            order.shipping_contact = changed_contact(order.shipping_contact, value)
            order.override_contact = value is not None
        elif name == "remitAddress":
            order.remit_address = changed_address(order.remit_address, value)
            order.override_remit_address = value is not None
        elif name == "remitContact":
            order.remit_contact = changed_contact(order.remit_contact, value)
            order.override_remit_contact = value is not None
        elif name == "lines":
            for row in value:
                _change_line(company, order, row)
    if "hold" in values and order.status in ("Hold", "Open") and "status" not in values:
        order.status = "Hold" if order.hold else "Open"
    if "status" in values:
        _follow_status(order)


def _follow_status(order: Order) -> None:
    """On a live company every line of a Closed or Cancelled order is completed."""
    order.hold = order.status == "Hold"
    if order.status in ("Closed", "Cancelled"):
        for line in order.lines:
            line.completed = True
            line.canceled = line.canceled or order.status == "Cancelled"


def _change_line(company: Company, order: Order, values: Values) -> None:
    number = values.get("lineNumber", values.get("lineNbr"))
    line = order.line(number) if number is not None else None
    operation = values.get("operation") or ("Update" if line else "Insert")
    if operation == "Insert":
        next_number = max((line.number for line in order.lines), default=0) + 1
        line = OrderLine(number=next_number if number is None or line else number)
        line.warehouse = order.warehouse
        order.lines.append(line)
    elif line is None:
        raise Refused(f"Line {number} cannot be found in purchase order {order.number}.")
    elif operation == "Delete":
        order.lines.remove(line)
        return
    _set_line(company, line, values)


def _set_line(company: Company, line: OrderLine, values: Values) -> None:
    item = company.items.get(values.get("inventory") or "")
    if item is not None:
        line.description = item.description
        line.uom = item.purchase_unit or item.base_unit
        line.line_type = "GoodsForInventory" if item.stock else "Service"
        line.unit_cost = item.cost
    for name, value in values.items():
        if name in _LINE:
            _set(line, _LINE[name], value)
        elif name in CUSTOM_FIELDS:
            set_custom(line.custom, name, value)
        elif name == "sub":
            line.sub = segment_values(value)
    line.base_quantity = base_quantity(company, line.item, line.uom, line.quantity)
    amount = (line.quantity * line.unit_cost).quantize(_CENT, ROUND_HALF_UP) - line.discount
    line.amount = _exact(values["amount"]) if values.get("amount") is not None else amount


def _set(target: object, attribute: str, value: object) -> None:
    """Set one attribute, in the type it already has."""
    current = getattr(target, attribute)
    if value is None:
        setattr(target, attribute, None if attribute in _NULLABLE else type(current)())
    elif isinstance(current, Decimal):
        setattr(target, attribute, _exact(value))
    elif attribute in ("ordered_on", "promised_on", "promised"):
        setattr(target, attribute, _date(value))
    else:
        setattr(target, attribute, value)


def _exact(value: object) -> Decimal:
    return Decimal(str(value))


def _date(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else datetime.fromisoformat(str(value)).date()


def changed_address(address: Address | None, values: Values | None) -> Address | None:
    """The address with these values, by wire name; None takes it away."""
    if values is None:
        return None
    names = {_ADDRESS[name]: value or "" for name, value in values.items() if name in _ADDRESS}
    country = values.get("country")
    if country is not None:
        names["country"] = country["id"] if isinstance(country, dict) else country
    return replace(address or Address(), **names)


def changed_contact(contact: Contact | None, values: Values | None) -> Contact | None:
    """The contact with these values, by wire name; None takes it away."""
    if values is None:
        return None
    names = {_CONTACT[name]: value or "" for name, value in values.items() if name in _CONTACT}
    return replace(contact or Contact(), **names)


def set_custom(fields: dict[str, object], name: str, value: object) -> None:
    """Set a custom free field. Raises Refused for a text that is too long."""
    if value is None:
        fields.pop(name, None)
    elif name in CUSTOM_TEXTS:
        if len(str(value)) > CUSTOM_TEXT_LENGTH:
            raise Refused(
                f"The length of the value of {name} exceeds {CUSTOM_TEXT_LENGTH} characters.",
                what="Error updating document",
            )
        fields[name] = value
    elif name in CUSTOM_DECIMALS:
        fields[name] = _exact(value).quantize(_CUSTOM_QUANTUM, ROUND_HALF_UP)
    elif name == CUSTOM_MOMENT:
        given = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        fields[name] = wire.utc_moment(given)
    else:
        fields[name] = value


def segment_values(given: object) -> dict[int, str]:
    """A subaccount as `{segment id: value}`, from the API's list or from a plain mapping."""
    if isinstance(given, dict):
        return {int(key): str(value) for key, value in given.items()}
    rows = given if isinstance(given, list) else []
    return {row["segmentId"]: row["segmentValue"] for row in rows}


def base_quantity(company: Company, item: str | None, uom: str, quantity: Decimal) -> Decimal:
    """A quantity in the item's base unit."""
    found = company.items.get(item or "")
    if found is None or uom == found.base_unit:
        return quantity
    return quantity * found.conversions.get(uom, Decimal(1))


def check_references(company: Company, values: Values) -> None:
    """What the API refuses: names of records that do not exist. Raises Refused."""
    tables: Mapping[str, Mapping[str, object]] = {
        "supplier": company.suppliers,
        "shipVia": company.carriers,
        "branch": company.branches,
        "currency": company.currencies,
    }
    for name, table in tables.items():
        _check(name, values.get(name), table)
    for row in values.get("lines", []):
        _check("inventory", row.get("inventory"), company.items)
        _check("account", row.get("account"), company.accounts)
        _check("project", row.get("project"), company.projects)


def _check(name: str, value: str | None, table: Mapping[str, object]) -> None:
    if value and value not in table:
        raise Refused(
            f"'{value}' cannot be found in the system ({name}).", what="Error updating document"
        )
