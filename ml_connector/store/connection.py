"""What the store asks of a database: connections and engines, whoever is behind them.

On PostgreSQL they are SQLAlchemy's asynchronous ones; on SQLite, those of `store.sqlite`.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

import sqlalchemy
from sqlalchemy import CursorResult, Dialect, Executable, ScalarResult

T = TypeVar("T")


class Connection(Protocol):
    """A connection within its one transaction."""

    @property
    def dialect(self) -> Dialect: ...

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement, once for each of several sets of parameters."""

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any:
        """The first column of the first row; `None` without one."""

    async def scalars(self, statement: Executable, parameters: Any = None) -> ScalarResult[Any]:
        """The first column of each row."""

    async def run_sync(self, call: Callable[[sqlalchemy.Connection], T]) -> T:
        """Hand SQLAlchemy's own connection to what knows no other: Alembic."""


class Engine(Protocol):
    """One side of a database: that which is read, or that which is written to."""

    def begin(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction: committed on a clean exit, rolled back on any exception."""

    async def dispose(self) -> None:
        """Close the connections."""
