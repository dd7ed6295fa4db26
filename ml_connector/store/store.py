"""The store: everything the connector knows, on SQLite or PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from ml_connector.security.keys import MasterKeys
from ml_connector.security.vault import SharedSeal, Vault
from ml_connector.store import schema
from ml_connector.store.coordination import Coordination
from ml_connector.store.database import Database
from ml_connector.store.engine import open_engines
from ml_connector.store.payload_keys import PayloadKeyArchive
from ml_connector.store.scope import Clock, TenantScope
from ml_connector.store.tenants import TenantRegistry
from ml_connector.store.view import TenantView


def utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """One database and the keys to it. Belongs to the event loop it was opened in.

    async with store.write("nordic") as view:
        await view.orders.save("PO1", stage="shipping")
        view.audit.append("order:shipping", actor="workflow")
    """

    def __init__(self, database: Database, keys: MasterKeys, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.tenants = TenantRegistry(database, Vault(keys), clock)
        self.coordination = Coordination(database, SharedSeal(keys, "carrier-token"), clock)
        self.payload_keys = PayloadKeyArchive(database, keys, clock)

    @classmethod
    async def open(cls, url: str, keys: MasterKeys, *, clock: Clock = utc_now) -> "Store":
        """Connect. The schema may be missing or old: see `migrate` and `schema_current`.

        Raises `UnsupportedDatabase`, or SQLAlchemy's OperationalError when nobody answers.
        """
        store = cls(Database(open_engines(url)), keys, clock)
        try:
            await store.ping()
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        await self._database.close()

    async def ping(self) -> None:
        """Does the database answer? Raises SQLAlchemy's OperationalError if not."""
        async with self._database.reading() as connection:
            await connection.run_sync(lambda inner: inner.exec_driver_sql("SELECT 1"))

    async def migrate(self) -> None:
        """Bring the tables to this version; processes that start together take turns."""
        async with self._database.writing() as connection:
            await connection.run_sync(schema.migrate)

    async def schema_current(self) -> bool:
        """Are the tables exactly those of this version?"""
        async with self._database.reading() as connection:
            return await connection.run_sync(schema.is_current)

    @asynccontextmanager
    async def read(self, tenant: str) -> AsyncIterator[TenantView]:
        """One snapshot of a tenant's data; writing fails. Raises `UnknownTenant`."""
        async with self._database.reading() as connection:
            cipher = await self.tenants.cipher(connection, tenant)
            yield TenantView(TenantScope(connection, cipher, self._clock))

    @asynccontextmanager
    async def write(self, tenant: str) -> AsyncIterator[TenantView]:
        """One transaction: committed on a clean exit, rolled back on any exception.

        Keep it short and wait for nothing outside the database in it: in SQLite all other
        writers stand in line behind it. Raises `UnknownTenant`, `NestedWrite`.
        """
        view = None
        try:
            async with self._database.writing(tenant) as connection:
                cipher = await self.tenants.cipher(connection, tenant)
                view = TenantView(TenantScope(connection, cipher, self._clock))
                yield view
                await view.audit.flush()
        except BaseException:
            for undo in view.undo if view is not None else ():
                undo()
            raise

    async def rewrap_keys(self) -> int:
        """Move everything from older master keys to the current one; how many values moved.

        The keys of Temporal's payloads are kept first: histories cannot move. Afterwards
        `master_keys_in_use` names the current key alone, unless a process that does not know it
        yet has added a tenant or a token meanwhile: then call again.
        """
        kept = await self.payload_keys.keep()
        return kept + await self.tenants.rewrap_keys() + await self.coordination.reseal_tokens()

    async def master_keys_in_use(self) -> frozenset[str]:
        """Ids of the master keys without which something here could not be read."""
        return (
            await self.tenants.key_ids()
            | await self.coordination.key_ids()
            | await self.payload_keys.key_ids()
        )
