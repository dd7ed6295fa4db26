"""One tenant inside one transaction: the only way repositories reach the database.

Every statement made here carries the tenant, so a repository cannot forget it. Repositories take
their SELECT, INSERT, UPDATE and DELETE from this class alone; a test holds them to it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Executable,
    Row,
    Select,
    Update,
    select,
    update,
)
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Delete

from ml_connector.security.vault import TenantCipher
from ml_connector.store.columns import canonical_json
from ml_connector.store.tables.base import Base, OfTenant

Clock = Callable[[], datetime]
Insert = sqlite.Insert | postgresql.Insert


class Value(Protocol):
    """A frozen dataclass that mirrors (part of) a row."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


V = TypeVar("V", bound=Value)


class TenantScope:
    """A tenant's statements, sealing and clock, valid until its transaction ends."""

    __slots__ = ("cipher", "clock", "connection", "tenant")

    def __init__(self, connection: AsyncConnection, cipher: TenantCipher, clock: Clock) -> None:
        self.tenant = cipher.tenant
        self.connection = connection
        self.cipher = cipher
        self.clock = clock

    def select(self, table: type[OfTenant]) -> Select[Any]:
        return select(table).where(table.tenant == self.tenant)

    def select_columns(self, table: type[OfTenant], *columns: Any) -> Select[Any]:
        return select(*columns).where(table.tenant == self.tenant)

    def insert(self, table: type[OfTenant], values: Mapping[str, Any]) -> Insert:
        statement = insert_for(self.connection.dialect.name, table)
        return statement.values(tenant=self.tenant, **values)

    async def insert_all(self, table: type[OfTenant], rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows that all name the same columns, in one statement; none is no statement."""
        if rows:
            given = [dict(_by_column(table, {"tenant": self.tenant, **row})) for row in rows]
            await self.connection.execute(insert_for(self.connection.dialect.name, table), given)

    def upsert(
        self,
        table: type[OfTenant],
        key: Mapping[str, Any],
        *,
        insert: Mapping[str, Any],
        change: Mapping[str, Any],
        only_if: ColumnElement[bool] | None = None,
    ) -> Insert:
        """Insert `key` and `insert`, or else set `change` on the row that has the key."""
        columns = [getattr(table, name) for name in ("tenant", *key)]
        return self.insert(table, {**key, **insert}).on_conflict_do_update(
            index_elements=columns, set_=dict(_by_column(table, change)), where=only_if
        )

    def update(self, table: type[OfTenant]) -> Update:
        return update(table).where(table.tenant == self.tenant)

    def delete(self, table: type[OfTenant]) -> Delete:
        return sql_delete(table).where(table.tenant == self.tenant)

    async def execute(self, statement: Executable) -> CursorResult[Any]:
        return await self.connection.execute(statement)

    async def first(self, statement: Executable) -> Row[Any] | None:
        return (await self.execute(statement)).first()

    async def all(self, statement: Executable) -> Sequence[Row[Any]]:
        return (await self.execute(statement)).all()

    async def scalars(self, statement: Executable) -> Sequence[Any]:
        return (await self.execute(statement)).scalars().all()

    def seal(self, field: str, text: str) -> bytes:
        return self.cipher.seal(field, text.encode())

    def open(self, field: str, sealed: bytes) -> str:
        return self.cipher.open(field, sealed).decode()

    def seal_json(self, field: str, value: object) -> bytes:
        return self.seal(field, canonical_json(value))


def insert_for(dialect: str, table: type[Base] | type[OfTenant]) -> Insert:
    """Both databases know ON CONFLICT, each in its own class of SQLAlchemy."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def into(cls: type[V], row: Row[Any], **more: Any) -> V:
    """A value from the columns that bear its fields' names; `more` gives what was opened."""
    columns = row._mapping
    taken = {name: columns[column] for name, column in _columns_of(cls) if name not in more}
    return cls(**taken, **more)


@cache
def _columns_of(cls: type[Value]) -> tuple[tuple[str, str], ...]:
    # ORDER is a reserved word of SQL, so that one column has another name.
    names = (field.name for field in fields(cls))
    return tuple((name, "order_nbr" if name == "order" else name) for name in names)


def _by_column(table: type[OfTenant], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """ON CONFLICT and many rows at once want the columns' own names, not the attributes'."""
    return {getattr(table, name).expression.name: value for name, value in values.items()}
