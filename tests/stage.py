"""A whole installation for end-to-end tests: Temporal, sandbox, store and worker, all real.

    async with Stage(home=tmp_path) as stage:
        await stage.add_tenant("nordic")
        number = await stage.order("nordic", lines=3)
        await stage.discover("nordic")                  # what the schedules would do, now
        await stage.at("nordic", number, "label_created")
        await stage.deliver("nordic")
        row = await stage.finished("nordic", number)

Tenants are driven: their schedules are paused, and a test runs each step itself, so that it knows
what happened before. `scheduled=True` leaves a tenant to its schedules, a second apart; the
carrier's clock then needs a `speed`.
"""

import asyncio
import os
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowHistory,
)
from temporalio.common import WorkflowIDConflictPolicy

import worker
from ml_connector.domain.stage import FINISHED
from ml_connector.domain.tenant import Tenant
from ml_connector.sandbox.server import Sandbox
from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.settings import Settings
from ml_connector.store.findings import FindingRecord
from ml_connector.store.journals import JournalRecord
from ml_connector.store.orders import OrderRow
from ml_connector.store.shipments import Shipment
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.temporal.connection import connect
from ml_connector.temporal.dev_server import DevServer, program
from ml_connector.temporal.ids import (
    WORKFLOW_OF_SCHEDULE,
    ScheduleKind,
    TaskQueue,
    order_workflow_id,
    schedule_id,
)
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import OrderStatus
from ml_connector.temporal.schedule_plan import SchedulePlan, schedules_of
from starter.supervision import Supervised
from tests.guarded import socket_guard
from tests.postgres import PostgresServer

T = TypeVar("T")
Json = dict[str, Any]
Section = Mapping[str, object]

MASTER_KEY = bytes(range(32))
PATIENCE = 150.0
"""Seconds until a state that never comes fails the test: room for a machine much slower."""
FIRST_LOOK, LATER_LOOKS = 0.02, 0.2
"""Seconds between two looks at a state: soon at first, then less often."""
A_DAY_A_SECOND = 86_400.0
"""Of the carrier's clock: a normal parcel then takes about two and a half seconds."""
ARRIVAL = timedelta(hours=60)
"""By then a normal parcel has all its scans (see the sandbox's journeys)."""
FIRST_TO_ASK = {"label_created": "1ms", "in_transit": "1ms", "out_for_delivery": "1ms"}

POSTGRES: PostgresServer | None = None
"""Where stages keep their data, each in a database of its own; None: in SQLite under their home."""

DRIVEN: Section = {"discovery": "60d", "tracking": "60d", "recheck": "200ms"}
SCHEDULED: Section = {"discovery": "1s", "tracking": "1s", "recheck": "1s"}


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything runs in this process but Temporal."""

    home: Path
    speed: float = 0.0
    """Of the carrier's clock; 0: it stands still, and the test moves it."""
    work: bool = True
    """Run a worker."""
    token_window: str = "20ms"
    token_block: str = "2s"
    http_timeout: str = "5s"
    further: Mapping[str, str] = field(default_factory=dict)
    """More of the environment: a mail server, for one."""
    database_url: str = ""
    """Empty: SQLite under `home`, or whatever all stages of the run use."""
    keys: MasterKeys = field(default_factory=lambda: MasterKeys([MasterKey.of(MASTER_KEY)]))
    sandbox: Sandbox = field(init=False)
    store: Store = field(init=False)
    client: Client = field(init=False)
    server: DevServer = field(init=False)
    _http: httpx.AsyncClient = field(init=False)
    _stack: AsyncExitStack = field(init=False, default_factory=AsyncExitStack)
    _stop: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _worker: "asyncio.Task[None] | None" = field(init=False, default=None)
    secrets: set[str] = field(init=False, default_factory=set)
    """All that tenants were given in their time."""
    _tenants: int = field(init=False, default=0)
    _polling: dict[str, Section] = field(init=False, default_factory=dict)
    _timezones: dict[str, str] = field(init=False, default_factory=dict)

    async def __aenter__(self) -> Self:
        if POSTGRES is not None and not self.database_url:
            self.database_url = POSTGRES.create(f"stage_{uuid.uuid4().hex}")
        async with AsyncExitStack() as stack:
            self.server = DevServer(self.home, ui=False)
            await self.server.start()
            stack.push_async_callback(self.server.kill)
            self.sandbox = await stack.enter_async_context(Sandbox(speed=self.speed))
            self._http = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE))
            self.store = await Store.open(self.settings.database_url, self.keys)
            stack.push_async_callback(self.store.close)
            await self.store.migrate()
            self.client = await connect(
                self.keys,
                archive=self.store.payload_keys.get,
                environ={},
                address=self.server.address,
            )
            stack.push_async_callback(self.stop_worker)
            if self.work:
                self.start_worker()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def closing(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have something closed before the installation is."""
        self._stack.push_async_callback(close)

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this installation finds in its environment."""
        return {
            "ML_CONNECTOR_HOME": str(self.home),
            **self._where_the_key_is(),
            "ML_CONNECTOR_TOKEN_WINDOW": self.token_window,
            "ML_CONNECTOR_TOKEN_BLOCK": self.token_block,
            "ML_CONNECTOR_HTTP_TIMEOUT": self.http_timeout,
            "TEMPORAL_ADDRESS": self.server.address,
            **({"ML_CONNECTOR_DATABASE_URL": self.database_url} if self.database_url else {}),
            **self.further,
        }

    def _where_the_key_is(self) -> dict[str, str]:
        file = self.home / "master.key"
        if file.exists():
            return {"ML_CONNECTOR_MASTER_KEY_FILE": str(file)}
        return {"ML_CONNECTOR_MASTER_KEY": MASTER_KEY.hex()}

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.environment)

    # -- workers ----------------------------------------------------------------------------

    def start_worker(self) -> None:
        """A worker in this process."""
        self._stop = asyncio.Event()
        self._worker = asyncio.create_task(
            worker.run(
                settings=self.settings,
                keys=self.keys,
                store=self.store,
                client=self.client,
                stop=self._stop,
            )
        )

    async def stop_worker(self) -> None:
        """Let it finish what it does."""
        if self._worker is not None:
            self._stop.set()
            await self._worker
            self._worker = None

    def worker_process(self, name: str = "worker") -> Supervised:
        """A worker in a process of its own, which may be killed; it is started again."""
        return Supervised(
            name=name,
            arguments=["worker", "--log-level", "ERROR"],
            environment={**plain_environment(), **self.environment},
            isolated=True,
            log_file=self.home / f"{name}.log",
        )

    # -- tenants and orders -----------------------------------------------------------------

    async def add_tenant(
        self,
        name: str,
        *,
        currency: str = "NOK",
        account_currency: str = "",
        scheduled: bool = False,
        timezone: str = "Europe/Oslo",
        **sections: Section,
    ) -> Tenant:
        """A tenant with a company in Visma and an account at FedEx, applied and ready.

        `currency` is the company's, and FedEx bills in it too unless `account_currency` is given.
        `sections` change the tenant file: `freight={"post_on": "pickup"}`. Order numbers differ
        between tenants, for FedEx's world knows orders by their number only.
        """
        self._tenants += 1
        secrets = _secrets(name, self._tenants)
        company = company_of(name)
        await self.visma(
            "POST",
            "companies",
            tenant_id=company,
            base_currency=currency,
            first_order=1_000 * self._tenants,
        )
        await self.visma(
            "POST",
            "clients",
            client_id=secrets["visma.client_id"],
            client_secret=secrets["visma.client_secret"],
            tenants=[company],
        )
        await self.fedex(
            "POST",
            "credentials",
            client_id=secrets["fedex.client_id"],
            client_secret=secrets["fedex.client_secret"],
            accounts=[
                {
                    "number": secrets["fedex.account_number"],
                    "currency": account_currency or currency,
                }
            ],
        )
        self._polling[name] = SCHEDULED if scheduled else DRIVEN
        self._timezones[name] = timezone
        tenant = self._tenant(name, sections)
        if not scheduled:
            await self._hold_schedules(tenant)
        self.secrets.update(secrets.values())
        await self.store.tenants.add(
            name, name=tenant.name, config=tenant.model_dump_json(), secrets=secrets
        )
        return tenant

    async def restore_fedex(self, name: str) -> None:
        """FedEx gives the tenant a new secret and account, and its administrator sets them."""
        fresh = {
            "fedex.client_secret": f"better-{name}",
            "fedex.account_number": f"52{self._tenants:07d}",
        }
        await self.fedex(
            "POST",
            "credentials",
            client_id=f"fedex-{name}",
            client_secret=fresh["fedex.client_secret"],
            accounts=[{"number": fresh["fedex.account_number"], "currency": "NOK"}],
        )
        await self.apply(name, secrets=fresh)
        await self.store.tenants.set_state(name, TenantState.ACTIVE, "")

    async def _hold_schedules(self, tenant: Tenant) -> None:
        """Paused as by a person: the worker leaves them so, and does not read Visma at once."""
        for key, schedule in schedules_of(SchedulePlan.of(tenant)).items():
            schedule.state.paused, schedule.state.note = True, "Driven by a test."
            await self.client.create_schedule(str(key), schedule)

    async def apply(
        self, name: str, *, secrets: Mapping[str, str] | None = None, **sections: Section
    ) -> None:
        """Change a tenant's file, or its secrets, as `tenant apply` does."""
        async with self.store.read(name) as view:
            known = {key: await view.secrets.get(key) for key in await view.secrets.names()}
        tenant = self._tenant(name, sections)
        self.secrets.update((secrets or {}).values())
        await self.store.tenants.update(
            name,
            name=tenant.name,
            config=tenant.model_dump_json(),
            secrets={**known, **(secrets or {})},
        )

    def _tenant(self, name: str, sections: Mapping[str, Section]) -> Tenant:
        secret = {"env": "UNUSED"}
        file: dict[str, dict[str, object]] = {
            "visma": {
                "api_url": self.sandbox.visma_url,
                "token_url": f"{self.sandbox.visma_url}/connect/token",
                "tenant_id": company_of(name),
                **dict.fromkeys(("client_id", "client_secret"), secret),
            },
            "fedex": {
                "api_url": self.sandbox.fedex_url,
                **dict.fromkeys(("account_number", "client_id", "client_secret"), secret),
            },
            "shipping": {"ship_via": {"FEDEX": "FEDEX_INTERNATIONAL_PRIORITY"}},
            "freight": {"debit_account": "7140", "accrual_account": "2960"},
            "polling": {
                "start_from": "all",
                "due": {**FIRST_TO_ASK, "exception": "1ms"},
                **self._polling[name],
            },
            "retry": {"initial": "50ms", "maximum": "1s", "recovery_wait": "200ms"},
        }
        for section, changes in sections.items():
            file[section] |= changes
        who = {"id": name, "name": f"{name.title()} AS", "timezone": self._timezones[name]}
        return Tenant.model_validate({**who, **file})

    async def order(self, tenant: str, *, lines: int | Sequence[Json] = 1, **values: Any) -> str:
        """A purchase order that ships; its number."""
        [number] = await self.orders(tenant, 1, lines=lines, **values)
        return number

    async def orders(
        self, tenant: str, count: int, *, lines: int | Sequence[Json] = 1, **values: Any
    ) -> list[str]:
        """So many purchase orders; their numbers."""
        order = {
            "supplier": "SUP-DE",
            "shipVia": "FEDEX",
            "lines": [order_line(line) for line in range(lines)]
            if isinstance(lines, int)
            else lines,
            **values,
        }
        path = f"{self.sandbox.visma_url}/sandbox/companies/{company_of(tenant)}/orders"
        reply = await self._http.post(path, json=[order] * count)
        assert reply.is_success, reply.text
        return [str(number) for number in reply.json()["orders"]]

    async def edit(
        self, tenant: str, number: str, *, when: str = "now", by: str = "person", **values: Any
    ) -> None:
        """A person edits an order in Visma."""
        path = f"companies/{company_of(tenant)}/orders/{number}/edit"
        await self.visma("POST", path, values=values, by=by, when=when)

    async def receive(self, tenant: str, *numbers: str) -> str:
        """The warehouse books and releases one receipt over all that is open; its number."""
        path = f"companies/{company_of(tenant)}/receipts"
        reply = await self.visma("POST", path, orders=list(numbers), release=True)
        return str(reply["receipt"])

    # -- what the schedules do --------------------------------------------------------------

    async def discover(self, tenant: str) -> str:
        """One discovery run, from reading Visma to telling the orders."""
        return await self._scheduled(ScheduleKind.DISCOVERY, tenant)

    async def sweep(self, tenant: str) -> str:
        """One tracking sweep."""
        return await self._scheduled(ScheduleKind.TRACKING, tenant)

    async def cut_off(self, tenant: str) -> str:
        """One period cut-off."""
        return await self._scheduled(ScheduleKind.CUTOFF, tenant)

    async def _scheduled(self, kind: ScheduleKind, tenant: str) -> str:
        result: str = await self.client.execute_workflow(
            WORKFLOW_OF_SCHEDULE[kind],
            TenantInput(tenant=tenant),
            id=schedule_id(kind, tenant),
            task_queue=TaskQueue.MAIN,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            result_type=str,
        )
        return result

    def travel(self, by: timedelta) -> None:
        """Time passes for the parcels."""
        self.sandbox.clock.advance(by)

    async def deliver(self, tenant: str) -> None:
        """Every parcel on its way arrives, and the tenant's sweep sees it."""
        self.travel(ARRIVAL)
        await self.sweep(tenant)

    async def command(self, tenant: str, number: str, signal: str, argument: object) -> None:
        """A signal to the order's workflow, as the command line sends it."""
        await self.workflow(tenant, number).signal(signal, argument)

    async def temporal(self, *arguments: str) -> tuple[int, str]:
        """The `temporal` command, as a person types it: its exit code, and what it said."""
        command = await asyncio.create_subprocess_exec(
            *(str(program()), *arguments),
            env={"HOME": str(self.home), "TEMPORAL_ADDRESS": self.server.address},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await command.communicate()
        assert command.returncode is not None
        return command.returncode, said.decode()

    # -- the other sides --------------------------------------------------------------------

    async def visma(self, method: str, path: str, **body: Any) -> Any:
        """A control call of Visma's simulator."""
        return await self._control(self.sandbox.visma_url, method, path, body)

    async def fedex(self, method: str, path: str, **body: Any) -> Any:
        """A control call of FedEx's simulator."""
        return await self._control(self.sandbox.fedex_url, method, path, body)

    async def _control(self, base: str, method: str, path: str, body: Json) -> Any:
        reply = await self._http.request(method, f"{base}/sandbox/{path}", json=body or None)
        assert reply.is_success, reply.text
        return reply.json()

    async def company(self, tenant: str) -> Any:
        """What Visma holds of a tenant."""
        state = await self.visma("GET", f"state?tenant={company_of(tenant)}")
        return state["companies"][company_of(tenant)]

    async def journals(self, tenant: str, number: str) -> list[Json]:
        """The journals in Visma that speak of an order."""
        company = await self.company(tenant)
        return [each for each in company["journals"].values() if number in each["description"]]

    async def shipments(self, *numbers: str) -> list[Json]:
        """What FedEx holds for orders, cancelled shipments too; the first made first."""
        state = await self.fedex("GET", "state")
        return [each for each in state["shipments"] if each["order_number"] in numbers]

    def calls(self, tenant: str) -> Counter[str]:
        """Calls so far: to Visma for this tenant, to FedEx for all."""
        visma = self.sandbox.visma.calls[company_of(tenant)]
        return Counter(
            {f"visma {name}": counts.total() for name, counts in visma.items()}
            | {f"fedex {name}": count for name, count in self.sandbox.fedex.calls.items()}
        )

    # -- our own side -----------------------------------------------------------------------

    async def row(self, tenant: str, number: str) -> OrderRow | None:
        async with self.store.read(tenant) as view:
            return await view.orders.get(number)

    async def findings(self, tenant: str, number: str) -> dict[str, FindingRecord]:
        """Open findings of an order, by code."""
        async with self.store.read(tenant) as view:
            return {found.code: found for found in await view.findings.open(number)}

    async def generations(self, tenant: str, number: str) -> tuple[Shipment, ...]:
        async with self.store.read(tenant) as view:
            return await view.shipments.list(number)

    async def postings(self, tenant: str, number: str) -> tuple[JournalRecord, ...]:
        async with self.store.read(tenant) as view:
            return tuple(await view.journals.by_order(number))

    def workflow(self, tenant: str, number: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(order_workflow_id(tenant, number))

    async def history(self, tenant: str, number: str) -> WorkflowHistory:
        return await self.workflow(tenant, number).fetch_history()

    async def status(self, tenant: str, number: str) -> OrderStatus:
        """The order's own answer."""
        status: OrderStatus = await self.workflow(tenant, number).query(
            "status", result_type=OrderStatus
        )
        return status

    # -- waiting ----------------------------------------------------------------------------

    async def at(
        self, tenant: str, number: str, stage: str, *, patience: float = PATIENCE
    ) -> OrderRow:
        """Wait until the order stands in a stage."""

        async def there() -> OrderRow | None:
            row = await self.row(tenant, number)
            return row if row is not None and row.stage == stage else None

        return await self.until(there, patience)

    async def finished(self, tenant: str, number: str) -> OrderRow:
        """Wait until the order's workflow has nothing more to do."""
        found = await self.all_finished(tenant, [number])
        return found[number]

    async def all_finished(self, tenant: str, numbers: list[str]) -> dict[str, OrderRow]:
        """The same for many; each workflow has closed when this returns."""

        async def done() -> dict[str, OrderRow] | None:
            async with self.store.read(tenant) as view:
                rows = {row.order: row for row in await view.orders.list(stages=FINISHED)}
            return rows if rows.keys() >= set(numbers) else None

        rows = await self.until(done)
        await asyncio.gather(*(self.closed(tenant, number) for number in numbers))
        return rows

    async def closed(self, tenant: str, number: str) -> None:
        """Wait until the order's workflow has ended, in whatever way."""

        async def ended() -> bool:
            description = await self.workflow(tenant, number).describe()
            return description.status is not WorkflowExecutionStatus.RUNNING

        await self.until(ended)

    async def idle(self, tenant: str, number: str) -> OrderStatus:
        """Wait until the order's workflow waits; what it says then."""

        async def waits() -> OrderStatus | None:
            status = await self.status(tenant, number)
            return status if status.waiting_for else None

        return await self.until(waits)

    async def until(
        self, state: Callable[[], Awaitable[T | None]], patience: float = PATIENCE
    ) -> T:
        """Wait until a state has come, and give it. Fails by the name of `state`."""
        deadline = asyncio.get_running_loop().time() + patience
        pause = FIRST_LOOK
        while True:
            if self._worker is not None and self._worker.done():
                await self._worker
            found = await state()
            if found:
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"{state.__qualname__} did not come in {patience} s")
            await asyncio.sleep(pause)
            pause = min(1.3 * pause, LATER_LOOKS)


def company_of(tenant: str) -> str:
    """The Visma tenant id of a tenant's company."""
    return f"company-{tenant}"


def order_line(place: int = 0, **values: object) -> Json:
    """A goods line of an order; lines take turns at two projects."""
    return {
        "lineType": "GoodsForInventory",
        "inventory": "SENSOR-9",
        "orderQty": 2 + place,
        "unitCost": "915.50",
        "project": "P100" if place % 2 else "P200",
        "projectTask": "10",
        **values,
    }


def lost_answer(name: str, path: str, order: str, kind: str = "reset_after", **more: Any) -> Json:
    """A fault: the answer to a request that speaks of an order is lost, once."""
    return {
        "id": name,
        "match": {"method": "POST", "path": path, "body": order},
        "action": {"kind": kind},
        "times": 1,
        **more,
    }


def _secrets(tenant: str, number: int) -> dict[str, str]:
    return {
        "visma.client_id": f"visma-{tenant}",
        "visma.client_secret": f"visma-secret-{tenant}",
        "fedex.account_number": str(510_000_000 + number),
        "fedex.client_id": f"fedex-{tenant}",
        "fedex.client_secret": f"fedex-secret-{tenant}",
    }


def plain_environment() -> dict[str, str]:
    """What any program needs, and nothing of the developer's own settings."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**own, **socket_guard.for_children()}
