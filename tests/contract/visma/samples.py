"""Documents as Visma writes them, and journals as the domain builds them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from ml_connector.domain.freight import Journal, JournalLine
from ml_connector.domain.order import Dimensions

VERSION = "AAAAAE0YIiI="


def order(number: str = "500254", **changes: Any) -> dict[str, Any]:
    """A purchase order of one open goods line."""
    return {
        "orderType": "RegularOrder",
        "orderNbr": number,
        "status": "Open",
        "hold": False,
        "shipVia": "FEDEX",
        "currency": "NOK",
        "supplier": {"internalId": 7, "number": "50606", "name": "Kontor AS"},
        "location": {"id": 12, "name": "Bergen"},
        "branch": {"number": "1", "name": "Main"},
        "warehouse": {"id": "OSLO", "description": "Oslo Lager"},
        "shippingAddress": {
            "addressLine1": "Storgata 1",
            "postalCode": "0155",
            "city": "Oslo",
            "country": {"id": "no", "name": "Norge"},
        },
        "shippingContact": {"name": "Nordic AS", "attention": "Kari", "phone1": "+4722000000"},
        "remitContact": {"email": "orders@supplier.example"},
        "lines": [
            {
                "lineNbr": 1,
                "lineType": "GoodsForInventory",
                "inventory": {"number": "1298", "description": "Chair"},
                "lineDescription": "Chair",
                "uom": "EA",
                "orderQty": 8,
                "baseOrderQty": 8.0,
                "qtyOnReceipts": 2,
                "amount": 1250.55,
                "account": {"number": "4300"},
                "sub": {
                    "segments": [
                        {"segmentId": 2, "segmentValue": "01"},
                        {"segmentId": 1, "segmentValue": "100"},
                    ]
                },
                "project": {"id": "P1"},
                "projectTask": {"id": "T1"},
            }
        ],
        "purchaseReceipts": [{"type": "PoReceipt", "receiptNumber": "R1", "status": "Balanced"}],
        "lastModifiedDateTime": "2026-11-20T10:00:00.123",
        "customStr1": " kept as typed ",
        "customDec1": 10.5,
        "customInt1": 3,
        "timeStamp": VERSION,
    } | changes


def receipt(number: str = "R1", orders: tuple[str, ...] = ("500254",), **changes: Any) -> Any:
    """A purchase receipt with a line for each order."""
    return {
        "receiptType": "PoReceipt",
        "receiptNbr": number,
        "status": "Balanced",
        "date": "2026-11-20T00:00:00",
        "supplier": {"number": "50606"},
        "lines": [
            {
                "lineNbr": position,
                "poOrderType": "RegularOrder",
                "poOrderNbr": name,
                "poOrderLineNbr": 1,
                "inventory": {"number": "1298"},
                "receiptQty": 2,
                "baseReceiptQty": 2,
            }
            for position, name in enumerate(orders, start=1)
        ],
        "lastModifiedDateTime": "2026-11-20T10:00:00",
        "timeStamp": VERSION,
    } | changes


def journal(**changes: Any) -> Journal:
    """A balanced journal of two debits and one credit."""
    dimensions = Dimensions(subaccount=((1, "100"), (2, "01")), project="P1", task="T1")
    zero = Decimal(0)
    return replace(
        Journal(
            reference="F500254-a1b2",
            batch_number="ML0001",
            posting_date=date(2026, 11, 20),
            period="202611",
            currency="NOK",
            exchange_rate=None,
            description="Freight 500254",
            hold=False,
            lines=(
                JournalLine(
                    account="7140",
                    dimensions=dimensions,
                    debit=Decimal("1250.55"),
                    credit=zero,
                    text="Freight 500254/1",
                    order_lines=(1,),
                ),
                JournalLine(
                    account="7140",
                    dimensions=Dimensions(),
                    debit=Decimal("0.10"),
                    credit=zero,
                    text="Freight 500254/2",
                    order_lines=(2,),
                ),
                JournalLine(
                    account="2960",
                    dimensions=Dimensions(project="X"),
                    debit=zero,
                    credit=Decimal("1250.65"),
                    text="Freight accrued",
                ),
            ),
        ),
        **changes,
    )


def batch(
    number: str, *lines: tuple[int, str, str, str], total: str | None = None, **changes: Any
) -> dict[str, Any]:
    """A batch as listed: (line number, reference, debit, credit) each."""
    totals = (
        {}
        if total is None
        else {
            "debitTotalInCurrency": float(total),
            "creditTotalInCurrency": float(total),
        }
    )
    return (
        {
            "module": "ModuleGL",
            "batchNumber": number,
            "status": "Balanced",
            "hold": False,
            "financialPeriod": "202611",
            "transactionDate": "2026-11-20T00:00:00",
            "currencyId": "NOK",
            "lastModifiedDateTime": "2026-11-20T10:00:00",
            "timeStamp": VERSION,
            "journalTransactionLines": [
                {
                    "lineNumber": line,
                    "accountNumber": "7140",
                    "referenceNumber": reference,
                    "debitAmountInCurrency": float(debit),
                    "creditAmountInCurrency": float(credit),
                }
                for line, reference, debit, credit in lines
            ],
        }
        | totals
        | changes
    )
