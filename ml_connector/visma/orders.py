"""Purchase orders (`/v1/purchaseorder`)."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from decimal import Decimal

from ml_connector.domain.order import OrderLine, PurchaseOrder, ReceiptLink
from ml_connector.visma.calls import Resource
from ml_connector.visma.conversion import code_of, dimensions, page_of, party, version_of
from ml_connector.visma.documents import OrderDto, OrderLineDto, custom_fields
from ml_connector.visma.fields import update_body
from ml_connector.visma.filters import check_equal, check_modified, modified_after
from ml_connector.visma.paging import Listing, read_pages
from ml_connector.visma.records import Page
from ml_connector.visma.wire import Row, entity_tag, parse, segment, unreadable

PATH = "/v1/purchaseorder"
_WITH_CUSTOM_FIELDS = {"includeCustomFreeFields": "true"}


class Orders(Resource):
    """Reading orders, and writing their custom free fields."""

    async def get_order(self, number: str) -> PurchaseOrder:
        """One order with its version. Raises `VismaNotFound` and what any read raises."""
        what = f"read purchase order {number}"
        reply_path = f"{PATH}/{segment(number)}"
        reply, row = await self._calls.read_versioned(reply_path, what, params=_WITH_CUSTOM_FIELDS)
        order = parse(OrderDto, row, what)
        if order.order_nbr.casefold() != number.strip().casefold():
            raise unreadable(what, "It is another order.")
        return read_order(order, row, version_of(reply, order.time_stamp, what))

    async def orders(
        self,
        *,
        modified_since: str | None = None,
        status: str | None = None,
        page_size: int = 500,
    ) -> AsyncGenerator[Page[PurchaseOrder], None]:
        """Orders page by page; a row may come twice, so keep (number, version) apart.

        `modified_since` is one of the server's own timestamps without a zone; whether the bound
        itself is included is not certain. Raises `VismaFilterIgnored` when rows come back that
        were not asked for, `VismaTruncated` when rows are missing.
        """
        what = "list purchase orders"
        params: dict[str, str | int] = dict(_WITH_CUSTOM_FIELDS)
        if modified_since is not None:
            params |= modified_after(modified_since)
        if status is not None:
            params["orderStatus"] = status
        listing = Listing(path=PATH, what=what, keys=_keys, params=params, page_size=page_size)
        async with aclosing(read_pages(self._calls, listing)) as pages:
            async for rows in pages:
                for row in rows:
                    if modified_since is not None:
                        check_modified(row.get("lastModifiedDateTime"), modified_since, what)
                    if status is not None:
                        check_equal(row.get("status"), status, "orderStatus", what)
                yield page_of(rows, "orderNbr", _listed_order)

    async def update_order_fields(
        self, number: str, fields: Mapping[str, object], *, version: str, operation: str = ""
    ) -> str:
        """Set custom free fields if the order still has `version`; everything else stays.

        `None` clears a field. Returns the new version, empty when Visma does not name it. Raises
        `VismaStale` after another edit, `VismaRejected` for a value that does not fit or an order
        that takes no writes, `VismaOutcomeUnknown` when the answer is lost.
        """
        reply = await self._calls.write(
            "PUT",
            f"{PATH}/{segment(number)}",
            f"update purchase order {number}",
            json=update_body(fields),
            version=version,
            operation=operation or None,
        )
        return entity_tag(reply)


def read_order(order: OrderDto, row: Row, version: str) -> PurchaseOrder:
    """The domain's order. Raises `VismaUnreadable` where a line lacks what shipping needs."""
    supplier = order.supplier
    return PurchaseOrder(
        number=order.order_nbr,
        order_type=order.order_type,
        status=order.status,
        on_hold=bool(order.hold) or order.status == "Hold",
        ship_via=order.ship_via or None,
        currency=order.currency,
        supplier=code_of(supplier),
        supplier_location=_location(order),
        warehouse=code_of(order.warehouse) or None,
        branch=code_of(order.branch) or None,
        ship_to=party(
            order.shipping_address,
            order.shipping_contact,
            order.ship_to.name if order.ship_to else "",
        ),
        supplier_email=order.remit_contact.email if order.remit_contact else "",
        lines=tuple(_line(line, order.order_nbr) for line in order.lines),
        receipts=tuple(
            ReceiptLink(number=link.receipt_number, receipt_type=link.type, status=link.status)
            for link in order.purchase_receipts
            if link.receipt_number
        ),
        custom=custom_fields(row),
        last_modified=order.last_modified_date_time,
        version=version,
    )


def _listed_order(row: Row) -> PurchaseOrder:
    what = "list purchase orders"
    order = parse(OrderDto, row, what)
    if not order.order_nbr:
        raise unreadable(what, "A row has no orderNbr.")
    return read_order(order, row, order.time_stamp)


def _keys(row: Row) -> list[str]:
    return [f"{row.get('orderType')}/{row.get('orderNbr')}"]


def _location(order: OrderDto) -> str | None:
    """The supplier location's name, else its internal id.

    An order names the location by an internal number that no other resource knows, and by the
    name that `SupplierLocationDto.locationName` repeats; so the name is the link.
    """
    if order.location is None:
        return None
    return order.location.name or order.location.code or None


def _line(line: OrderLineDto, order: str) -> OrderLine:
    if line.line_nbr is None:
        raise unreadable(f"read purchase order {order}", "A line has no lineNbr.")
    return OrderLine(
        number=line.line_nbr,
        line_type=line.line_type,
        item=code_of(line.inventory) or None,
        description=line.line_description,
        uom=line.uom,
        quantity=_needed(line, line.order_qty, "orderQty", order),
        base_quantity=_needed(line, line.base_order_qty, "baseOrderQty", order),
        quantity_on_receipts=line.qty_on_receipts or Decimal(0),
        amount=_needed(line, line.amount, "amount", order),
        canceled=bool(line.canceled),
        completed=bool(line.completed),
        dimensions=dimensions(code_of(line.account), line.sub, line.project, line.project_task),
    )


def _needed(line: OrderLineDto, number: Decimal | None, name: str, order: str) -> Decimal:
    """A number of a line; only an open goods line cannot do without it, null being no zero."""
    if number is not None:
        return number
    if line.line_type.startswith("Goods") and not line.canceled and not line.completed:
        raise unreadable(f"read purchase order {order}", f"Line {line.line_nbr} has no {name}.")
    return Decimal(0)
