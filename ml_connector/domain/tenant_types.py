"""The kinds of value a tenant file holds, each with its own check.

Every type reads the text of the file, and its own JSON again, so that a stored tenant
loads back to the same one.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from ml_connector.domain.durations import format_duration, parse_duration
from ml_connector.domain.errors import RuleError
from ml_connector.domain.mail_address import is_mail_address
from ml_connector.domain.measures import Weight, parse_weight
from ml_connector.domain.tenant_file import refusal

Payer = Literal["SENDER", "RECIPIENT", "THIRD_PARTY"]

_COUNTRY = re.compile(r"[A-Z]{2}")
_PHONE_DIGITS = range(10, 16)


class Section(BaseModel):
    """A table of the tenant file: no unknown keys, no guessing between types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class SecretRef(Section):
    """Where a secret is read from when the file is applied; never the secret itself."""

    env: Annotated[str, Field(min_length=1)] | None = None
    """Name of an environment variable."""
    file: Annotated[str, Field(min_length=1)] | None = None
    """Path of a file that holds nothing else."""
    prompt: bool = False
    """Ask for it on the terminal."""

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: object) -> object:
        if isinstance(value, (Mapping, cls)):
            return value
        raise refusal(
            "is not a reference to a secret",
            'Write { env = "NAME" }, { file = "PATH" } or { prompt = true }; '
            "the secret itself does not belong into the file.",
        )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = (self.env is not None) + (self.file is not None) + self.prompt
        if sources != 1:
            raise refusal("names no source, or several", "Keep exactly one of env, file, prompt.")
        return self


def _read_duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except ValueError:
        raise refusal(
            "is not a duration", 'Write "500ms", "30s", "5m", "2h" or "30d", up to ten years.'
        ) from None


def _longer_than_nothing(value: timedelta) -> timedelta:
    if not value:
        raise refusal("is zero", "Write a duration above zero.")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
]
"""A wait; zero means at once."""

Interval = Annotated[Duration, AfterValidator(_longer_than_nothing)]
"""The time from one round to the next; never zero."""


def _read_weight(value: object) -> Weight:
    if isinstance(value, Weight):
        return value
    try:
        return parse_weight(value if isinstance(value, str) else "")
    except RuleError:
        raise refusal("is not a weight", 'Write "30 kg" or "60 lb".') from None


def _heavier_than_nothing(value: Weight) -> Weight:
    if not value.value:
        raise refusal("is zero", 'Write a weight above zero, such as "30 kg".')
    return value


WeightText = Annotated[Weight, BeforeValidator(_read_weight), PlainSerializer(str, return_type=str)]
PositiveWeight = Annotated[WeightText, AfterValidator(_heavier_than_nothing)]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise refusal("is not a URL", "Write https://host/path.") from None
    if parts.scheme not in ("https", "http") or not host:
        raise refusal("is not a URL", "Write https://host/path.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise refusal("has more than host and path", "Leave user, password, ? and # out.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise refusal(
            "is not encrypted", "Write https; plain http is accepted for this machine only."
        )
    return value.rstrip("/")


ServiceUrl = Annotated[str, AfterValidator(_check_url)]


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError):
        raise refusal("is not a time zone", 'Write an IANA name such as "Europe/Oslo".') from None
    return value


ZoneName = Annotated[str, AfterValidator(_check_zone)]


def _read_start(value: object) -> object:
    if value in ("all", "now") or type(value) is date:
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise refusal(
            "is not a start", 'Write "all", "now" or a date such as 2026-01-31.'
        ) from None


StartFrom = Annotated[Literal["all", "now"] | date, BeforeValidator(_read_start)]


def _check_payment(value: object) -> object:
    kinds = ("SENDER", "RECIPIENT", "THIRD_PARTY")
    if isinstance(value, str) and value in kinds:
        return value
    if not isinstance(value, Mapping):
        raise refusal(
            "has a value that is not offered",
            "Write SENDER, RECIPIENT, THIRD_PARTY, or one of them per shipper country.",
        )
    if any(kind not in kinds for kind in value.values()):
        raise refusal("names an unknown payer", f"Each country has one of {', '.join(kinds)}.")
    if any(key != "*" and not _COUNTRY.fullmatch(str(key)) for key in value):
        raise refusal("names an unknown country", 'Write two capital letters, or "*".')
    if "*" not in value:
        raise refusal("says nothing for other countries", 'Add "*" = "SENDER" or another payer.')
    return value


Payment = Annotated[Payer | dict[str, Payer], BeforeValidator(_check_payment)]


def _check_label_to(value: object) -> object:
    if value in ("none", "supplier"):
        return value
    if not isinstance(value, (list, tuple)) or not value:
        raise refusal(
            "has a value that is not offered",
            'Write "none", "supplier" or a list of mail addresses.',
        )
    if not all(isinstance(each, str) and is_mail_address(each) for each in value):
        raise refusal("holds something else than mail addresses", 'Write ["name@host", …].')
    return tuple(value)


LabelTo = Annotated[Literal["none", "supplier"] | tuple[str, ...], BeforeValidator(_check_label_to)]


def _read_segments(value: object) -> object:
    """TOML and JSON know text keys only; segment numbers are whole numbers."""
    if not isinstance(value, Mapping) or not value:
        raise refusal("is not a table of segments", 'Write { 1 = "000" }.')
    if not all(str(key).isdecimal() and int(str(key)) > 0 for key in value):
        raise refusal("has a key that is no segment number", 'Write { 1 = "000" }.')
    if not all(isinstance(each, str) and each for each in value.values()):
        raise refusal("has a segment value that is not text", 'Put it in quotes: { 1 = "000" }.')
    return {int(str(key)): text for key, text in sorted(value.items(), key=lambda kv: int(kv[0]))}


Segments = Annotated[dict[int, str], BeforeValidator(_read_segments)]


def _check_phone(value: str) -> str:
    digits = re.sub(r"[\s()./-]", "", value).removeprefix("+")
    if not digits.isascii() or not digits.isdecimal() or len(digits) not in _PHONE_DIGITS:
        raise refusal("is not a phone number", "Write 10 to 15 digits with the country code.")
    return value


PhoneText = Annotated[str, AfterValidator(_check_phone)]


def slot(kind: str, count: int) -> Callable[[str], str]:
    """A check that text names one of Visma's custom free fields of a kind, or none."""
    known = ("", *(f"{kind}{number}" for number in range(1, count + 1)))

    def check(value: str) -> str:
        if value not in known:
            raise refusal(f"is not a {kind} field", f'Write one of {", ".join(known[1:])}, or "".')
        return value

    return check


TextSlot = Annotated[str, AfterValidator(slot("customStr", 5))]
DecimalSlot = Annotated[str, AfterValidator(slot("customDec", 2))]
InstantSlot = Annotated[str, AfterValidator(slot("customDateTimeUTC", 1))]


def _as_zpl(value: Any) -> Any:
    return "ZPLII" if value == "ZPL" else value


ImageType = Annotated[Literal["PDF", "PNG", "ZPLII"], BeforeValidator(_as_zpl)]
"""FedEx calls ZPL by its version; both spellings are read."""

Filled = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
FedExWord = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]+$")]
"""A FedEx enum value; the sets grow undocumented, so only the spelling is checked."""
