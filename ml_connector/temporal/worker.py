"""Workers: which queues they serve, how much at once, how they start and stop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    Interceptor,
    PollerBehaviorAutoscaling,
    Worker,
    WorkerDeploymentConfig,
)

from ml_connector.temporal import search_attributes
from ml_connector.temporal.connection import default_identity, reason_of
from ml_connector.temporal.errors import TemporalUnavailable
from ml_connector.temporal.ids import TaskQueue
from ml_connector.temporal.log_context import LogContextInterceptor, quiet_sdk_loggers
from ml_connector.temporal.sandbox_runner import workflow_runner

GRACE = timedelta(seconds=30)
"""Running activities may finish this long after a stop signal; without it they are cancelled at
once, and a cancelled write has an unknown outcome. A supervisor must wait longer than this."""

_NOT_LOOKED, _NOT_THERE = "Worker validation failed", "code: NotFound"
"""How the SDK says that its first look at the namespace failed, and that there is none."""
_HEARTBEAT_AT_MOST_EVERY = timedelta(seconds=5)
"""Heartbeats carry cancellation; the default of a minute would make stopping slow."""

Activities = Mapping[TaskQueue, Sequence[Callable[..., Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """How much one worker process does at the same time."""

    workflow_tasks: int = 20
    cached_workflows: int = 1_000
    """Up to 240 KiB each. An order that falls out is replayed at its next event."""
    activities: Mapping[TaskQueue, int]
    """The limit protects the other side, our database and Temporal's: what a worker takes at
    once no longer stands in Temporal's fair queues, and an embedded server that is asked too
    much at once answers nobody in time."""

    def of(self, queue: TaskQueue) -> int:
        return self.activities[queue]


DEFAULT_SLOTS = Slots(
    activities={
        TaskQueue.MAIN: 20,
        TaskQueue.FEDEX: 20,
        TaskQueue.VISMA: 20,
        TaskQueue.TOKEN: 4,
        # Mail servers count the connections of one sender.
        TaskQueue.MAIL: 4,
    }
)


DEPLOYMENT = "ml-connector"
"""Temporal's name for all versions of our workers together."""


def deployment_of(build_id: str) -> WorkerDeploymentConfig:
    """Worker versioning: this process serves one version, and takes over what older ones began.

    An order lives for weeks, so its workflow moves on to the version that is current
    (`AUTO_UPGRADE`); `workflow.patched` keeps its history replaying.
    """
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def build_workers(
    client: Client,
    *,
    workflows: Sequence[type],
    activities: Activities,
    slots: Slots = DEFAULT_SLOTS,
    interceptors: Sequence[Interceptor] = (),
    graceful_shutdown: timedelta = GRACE,
    identity: str | None = None,
    deployment: WorkerDeploymentConfig | None = None,
) -> list[Worker]:
    """One worker for each queue that has something to do; workflows run on `TaskQueue.MAIN`.

    `deployment` turns worker versioning on. Raises SearchAttributesMissing, with the command
    that registers them, because a workflow that writes an unknown one would hang.
    """
    await search_attributes.require(client)
    quiet_sdk_loggers()
    queues = [queue for queue in TaskQueue if activities.get(queue)]
    if workflows and TaskQueue.MAIN not in queues:
        queues.insert(0, TaskQueue.MAIN)
    return [
        Worker(
            client,
            task_queue=queue,
            workflows=workflows if queue is TaskQueue.MAIN else [],
            activities=activities.get(queue, ()),
            workflow_runner=workflow_runner(),
            interceptors=[LogContextInterceptor(), *interceptors],
            identity=identity or default_identity(),
            max_cached_workflows=slots.cached_workflows,
            max_concurrent_workflow_tasks=slots.workflow_tasks,
            max_concurrent_activities=slots.of(queue),
            workflow_task_poller_behavior=_pollers(slots.workflow_tasks),
            activity_task_poller_behavior=_pollers(slots.of(queue)),
            max_heartbeat_throttle_interval=_HEARTBEAT_AT_MOST_EVERY,
            default_heartbeat_throttle_interval=_HEARTBEAT_AT_MOST_EVERY,
            graceful_shutdown_timeout=graceful_shutdown,
            deployment_config=deployment,
        )
        for queue in queues
    ]


async def run_workers(workers: Sequence[Worker], stop: asyncio.Event) -> None:
    """Run until `stop` is set, then let running activities finish.

    When one worker fails for good the others are stopped too, and its error is raised: half
    a process would look alive and leave orders lying.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(_run(worker, stop))
    except ExceptionGroup as failures:
        # The first is the cause; the others ended because of it.
        raise failures.exceptions[0] from failures


async def _run(worker: Worker, stop: asyncio.Event) -> None:
    try:
        async with worker:
            await stop.wait()
    except RuntimeError as error:
        if _NOT_LOOKED not in str(error) or _NOT_THERE in str(error):
            raise
        raise TemporalUnavailable(
            "Temporal went away while the worker started.",
            why=reason_of(error),
            remedy="Start the worker again once the server runs.",
        ) from error


def _pollers(slots: int) -> PollerBehaviorAutoscaling:
    """Few while idle, more under load: it keeps the slowest tasks short."""
    return PollerBehaviorAutoscaling(minimum=1, initial=min(3, slots), maximum=min(20, slots))
