"""Reading JSON of which nothing may be taken for granted.

FedEx's replies differ from its schemas: keys come and go, numbers arrive as texts, lists as
single objects. A `Part` answers every question about a value without ever raising.
"""

import base64
import binascii
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation

LONGEST_TEXT = 1_000
_LARGEST_EXPONENT = 15
"""Digits before or after the point: beyond, a number is damage and not an amount."""

_YEARS = range(1990, 2200)
"""Stamps outside are damage too, and would overflow on the way to UTC."""


class Part:
    """One JSON value, or the absence of one."""

    __slots__ = ("_value",)

    def __init__(self, value: object = None) -> None:
        self._value = value

    def __getitem__(self, key: str) -> "Part":
        """The value under a key, whatever the key's case; a missing one is an empty part."""
        if not isinstance(self._value, Mapping):
            return Part()
        if key in self._value:
            return Part(self._value[key])
        folded = key.casefold()
        for other, value in self._value.items():
            if str(other).casefold() == folded:
                return Part(value)
        return Part()

    def first(self, *keys: str) -> "Part":
        """The value under the first key that has one: for known differences of spelling."""
        return next((self[key] for key in keys if self[key]), Part())

    def __iter__(self) -> Iterator["Part"]:
        """The elements of a list; a lone object counts as a list of one."""
        if isinstance(self._value, list):
            yield from (Part(item) for item in self._value)
        elif isinstance(self._value, Mapping):
            yield self

    def __bool__(self) -> bool:
        """Whether there is anything: `null`, empty texts, lists and objects are nothing."""
        return self._value not in (None, "", [], {})

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of an object; none of anything else."""
        return tuple(map(str, self._value)) if isinstance(self._value, Mapping) else ()

    @property
    def is_list(self) -> bool:
        return isinstance(self._value, list)

    @property
    def text(self) -> str:
        """A text or number as printable text, "" for anything else."""
        match self._value:
            case bool():
                return ""
            case str() as text:
                return _printable(text[:LONGEST_TEXT])
            case int() as number:
                # A SmartPost tracking number has 22 digits, so this is not about amounts.
                return str(number)[:LONGEST_TEXT]
            case Decimal() if (plausible := self.number) is not None:
                return f"{plausible:f}"
            case _:
                return ""

    @property
    def raw_text(self) -> str:
        """A text exactly as it came, of any length; "" for anything else."""
        return self._value if isinstance(self._value, str) else ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of a list, or a lone text as a list of one; empty ones left out."""
        values = self._value if isinstance(self._value, list) else [self._value]
        return tuple(text for text in (Part(value).text for value in values) if text)

    @property
    def number(self) -> Decimal | None:
        """A number, also when written as text or wrapped as `{"amount": …}`."""
        value = self._value
        if isinstance(value, Mapping):
            return self["amount"].number if "amount" in value else None
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            return None
        if isinstance(value, int) and abs(value) >= 10**_LARGEST_EXPONENT:
            return None
        try:
            number = Decimal(value.strip() if isinstance(value, str) else value)
        except InvalidOperation:
            return None
        return number if _is_plausible(number) else None

    @property
    def whole(self) -> int | None:
        """A whole number, also when written as text."""
        number = self.number
        return int(number) if number is not None and number == number.to_integral_value() else None

    @property
    def flag(self) -> bool | None:
        """A boolean, also when written as the text "true" or "false"."""
        if isinstance(self._value, bool):
            return self._value
        return {"true": True, "false": False}.get(self.text.casefold())

    @property
    def blob(self) -> bytes | None:
        """Base64 text as bytes; `None` when there is none or it is damaged."""
        if not isinstance(self._value, str) or not self._value:
            return None
        try:
            return base64.b64decode("".join(self._value.split()), validate=True) or None
        except (binascii.Error, ValueError):
            return None

    @property
    def day(self) -> date | None:
        """The day of an ISO date or stamp, as it is written."""
        stamp = self.instant(UTC)
        return stamp.date() if stamp else None

    def instant(self, zone: tzinfo) -> datetime | None:
        """An ISO stamp; one without an offset (FedEx sends both kinds) is read in `zone`."""
        stamp = self.stamp
        if stamp is None or stamp.tzinfo:
            return stamp
        return stamp.replace(tzinfo=zone)

    @property
    def stamp(self) -> datetime | None:
        """An ISO stamp as it stands, with or without an offset."""
        try:
            stamp = datetime.fromisoformat(self.text)
        except ValueError:
            return None
        return stamp if stamp.year in _YEARS else None


def _is_plausible(number: Decimal) -> bool:
    if not number.is_finite():
        return False
    exponent = number.as_tuple().exponent
    return (
        number.adjusted() < _LARGEST_EXPONENT
        and isinstance(exponent, int)
        and exponent >= -_LARGEST_EXPONENT
    )


def _printable(text: str) -> str:
    """Without control characters and lone surrogates: no database or terminal wants them."""
    return "".join(
        " " if character in "\r\n\t" else character
        for character in text
        if character in "\r\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    ).strip()
