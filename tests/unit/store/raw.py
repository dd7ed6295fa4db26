"""Reaching into a database past the store, as an intruder or an operator would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text

from ml_connector.store.connection import Connection
from ml_connector.store.engine import open_engines


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[Connection]:
    """One writing transaction without any of our rules."""
    engines = open_engines(url)
    try:
        async with engines.writers.begin() as connection:
            yield connection
    finally:
        await engines.dispose()


async def run(url: str, statement: str, **values: Any) -> int:
    """Execute one statement; how many rows it met."""
    async with raw(url) as connection:
        return (await connection.execute(text(statement), values)).rowcount


async def query(url: str, statement: str, **values: Any) -> list[Any]:
    async with raw(url) as connection:
        return list(await connection.execute(text(statement), values))


async def tamper(url: str, *statements: str) -> None:
    """What an intruder can do who has the whole database, but no key: no rule holds him up."""
    async with raw(url) as connection:
        if connection.dialect.name == "sqlite":
            await _disarm_sqlite(connection)
        else:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            await connection.execute(text(statement))


async def _disarm_sqlite(connection: Connection) -> None:
    triggers = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for name in list(await connection.scalars(triggers)):
        await connection.execute(text(f"DROP TRIGGER {name}"))
    # This pragma is heard only outside of transactions.
    await connection.execute(text("COMMIT"))
    await connection.execute(text("PRAGMA foreign_keys = OFF"))
    await connection.execute(text("BEGIN IMMEDIATE"))
