"""One bench for all tests of the activities; each brings its own tenants."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from ml_connector.sandbox.visma.switches import Switches
from tests.activities.workbench import Workbench


@pytest.fixture(scope="session")
async def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workbench]:
    async with Workbench(home=tmp_path_factory.mktemp("bench")) as bench:
        yield bench


@pytest.fixture
async def bench(shared_bench: Workbench) -> Workbench:
    """The shared bench as it was in the beginning, save for its tenants."""
    shared_bench.death.steps_left = None
    shared_bench.outbox.told.clear()
    shared_bench.sandbox.visma.faults.clear()
    shared_bench.sandbox.visma.switches = Switches()
    shared_bench.sandbox.visma_clock.set(datetime.now(UTC))
    shared_bench.restart()
    return shared_bench
