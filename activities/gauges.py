"""What Prometheus learns beside Temporal's own metrics: the numbers that somebody should act on.

Every worker shows the same ones, read from the store and from Temporal, but for Visma's quota,
which each knows of its own replies. So a query takes the largest over workers, the least of quota.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue as TaskQueueMessage
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.common import MetricGaugeFloat, MetricMeter
from temporalio.service import RPCError, RPCStatusCode

from activities.services import Services
from ml_connector.store.states import TenantState
from ml_connector.temporal.ids import TaskQueue, token_workflow_id
from ml_connector.temporal.schedules import list_schedules

PREFIX = "ml_connector_"
GAUGES = {
    "orders": "Orders by tenant and stage.",
    "parked_orders": "Orders that need a person, by tenant and reason.",
    "parked_oldest_seconds": "How long the oldest of them waits, by tenant and reason.",
    "credentials_refused": "1 while a tenant's credentials are refused.",
    "fedex_blocked_seconds": "How long FedEx still blocks our address; 0 while it does not.",
    "visma_calls_left": "Calls that Visma still allows this hour, by tenant, as last heard.",
    "schedule_missed_runs": "Runs left out because Temporal was down for too long.",
    "schedule_skipped_runs": "Runs left out because the one before was still under way.",
    "schedule_paused": "1 while a schedule is paused.",
    "schedule_every_seconds": "Between two runs of a schedule, where it has an interval.",
    "schedule_silent_seconds": "Since a schedule's last run started.",
    "backlog_tasks": "Tasks that wait in a queue, roughly.",
    "backlog_oldest_seconds": "How long the oldest of them waits, roughly.",
}
UNKNOWN_WHEN_GONE = {"visma_calls_left"}
"""Of these 0 would be an alarm."""
_ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
_BACKLOGS = (
    (TaskQueue.MAIN, "workflow", TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
    *((queue, "activity", _ACTIVITY) for queue in TaskQueue),
)
_QUERY_TIMEOUT = timedelta(seconds=5)

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One number."""

    gauge: str
    value: float
    labels: Labels = field(default_factory=dict)


class Gauges:
    """Takes all readings and shows them; one that is gone, such as a reason, shows 0."""

    def __init__(self, services: Services, meter: MetricMeter, *, egress: str) -> None:
        self._services = services
        self._egress = egress
        self._gauges: dict[str, MetricGaugeFloat] = {
            name: meter.create_gauge_float(f"{PREFIX}{name}", text) for name, text in GAUGES.items()
        }
        self._shown: set[tuple[str, tuple[tuple[str, str], ...]]] = set()

    async def look(self) -> None:
        """Take every reading once. Raises what the store or Temporal raises; nothing is shown
        then that was not read."""
        shown = set()
        for source in (self._tenants, self._block, self._schedules, self._backlog):
            async for reading in source():
                self._gauges[reading.gauge].set(reading.value, dict(reading.labels))
                shown.add((reading.gauge, tuple(sorted(reading.labels.items()))))
        for gauge, labels in self._shown - shown:
            self._gauges[gauge].set(math.nan if gauge in UNKNOWN_WHEN_GONE else 0, dict(labels))
        self._shown |= shown

    async def _tenants(self) -> AsyncIterator[Reading]:
        now = datetime.now(UTC)
        for record in await self._services.store.tenants.list():
            tenant = {"tenant": record.id}
            refused = record.state is TenantState.NEEDS_REAUTH
            yield Reading(gauge="credentials_refused", value=refused, labels=tenant)
            async with self._services.store.read(record.id) as view:
                stages, parked = await view.orders.counts(), await view.orders.parked()
            for stage, orders in stages.items():
                yield Reading(gauge="orders", value=orders, labels={**tenant, "stage": stage})
            for reason, group in parked.items():
                labels = {**tenant, "reason": reason}
                yield Reading(gauge="parked_orders", value=group.orders, labels=labels)
                age = (now - group.since).total_seconds()
                yield Reading(gauge="parked_oldest_seconds", value=age, labels=labels)
        for name, left in self._services.visma_calls_left().items():
            yield Reading(gauge="visma_calls_left", value=left, labels={"tenant": name})

    async def _block(self) -> AsyncIterator[Reading]:
        workflow = self._services.temporal.get_workflow_handle(token_workflow_id(self._egress))
        try:
            until = await workflow.query(
                "blocked_until",
                result_type=datetime | None,  # type: ignore[arg-type]
                rpc_timeout=_QUERY_TIMEOUT,
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            until = None
        left = 0.0 if until is None else (until - datetime.now(UTC)).total_seconds()
        yield Reading(
            gauge="fedex_blocked_seconds", value=max(left, 0.0), labels={"egress": self._egress}
        )

    async def _schedules(self) -> AsyncIterator[Reading]:
        now = datetime.now(UTC)
        records = await self._services.store.tenants.list()
        here = [record.id for record in records if record.state is not TenantState.REMOVED]
        for status in await list_schedules(self._services.temporal, here):
            labels = {"tenant": status.id.tenant, "kind": status.id.kind.value}
            yield Reading(gauge="schedule_missed_runs", value=status.missed, labels=labels)
            yield Reading(gauge="schedule_skipped_runs", value=status.skipped, labels=labels)
            yield Reading(gauge="schedule_paused", value=status.paused, labels=labels)
            if status.every is not None:
                every = status.every.total_seconds()
                yield Reading(gauge="schedule_every_seconds", value=every, labels=labels)
            if status.last_run is not None:
                silent = (now - status.last_run).total_seconds()
                yield Reading(gauge="schedule_silent_seconds", value=silent, labels=labels)

    async def _backlog(self) -> AsyncIterator[Reading]:
        asked = (self._stats(queue, kind) for queue, _, kind in _BACKLOGS)
        replies = await asyncio.gather(*asked)
        for (queue, name, _), (tasks, age) in zip(_BACKLOGS, replies, strict=True):
            labels = {"queue": queue.value, "kind": name}
            yield Reading(gauge="backlog_tasks", value=tasks, labels=labels)
            yield Reading(gauge="backlog_oldest_seconds", value=age.total_seconds(), labels=labels)

    async def _stats(
        self, queue: TaskQueue, kind: "TaskQueueType.ValueType"
    ) -> tuple[int, timedelta]:
        client = self._services.temporal
        reply = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueueMessage(name=queue),
                task_queue_type=kind,
                report_stats=True,
            )
        )
        stats = reply.stats
        return stats.approximate_backlog_count, stats.approximate_backlog_age.ToTimedelta()
