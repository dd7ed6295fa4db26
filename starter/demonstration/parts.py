"""The demo's processes: simulators, Temporal, codec server, worker. All on loopback."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ml_connector.domain.tenant import Tenant
from ml_connector.settings import Settings
from ml_connector.temporal.codec_host import EmbeddedCodecServer
from ml_connector.temporal.dev_server import DevServer
from ml_connector.temporal.ports import LOOPBACK, free_port
from starter.context import Installation
from starter.demonstration.scenario import Scenario
from starter.demonstration.seeding import Access, seed_company, seed_orders
from starter.demonstration.tenants import apply, write_tenant_file
from starter.demonstration.world import World
from starter.errors import OurFault
from starter.supervision import Supervised

SPEED = 20_000
"""Seconds of the carrier's clock in one of ours: a normal parcel's 55 hours take ten."""

_FOREIGN = ("ML_CONNECTOR_", "TEMPORAL_")
"""Variables that mean a real installation. The demo has nothing to do with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the demo listens; None: any free port."""

    temporal: int | None = None
    ui: int | None = None
    fedex: int | None = None
    visma: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The running demo."""

    here: Installation
    world: World
    server: DevServer
    worker: Supervised
    sandbox: Supervised
    tenants: Mapping[str, Tenant]
    accounts: Mapping[str, str]
    """FedEx account number by tenant."""

    @property
    def web_ui(self) -> str:
        return self.server.ui_url or ""


@asynccontextmanager
async def running(scenario: Scenario, home: Path, ports: Ports) -> AsyncIterator[Parts]:
    """Start everything, seed the scenario and apply the tenants; stop it all afterwards."""
    environment = _environment(home)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        here = await enter(Installation.open(Settings.from_env(environment)))
        await here.store()
        http = await enter(httpx.AsyncClient(trust_env=False))
        # Each of the parts takes seconds to load, so they do it two by two.
        async with asyncio.TaskGroup() as group:
            sandbox_starts = group.create_task(enter(_sandbox(home, environment, ports)))
            server_starts = group.create_task(_temporal(stack, here, home, ports))
        sandbox, server = sandbox_starts.result(), server_starts.result()
        world = World(
            http,
            fedex_url=str(sandbox.ready_line["fedex"]),
            visma_url=str(sandbox.ready_line["visma"]),
        )
        async with asyncio.TaskGroup() as group:
            founding = group.create_task(_found_companies(scenario, home, world, environment))
            worker_starts = group.create_task(enter(_worker(home, environment, server)))
        tenants, accounts = founding.result()
        for tenant in tenants.values():
            await seed_orders(world, scenario, tenant)
        yield Parts(
            here=here,
            world=world,
            server=server,
            worker=worker_starts.result(),
            sandbox=sandbox,
            tenants=tenants,
            accounts=accounts,
        )


async def sandbox_ends(parts: Parts) -> None:
    """Wait until the simulators' process has died; raise that it has. They keep nothing."""
    pid = parts.sandbox.pid
    if pid is not None:
        await parts.sandbox.restarted(pid)
    raise OurFault(
        "The sandbox ended, and what it held is lost",
        remedy="Run the demo again",
        code="sandbox_gone",
    )


def _environment(home: Path) -> dict[str, str]:
    """What every part is told: this machine's environment without a real installation's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and not name.upper().endswith("_PROXY")
    }
    return {
        **kept,
        "ML_CONNECTOR_HOME": str(home),
        # Loopback answers at once or never: a lost answer is noticed soon.
        "ML_CONNECTOR_HTTP_TIMEOUT": "5s",
    }


def _sandbox(home: Path, environment: Mapping[str, str], ports: Ports) -> Supervised:
    return Supervised(
        name="The sandbox",
        arguments=[
            "sandbox",
            *("--fedex-port", str(ports.fedex or 0)),
            *("--visma-port", str(ports.visma or 0)),
            *("--speed", str(SPEED)),
        ],
        environment=environment,
        isolated=True,
        log_file=home / "sandbox.log",
    )


def _worker(home: Path, environment: Mapping[str, str], server: DevServer) -> Supervised:
    return Supervised(
        name="The worker",
        arguments=["worker", "--log-level", "WARNING"],
        environment={**environment, "TEMPORAL_ADDRESS": server.address},
        isolated=True,
        log_file=home / "worker.log",
    )


async def _temporal(
    stack: AsyncExitStack, here: Installation, home: Path, ports: Ports
) -> DevServer:
    ui_port = ports.ui or free_port()
    codec = await stack.enter_async_context(
        EmbeddedCodecServer(
            here.keys,
            origin=f"http://{LOOPBACK}:{ui_port}",
            archive=here.archived_payload_key,
        )
    )
    return await stack.enter_async_context(
        DevServer(home, port=ports.temporal, ui_port=ui_port, codec_endpoint=codec.endpoint)
    )


async def _found_companies(
    scenario: Scenario, home: Path, world: World, environment: Mapping[str, str]
) -> tuple[dict[str, Tenant], dict[str, str]]:
    """Companies and accounts at the simulators, and the tenants that join them."""
    tenants: dict[str, Tenant] = {}
    accounts: dict[str, str] = {}
    applied = []
    for company in scenario.companies:
        file = write_tenant_file(
            company.tenant, home, fedex_url=world.fedex_url, visma_url=world.visma_url
        )
        access = Access.invent()
        await seed_company(world, company, file.tenant, access)
        applied.append(apply(file, {**environment, **access.environment(company.tenant)}))
        tenants[company.tenant], accounts[company.tenant] = file.tenant, access.account
    await asyncio.gather(*applied)
    return tenants, accounts
