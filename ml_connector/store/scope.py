"""One tenant inside one transaction: the only way repositories reach the database.

Every statement that runs here carries the tenant, so a repository cannot forget it. Repositories
take theirs from this class and from `store.statements` alone; a test holds them to it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import CursorResult, Executable, Row

from ml_connector.security.vault import TenantCipher
from ml_connector.store import statements
from ml_connector.store.columns import canonical_json
from ml_connector.store.connection import Connection
from ml_connector.store.statements import OF_TENANT, columns_of
from ml_connector.store.tables.base import OfTenant

Clock = Callable[[], datetime]


class Value(Protocol):
    """A frozen dataclass that mirrors (part of) a row."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


V = TypeVar("V", bound=Value)


class TenantScope:
    """A tenant's statements, sealing and clock, valid until its transaction ends."""

    __slots__ = ("cipher", "clock", "connection", "tenant")

    def __init__(self, connection: Connection, cipher: TenantCipher, clock: Clock) -> None:
        self.tenant = cipher.tenant
        self.connection = connection
        self.cipher = cipher
        self.clock = clock

    async def row(self, table: type[OfTenant], **key: Any) -> Row[Any] | None:
        """The tenant's row by these attributes."""
        return await self.first(statements.row_by(table, tuple(key)), **key)

    async def insert(self, table: type[OfTenant], values: Mapping[str, Any]) -> None:
        await self.enter(statements.insert_into(self.dialect, table), table, values)

    async def insert_new(self, table: type[OfTenant], values: Mapping[str, Any]) -> bool:
        """False, and nothing happens, where such a row is there already."""
        entered = await self.enter(statements.insert_new(self.dialect, table), table, values)
        return entered.first() is not None

    async def insert_all(self, table: type[OfTenant], rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows that all name the same columns, in one statement; none is no statement."""
        if rows:
            given = [self._by_column(table, row) for row in rows]
            await self.connection.execute(statements.insert_into(self.dialect, table), given)

    async def upsert(
        self,
        table: type[OfTenant],
        key: Mapping[str, Any],
        values: Mapping[str, Any],
        *,
        once: Mapping[str, Any] | None = None,
        while_state: StrEnum | None = None,
    ) -> Row[Any] | None:
        """Set `values` on the row that has the key, or insert it, with `once` as well.

        With `while_state`, only while the row is in it; `None` says that it is not.
        """
        statement = statements.upsert(self.dialect, table, tuple(key), tuple(values), while_state)
        entered = await self.enter(statement, table, {**key, **values, **(once or {})})
        return entered.first()

    async def change(
        self,
        table: type[OfTenant],
        key: Mapping[str, Any],
        values: Mapping[str, Any],
        *,
        raised: Sequence[str] = (),
        states: Sequence[StrEnum] = (),
    ) -> Row[Any] | None:
        """Set `values`, and let `raised` grow by one, on the row that has the key.

        `None` where there is no such row, or it is in none of `states`.
        """
        statement = statements.change(
            table, tuple(key), tuple(values), tuple(raised), tuple(states)
        )
        return await self.first(statement, **statements.change_values(dict(key), dict(values)))

    async def enter(
        self, statement: Executable, table: type[OfTenant], values: Mapping[str, Any]
    ) -> CursorResult[Any]:
        """Run a statement that inserts one row of the tenant."""
        return await self.connection.execute(statement, self._by_column(table, values))

    async def execute(self, statement: Executable, **values: Any) -> CursorResult[Any]:
        """Run any other statement, for this tenant; `values` are its further parameters."""
        return await self.connection.execute(statement, {OF_TENANT: self.tenant, **values})

    async def first(self, statement: Executable, **values: Any) -> Row[Any] | None:
        return (await self.execute(statement, **values)).first()

    async def all(self, statement: Executable, **values: Any) -> Sequence[Row[Any]]:
        return (await self.execute(statement, **values)).all()

    async def scalars(self, statement: Executable, **values: Any) -> Sequence[Any]:
        return (await self.execute(statement, **values)).scalars().all()

    @property
    def dialect(self) -> str:
        return self.connection.dialect.name

    def seal(self, field: str, text: str) -> bytes:
        return self.cipher.seal(field, text.encode())

    def open(self, field: str, sealed: bytes) -> str:
        return self.cipher.open(field, sealed).decode()

    def seal_json(self, field: str, value: object) -> bytes:
        return self.seal(field, canonical_json(value))

    def _by_column(self, table: type[OfTenant], values: Mapping[str, Any]) -> dict[str, Any]:
        columns = columns_of(table)
        given = {"tenant": self.tenant, **values}
        return {columns[name].name: value for name, value in given.items()}


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
