"""Connections: one engine a database, with a reading and a writing side.

SQLite runs in WAL mode, so readers never wait. A writer takes the write lock when it begins
(`BEGIN IMMEDIATE`), because a transaction that starts to read and writes later can be refused
half way. `synchronous` stays FULL: an operation must be on disk before its request leaves.

PostgreSQL writes at READ COMMITTED, which the row locks and guarded updates are written for, and
reads at REPEATABLE READ, so that one view sees one state, as it does in SQLite.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ml_connector.store.errors import UnsupportedDatabase

WRITERS = 10
"""Transactions of one process that write to PostgreSQL at a time; reading ones find the rest."""

_CONNECTIONS = 15
_BUSY_TIMEOUT_MS = 30_000
_WRITES = "ml_connector_writes"
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def open_engine(url: str) -> AsyncEngine:
    """An engine that is not connected yet. Raises `UnsupportedDatabase`."""
    address = _supported(url)
    # Parameters would put tenants' data into tracebacks and logs.
    hide_parameters = True
    if address.get_backend_name() == "postgresql":
        # A server may have restarted meanwhile; a file has not.
        return create_async_engine(
            address,
            hide_parameters=hide_parameters,
            pool_pre_ping=True,
            pool_size=_CONNECTIONS - WRITERS,
            max_overflow=WRITERS,
        )
    _create_private(Path(str(address.database)))
    engine = create_async_engine(address, hide_parameters=hide_parameters)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def reading(engine: AsyncEngine) -> AsyncEngine:
    """The same pool; transactions see one snapshot and cannot write."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine


def writing(engine: AsyncEngine) -> AsyncEngine:
    """The same pool; transactions may write."""
    return engine.execution_options(**{_WRITES: True})


def _supported(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        # The cause quotes the URL, which may hold a password.
        raise UnsupportedDatabase("The database URL cannot be read.") from None
    driver = _DRIVERS.get(address.drivername)
    if driver is None:
        raise UnsupportedDatabase(
            f"The database URL begins with {address.drivername!r}; "
            "use sqlite+aiosqlite:///FILE or postgresql+psycopg://…"
        )
    if driver.startswith("sqlite") and address.database in (None, "", ":memory:"):
        raise UnsupportedDatabase("SQLite needs a file: sqlite+aiosqlite:///FILE")
    return address.set(drivername=driver)


def _create_private(file: Path) -> None:
    """The journal files beside a database take over its mode, so the owner's alone it is."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise UnsupportedDatabase(f"{file} cannot be opened: {error.strerror}.") from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes too late and is always deferred: `_begin_sqlite` does it.
    connection.isolation_level = None
    cursor: sqlite3.Cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = bool(connection.get_execution_options().get(_WRITES, False))
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
