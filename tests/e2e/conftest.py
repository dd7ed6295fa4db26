"""One installation for all tests that need nothing special of it; each brings its own tenants."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from tests import stage as stage_module
from tests.e2e.command_line import Operator, operator_of
from tests.postgres import PostgresUnavailable, postgres_server
from tests.searched import searched
from tests.stage import Stage


@pytest.fixture(scope="session", autouse=True)
def databases(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where every stage keeps its data: SQLite, or with `--database postgresql` a server."""
    if request.config.getoption("--database") == "sqlite":
        yield
        return
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        try:
            server = stack.enter_context(postgres_server())
        except PostgresUnavailable as missing:
            pytest.skip(f"PostgreSQL cannot be tested here: {missing}")
        patch.setattr(stage_module, "POSTGRES", server)
        yield


@pytest.fixture(scope="session")
async def shared_stage(
    databases: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with searched(Stage(home=tmp_path_factory.mktemp("stage"))) as stage:
        yield stage


@pytest.fixture
async def stage(shared_stage: Stage) -> Stage:
    """The shared installation, in the present, without faults and journeys of the test before."""
    sandbox = shared_stage.sandbox
    sandbox.clock.set(datetime.now(UTC))
    for world in (sandbox.fedex, sandbox.visma):
        world.faults.clear()
    sandbox.fedex.journeys.clear()
    return shared_stage


@pytest.fixture
def operator(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    """Runs a command line beside the shared installation."""
    return operator_of(stage, monkeypatch, capsys)


@pytest.fixture(scope="session")
async def file_stage(
    shared_stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """An installation on SQLite, for tests that lay hands on its file: the shared one, where it
    is on SQLite too."""
    if not shared_stage.database_url:
        yield shared_stage
        return
    home = tmp_path_factory.mktemp("file-stage")
    url = f"sqlite:///{home / 'ml-connector.db'}"
    async with searched(Stage(home=home, database_url=url)) as stage:
        yield stage
