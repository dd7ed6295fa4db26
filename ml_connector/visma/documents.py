"""Wire models of orders, receipts and journals (`PurchaseOrderDto`, `PurchaseReceiptDto`, …).

Every field is optional here, because real data has holes; what the domain cannot do without is
checked where a row becomes a domain value.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from ml_connector.visma.fields import CUSTOM_FIELDS, DECIMALS, INTEGERS
from ml_connector.visma.wire import (
    Day,
    EmptyIfNull,
    Flag,
    Number,
    RawText,
    Row,
    Text,
    Whole,
    WireModel,
)


class Coded(WireModel):
    """`{"number": …}` or `{"id": …}`: which of them differs by resource."""

    number: Text = ""
    id: Text = ""
    name: Text = ""
    description: Text = ""

    @property
    def code(self) -> str:
        return self.number or self.id


class AddressDto(WireModel):
    address_line1: Text = Field("", alias="addressLine1")
    address_line2: Text = Field("", alias="addressLine2")
    address_line3: Text = Field("", alias="addressLine3")
    postal_code: Text = ""
    city: Text = ""
    country: Coded | None = None
    county: Coded | None = None


class ContactDto(WireModel):
    name: Text = ""
    company_name: Text = ""
    attention: Text = ""
    email: Text = ""
    phone1: Text = ""
    phone2: Text = ""


class SegmentDto(WireModel):
    segment_id: Whole = None
    segment_value: Text = ""


class SubaccountDto(WireModel):
    subaccount_number: Text = ""
    segments: Annotated[tuple[SegmentDto, ...], EmptyIfNull] = ()


class OrderLineDto(WireModel):
    line_nbr: Whole = None
    inventory: Coded | None = None
    line_type: Text = ""
    line_description: Text = ""
    uom: Text = ""
    order_qty: Number = None
    base_order_qty: Number = None
    qty_on_receipts: Number = None
    amount: Number = None
    account: Coded | None = None
    sub: SubaccountDto | None = None
    project: Coded | None = None
    project_task: Coded | None = None
    completed: Flag = None
    canceled: Flag = None


class ReceiptLinkDto(WireModel):
    type: Text = ""
    receipt_number: Text = ""
    status: Text = ""


class OrderDto(WireModel):
    order_type: Text = ""
    order_nbr: Text = ""
    status: Text = ""
    hold: Flag = None
    ship_via: Text = ""
    currency: Text = ""
    supplier: Coded | None = None
    location: Coded | None = None
    warehouse: Coded | None = None
    branch: Coded | None = None
    ship_to: Coded | None = None
    shipping_address: AddressDto | None = None
    shipping_contact: ContactDto | None = None
    remit_contact: ContactDto | None = None
    lines: Annotated[tuple[OrderLineDto, ...], EmptyIfNull] = ()
    purchase_receipts: Annotated[tuple[ReceiptLinkDto, ...], EmptyIfNull] = ()
    last_modified_date_time: Text = ""
    time_stamp: Text = ""


class ReceiptLineDto(WireModel):
    line_nbr: Whole = None
    inventory: Coded | None = None
    receipt_qty: Number = None
    base_receipt_qty: Number = None
    po_order_type: Text = ""
    po_order_nbr: Text = ""
    po_order_line_nbr: Whole = None


class ReceiptDto(WireModel):
    receipt_type: Text = ""
    receipt_nbr: Text = ""
    status: Text = ""
    hold: Flag = None
    date: Day = None
    supplier: Coded | None = None
    lines: Annotated[tuple[ReceiptLineDto, ...], EmptyIfNull] = ()
    last_modified_date_time: Text = ""
    time_stamp: Text = ""


class JournalLineDto(WireModel):
    line_number: Whole = None
    account_number: Text = ""
    subaccount: SubaccountDto | None = None
    project: Coded | None = None
    project_task: Coded | None = None
    reference_number: Text = ""
    transaction_description: Text = ""
    debit_amount_in_currency: Number = None
    credit_amount_in_currency: Number = None


class JournalDto(WireModel):
    module: Text = ""
    batch_number: Text = ""
    status: Text = ""
    hold: Flag = None
    transaction_date: Day = None
    financial_period: Text = ""
    currency_id: Text = ""
    exchange_rate: Number = None
    description: Text = ""
    debit_total_in_currency: Number = None
    credit_total_in_currency: Number = None
    journal_transaction_lines: Annotated[tuple[JournalLineDto, ...], EmptyIfNull] = ()
    last_modified_date_time: Text = ""
    time_stamp: Text = ""


_RAW_TEXT: TypeAdapter[str] = TypeAdapter(RawText)
_NUMBER: TypeAdapter[Decimal | None] = TypeAdapter(Number)


def custom_fields(row: Row) -> dict[str, object]:
    """The custom free fields that hold something, by Visma's name.

    Texts untrimmed, numbers as `Decimal` or `int`, the date-time as Visma's own text. A value of
    an unexpected type is kept as it came, because whatever stands there is not ours.
    """
    return {
        name: _custom_value(name, row[name])
        for name in sorted(CUSTOM_FIELDS.intersection(row))
        if row[name] is not None and row[name] != ""
    }


def _custom_value(name: str, value: object) -> object:
    try:
        if name not in DECIMALS | INTEGERS:
            return _RAW_TEXT.validate_python(value)
        number = _NUMBER.validate_python(value)
    except ValidationError:
        return value
    if name in INTEGERS and number is not None and number == number.to_integral_value():
        return int(number)
    return number
