"""One installation for all tests that need nothing special of it; each brings its own tenants."""

from collections.abc import AsyncIterator

import pytest

from tests.stage import Stage


@pytest.fixture(scope="session")
async def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with Stage(home=tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
async def stage(shared_stage: Stage) -> AsyncIterator[Stage]:
    """The shared installation, without the faults and journeys of the test before."""
    yield shared_stage
    for world in (shared_stage.sandbox.fedex, shared_stage.sandbox.visma):
        world.faults.clear()
    shared_stage.sandbox.fedex.journeys.clear()
