"""Engines: a database's reading and its writing side.

PostgreSQL writes at READ COMMITTED, which the row locks and guarded updates are written for, and
reads at REPEATABLE READ, so that one view sees one state, as it does in SQLite (`store.sqlite`).
"""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine

from ml_connector.store import sqlite
from ml_connector.store.connection import Engine
from ml_connector.store.errors import UnsupportedDatabase

WRITERS = 10
"""Transactions of one process that write to PostgreSQL at a time; reading ones find the rest."""

_CONNECTIONS = 15
_POSTGRESQL = "postgresql+psycopg"
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite", "sqlite+aiosqlite"})
"""All mean a file; which driver opens it is ours to say."""
_POSTGRES = frozenset({"postgres", "postgresql", _POSTGRESQL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Both sides of one database; not connected yet."""

    readers: Engine
    """Transactions see one snapshot and cannot write."""
    writers: Engine
    writers_at_once: int
    """Writing transactions of one process that are open at a time."""

    async def dispose(self) -> None:
        await self.readers.dispose()
        await self.writers.dispose()


def open_engines(url: str) -> Engines:
    """Raises `UnsupportedDatabase`."""
    address = _supported(url)
    if address.get_backend_name() == "postgresql":
        # A server may have restarted meanwhile; a file has not.
        engine = create_async_engine(
            address,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=_CONNECTIONS - WRITERS,
            max_overflow=WRITERS,
        )
        readers = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        return Engines(readers=readers, writers=engine, writers_at_once=WRITERS)
    _create_private(Path(str(address.database)))
    return Engines(
        readers=sqlite.ReadingEngine(address),
        writers=sqlite.WritingEngine(address),
        writers_at_once=1,
    )


def _supported(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        # The cause quotes the URL, which may hold a password.
        raise UnsupportedDatabase("The database URL cannot be read.") from None
    if address.drivername in _POSTGRES:
        return address.set(drivername=_POSTGRESQL)
    if address.drivername not in _SQLITE:
        raise UnsupportedDatabase(
            f"The database URL begins with {address.drivername!r}; "
            "use sqlite:///FILE or postgresql://…"
        )
    if address.database in (None, "", ":memory:"):
        raise UnsupportedDatabase("SQLite needs a file: sqlite:///FILE")
    return address


def _create_private(file: Path) -> None:
    """The journal files beside a database take over its mode, so the owner's alone it is.

    A file that is there is never opened here: POSIX drops a process's locks on a file as soon as
    the process closes it, whoever took them. Another process that ends would then believe itself
    the last one, and remove the journal that this one still writes to.
    """
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise UnsupportedDatabase(f"{file} cannot be opened: {error.strerror}.") from error
