"""How Visma.net writes values: wrappers, numbers, days, ids, versions.

Create and update bodies wrap each scalar as `{"value": X}` (schemas `DtoValueOf…`); reads are
plain by the schema and sometimes wrapped in practice, so reading accepts both. Timestamps have no
zone and stay text; only document dates become days.
"""

import base64
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from ml_connector.http.transport import BadBody, Reply
from ml_connector.visma.errors import VismaNotFound, VismaUnreadable

Row = dict[str, Any]
"""One object of a reply, unwrapped."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_LARGEST_EXPONENT = 20
"""No quantity or amount of an ERP is larger; a bigger exponent would only eat memory."""

_TAG = re.compile(r'(?:W/)?"?(?P<tag>[^"]*)"?')
_RESERVED = frozenset(":/?#[]@!$&'()*+,;=%\\\"<>|^`{}")
_B64_SEGMENT = re.compile(r"b64\((?P<text>[A-Za-z0-9_-]*)\)")


def wrap(value: object) -> dict[str, object]:
    """A scalar of a create or update body."""
    return {"value": value}


def unwrap(value: object) -> object:
    """The same structure without `{"value": X}` wrappers, at any depth."""
    match value:
        case dict():
            if value.keys() == {"value"}:
                return unwrap(value["value"])
            return {key: unwrap(inner) for key, inner in value.items()}
        case list():
            return [unwrap(inner) for inner in value]
    return value


def _text(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            raise ValueError("a flag where a text belongs")
        case str():
            return value.strip()
        case int() | Decimal():
            return str(value)
    raise ValueError("not a text")


def _raw_text(value: object) -> object:
    return value if isinstance(value, str) else _text(value)


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a flag where a number belongs")
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        raise ValueError("not a number")
    if not isinstance(value, str | int | Decimal):
        raise ValueError("not a number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("not a number of this world")
    return number


def _whole(value: object) -> object:
    number = _number(value)
    if not isinstance(number, Decimal) or number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def _flag(value: object) -> object:
    match value:
        case bool():
            return value
        case str() if value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
    raise ValueError("not a flag")


def _nullable(read: Any) -> Any:
    return lambda value: None if value is None else read(value)


def _list(value: object) -> object:
    return [] if value is None else value


def _day(value: object) -> object:
    """The day that a document date names, as written: its clock time and zone mean nothing."""
    if isinstance(value, str) and len(value) >= 10:
        return date.fromisoformat(value[:10])
    raise ValueError("not a date")


Text = Annotated[str, BeforeValidator(_text)]
"""Trimmed; `null` reads as empty; a number where an id belongs reads as its digits."""
RawText = Annotated[str, BeforeValidator(_raw_text)]
"""Untrimmed, for people's own text."""
Number = Annotated[Decimal | None, BeforeValidator(_nullable(_number))]
Whole = Annotated[int | None, BeforeValidator(_nullable(_whole))]
Flag = Annotated[bool | None, BeforeValidator(_nullable(_flag))]
Day = Annotated[date | None, BeforeValidator(_nullable(_day))]
EmptyIfNull = BeforeValidator(_list)
"""For lists: `null` reads as no rows."""


class WireModel(BaseModel):
    """A reply's object: camelCase names, unknown keys ignored, every field optional."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


M = TypeVar("M", bound=WireModel)


def parse(model: type[M], value: object, what: str) -> M:
    """Read an unwrapped object. Raises `VismaUnreadable`, which names fields and never values."""
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        # pydantic's own text quotes the input, which may be a person's address.
        places = sorted({".".join(str(step) for step in error["loc"]) for error in exc.errors()})
        raise unreadable(what, f"Unexpected content in: {', '.join(places[:8])}.") from None


def read_json(reply: Reply, what: str) -> object:
    """The unwrapped body. Raises `VismaUnreadable`."""
    try:
        return unwrap(reply.json())
    except (BadBody, RecursionError):
        raise unreadable(what, f"{len(reply.content)} bytes are not JSON.") from None


def unreadable(what: str, why: str) -> VismaUnreadable:
    return VismaUnreadable(
        f"Visma's answer to '{what}' cannot be read.",
        why=why,
        remedy="It is tried again; if it stays, Visma changed this part of its API.",
    )


def entity_tag(reply: Reply) -> str:
    """The row version in the ETag header, without quotes; empty when there is none."""
    match = _TAG.fullmatch(reply.headers.get("ETag", "").strip())
    return match["tag"] if match else ""


def if_match(version: str) -> dict[str, str]:
    """The header that keeps a write from overwriting somebody (`If-Match: "…"`).

    Raises `ValueError` without a version: an unconditional write is never wanted.
    """
    if not version or '"' in version or not version.isascii() or not version.isprintable():
        raise ValueError("a write to Visma needs the version that was read")
    return {"If-Match": f'"{version}"'}


def segment(identifier: str) -> str:
    """An id as one segment of a path.

    Reserved characters go as `b64(…)`, base64url without padding (Visma knowledge base, "How to
    use reserved characters", since release 8.19). Raises `VismaNotFound` for an empty id, which
    would address the whole list.
    """
    if not identifier.strip():
        raise VismaNotFound("Visma has no record without a number.")
    if not _RESERVED.intersection(identifier) and not identifier.startswith("."):
        return quote(identifier, safe="", errors="replace")
    encoded = base64.urlsafe_b64encode(identifier.encode("utf-8", "surrogatepass"))
    return f"b64({encoded.rstrip(b'=').decode()})"


def located_id(reply: Reply) -> str:
    """The new document's id: the last path segment of `Location`, whichever host it names.

    Empty when there is no such header.
    """
    try:
        path = urlsplit(reply.headers.get("Location", "")).path
    except ValueError:
        return ""
    last = unquote(path.rstrip("/").rsplit("/", 1)[-1])
    match = _B64_SEGMENT.fullmatch(last)
    if not match:
        return last.strip()
    text = match["text"]
    try:
        padded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return padded.decode()
    except ValueError:
        return ""
