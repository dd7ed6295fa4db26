"""The ten custom free fields of an order or a receipt: limits, writing, comparing.

Source: descriptions of `PurchaseOrderDto.custom…` and `PurchaseReceiptDto.custom…`: texts up to
100 characters, decimals with up to 4 places, 32-bit integers, one date-time in UTC.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from ml_connector.visma.errors import VismaRejected
from ml_connector.visma.wire import wrap

TEXTS = frozenset(f"customStr{number}" for number in range(1, 6))
DECIMALS = frozenset({"customDec1", "customDec2"})
INTEGERS = frozenset({"customInt1", "customInt2"})
TIMES = frozenset({"customDateTimeUTC1"})
CUSTOM_FIELDS = TEXTS | DECIMALS | INTEGERS | TIMES

TEXT_LIMIT = 100
_DECIMAL_PLACES = 4
_INT32 = range(-(2**31), 2**31)


def update_body(fields: Mapping[str, object]) -> dict[str, object]:
    """The update DTO that sets these custom fields and leaves everything else alone.

    A value of `None` clears the field. Raises `VismaRejected` for a value that does not fit, and
    `ValueError` for anything that is not a custom field or for no field at all.
    """
    if not fields:
        raise ValueError("a write that changes nothing is not sent")
    if unknown := sorted(set(fields) - CUSTOM_FIELDS):
        raise ValueError(f"not custom fields of Visma: {', '.join(unknown)}")
    return {name: wrap(wire_value(name, value)) for name, value in fields.items()}


def wire_value(name: str, value: object) -> object:
    """One field's value as Visma takes it. Raises `VismaRejected` when it does not fit."""
    if value is None:
        # A text is cleared by an empty one, as other clients do; null is what is left for the
        # types that have no empty value.
        return "" if name in TEXTS else None
    if name in TEXTS:
        return _text(name, value)
    if name in TIMES:
        return _utc_text(name, value)
    return _number(name, value)


def same_value(name: str, ours: object, theirs: object) -> bool:
    """Whether writing `ours` over `theirs` would change nothing.

    Visma may return a number with other zeros and a time in another notation than it was given.
    """
    try:
        return _comparable(name, ours) == _comparable(name, theirs)
    except VismaRejected:
        return False


def _comparable(name: str, value: object) -> object:
    written = wire_value(name, value)
    return None if written == "" else written


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > TEXT_LIMIT:
        raise _misfit(name, f"a text of at most {TEXT_LIMIT} characters")
    return value


def _number(name: str, value: object) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise _misfit(name, "a number")
    try:
        number = Decimal(value)
        if name in INTEGERS:
            return _int32(name, number)
        # quantize also refuses NaN and numbers beyond the context's 28 digits
        if number != number.quantize(Decimal(1).scaleb(-_DECIMAL_PLACES)):
            raise _misfit(name, f"a number with at most {_DECIMAL_PLACES} decimals")
    except (InvalidOperation, ValueError):
        raise _misfit(name, "a number") from None
    if Decimal(repr(float(number))) != number:
        raise _misfit(name, "a number of at most 15 digits")
    return number.normalize()


def _int32(name: str, number: Decimal) -> int:
    if not number.is_finite() or number.adjusted() > 10 or int(number) != number:
        raise _misfit(name, "a whole number")
    if int(number) not in _INT32:
        raise _misfit(name, "a whole number of 32 bits")
    return int(number)


def _utc_text(name: str, value: object) -> str:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _misfit(name, "a time") from None
        if value.tzinfo is None:
            # Visma's description of the field says UTC, and its reads leave the zone out.
            value = value.replace(tzinfo=UTC)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _misfit(name, "a time with its offset")
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        raise _misfit(name, "a time") from None
    return instant.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _misfit(name: str, needed: str) -> VismaRejected:
    return VismaRejected(
        f"{name} cannot hold the value: it needs {needed}.",
        remedy="Choose another custom field under [visma.fields] of the tenant file.",
    )
