"""Purchase receipts: read through `/v2/PurchaseReceipt`, written through `/v1/PurchaseReceipt`.

The v1 reads were removed on 2026-09-15 (Visma.net API documentation, end-of-life notices).
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing

from ml_connector.visma.calls import Resource
from ml_connector.visma.conversion import code_of, page_of, version_of
from ml_connector.visma.documents import ReceiptDto, ReceiptLineDto, custom_fields
from ml_connector.visma.fields import update_body
from ml_connector.visma.filters import check_modified, ignored, modified_after
from ml_connector.visma.paging import Listing, read_pages
from ml_connector.visma.records import Page, PurchaseReceipt, ReceiptLine
from ml_connector.visma.wire import Row, entity_tag, parse, segment, unreadable

READ_PATH = "/v2/PurchaseReceipt"
WRITE_PATH = "/v1/PurchaseReceipt"
_WITH_CUSTOM_FIELDS = {"includeCustomFreeFields": "true"}


class Receipts(Resource):
    """Reading receipts, and writing their custom free fields."""

    async def get_receipt(self, number: str) -> PurchaseReceipt:
        """One receipt with its version. Raises `VismaNotFound` and what any read raises."""
        what = f"read purchase receipt {number}"
        reply, row = await self._calls.read_versioned(
            f"{READ_PATH}/{segment(number)}", what, params=_WITH_CUSTOM_FIELDS
        )
        receipt = parse(ReceiptDto, row, what)
        if receipt.receipt_nbr.casefold() != number.strip().casefold():
            raise unreadable(what, "It is another receipt.")
        return _receipt(receipt, row, version_of(reply, receipt.time_stamp, what))

    async def receipts(
        self,
        *,
        modified_since: str | None = None,
        po_order: str | None = None,
        page_size: int = 500,
    ) -> AsyncGenerator[Page[PurchaseReceipt], None]:
        """Receipts page by page, changed since a server time or naming an order.

        The same promises and errors as `Orders.orders`.
        """
        what = "list purchase receipts"
        params: dict[str, str | int] = dict(_WITH_CUSTOM_FIELDS)
        if modified_since is not None:
            params |= modified_after(modified_since)
        if po_order is not None:
            params["poOrderNbr"] = po_order
        listing = Listing(path=READ_PATH, what=what, keys=_keys, params=params, page_size=page_size)
        async with aclosing(read_pages(self._calls, listing)) as pages:
            async for rows in pages:
                for row in rows:
                    if modified_since is not None:
                        check_modified(row.get("lastModifiedDateTime"), modified_since, what)
                page = page_of(rows, "receiptNbr", _listed_receipt)
                if po_order is not None:
                    _check_order(page, po_order, what)
                yield page

    async def update_receipt_fields(
        self, number: str, fields: Mapping[str, object], *, version: str, operation: str = ""
    ) -> str:
        """Set custom free fields if the receipt still has `version`; everything else stays.

        As `Orders.update_order_fields`; a released receipt may refuse with `VismaRejected`.
        """
        reply = await self._calls.write(
            "PUT",
            f"{WRITE_PATH}/{segment(number)}",
            f"update purchase receipt {number}",
            json=update_body(fields),
            version=version,
            operation=operation or None,
        )
        return entity_tag(reply)


def _check_order(receipts: Iterable[PurchaseReceipt], order: str, what: str) -> None:
    for receipt in receipts:
        if receipt.lines and order not in receipt.orders:
            raise ignored("poOrderNbr", what)


def _listed_receipt(row: Row) -> PurchaseReceipt:
    what = "list purchase receipts"
    receipt = parse(ReceiptDto, row, what)
    if not receipt.receipt_nbr:
        raise unreadable(what, "A row has no receiptNbr.")
    return _receipt(receipt, row, receipt.time_stamp)


def _receipt(receipt: ReceiptDto, row: Row, version: str) -> PurchaseReceipt:
    return PurchaseReceipt(
        number=receipt.receipt_nbr,
        receipt_type=receipt.receipt_type,
        status=receipt.status,
        on_hold=bool(receipt.hold) or receipt.status == "Hold",
        date=receipt.date,
        supplier=code_of(receipt.supplier),
        lines=tuple(_line(line, receipt.receipt_nbr) for line in receipt.lines),
        custom=custom_fields(row),
        last_modified=receipt.last_modified_date_time,
        version=version,
    )


def _line(line: ReceiptLineDto, receipt: str) -> ReceiptLine:
    if line.line_nbr is None:
        raise unreadable(f"read purchase receipt {receipt}", "A line has no lineNbr.")
    return ReceiptLine(
        number=line.line_nbr,
        order_type=line.po_order_type,
        order=line.po_order_nbr,
        order_line=line.po_order_line_nbr,
        item=code_of(line.inventory),
        quantity=line.receipt_qty,
        base_quantity=line.base_receipt_qty,
    )


def _keys(row: Row) -> list[str]:
    return [f"{row.get('receiptType')}/{row.get('receiptNbr')}"]
