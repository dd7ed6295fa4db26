"""Rows that many tests need."""

from datetime import date, datetime
from decimal import Decimal

from ml_connector.store import JournalDraft, JournalKind, NewParcel, Shipment, TenantView
from ml_connector.store.calls import CallWindow

PLAN = {"recipient": {"person": "Kari Nordmann", "street": "Storgata 1"}, "lines": [1, 2]}


async def add_shipment(view: TenantView, order: str = "PO1", generation: int = 1) -> Shipment:
    return await view.shipments.add(
        order,
        generation,
        reference=f"{order}-{view.tenant}-{generation}",
        plan=PLAN,
        service="INTERNATIONAL_ECONOMY",
        ship_date=date(2026, 11, 20),
    )


def new_parcel(
    number: str,
    next_poll_at: datetime,
    *,
    order: str = "PO1",
    generation: int = 1,
    sequence: int = 1,
) -> NewParcel:
    return NewParcel(
        order=order,
        generation=generation,
        tracking_number=number,
        sequence=sequence,
        shipped_on=next_poll_at.date(),
        next_poll_at=next_poll_at,
    )


def call_window(ends_at: datetime) -> CallWindow:
    return CallWindow(most=15_000, remaining=99, ends_at=ends_at, blocked_until=ends_at)


def journal(reference: str = "PO1-abc-1", **different: object) -> JournalDraft:
    values: dict[str, object] = {
        "reference": reference,
        "kind": JournalKind.POST,
        "order": "PO1",
        "generation": 1,
        "amount": Decimal("100.10"),
        "currency": "NOK",
        "posting_date": date(2026, 11, 30),
        "period": "202611",
        "exchange_rate": Decimal("11.2345"),
        "lines": [{"account": "7140", "debit": "100.10"}, {"account": "2960", "credit": "100.10"}],
        "basis": "amount",
        "weights": {"1": "60.00", "2": "40.00"},
        "rule_version": 1,
        "cost_source": "ship_reply",
        "rate_type": "PAYOR_ACCOUNT_PACKAGE",
    }
    return JournalDraft(**{**values, **different})  # type: ignore[arg-type]
