"""How values look on the wire: wrapped on writes, plain on reads, times without a zone.

Every scalar of an update DTO is `{"value": x}`; arrays, `operation` and segment lists are not.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum

from ml_connector.sandbox.visma.errors import Refused
from ml_connector.sandbox.visma.switches import MomentShape

_FILTER_DATE = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,3}))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?"
)
_B64_ID = re.compile(r"b64\((?P<text>[A-Za-z0-9_-]*)\)")


class Kind(StrEnum):
    """What a wrapped value may be."""

    TEXT = "string"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    MOMENT = "date-time"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """`{"value": x}` with x of a kind, one of the choices, or an object of a shape."""

    kind: "Kind | Shape" = Kind.TEXT
    choices: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plain:
    """x itself."""

    kind: Kind = Kind.TEXT
    choices: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rows:
    """A plain array of objects of one shape."""

    shape: "Shape"


Shape = Mapping[str, "Wrapped | Plain | Rows"]
Unknown = Callable[[str], None]

OPERATION = Plain(Kind.TEXT, frozenset({"Insert", "Update", "Delete"}))
SEGMENTS = Rows({"segmentId": Plain(Kind.INTEGER), "segmentValue": Plain()})
CUSTOM: Shape = {
    **{f"customStr{n}": Wrapped() for n in range(1, 6)},
    **{f"customDec{n}": Wrapped(Kind.NUMBER) for n in range(1, 3)},
    **{f"customInt{n}": Wrapped(Kind.INTEGER) for n in range(1, 3)},
    "customDateTimeUTC1": Wrapped(Kind.MOMENT),
}


def texts(*names: str) -> dict[str, Wrapped]:
    """Wrapped strings of these names."""
    return {name: Wrapped() for name in names}


def numbers(*names: str) -> dict[str, Wrapped]:
    return {name: Wrapped(Kind.NUMBER) for name in names}


def parse(body: object, shape: Shape, unknown: Unknown, path: str = "") -> dict[str, object]:
    """An update DTO with its wrappers taken off. `unknown` is told of fields Visma would ignore.

    Raises Refused for a plain value where a wrapped one belongs, the reverse, or a wrong type.
    """
    if not isinstance(body, dict):
        raise _unreadable(path or "$", body, "object")
    values: dict[str, object] = {}
    for name, given in body.items():
        here = f"{path}.{name}" if path else name
        if name not in shape:
            unknown(here)
            continue
        values[name] = _read(given, shape[name], unknown, here)
    return values


def _read(given: object, field: Wrapped | Plain | Rows, unknown: Unknown, path: str) -> object:
    if isinstance(field, Rows):
        if not isinstance(given, list):
            raise _unreadable(path, given, "array")
        return [
            parse(row, field.shape, unknown, f"{path}[{index}]") for index, row in enumerate(given)
        ]
    if isinstance(field, Plain):
        return _scalar(given, field.kind, field.choices, path)
    if not isinstance(given, dict) or set(given) != {"value"}:
        kind = field.kind if isinstance(field.kind, Kind) else "object"
        raise _unreadable(path, given, f"DtoValue of {kind}")
    inner = given["value"]
    if inner is None:
        return None
    if isinstance(field.kind, Kind):
        return _scalar(inner, field.kind, field.choices, f"{path}.value")
    return parse(inner, field.kind, unknown, f"{path}.value")


def _scalar(given: object, kind: Kind, choices: frozenset[str], path: str) -> object:
    match kind:
        case Kind.TEXT if isinstance(given, str):
            if choices and given not in choices:
                raise _unreadable(path, given, f"one of {', '.join(sorted(choices))}")
            return given
        case Kind.BOOLEAN if isinstance(given, bool):
            return given
        case Kind.INTEGER if isinstance(given, int) and not isinstance(given, bool):
            return given
        case Kind.NUMBER if isinstance(given, int | Decimal) and not isinstance(given, bool):
            return Decimal(given)
        case Kind.MOMENT if isinstance(given, str):
            return read_moment(given, path)
    raise _unreadable(path, given, kind.value)


def _unreadable(path: str, given: object, wanted: str) -> Refused:
    shown = json.dumps(given, default=str)[:60]
    return Refused(
        f"The request is invalid. Error converting value {shown} to {wanted}. Path '{path}'."
    )


def read_json(content: bytes) -> object:
    """A request body with exact numbers. Raises Refused when it is no JSON."""
    try:
        return json.loads(content, parse_float=Decimal)
    except ValueError as error:
        raise Refused(f"The request is invalid. {error}") from error


def read_moment(text: str, path: str) -> datetime:
    """A moment as it was written: aware when the text has a zone. Raises Refused."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise _unreadable(path, text, "date-time") from error


def write_json(value: object) -> bytes:
    """A response body. Amounts become JSON numbers, exact up to fifteen digits as Visma's are."""
    return json.dumps(value, default=_number, ensure_ascii=False).encode()


def _number(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return day(value)
    raise TypeError(f"{type(value).__name__} is no wire value")


def day(value: date) -> str:
    """A document date: midnight, no zone."""
    return f"{value:%Y-%m-%d}T00:00:00"


def moment(naive: datetime) -> str:
    """A wall-clock time as .NET writes it: no zone, trailing zeros of the fraction cut off."""
    milliseconds = naive.microsecond // 1000
    fraction = f".{milliseconds:03d}".rstrip("0") if milliseconds else ""
    return f"{naive:%Y-%m-%dT%H:%M:%S}{fraction}"


def shaped_moment(local: datetime, shape: MomentShape, version: int) -> str:
    """An aware local time in one of the shapes that clients have met."""
    text = moment(local)
    if shape is MomentShape.OFFSET or (shape is MomentShape.MIXED and version % 2):
        offset = f"{local:%z}"
        return f"{text}{offset[:3]}:{offset[3:]}"
    return text


def utc_moment(value: datetime) -> datetime:
    """A moment of a field that Visma keeps in UTC, without a zone."""
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def read_filter_date(text: str) -> tuple[datetime, bool]:
    """A date filter's value, and whether a zone suffix was dropped. Raises Refused."""
    found = _FILTER_DATE.fullmatch(text)
    if found is None:
        raise Refused(f"The value '{text}' is not a valid date and time.")
    fraction = (found["fraction"] or "").ljust(6, "0")
    try:
        naive = datetime.fromisoformat(f"{found['day']}T{found['time'] or '00:00:00'}.{fraction}")
    except ValueError as error:
        raise Refused(f"The value '{text}' is not a valid date and time.") from error
    return naive, found["zone"] is not None


def row_version(number: int) -> str:
    """A row version as `timeStamp` shows it: eight bytes in base64."""
    return base64.b64encode(number.to_bytes(8, "big")).decode()


def path_id(text: str) -> str:
    """A path segment's id; reserved characters arrive as `b64(<base64url>)`."""
    found = _B64_ID.fullmatch(text)
    if found is None:
        return text
    padded = found["text"] + "=" * (-len(found["text"]) % 4)
    try:
        return base64.urlsafe_b64decode(padded).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(f"The identifier '{text}' cannot be decoded.") from error


def without_nulls(value: object) -> object:
    """A body with the fields that have no value left out."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def wrapped_scalars(value: object) -> object:
    """A body with every scalar wrapped, the paging metadata aside."""
    if isinstance(value, dict):
        return {
            name: item if name == "metadata" else wrapped_scalars(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [wrapped_scalars(item) for item in value]
    return {"value": value}
