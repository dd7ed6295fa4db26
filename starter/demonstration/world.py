"""The simulators from outside: how they are told things, and what they hold.

`Books` is read off `GET /sandbox/state` of both. It is the truth that the demo's verdict compares
with; nothing in it comes from the connector's own database.
"""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from starter.errors import OurFault

_ANSWER_WITHIN = 20.0
"""Seconds. A loaded machine may take its time, loopback does not lose answers."""


class _Held(BaseModel):
    """A part of a simulator's state; what the demo does not need is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Cost(_Held):
    """What FedEx's answer said a shipment costs."""

    currency: str
    net_charge: Decimal
    net_fedex_charge: Decimal


class Piece(_Held):
    """One package on its way."""

    tracking_number: str
    first_scan_at: datetime | None
    delivered_at: datetime | None


class Shipment(_Held):
    """A shipment at FedEx."""

    master: str
    order_number: str
    account: str
    service: str
    cancelled: bool
    delivered: bool
    returned: bool
    cost: Cost | None
    pieces: tuple[Piece, ...]

    @property
    def first_scan_at(self) -> datetime | None:
        """The earliest scan of any piece."""
        return min((at for piece in self.pieces if (at := piece.first_scan_at)), default=None)

    @property
    def delivered_at(self) -> datetime | None:
        """When the last piece arrived; None while one is under way."""
        times = [piece.delivered_at for piece in self.pieces]
        known = [at for at in times if at is not None]
        return max(known) if known and len(known) == len(times) else None


class FedExBooks(_Held):
    """What FedEx holds."""

    shipments: tuple[Shipment, ...]
    violations: tuple[Mapping[str, Any], ...]
    leniencies: tuple[str, ...]
    """What FedEx let pass although its documentation forbids it."""
    faults: Mapping[str, Mapping[str, int]]

    def of(self, account: str, order: str) -> tuple[Shipment, ...]:
        return tuple(
            each for each in self.shipments if (each.account, each.order_number) == (account, order)
        )


class Document(_Held):
    """A purchase order or a purchase receipt."""

    number: str
    status: str
    custom: Mapping[str, Any]


class ReceiptLine(_Held):
    order: str | None


class Receipt(Document):
    """A purchase receipt."""

    lines: tuple[ReceiptLine, ...]

    @property
    def orders(self) -> tuple[str, ...]:
        """The orders it covers, each once, sorted."""
        return tuple(sorted({line.order for line in self.lines if line.order}))


class JournalLine(_Held):
    """A debit or a credit."""

    account: str
    sub: Mapping[int, str]
    project: str
    task: str | None
    reference: str
    debit: Decimal
    credit: Decimal


class Journal(_Held):
    """A batch of the general ledger."""

    number: str
    status: str
    transaction_date: date
    period: str
    currency: str
    description: str
    lines: tuple[JournalLine, ...]

    @property
    def references(self) -> frozenset[str]:
        return frozenset(line.reference for line in self.lines)


class Period(_Held):
    """A financial period; the last day is included."""

    id: str
    start: date
    end: date


class CompanyBooks(_Held):
    """What Visma holds of one company."""

    orders: Mapping[str, Document]
    receipts: Mapping[str, Receipt]
    journals: Mapping[str, Journal]
    periods: Mapping[str, Period]

    def receipts_of(self, order: str) -> tuple[Receipt, ...]:
        return tuple(each for each in self.receipts.values() if order in each.orders)


class Call(_Held):
    """A call that a careful client does not make."""

    kind: str
    call: str
    detail: str


class VismaBooks(_Held):
    """What Visma holds."""

    companies: Mapping[str, CompanyBooks]
    violations: tuple[Call, ...]
    calls: Mapping[str, Mapping[str, Mapping[str, int]]]

    def rounds(self, company: str) -> int:
        """How often the company's orders were listed."""
        return sum(self.calls.get(company, {}).get("GET /v1/purchaseorder", {}).values())


class Books(_Held):
    """Both simulators at one moment."""

    fedex: FedExBooks
    visma: VismaBooks


class World:
    """The control side of both simulators."""

    def __init__(self, http: httpx.AsyncClient, *, fedex_url: str, visma_url: str) -> None:
        self._http = http
        self.fedex_url = fedex_url
        self.visma_url = visma_url

    async def books(self) -> Books:
        """What both hold now."""
        fedex, visma = await asyncio.gather(
            self._call(self.fedex_url, "GET", "state"), self._call(self.visma_url, "GET", "state")
        )
        return Books(
            fedex=FedExBooks.model_validate_json(fedex), visma=VismaBooks.model_validate_json(visma)
        )

    async def tell_fedex(self, path: str, body: object) -> None:
        await self._call(self.fedex_url, "POST", path, body)

    async def tell_visma(self, path: str, body: object, *, method: str = "POST") -> None:
        await self._call(self.visma_url, method, path, body)

    async def _call(self, base: str, method: str, path: str, body: object = None) -> bytes:
        try:
            reply = await self._http.request(
                method, f"{base}/sandbox/{path}", json=body, timeout=_ANSWER_WITHIN
            )
        except httpx.TransportError as error:
            raise OurFault(
                "The sandbox does not answer any more",
                why=f"{type(error).__name__} at {method} /sandbox/{path}",
                remedy="Run the demo again",
                code="sandbox_gone",
            ) from error
        if not reply.is_success:
            raise OurFault(
                f"The sandbox refused {method} /sandbox/{path}",
                why=reply.text,
                code="sandbox_refused",
            )
        return reply.content
