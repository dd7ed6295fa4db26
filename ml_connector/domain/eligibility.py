"""Which orders ship, which lines of them, and what makes an order a different one.

Line types: Visma's purchase order lines are GoodsForInventory, GoodsForSalesOrder,
GoodsForReplenishment, GoodsForDropShip, NonStock, NonStockForDropShip,
NonStockForSalesOrder, Service, Freight and Description (`PurchaseOrderLineDto.lineType`).
Only the first four are things of a known weight that a parcel can carry; the others are
never weighed, declared or given a share of the freight.
"""

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from ml_connector.domain.order import OrderLine, PurchaseOrder
from ml_connector.domain.party import Party
from ml_connector.domain.tenant import Tenant

_GOODS = "Goods"

_STATUS_CODES = {
    "Balanced": "status_balanced",
    "Cancelled": "status_cancelled",
    "Closed": "status_closed",
    "Hold": "on_hold",
    "PendingEmail": "status_pending_email",
    "PendingPrint": "status_pending_print",
    "Printed": "status_printed",
    "Voided": "status_voided",
}
"""Every status of Visma's enum but Open; one outside it is `status_unknown`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligible:
    """The order ships."""

    service: str
    """FedEx service type."""
    lines: tuple[OrderLine, ...]
    """The open goods lines, in line order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """The order does not ship as it is now."""

    code: str
    """order_type, on_hold, status_…, carrier_not_mapped or no_open_goods_lines."""
    message: str


def assess(order: PurchaseOrder, tenant: Tenant) -> Eligible | Skipped:
    """Whether the order ships, or the first reason why not."""
    if order.order_type != "RegularOrder":
        return Skipped(
            code="order_type",
            message=f"Order type {order.order_type} is not shipped; only RegularOrder is.",
        )
    blocked = _blocked_by_status(order)
    if blocked is not None:
        return blocked
    service = tenant.service_for(order.ship_via)
    if service is None:
        carrier = f"carrier {order.ship_via!r}" if order.ship_via else "an order without carrier"
        return Skipped(
            code="carrier_not_mapped",
            message=f"shipping.ship_via of the tenant file says nothing about {carrier}.",
        )
    lines = open_goods_lines(order)
    if not lines:
        return Skipped(
            code="no_open_goods_lines",
            message="No goods line is left that is neither canceled, completed nor received.",
        )
    return Eligible(service=service, lines=lines)


def _blocked_by_status(order: PurchaseOrder) -> Skipped | None:
    if order.on_hold:
        return Skipped(code="on_hold", message="The order is on hold.")
    if order.status == "Open":
        return None
    code = _STATUS_CODES.get(order.status, "status_unknown")
    return Skipped(code=code, message=f"The order's status is {order.status}, not Open.")


def open_goods_lines(order: PurchaseOrder) -> tuple[OrderLine, ...]:
    """The lines of which something can still be shipped, in line order."""
    lines = (line for line in order.lines if is_goods(line) and open_share(line) > 0)
    return tuple(sorted(lines, key=lambda line: line.number))


def is_goods(line: OrderLine) -> bool:
    """Whether the line is about things that a parcel carries."""
    return line.line_type.startswith(_GOODS)


def open_share(line: OrderLine) -> Fraction:
    """The part of the line that is left to receive: from 0 to 1.

    (orderQty − qtyOnReceipts) ÷ orderQty. `qtyOnReceipts` counts unreleased receipts too, so
    what the warehouse has begun to book does not ship twice. Canceled comes first: a
    canceled line also carries `completed`.
    """
    if line.canceled or line.completed or line.quantity <= 0:
        return Fraction(0)
    left = Fraction(line.quantity) - Fraction(line.quantity_on_receipts)
    return min(max(left / Fraction(line.quantity), Fraction(0)), Fraction(1))


def fingerprint(order: PurchaseOrder) -> str:
    """A digest that changes when the order should be looked at again (SHA-256, hex).

    Left out: custom free fields, `lastModifiedDateTime` and the row version, which our own
    writes change; receipts and `qtyOnReceipts`, which the warehouse changes when our parcel
    arrives. Otherwise each write would wake its own writer, and each receipt a finished
    order. An order that waits because everything was on receipts is found by `recheck`.
    Lines that are not goods never matter.
    """
    return _digest(
        {
            "parcel": _parcel_content(order),
            "type": order.order_type,
            "status": order.status,
            "hold": order.on_hold,
            "lines": [_ledger_content(line) for line in _goods_lines(order)],
        }
    )


def shipping_fingerprint(order: PurchaseOrder) -> str:
    """A digest that changes only when the parcel itself would be another (SHA-256, hex).

    Unlike `fingerprint` it ignores status, hold, completed and where the cost belongs: none
    of them is a reason to cancel a label and buy a new one.
    """
    return _digest(_parcel_content(order))


def _goods_lines(order: PurchaseOrder) -> list[OrderLine]:
    return sorted((line for line in order.lines if is_goods(line)), key=lambda line: line.number)


def _parcel_content(order: PurchaseOrder) -> dict[str, object]:
    return {
        "ship_via": order.ship_via,
        "ship_to": _party_content(order.ship_to),
        "supplier": order.supplier,
        "supplier_location": order.supplier_location,
        "warehouse": order.warehouse,
        "branch": order.branch,
        "currency": order.currency,
        "lines": [
            {
                "number": line.number,
                "type": line.line_type,
                "item": line.item,
                "description": line.description,
                "uom": line.uom,
                "quantity": _number(line.quantity),
                "base_quantity": _number(line.base_quantity),
                "amount": _number(line.amount),
                "canceled": line.canceled,
            }
            for line in _goods_lines(order)
        ],
    }


def _ledger_content(line: OrderLine) -> dict[str, object]:
    return {
        "number": line.number,
        "completed": line.completed,
        "account": line.dimensions.account,
        "subaccount": sorted(line.dimensions.subaccount),
        "project": line.dimensions.project,
        "task": line.dimensions.task,
    }


def _party_content(party: Party | None) -> dict[str, object] | None:
    if party is None:
        return None
    return {
        "company": party.company,
        "person": party.person,
        "phone": party.phone,
        "email": party.email,
        "lines": party.address.lines,
        "city": party.address.city,
        "postal_code": party.address.postal_code,
        "country": party.address.country,
        "state": party.address.state,
    }


def _number(value: Decimal) -> str:
    """One text for one number, however many zeros Visma writes behind it."""
    return str(Fraction(value))


def _digest(content: dict[str, object]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
