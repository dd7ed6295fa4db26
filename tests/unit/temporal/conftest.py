"""A server of this package's own: its schedules start workflows on the real task queues."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from ml_connector.security.keys import MasterKeys
from ml_connector.temporal.connection import connect
from ml_connector.temporal.dev_server import DevServer


@pytest.fixture(scope="package")
async def dev_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevServer]:
    server = DevServer(tmp_path_factory.mktemp("temporal"), ui=False)
    await server.start()
    yield server
    await server.kill()


@pytest.fixture(scope="package")
async def temporal_client(dev_server: DevServer, master_keys: MasterKeys) -> Client:
    return await connect(master_keys, environ={}, address=dev_server.address)
