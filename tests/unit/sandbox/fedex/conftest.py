"""One real server for the whole session; a fresh FedEx behind it for every test.

Clocks stand still at a noon: time passes only where a test advances it, and no test meets a
midnight by the hour at which it runs.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.fedex.app import create_app
from ml_connector.sandbox.fedex.values import Account, Child, Credential
from ml_connector.sandbox.fedex.world import FedExWorld
from ml_connector.sandbox.server import Listener
from tests.unit.sandbox.fedex.wire import ACCOUNT, CLIENT_ID, CLIENT_SECRET, OTHER_ACCOUNT, Api

START = datetime(2026, 3, 17, 12, tzinfo=UTC)


class Switchboard:
    """An ASGI app that is whatever app is plugged in."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
async def switchboard() -> AsyncIterator[Switchboard]:
    board = Switchboard()
    async with Listener(board) as listener:
        board.url = listener.url
        yield board


@pytest.fixture
def world() -> FedExWorld:
    world = FedExWorld(seed=1, gateway=Clock(speed=0, start=START))
    child = Child(key="child-key", secret="child-secret", accounts=frozenset({ACCOUNT}))
    world.register(
        Credential(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            accounts=frozenset({ACCOUNT}),
            children=(child,),
        ),
        [Account(number=ACCOUNT, currency="NOK"), Account(number=OTHER_ACCOUNT)],
    )
    return world


@pytest.fixture
async def outside(switchboard: Switchboard, world: FedExWorld) -> AsyncIterator[Api]:
    """A caller without a token."""
    clock = Clock(speed=0, start=START)
    switchboard.app = create_app(world, clock)
    transport = httpx.AsyncHTTPTransport(verify=False)
    async with httpx.AsyncClient(base_url=switchboard.url, transport=transport) as http:
        yield Api(http, world, clock)


@pytest.fixture
async def api(outside: Api) -> Api:
    """A caller with a token."""
    reply = await outside.log_in()
    assert reply.status_code == 200
    return outside
