"""Statements, most of them built once a process.

SQLAlchemy takes several times longer to build a statement than SQLite takes to answer it. What runs
for every order is therefore built once, with parameters in place of values.

The tenant is such a parameter in each of them. `TenantScope` alone gives it, so a statement that
is run past a scope fails for want of it.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    Executable,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from ml_connector.store.tables.base import Base, OfTenant

Insert = sqlite.Insert | postgresql.Insert
AnyTable = type[Base] | type[OfTenant]
Names = tuple[str, ...]
"""Of attributes of a table's class."""

OF_TENANT = "of_tenant"
P = ParamSpec("P")
R = TypeVar("R")
_KEY, _NEW = "its_", "new_"
"""Before the names of parameters, so that a column may be looked for and changed at once."""


def _once(build: Callable[P, R]) -> Callable[P, R]:
    return cache(build)  # type: ignore[return-value]  # whose parameters it forgets


def select_from(table: type[OfTenant]) -> Select[Any]:
    """The tenant's rows."""
    return select(_table(table)).where(_mine(table))


def select_columns(table: type[OfTenant], *columns: Any) -> Select[Any]:
    return select(*columns).where(_mine(table))


def update_of(table: type[OfTenant]) -> Update:
    return update(table).where(_mine(table))


def delete_from(table: type[OfTenant]) -> Delete:
    return delete(table).where(_mine(table))


@_once
def row_by(table: type[OfTenant], key: Names) -> Select[Any]:
    """Rows by these attributes, of which the parameters bear the names."""
    columns = columns_of(table)
    return select_from(table).where(*(columns[name] == bindparam(name) for name in key))


@_once
def insert_into(dialect: str, table: AnyTable) -> Insert:
    """Both databases know ON CONFLICT, each in its own class of SQLAlchemy."""
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(_table(table))


@_once
def insert_new(dialect: str, table: type[OfTenant]) -> Executable:
    """Returns nothing where such a row is there already."""
    # Not `rowcount`: PostgreSQL's driver has none to tell for an INSERT.
    return insert_into(dialect, table).on_conflict_do_nothing().returning(_table(table))


@_once
def upsert(
    dialect: str, table: type[OfTenant], key: Names, changed: Names, while_state: Any
) -> Executable:
    """Insert, or set `changed` to what would have been inserted on the row that has the key.

    With `while_state`, only while the row is in it. Returns the row, if it did either.
    """
    insert, columns = insert_into(dialect, table), columns_of(table)
    names = [columns[name].name for name in changed]
    return insert.on_conflict_do_update(
        index_elements=[columns[name] for name in ("tenant", *key)],
        set_={name: insert.excluded[name] for name in names},
        where=None if while_state is None else columns["state"] == while_state,
    ).returning(_table(table))


@_once
def change(
    table: type[OfTenant], key: Names, changed: Names, raised: Names, states: tuple[Any, ...]
) -> Update:
    """Change rows found by `key` that are in one of `states`, if any are named; returns them.

    `raised` grow by one. See `change_values` for the parameters.
    """
    columns = columns_of(table)
    found = [columns[name] == bindparam(_KEY + name) for name in key]
    if states:
        found.append(columns["state"].in_(states))
    values: dict[Column[Any], Any] = {columns[name]: bindparam(_NEW + name) for name in changed}
    values |= {columns[name]: columns[name] + 1 for name in raised}
    changing = update(_table(table)).where(_mine(table), *found)
    return changing.values(values).returning(_table(table))


def change_values(key: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """The parameters of `change`."""
    return {_KEY + name: value for name, value in key.items()} | {
        _NEW + name: value for name, value in changed.items()
    }


@_once
def columns_of(table: AnyTable) -> dict[str, Column[Any]]:
    """Columns by the names of their attributes. ORDER is a reserved word of SQL, for one."""
    mapped: Any = table
    return dict(mapped.__mapper__.columns.items())


def _mine(table: type[OfTenant]) -> ColumnElement[bool]:
    return table.tenant == bindparam(OF_TENANT)


def _table(table: Any) -> Table:
    found: Table = table.__table__
    return found
