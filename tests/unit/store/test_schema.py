"""The migrations and the tables say the same, and several processes may migrate at once."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from ml_connector.security.keys import MasterKeys
from ml_connector.store import Store, UnsupportedDatabase
from ml_connector.store.tables import Base, metadata
from ml_connector.store.tables.base import OfTenant
from tests.unit.store.conftest import Backend, SqliteBackend
from tests.unit.store.raw import query, raw, run


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_lead_to_the_tables(url: str) -> None:
    async with raw(url) as connection:
        assert await connection.run_sync(_differences) == []


async def test_state_checks_are_in_the_database(url: str, store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)check constraint"):
        await run(url, "UPDATE tenants SET state = 'confused'")


async def test_a_new_database_is_not_current_until_it_is_migrated(
    backend: Backend, keys: MasterKeys
) -> None:
    store = await Store.open(backend.empty(), keys)
    try:
        assert not await store.schema_current()
        await store.migrate()
        assert await store.schema_current()
        await store.migrate()
        assert await store.schema_current()
    finally:
        await store.close()


async def test_processes_that_start_together_migrate_once(
    backend: Backend, keys: MasterKeys
) -> None:
    url = backend.empty()
    stores = [await Store.open(url, keys) for _ in range(4)]
    try:
        await asyncio.gather(*(store.migrate() for store in stores))
        assert all([await store.schema_current() for store in stores])
    finally:
        for store in stores:
            await store.close()


async def test_a_failed_migration_leaves_nothing_behind(backend: Backend, keys: MasterKeys) -> None:
    url = backend.empty()
    in_the_way = metadata.sorted_tables[-1].name
    await run(url, f"CREATE TABLE {in_the_way} (in_the_way INTEGER)")
    store = await Store.open(url, keys)
    try:
        with pytest.raises(Exception, match="already exists"):
            await store.migrate()
        await run(url, f"DROP TABLE {in_the_way}")
        await store.migrate()
        assert await store.schema_current()
    finally:
        await store.close()


def test_every_tenant_table_has_the_tenant_first_in_all_its_keys() -> None:
    tables = [mapper.class_ for mapper in Base.registry.mappers]
    global_tables = {table.__tablename__ for table in tables if not issubclass(table, OfTenant)}
    assert global_tables == {"tenants", "slots", "carrier_tokens", "payload_keys"}
    for name, table in metadata.tables.items():
        if name in global_tables:
            continue
        assert next(iter(table.primary_key)).name == "tenant", name
        assert table.foreign_key_constraints, name
        for key in table.foreign_key_constraints:
            assert next(iter(key.columns)).name == "tenant", name
        for index in table.indexes:
            assert next(iter(index.columns)).name == "tenant", index.name


async def test_a_new_sqlite_file_is_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    await run(f"sqlite:///{file}", "SELECT 1")
    modes = [stat.S_IMODE(entry.stat().st_mode) for entry in os.scandir(tmp_path)]
    assert modes
    assert set(modes) == {0o600}


async def test_sqlite_is_durable_and_checks_keys(sqlite_backend: SqliteBackend) -> None:
    url = await sqlite_backend.migrated()
    pragmas = {
        name: (await query(url, f"PRAGMA {name}"))[0][0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
    }


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://somewhere/db", "mysql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("no url, but s3cret", "cannot be read"),
    ],
)
async def test_other_databases_are_refused(url: str, says: str, keys: MasterKeys) -> None:
    with pytest.raises(UnsupportedDatabase, match=says) as refusal:
        await Store.open(url, keys)
    assert "s3cret" not in str(refusal.value)


async def test_a_file_that_cannot_be_made_is_one_clear_error(
    tmp_path: Path, keys: MasterKeys
) -> None:
    with pytest.raises(UnsupportedDatabase, match="No such file or directory"):
        await Store.open(f"sqlite:///{tmp_path}/missing/new.db", keys)
