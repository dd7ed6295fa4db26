"""What the connector writes into Visma's custom free fields, and what it leaves alone.

The fields are the company's own; each holds one value of ours by agreement (`visma.fields`).
A value that nobody here wrote belongs to somebody else: it is reported, never replaced.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from ml_connector.domain.findings import Finding
from ml_connector.domain.money import Money
from ml_connector.domain.tenant import FieldMap
from ml_connector.domain.tracking import ParcelState

TEXT_LIMIT = 100
"""customStr1..5 hold 100 characters."""

_FOUR_PLACES = Decimal("0.0001")
"""customDec1..2 hold four decimals."""

_WORDS = {
    ParcelState.LABEL_CREATED: "Label created",
    ParcelState.PICKED_UP: "Picked up",
    ParcelState.IN_TRANSIT: "In transit",
    ParcelState.OUT_FOR_DELIVERY: "Out for delivery",
    ParcelState.DELIVERED: "Delivered",
    ParcelState.EXCEPTION: "Exception",
    ParcelState.HELD: "Held for pickup",
    ParcelState.RETURNING: "Returning to shipper",
    ParcelState.RETURNED: "Returned to shipper",
    ParcelState.CANCELLED: "Cancelled",
    ParcelState.UNKNOWN: "Unknown status",
}
_WITH_CODE = frozenset({ParcelState.EXCEPTION, ParcelState.UNKNOWN})

_URGENCY = (
    ParcelState.EXCEPTION,
    ParcelState.RETURNED,
    ParcelState.RETURNING,
    ParcelState.HELD,
    ParcelState.UNKNOWN,
    ParcelState.LABEL_CREATED,
    ParcelState.PICKED_UP,
    ParcelState.IN_TRANSIT,
    ParcelState.OUT_FOR_DELIVERY,
    ParcelState.DELIVERED,
    ParcelState.CANCELLED,
)
"""Whose status a receipt of several shipments shows: trouble first, then the least advanced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentProgress:
    """What is known of one shipment."""

    tracking_number: str
    """The master number."""
    state: ParcelState
    code: str = ""
    """FedEx's raw code; written for an exception and for an unknown status."""
    cost: Money | None = None
    """As the tenant counts it (with or without taxes); `None` while nobody knows."""
    delivered_at: datetime | None = None


def status_text(state: ParcelState, code: str = "") -> str:
    """The state in words, with FedEx's code where the words alone would not tell enough."""
    words = _WORDS[state]
    return f"{words} ({code})" if code and state in _WITH_CODE else words


def desired_fields(fields: FieldMap, shipments: Sequence[ShipmentProgress]) -> dict[str, object]:
    """Visma's field → value, for a document of one shipment, or of several (a receipt).

    Values are text, `Decimal` with four places, or a UTC time. What is not known is left
    out, and so is what would not be true: costs of different currencies have no sum, a
    returned parcel was not delivered. Raises `ValueError` without shipments.
    """
    if not shipments:
        raise ValueError("a document with progress has at least one shipment")
    leading = min(shipments, key=lambda shipment: _URGENCY.index(shipment.state))
    values: dict[str, object | None] = {
        fields.tracking_number: _numbers(shipments),
        fields.tracking_status: status_text(leading.state, leading.code),
        fields.freight_cost: _total_cost(shipments),
        fields.delivered_at: _delivered_at(shipments),
    }
    return {slot: value for slot, value in values.items() if slot and value is not None}


def diff(
    current: Mapping[str, object],
    desired: Mapping[str, object],
    previously_written: Mapping[str, object],
) -> tuple[dict[str, object], tuple[Finding, ...]]:
    """The fields to write, and a `foreign_value` for each that holds somebody else's value.

    `previously_written` holds what we wrote or meant to write, one value a field or several
    (a list): record a value before it is sent, or a lost answer makes it look foreign. An
    empty field is text without signs, a number zero, or nothing.
    """
    changes: dict[str, object] = {}
    findings = []
    for slot, value in desired.items():
        held = _normal(slot, current.get(slot))
        if held == _normal(slot, value):
            continue
        if held is None or held in _ours(slot, previously_written.get(slot)):
            changes[slot] = value
        else:
            findings.append(_foreign(slot))
    return changes, tuple(findings)


def _numbers(shipments: Iterable[ShipmentProgress]) -> str | None:
    """All numbers if they fit, else the first and how many more; never half a number."""
    numbers = list(dict.fromkeys(shipment.tracking_number for shipment in shipments))
    text = ", ".join(numbers)
    if len(text) <= TEXT_LIMIT:
        return text or None
    return f"{numbers[0]} and {len(numbers) - 1} more"


def _total_cost(shipments: Sequence[ShipmentProgress]) -> Decimal | None:
    costs = [shipment.cost for shipment in shipments if shipment.cost is not None]
    if len(costs) < len(shipments) or len({cost.currency for cost in costs}) != 1:
        return None
    total = sum((cost.amount for cost in costs), Decimal(0))
    return total.quantize(_FOUR_PLACES, ROUND_HALF_UP)


def _delivered_at(shipments: Sequence[ShipmentProgress]) -> datetime | None:
    times = [
        shipment.delivered_at
        for shipment in shipments
        if shipment.state is ParcelState.DELIVERED and shipment.delivered_at is not None
    ]
    if len(times) < len(shipments):
        return None
    return max(times).astimezone(UTC).replace(microsecond=0)


def _ours(slot: str, written: object) -> tuple[object, ...]:
    values = written if isinstance(written, (list, tuple)) else (written,)
    return tuple(_normal(slot, value) for value in values)


def _normal(slot: str, value: object) -> object | None:
    """A value as it compares, whichever way Visma or our store spells it; `None` when empty."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if slot.startswith(("customDec", "customInt")):
        return _number(value)
    if slot.startswith("customDateTimeUTC"):
        return _instant(value)
    return str(value).strip()


def _number(value: object) -> object | None:
    try:
        number = Decimal(str(value)).quantize(_FOUR_PLACES, ROUND_HALF_UP)
    except InvalidOperation:
        return value
    return number or None


def _instant(value: object) -> object:
    """UTC to the second; Visma leaves the zone out of a field that is UTC by name."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return value
    if moment.utcoffset() is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(microsecond=0)


def _foreign(slot: str) -> Finding:
    return Finding(
        code="foreign_value",
        message=f"{slot} holds a value that the connector did not write; it was left alone.",
        remedy="Empty the field in Visma, or name another one under visma.fields.",
    )
