"""A worker process: the workflows, their activities, and the tenants' schedules.

`ml-connector worker` and `ml-connector up` run it; `python worker.py` does the same as the first.
Any number of workers may run side by side.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.worker import WorkerDeploymentConfig

from activities.failures import FailureInterceptor
from activities.gauges import Gauges
from activities.registry import activities_by_queue
from activities.services import Services
from activities.token_source import TokenFunnel
from ml_connector.domain.tenant import Tenant
from ml_connector.http.transport import open_client
from ml_connector.security.keys import MasterKeys
from ml_connector.settings import Settings
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.temporal.schedule_plan import SchedulePlan
from ml_connector.temporal.schedules import (
    delete_schedules,
    ensure_schedules,
    lock_schedules,
    unlock_schedules,
)
from ml_connector.temporal.worker import build_workers, run_workers
from workflows.registry import WORKFLOWS

LOOK_AT_TENANTS = timedelta(seconds=2)
"""How soon a new or changed tenant gets its schedules."""
MEASURE = timedelta(seconds=15)
"""Prometheus's usual pace."""
DROP_EXPIRED = timedelta(hours=6)
"""Between two looks for exchanges whose retention is over."""

_log = structlog.get_logger(__name__)


async def run(
    *,
    settings: Settings,
    keys: MasterKeys,
    store: Store,
    client: Client,
    stop: asyncio.Event,
    on_ready: Callable[[], None] = lambda: None,
    meter: MetricMeter | None = None,
    deployment: WorkerDeploymentConfig | None = None,
) -> None:
    """Work until `stop` is set; then let running activities finish.

    `meter` is told what Prometheus shows; `deployment` turns worker versioning on.

    Raises SearchAttributesMissing, with the command that registers them.
    """
    async with AsyncExitStack() as running:
        http = await running.enter_async_context(open_client())
        tokens = TokenFunnel(
            store=store,
            temporal=client,
            egress=settings.egress,
            window=settings.token_window,
            block=settings.token_block,
        )
        services = Services(
            store=store,
            temporal=client,
            http=http,
            tokens=tokens,
            call_timeout=settings.http_timeout,
            mail=settings.smtp,
        )
        workers = await build_workers(
            client,
            workflows=WORKFLOWS,
            activities=activities_by_queue(services),
            interceptors=[FailureInterceptor(services)],
            deployment=deployment,
        )
        jobs: list[tuple[Callable[[], Awaitable[None]], timedelta]] = [
            (ScheduleKeeper(store, client).look, LOOK_AT_TENANTS),
            (partial(drop_expired_bodies, store), DROP_EXPIRED),
        ]
        if meter is not None:
            jobs.append((Gauges(services, meter, egress=settings.egress).look, MEASURE))
        for job, every in jobs:
            running.push_async_callback(_end, asyncio.create_task(_repeat(job, every)))
        on_ready()
        await run_workers(workers, stop)


class ScheduleKeeper:
    """Gives every tenant the schedules its file asks for, and pauses those who cannot work."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._client = client
        self._done: dict[str, tuple[int, TenantState]] = {}

    async def look(self) -> None:
        """Bring up to date what has changed; one tenant's trouble is not the others'."""
        for record in await self._store.tenants.list():
            mark = (record.version, record.state)
            if self._done.get(record.id) == mark:
                continue
            try:
                await _schedules_of(self._client, record.id, record.config, record.state)
                self._done[record.id] = mark
            except Exception as error:
                # Not as text: pydantic would quote the tenant file.
                _log.warning("schedules not set yet", tenant=record.id, why=error)


async def drop_expired_bodies(store: Store) -> None:
    """Raw exchanges whose retention is over; their events and digests stay."""
    for record in await store.tenants.list():
        async with store.write(record.id) as view:
            dropped = await view.audit.purge_bodies(datetime.now(UTC))
        if dropped:
            _log.info("expired exchanges dropped", tenant=record.id, exchanges=dropped)


async def _schedules_of(client: Client, tenant: str, config: str, state: TenantState) -> None:
    if state is TenantState.REMOVED:
        await delete_schedules(client, tenant)
        return
    await ensure_schedules(client, SchedulePlan.of(Tenant.model_validate_json(config)))
    if state is TenantState.ACTIVE:
        await unlock_schedules(client, tenant)
    else:
        await lock_schedules(client, tenant)


async def _repeat(job: Callable[[], Awaitable[None]], every: timedelta) -> None:
    """For ever: a database or server that is away for a while does not end it."""
    while True:
        try:
            await job()
        except Exception:
            _log.warning("put off until the next look", exc_info=True)
        await asyncio.sleep(every.total_seconds())


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    from starter.main import main

    main(["worker"])
