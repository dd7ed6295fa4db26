"""Activities one by one, against a real store and the real simulators, without Temporal.

What the activities would tell Temporal lands in an `Outbox`, and a process may die at any step
that somebody outside can see: a call, a transaction, a signal.

    async with Workbench(home=tmp_path) as bench:
        await bench.add_tenant("nordic")
        number = bench.place("nordic")
        await bench.discover("nordic")
        assert bench.outbox.started == [("nordic", number)]
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar, cast

import httpx
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.registry import Implementation, implementations
from activities.services import Services
from activities.shipped import load_plan, record_created, ship_key
from activities.token_source import TokenFunnel
from activities.trail import Trail, open_trail, remember
from ml_connector.domain.shipment import CreatedShipment, Piece
from ml_connector.domain.stage import Stage as Stages
from ml_connector.domain.tracking import ParcelState
from ml_connector.http.transport import Exchange, Transport, open_client
from ml_connector.sandbox.server import Sandbox
from ml_connector.sandbox.visma import orders
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.documents import Order
from ml_connector.store.store import Store
from ml_connector.store.view import TenantView
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import News, OrderInput, OrderRef, PrepareRequest
from ml_connector.temporal.sweep_messages import DiscoveryRound
from tests.stage import Stage, company_of, order_line

R = TypeVar("R")


class Died(BaseException):
    """The process is gone: nothing of ours may catch this."""


@dataclass(slots=True)
class Death:
    """Lets the process die at a step that is drawn before."""

    steps_left: int | None = None

    def step(self) -> None:
        if self.steps_left is None:
            return
        self.steps_left -= 1
        if self.steps_left < 0:
            raise Died


@dataclass(slots=True)
class Outbox:
    """In place of Temporal's client: what was told to which order's workflow."""

    death: Death
    told: list[tuple[str, str, News]] = field(default_factory=list)
    """Tenant, order, news, in their order."""
    deaf: set[str] = field(default_factory=set)
    """Orders whose workflows Temporal refuses to signal."""
    away: bool = False
    """Temporal does not answer."""
    asked: int = 0
    """Signals that were tried while it did not."""

    @property
    def started(self) -> list[tuple[str, str]]:
        """Each order once, in the order of their first news."""
        return list(dict.fromkeys((tenant, order) for tenant, order, _ in self.told))

    def of(self, order: str) -> list[News]:
        return [news for _, number, news in self.told if number == order]

    async def start_workflow(
        self, workflow: str, argument: OrderInput, *, start_signal_args: list[News], **_: Any
    ) -> None:
        self.death.step()
        if self.away:
            self.asked += 1
            raise RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")
        if argument.order in self.deaf:
            raise RPCError("signals count exceeds limit", RPCStatusCode.INVALID_ARGUMENT, b"")
        self.told.append((argument.tenant, argument.order, start_signal_args[0]))
        self.death.step()

    async def create_schedule(self, *_: Any, **__: Any) -> None:
        """The stage holds a tenant's schedules; here are none."""


class MortalStore(Store):
    """A store before and after whose transactions the process may die."""

    death: Death

    @asynccontextmanager
    async def write(self, tenant: str) -> AsyncIterator[TenantView]:
        self.death.step()
        async with super().write(tenant) as view:
            yield view
            self.death.step()
        self.death.step()


class MortalServices(Services):
    """Services whose process may die once an answer of another system is there."""

    death: Death

    def transport(self, system: str, url: str) -> Transport:
        async def record(exchange: Exchange) -> None:
            await remember(exchange)
            self.death.step()

        return Transport(system, url, timeout=self._timeout, recorder=record, client=self._http)


@dataclass(slots=True, kw_only=True, repr=False)
class Workbench(Stage):
    """A stage without Temporal and worker."""

    death: Death = field(init=False, default_factory=Death)
    outbox: Outbox = field(init=False)
    services: MortalServices = field(init=False)
    activities: dict[str, Implementation] = field(init=False)

    def __repr__(self) -> str:
        return f"Workbench({self.home})"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.sandbox = await stack.enter_async_context(Sandbox(speed=self.speed))
            self._http = await stack.enter_async_context(httpx.AsyncClient())
            store = await MortalStore.open(f"sqlite:///{self.home / 'store.db'}", self.keys)
            stack.push_async_callback(store.close)
            await store.migrate()
            assert isinstance(store, MortalStore)
            store.death = self.death
            self.store = store
            self.outbox = Outbox(self.death)
            self.client = cast(Client, self.outbox)
            self.restart(await stack.enter_async_context(open_client()))
            self._stack = stack.pop_all()
        return self

    def restart(self, http: httpx.AsyncClient | None = None) -> None:
        """Another process: what the last one had in memory is gone."""
        tokens = TokenFunnel(
            store=self.store,
            temporal=self.client,
            egress="bench",
            window=timedelta(seconds=1),
            block=timedelta(seconds=10),
        )
        self.services = MortalServices(
            store=self.store,
            temporal=self.client,
            http=http or self.services._http,
            tokens=tokens,
            call_timeout=timedelta(seconds=5),
        )
        self.services.death = self.death
        self.activities = implementations(self.services)

    # -- the company's people ---------------------------------------------------------------

    def books(self, tenant: str) -> Company:
        return self.sandbox.visma.companies[company_of(tenant)]

    def place(self, tenant: str, **values: Any) -> str:
        """A person enters an order that ships, unless the values say otherwise."""
        order = {"supplier": "SUP-DE", "shipVia": "FEDEX", "lines": [order_line()], **values}
        return orders.create(self.sandbox.visma, self.books(tenant), order, "person").number

    def change(self, tenant: str, number: str, **values: Any) -> Order:
        """A person edits an order."""
        order = self.books(tenant).orders[number]
        orders.change(self.sandbox.visma, self.books(tenant), order, values, "person")
        return order

    # -- the activities ---------------------------------------------------------------------

    async def ship(self, tenant: str, number: str) -> None:
        """The order is discovered and planned, and FedEx has made its shipment."""
        await self.discover(tenant)
        await self.buy(tenant, number)

    async def buy(self, tenant: str, number: str) -> None:
        """What the order's workflow does once it is told: plan, and buy."""
        await self.run(
            "prepare_shipment", PrepareRequest(tenant=tenant, order=number, released=False)
        )
        desk = await self.services.desk(tenant)
        async with self.store.read(tenant) as view:
            planned = load_plan(some(await view.shipments.current(number)))
        created = CreatedShipment(
            master_tracking_number=f"79{number}",
            service=planned.plan.service,
            carrier_code="FDXE",
            pieces=(Piece(sequence=1, tracking_number=f"79{number}"),),
            documents=(),
            cost=None,
            alerts=(),
            transaction_id="bench",
        )
        open_trail(Trail(tenant=tenant, order=number, actor="bench"))
        key = ship_key(tenant, number, planned.plan.generation)
        async with self.store.write(tenant) as view:
            sent = await view.operations.mark_sent(key, datetime.now(UTC))
        await record_created(self.store, desk, sent, planned, created)

    async def write(self, tenant: str, number: str) -> int:
        """The workflow's own write of its shipment; how many documents were written."""
        written: int = await self.run("write_progress", OrderRef(tenant=tenant, order=number))
        return written

    async def progress(self, tenant: str, number: str, state: ParcelState) -> None:
        """The parcel has moved."""
        stage = Stages.DELIVERED if state is ParcelState.DELIVERED else Stages.IN_TRANSIT
        async with self.store.write(tenant) as view:
            await view.orders.progressed(number, tracking_state=state, stage=stage)

    async def run(self, name: str, argument: Any) -> Any:
        """One activity, once, as a worker would run it."""
        activity = self.activities[name]
        trail = Trail(tenant=argument.tenant, order=None, actor="bench")

        async def attempt() -> Any:
            open_trail(trail)
            return await activity(argument)

        return await ActivityEnvironment().run(attempt)

    async def let_deadlines_pass(self, tenant: str) -> None:
        """No answer to what was sent can come any more."""
        async with self.store.write(tenant) as view:
            for sent in await view.operations.unfinished():
                if sent.deadline is not None:
                    now = datetime.now(UTC)
                    await view.operations.annotate(sent.key, sent.note or "", deadline=now)

    async def step(self, name: str, tenant: str) -> Any:
        """One step of a scheduled workflow."""
        return await self.run(name, TenantInput(tenant=tenant))

    async def discover(self, tenant: str) -> str:
        """The two steps of discovery that start orders."""
        found: DiscoveryRound = await self.step("discover_orders", tenant)
        told = await self.step("deliver_news", tenant)
        return f"{found.read} read, {told} told"


def some(value: R | None) -> R:
    """The value that must be there."""
    assert value is not None
    return value
