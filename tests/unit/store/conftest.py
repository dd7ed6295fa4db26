"""A migrated store for each test, on SQLite and, where it is installed, on PostgreSQL."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
from psycopg import sql

from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.store import Store
from ml_connector.store.tables import metadata
from tests.postgres import PostgresServer, PostgresUnavailable, postgres_server


class FakeClock:
    """Real time at first, then only what a test adds to it."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


class Backend(Protocol):
    """Where databases come from."""

    name: str

    def empty(self) -> str:
        """URL of a database without tables."""

    async def migrated(self) -> str:
        """URL of a database with this version's tables, all empty."""


class SqliteBackend:
    name = "sqlite"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = count()
        self._template: Path | None = None

    def empty(self) -> str:
        return _sqlite_url(self._file())

    async def migrated(self) -> str:
        if self._template is None:
            template = self._file()
            await _migrate(_sqlite_url(template))
            self._template = template
        copy = self._file()
        shutil.copy(self._template, copy)
        return _sqlite_url(copy)

    def _file(self) -> Path:
        return self._directory / f"{next(self._numbers)}.db"


class PostgresBackend:
    name = "postgresql"

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._numbers = count()
        self._migrated: str | None = None

    def empty(self) -> str:
        return self._server.create(self._name())

    async def migrated(self) -> str:
        """Always the same database, emptied: to copy one takes PostgreSQL a second."""
        if self._migrated is None:
            name = self._name()
            await _migrate(self._server.create(name))
            self._migrated = name
        self._clear(self._migrated)
        return self._server.url(self._migrated)

    def _name(self) -> str:
        return f"test{next(self._numbers)}"

    def _clear(self, name: str) -> None:
        tables = sql.SQL(", ").join(sql.Identifier(table) for table in metadata.tables)
        with self._server.connect(name) as connection:
            # Past the triggers that guard the audit trail.
            connection.execute("SET session_replication_role = replica")
            connection.execute(sql.SQL("TRUNCATE {}").format(tables))


@pytest.fixture(scope="session")
def sqlite_backend(tmp_path_factory: pytest.TempPathFactory) -> SqliteBackend:
    return SqliteBackend(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_backend() -> Iterator[PostgresBackend]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except PostgresUnavailable as missing:
            pytest.skip(f"PostgreSQL cannot be tested here: {missing}")
        yield PostgresBackend(server)


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest) -> Backend:
    found: Backend = request.getfixturevalue(f"{request.param}_backend")
    return found


@pytest.fixture
def keys() -> MasterKeys:
    return MasterKeys([MasterKey.generate()])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def url(backend: Backend) -> str:
    return await backend.migrated()


@pytest.fixture
async def store(url: str, keys: MasterKeys, clock: FakeClock) -> AsyncIterator[Store]:
    """A store with the tenants `nordic` and `sur`."""
    opened = await Store.open(url, keys, clock=clock)
    try:
        for tenant in ("nordic", "sur"):
            await opened.tenants.add(
                tenant,
                name=tenant.title(),
                config=f'{{"id":"{tenant}"}}',
                secrets={"fedex.client_secret": f"secret of {tenant}"},
            )
        yield opened
    finally:
        await opened.close()


def _sqlite_url(file: Path) -> str:
    return f"sqlite:///{file}"


async def _migrate(url: str) -> None:
    store = await Store.open(url, MasterKeys([MasterKey.generate()]))
    try:
        await store.migrate()
    finally:
        await store.close()
