"""One connection pool for all contract tests."""

from collections.abc import AsyncIterator

import httpx
import pytest

from ml_connector.http.transport import open_client


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as client:
        yield client
