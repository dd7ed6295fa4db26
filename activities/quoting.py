"""Rates on demand: for an order, at any stage of its life."""

from dataclasses import replace
from datetime import UTC, datetime

from temporalio import activity

from activities import findings
from activities.documents import OrderDocument
from activities.failures import SHORT_PAUSE, attention_of
from activities.master import MasterReader
from activities.observation import observe
from activities.services import Desk, Services
from activities.signatures import ANSWER_QUOTE, QUOTE_ATTEMPTS
from activities.trail import current_trail
from ml_connector.domain.money import Money
from ml_connector.domain.order import PurchaseOrder
from ml_connector.domain.planning import plan_shipment
from ml_connector.domain.progress import diff
from ml_connector.domain.quotes import (
    ANSWER_LIMIT,
    QuoteOption,
    quote_requested,
    render_quote,
)
from ml_connector.domain.shipment import ShipmentCost, ShipmentPlan
from ml_connector.fedex.client import RateQuote
from ml_connector.fedex.errors import (
    FedExCredentials,
    FedExError,
    FedExThrottled,
    FedExTransient,
)
from ml_connector.temporal.order_messages import QuoteAnswer, QuoteLine, QuoteRequest
from ml_connector.visma.budget import Priority
from ml_connector.visma.errors import VismaRejected, VismaStale

WRITE_ATTEMPTS = 5


class QuoteActivities:
    """Ask FedEx for every service's rate, and answer where the question was asked."""

    def __init__(self, services: Services, master: MasterReader) -> None:
        self._services = services
        self._master = master

    @activity.defn(name=ANSWER_QUOTE.name)
    async def answer_quote(self, request: QuoteRequest) -> QuoteAnswer:
        """Rates for the order as it stands now; an order on hold has rates too."""
        desk = (await self._services.desk(request.tenant)).at(Priority.INTERACTIVE)
        order = await desk.visma.get_order(request.order)
        answer, options = await self._ask(desk, order, request.id)
        text = render_quote(options, desk.now()) if options else _failure_text(answer)
        async with self._services.store.write(desk.id) as view:
            await view.quotes.add(
                order.number,
                request={"id": request.id, "in_visma": request.in_visma},
                offers=[
                    {"service": line.service, "amount": line.amount, "currency": line.currency}
                    for line in answer.lines
                ],
            )
            current_trail().note(view, "order:quoted", request=request.id, offers=len(answer.lines))
        if request.in_visma:
            await self._write(desk, order, text)
        return answer

    async def _ask(
        self, desk: Desk, order: PurchaseOrder, request_id: str
    ) -> tuple[QuoteAnswer, tuple[QuoteOption, ...]]:
        master = await self._master.of(desk, order)
        plan = plan_shipment(_as_if_released(order), master, desk.tenant, 0, desk.now().date())
        if not isinstance(plan, ShipmentPlan):
            return QuoteAnswer(failure=attention_of(plan).detail), ()
        try:
            quotes = await desk.fedex.quote(plan, service=None, transaction_id=request_id)
        except FedExError as fault:
            if not _is_final(fault):
                raise
            if isinstance(fault, FedExCredentials):
                await self._services.lock_out(desk.id, fault, settings=desk.version)
            return QuoteAnswer(failure=fault.why or fault.what), ()
        options = tuple(_option(quote, quote.cost) for quote in quotes if quote.cost is not None)
        ordered = sorted(options, key=lambda option: option.amount.amount)
        lines = tuple(
            QuoteLine(
                service=option.service,
                amount=str(option.amount.amount),
                currency=option.amount.currency,
                transit_days=option.transit_days,
            )
            for option in ordered
        )
        failure = "" if lines else "FedEx offers no service for this shipment."
        return QuoteAnswer(lines=lines, failure=failure), tuple(ordered)

    async def _write(self, desk: Desk, order: PurchaseOrder, text: str) -> None:
        """Put the answer into Visma and clear the word that asked for it."""
        document = OrderDocument(self._services.store, desk, order.number)
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            changes = await self._changes(desk, document, order, text)
            if not changes:
                await self._written(desk, order, {}, order.version)
                return
            await document.intend(changes)
            try:
                version = await document.put(changes, order.version)
            except VismaStale:
                if attempt == WRITE_ATTEMPTS:
                    raise
                order = await desk.visma.get_order(order.number)
                continue
            except VismaRejected as refused:
                await self._refused(desk, order, refused)
                return
            await self._written(desk, order, changes, version)
            return

    async def _changes(
        self, desk: Desk, document: OrderDocument, order: PurchaseOrder, text: str
    ) -> dict[str, object]:
        """What of the answer may be written over what the order holds now.

        A person may have taken the question back, or keep something of their own where the answer
        goes: neither is overwritten.
        """
        fields = desk.tenant.visma.fields
        async with self._services.store.read(desk.id) as view:
            row = await view.orders.get(order.number)
        written = row.written_fields if row else {}
        answer = {fields.quote_result: text} if fields.quote_result else {}
        changes, foreign = diff(order.custom, answer, written)
        await document.report(foreign)
        if fields.quote_request and quote_requested(order.custom.get(fields.quote_request)):
            changes[fields.quote_request] = None
        return changes

    async def _written(
        self, desk: Desk, order: PurchaseOrder, changes: dict[str, object], version: str
    ) -> None:
        async with self._services.store.write(desk.id) as view:
            row = await view.orders.get(order.number)
            await observe(view, desk, order, row)
            seen = dict(row.seen_fields if row else {}) | changes
            await view.orders.save(
                order.number,
                version=version,
                seen_fields={slot: value for slot, value in seen.items() if value is not None},
                quote_request_version=None,
                quote_result=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            )
            current_trail().write(view)

    async def _refused(self, desk: Desk, order: PurchaseOrder, refused: VismaRejected) -> None:
        async with self._services.store.write(desk.id) as view:
            await view.findings.add(
                order.number, findings.refuses_writes(f"order {order.number}", refused.what)
            )
            await view.orders.save(order.number, quote_request_version=None)
            current_trail().write(view)


def _is_final(fault: FedExError) -> bool:
    """Whether the person who asked is told now: another attempt is no use, or too far away."""
    last = activity.info().attempt >= QUOTE_ATTEMPTS
    if isinstance(fault, FedExThrottled):
        return last or fault.retry_after > SHORT_PAUSE
    return last or not isinstance(fault, FedExTransient)


def _as_if_released(order: PurchaseOrder) -> PurchaseOrder:
    """What it would cost is asked before it may ship."""
    return replace(order, on_hold=False, status="Open")


def _option(quote: RateQuote, cost: ShipmentCost) -> QuoteOption:
    return QuoteOption(
        service=quote.service,
        amount=Money(cost.net_charge, cost.currency),
        transit_days=quote.transit_days,
        source=cost.rate_type,
    )


def _failure_text(answer: QuoteAnswer) -> str:
    """Visma's field holds 100 characters; the whole reason stands in `po show`."""
    text = f"No quote: {answer.failure}"
    return text if len(text) <= ANSWER_LIMIT else f"{text[: ANSWER_LIMIT - 1]}…"
