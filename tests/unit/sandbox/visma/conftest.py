"""A simulator over real HTTP, one company, and a caller that is allowed everything."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.server import Listener
from ml_connector.sandbox.visma.app import create_app
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.seed import standard_company
from ml_connector.sandbox.visma.world import Client, VismaWorld

TENANT = "af1140c1-52e0-46c7-b684-df894d4b8a5a"
CUSTOMER_TENANT = "0c3c2ab2-6f36-45cc-a5a1-3bcb43b6b1dd"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass(kw_only=True)
class Api:
    """The caller's side: HTTP with a bearer token."""

    http: httpx.AsyncClient
    world: VismaWorld
    company: Company
    clock: Clock
    token: str = ""

    async def authenticate(self, **form: str) -> httpx.Response:
        """Ask for a token; fields of the form may be replaced."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": "connector",
            "client_secret": "secret",
            "tenant_id": TENANT,
        }
        reply = await self.http.post("/connect/token", data={**fields, **form})
        if reply.status_code == 200:
            self.token = reply.json()["access_token"]
        return reply

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.send("GET", path, params=params or None)

    async def page(self, path: str, number: int = 1, size: int = 100, /, **params: Any) -> Any:
        """A page's rows."""
        reply = await self.get(path, pageNumber=number, pageSize=size, **params)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def put(self, path: str, body: object, etag: str | None = None) -> httpx.Response:
        headers = {} if etag is None else {"If-Match": etag}
        return await self.send("PUT", path, json=body, headers=headers)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return await self.send("POST", path, json=body, headers=headers)

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """An operator's call that must succeed."""
        reply = await self.http.request(method, f"/sandbox{path}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def order(self, **values: Any) -> str:
        """A purchase order made by a person; its number."""
        lines = [{"inventory": "PUMP-200", "orderQty": 2, "unitCost": 100}]
        wish = {"supplier": "SUP-DE", "shipVia": "FEDEX", "lines": lines, **values}
        made = await self.control("POST", f"/companies/{TENANT}/orders", wish)
        number: str = made["orders"][0]
        return number

    async def edit(self, order: str, when: str = "now", by: str = "kari", **values: Any) -> None:
        """A person changes an order."""
        body = {"by": by, "when": when, "values": values}
        await self.control("POST", f"/companies/{TENANT}/orders/{order}/edit", body)

    async def receipt(self, *orders: str, **wish: Any) -> str:
        """A booked receipt; its number."""
        body = {"orders": list(orders), **wish}
        made = await self.control("POST", f"/companies/{TENANT}/receipts", body)
        number: str = made["receipt"]
        return number

    def violations(self) -> list[str]:
        return [violation.kind for violation in self.world.violations]


@pytest.fixture
def clock() -> Clock:
    """Stands still unless a test moves it."""
    return Clock(speed=0, start=START)


@pytest.fixture
def world(clock: Clock) -> VismaWorld:
    world = VismaWorld(clock)
    world.add_company(
        standard_company(tenant_id=TENANT, customer_tenant_id=CUSTOMER_TENANT, today=START.date())
    )
    world.add_client(Client(id="connector", secret="secret", tenants={TENANT}))
    return world


class Stage:
    """The server's app is whatever the present test plays: one server serves all tests."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[tuple[Stage, httpx.AsyncClient]]:
    stage = Stage()
    async with Listener(stage) as listener, httpx.AsyncClient(base_url=listener.url) as http:
        yield stage, http


@pytest.fixture
async def api(
    served: tuple[Stage, httpx.AsyncClient], world: VismaWorld, clock: Clock
) -> AsyncIterator[Api]:
    stage, http = served
    stage.app = create_app(world, clock)
    api = Api(http=http, world=world, company=world.companies[TENANT], clock=clock)
    await api.authenticate()
    yield api
    stage.app = None
