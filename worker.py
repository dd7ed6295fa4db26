"""A worker process: the workflows, their activities, and the tenants' schedules.

`ml-connector worker` and `ml-connector up` run it; `python worker.py` does the same as the first.
Any number of workers may run side by side.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.failures import FailureInterceptor
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
    pause_schedules,
    resume_schedules,
)
from ml_connector.temporal.worker import build_workers, run_workers
from workflows import WORKFLOWS

LOOK_AT_TENANTS = timedelta(seconds=2)
"""How soon a new or changed tenant gets its schedules."""
PAUSE_NOTE = "Paused by ml-connector: the tenant needs new credentials."

_log = structlog.get_logger(__name__)


async def run(
    *,
    settings: Settings,
    keys: MasterKeys,
    store: Store,
    client: Client,
    stop: asyncio.Event,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Work until `stop` is set; then let running activities finish.

    Raises SearchAttributesMissing, with the command that registers them.
    """
    async with AsyncExitStack() as running:
        http = await running.enter_async_context(open_client())
        tokens = TokenFunnel(
            store=store, temporal=client, egress=settings.egress, window=settings.token_window
        )
        services = Services(
            store=store,
            temporal=client,
            http=http,
            tokens=tokens,
            call_timeout=settings.http_timeout,
        )
        workers = await build_workers(
            client,
            workflows=WORKFLOWS,
            activities=activities_by_queue(services),
            interceptors=[FailureInterceptor(services)],
        )
        keeper = asyncio.create_task(keep_schedules(store, client))
        running.push_async_callback(_end, keeper)
        on_ready()
        await run_workers(workers, stop)


async def keep_schedules(store: Store, client: Client) -> None:
    """Give every tenant the schedules its file asks for, and pause those who cannot work."""
    done: dict[str, tuple[int, TenantState]] = {}
    while True:
        for record in await store.tenants.list():
            mark = (record.version, record.state)
            if done.get(record.id) == mark:
                continue
            try:
                await _schedules_of(client, record.id, record.config, record.state)
                done[record.id] = mark
            except RPCError as error:
                _log.warning("schedules not set yet", tenant=record.id, why=str(error))
        await asyncio.sleep(LOOK_AT_TENANTS.total_seconds())


async def _schedules_of(client: Client, tenant: str, config: str, state: TenantState) -> None:
    if state is TenantState.REMOVED:
        await delete_schedules(client, tenant)
        return
    await ensure_schedules(client, SchedulePlan.of(Tenant.model_validate_json(config)))
    if state is TenantState.ACTIVE:
        await resume_schedules(client, tenant, "Resumed by ml-connector.", paused_with=PAUSE_NOTE)
    else:
        await pause_schedules(client, tenant, PAUSE_NOTE)


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    from starter.main import main

    main(["worker"])
