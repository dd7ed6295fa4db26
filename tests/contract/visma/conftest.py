"""A client against a scripted Visma on the loopback."""

from collections.abc import AsyncIterator

import httpx
import pytest

from ml_connector.http.transport import Transport, open_client
from ml_connector.visma.client import VismaClient
from ml_connector.visma.tokens import VismaCredential, VismaTokens
from tests.contract.visma.scripted import ScriptedVisma

CREDENTIAL = VismaCredential(
    client_id="isv-client", client_secret="s3cret-value", tenant_id="company-tenant"
)


@pytest.fixture
async def visma() -> AsyncIterator[ScriptedVisma]:
    async with ScriptedVisma() as server:
        yield server


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncClient]:
    """The process's connections; as in production there is one."""
    client = open_client()
    yield client
    await client.aclose()


@pytest.fixture
def transport(visma: ScriptedVisma, pool: httpx.AsyncClient) -> Transport:
    return Transport("visma", visma.url, client=pool)


@pytest.fixture
def tokens(transport: Transport) -> VismaTokens:
    return VismaTokens(transport, CREDENTIAL)


@pytest.fixture
def client(transport: Transport, tokens: VismaTokens) -> VismaClient:
    return VismaClient(transport, tokens=tokens)
