import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from ml_connector.temporal.dev_server import DevServer
from ml_connector.temporal.errors import TemporalUnavailable
from ml_connector.temporal.ids import TaskQueue
from ml_connector.temporal.runtime import runtime
from ml_connector.temporal.worker import GRACE, build_workers, run_workers
from tests.unit.temporal.sample_workflows import (
    EchoWorkflow,
    Parcel,
    ParcelWorkflow,
    label_parcel,
    refuse_parcel,
)


async def test_one_worker_for_each_queue_with_work(temporal_client: Client) -> None:
    workers = await build_workers(
        temporal_client,
        workflows=[EchoWorkflow],
        activities={TaskQueue.FEDEX: [label_parcel], TaskQueue.VISMA: []},
    )
    assert [worker.task_queue for worker in workers] == [TaskQueue.MAIN, TaskQueue.FEDEX]
    main, fedex = (worker.config() for worker in workers)
    assert main["workflows"] == [EchoWorkflow]
    assert fedex["workflows"] == []
    assert main["graceful_shutdown_timeout"] == GRACE == timedelta(seconds=30)
    assert main["identity"] == fedex["identity"]
    stop = asyncio.Event()
    stop.set()
    await run_workers(workers, stop)


async def test_stopping_lets_a_running_activity_finish(temporal_client: Client) -> None:
    started, stop = asyncio.Event(), asyncio.Event()

    @activity.defn(name="refuse_parcel")
    async def slow(parcel: Parcel) -> Parcel:
        started.set()
        await stop.wait()
        await asyncio.wait_for(activity.wait_for_worker_shutdown(), 5)
        return parcel

    workers = await build_workers(
        temporal_client,
        workflows=[ParcelWorkflow],
        activities={TaskQueue.FEDEX: [label_parcel, slow]},
    )
    running = asyncio.create_task(run_workers(workers, stop))
    handle = await temporal_client.start_workflow(
        ParcelWorkflow.run, Parcel(receiver="K"), id="po/grace/1", task_queue=TaskQueue.MAIN
    )
    await handle.signal(ParcelWorkflow.release, "now")
    await started.wait()
    stop.set()
    await running

    completed = [
        event
        async for event in handle.fetch_history_events()
        if event.HasField("activity_task_completed_event_attributes")
    ]
    assert len(completed) == 1
    await handle.terminate()


async def test_one_workers_death_ends_them_all(
    dev_server: DevServer, temporal_client: Client
) -> None:
    [healthy] = await build_workers(temporal_client, workflows=[EchoWorkflow], activities={})
    nowhere = await Client.connect(dev_server.address, namespace="elsewhere", runtime=runtime())
    doomed = Worker(nowhere, task_queue=TaskQueue.FEDEX, activities=[label_parcel])
    with pytest.raises(RuntimeError, match="elsewhere"):
        await run_workers([healthy, doomed], asyncio.Event())
    assert healthy.is_shutdown


async def test_a_server_that_goes_away_meanwhile_is_not_our_defect(tmp_path: Path) -> None:
    server = DevServer(tmp_path, ui=False)
    await server.start()
    client = await Client.connect(server.address, runtime=runtime())
    await server.kill()
    worker = Worker(client, task_queue=TaskQueue.FEDEX, activities=[label_parcel])
    with pytest.raises(TemporalUnavailable, match="went away"):
        await run_workers([worker], asyncio.Event())


async def test_activities_log_for_whom_they_work(temporal_client: Client) -> None:
    seen: list[dict[str, object]] = []

    @activity.defn(name="label_parcel")
    async def look(parcel: Parcel) -> Parcel:
        seen.append(structlog.contextvars.get_contextvars())
        return parcel

    workers = await build_workers(
        temporal_client,
        workflows=[ParcelWorkflow],
        activities={TaskQueue.FEDEX: [look, refuse_parcel]},
    )
    stop = asyncio.Event()
    running = asyncio.create_task(run_workers(workers, stop))
    handle = await temporal_client.start_workflow(
        ParcelWorkflow.run, Parcel(receiver="K"), id="po/context/77", task_queue=TaskQueue.MAIN
    )
    await handle.signal(ParcelWorkflow.release, "now")
    await handle.result()
    stop.set()
    await running
    [context] = seen
    assert (context["tenant"], context["order"]) == ("context", "77")
    assert (context["activity"], context["attempt"]) == ("label_parcel", 1)
    assert str(context["trace"]).startswith(f"{handle.first_execution_run_id}/")
    assert structlog.contextvars.get_contextvars() == {}
