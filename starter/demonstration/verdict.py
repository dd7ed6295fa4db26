"""Has every order reached its end? Judged by what the simulators hold.

The connector's own read model has one say only: the stage it shows must be the true one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ml_connector.domain.tenant import FieldMap, Tenant
from starter.demonstration import bookkeeping
from starter.demonstration.scenario import Arrival, End, Order, Scenario
from starter.demonstration.seeding import fault_of
from starter.demonstration.watch import Sight
from starter.demonstration.world import CompanyBooks, Receipt, Shipment

_STATUS = {
    End.COMPLETED: "Delivered",
    End.RETURNED: "Returned to shipper",
    End.CANCELLED: "Cancelled",
}
"""What an order says of its parcel in Visma at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One thing that is not as it must be."""

    subject: str
    """`nordic/500101`, or the simulator whose rules were broken."""
    what: str

    def __str__(self) -> str:
        return f"{self.subject} {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Compares a sight with the scenario."""

    scenario: Scenario
    tenants: Mapping[str, Tenant]
    accounts: Mapping[str, str]

    def judge(self, sight: Sight, *, restarts: int = 0) -> list[Mismatch]:
        """Everything that is not as it must be, in the orders' order; nothing when all is well.

        `restarts` of the worker excuse shipments that were cancelled: an answer that died with
        the worker is lost like any other.
        """
        found = [
            Mismatch(subject=order.name, what=what)
            for order in self.scenario.orders
            for what in self._order(order, sight, excused=order.loses_answer or restarts > 0)
        ]
        return [*found, *self._manners(sight)]

    def _order(self, order: Order, sight: Sight, *, excused: bool) -> Iterator[str]:
        shipments = sight.books.fedex.of(self.accounts[order.tenant], order.number)
        live = [shipment for shipment in shipments if not shipment.cancelled]
        yield from _stage(order, sight)
        yield from _shipments(order, live, len(shipments) - len(live), excused=excused)
        yield from self._visma(order, sight, live, shipments)

    def _visma(
        self,
        order: Order,
        sight: Sight,
        live: Sequence[Shipment],
        all_shipments: Sequence[Shipment],
    ) -> Iterator[str]:
        tenant, company = self.tenants[order.tenant], sight.companies[order.tenant]
        held, fields = company.orders[order.number].custom, tenant.visma.fields
        if order.ships and len(live) == 1:
            [shipment] = live
            yield from _fields(held, fields, _progress(order, tenant, [shipment]))
            yield from bookkeeping.check_freight(order, tenant, shipment, company)
            yield from bookkeeping.check_date(order, tenant, shipment, company)
        elif order.end is End.CANCELLED:
            yield from _cancelled(held, fields, all_shipments)
        if not order.ships:
            yield from _nothing_posted(order, company)
        if order.end is End.LEFT_ALONE and held.get(fields.tracking_number):
            yield f"has the tracking number {held[fields.tracking_number]}, but must not ship"
        if order.quoted:
            yield from _quote(held, fields)
        yield from self._receipt(order, sight)

    def _receipt(self, order: Order, sight: Sight) -> Iterator[str]:
        arrival = self.scenario.arrival_of(order)
        receipts = sight.companies[order.tenant].receipts_of(order.number)
        if len(receipts) != (arrival is not None):
            yield f"is on {len(receipts)} receipts, not on {int(arrival is not None)}"
        elif arrival is not None:
            [receipt] = receipts
            yield from self._received(arrival, receipt, sight)

    def _received(self, arrival: Arrival, receipt: Receipt, sight: Sight) -> Iterator[str]:
        tenant, account = self.tenants[arrival.tenant], self.accounts[arrival.tenant]
        live = [
            shipment
            for number in arrival.orders
            for shipment in sight.books.fedex.of(account, number)
            if not shipment.cancelled
        ]
        if receipt.orders != arrival.orders:
            yield f"is on receipt {receipt.number} with {', '.join(receipt.orders)}"
        if len(live) == len(arrival.orders):
            expected = _progress_of(End.COMPLETED, tenant, live)
            for wrong in _fields(receipt.custom, tenant.visma.fields, expected):
                yield f"on receipt {receipt.number} {wrong}"

    def _manners(self, sight: Sight) -> Iterator[Mismatch]:
        """What a careful client does not do, even where it was let pass."""
        for broken in sight.books.fedex.violations:
            yield Mismatch(subject="FedEx", what=f"counts a {broken['rule']}: {broken['detail']}")
        for passed in dict.fromkeys(sight.books.fedex.leniencies):
            yield Mismatch(subject="FedEx", what=f"let pass {passed}")
        for call in sight.books.visma.violations:
            yield Mismatch(subject="Visma", what=f"saw {call.kind} at {call.call}: {call.detail}")
        for order in self.scenario.orders:
            fired = sight.books.fedex.faults.get(fault_of(order), {}).get("fired", 0)
            if order.loses_answer and fired != 1:
                yield Mismatch(subject=order.name, what="never lost an answer of FedEx")


def _stage(order: Order, sight: Sight) -> Iterator[str]:
    row = sight.rows.get(order.key)
    if row is None:
        yield "was not discovered"
    elif row.stage != order.end:
        why = ""
        if row.attention:
            why = f" ({row.attention}: {row.attention_detail} {row.attention_remedy or ''})"
        yield f"is {row.stage}, not {order.end}{why}"


def _shipments(
    order: Order, live: Sequence[Shipment], cancelled: int, *, excused: bool
) -> Iterator[str]:
    if len(live) != order.ships:
        yield f"has {len(live)} live shipments at FedEx, not {int(order.ships)}"
    if order.end is End.CANCELLED and not cancelled:
        yield "never had a shipment that could be cancelled"
    elif cancelled and not excused and order.end is not End.CANCELLED:
        yield f"has {cancelled} cancelled shipments at FedEx, nobody asked for them"
    for shipment in live if order.ships else ():
        if shipment.service != order.service:
            yield f"travels by {shipment.service}, not by {order.service}"
        if len(shipment.pieces) != order.packages:
            yield f"travels in {len(shipment.pieces)} packages, not in {order.packages}"
        if not shipment.delivered:
            yield f"is still under way at FedEx, as {shipment.master}"
        elif shipment.returned != (order.end is End.RETURNED):
            yield f"was {'returned' if shipment.returned else 'delivered'} by FedEx"


def _progress(
    order: Order, tenant: Tenant, shipments: Sequence[Shipment]
) -> dict[str, object | None]:
    return _progress_of(order.end, tenant, shipments)


def _progress_of(
    end: End, tenant: Tenant, shipments: Sequence[Shipment]
) -> dict[str, object | None]:
    """What a document in Visma must say of its shipments, by what the tenant file calls it."""
    costs = [each.cost for each in shipments if each.cost is not None]
    times = [each.delivered_at for each in shipments if each.delivered_at is not None]
    return {
        "tracking_number": {each.master for each in shipments},
        "tracking_status": _STATUS[end],
        "freight_cost": sum(
            (bookkeeping.freight(cost, tenant.freight) for cost in costs), Decimal(0)
        ),
        "delivered_at": max(times) if times and end is End.COMPLETED else None,
    }


def _fields(
    held: Mapping[str, Any], fields: FieldMap, expected: Mapping[str, object | None]
) -> Iterator[str]:
    for name, value in expected.items():
        slot = getattr(fields, name)
        found = _read(name, held.get(slot))
        if not _same(found, value):
            yield f"says {_shown(found)} in {slot} ({name}), not {_shown(value)}"


def _read(name: str, value: Any) -> object | None:
    """A field's content in the type in which it compares."""
    if value is None or value == "":
        return None
    match name:
        case "tracking_number":
            return set(str(value).split(", "))
        case "freight_cost":
            try:
                return Decimal(str(value))
            except InvalidOperation:
                return str(value)
        case "delivered_at":
            moment = datetime.fromisoformat(str(value))
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return str(value)


def _same(found: object | None, expected: object | None) -> bool:
    if isinstance(found, datetime) and isinstance(expected, datetime):
        # Visma's field holds whole seconds.
        return found.replace(microsecond=0) == expected.replace(microsecond=0)
    return found == expected


def _shown(value: object | None) -> str:
    match value:
        case None:
            return "nothing"
        case set():
            return ", ".join(sorted(map(str, value)))
        case datetime():
            return value.isoformat(timespec="seconds")
    return str(value)


def _cancelled(
    held: Mapping[str, Any], fields: FieldMap, shipments: Sequence[Shipment]
) -> Iterator[str]:
    number, status = held.get(fields.tracking_number), held.get(fields.tracking_status)
    if number not in {shipment.master for shipment in shipments}:
        yield f"says {_shown(number)} in {fields.tracking_number}, no number of its own"
    if status != _STATUS[End.CANCELLED]:
        yield f"says {_shown(status)} in {fields.tracking_status}, not {_STATUS[End.CANCELLED]}"


def _nothing_posted(order: Order, company: CompanyBooks) -> Iterator[str]:
    for journal in bookkeeping.journals_of(order, company):
        yield f"has freight journal {journal.number} without a shipment"


def _quote(held: Mapping[str, Any], fields: FieldMap) -> Iterator[str]:
    answer, request = held.get(fields.quote_result), held.get(fields.quote_request)
    if not answer:
        yield f"has no quote in {fields.quote_result}"
    elif not any(letter.isdigit() for letter in str(answer)):
        yield f"was refused its quote: {answer}"
    if request:
        yield f"still asks for a quote in {fields.quote_request}"
