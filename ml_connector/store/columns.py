"""Column types that give back exactly what was stored, on both databases."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Dialect, Enum, String, Text, func
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcInstant(TypeDecorator[datetime]):
    """An instant: aware in, aware UTC out.

    SQLite has no such type; there it is ISO text of one width, so that text order is time order.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; an instant needs one.")
        instant = value.astimezone(UTC)
        if dialect.name != "sqlite":
            return instant
        return instant.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        stored: datetime = value
        return stored.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal as text: SQLite's NUMERIC is a binary float, and the scale is information."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise ValueError(f"{value!r} is not an exact, finite decimal.")
        return format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class JsonText(TypeDecorator[Any]):
    """JSON, kept as canonical text so that both databases store and hash the same bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def canonical_json(value: object) -> str:
    """One text for one value: sorted keys, no spaces, no NaN. Raises TypeError for the rest."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def state_type(states: type[StrEnum], name: str) -> Enum:
    """A state as its own text, checked by the database under the constraint's `name`."""
    return Enum(
        states,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda enum: [state.value for state in enum],
    )


def database_now(dialect: str) -> ColumnElement[datetime]:
    """The database's own clock, comparable with an `UtcInstant`."""
    if dialect == "sqlite":
        return func.strftime("%Y-%m-%dT%H:%M:%fZ", "now", type_=UtcInstant())
    return func.now(type_=UtcInstant())
