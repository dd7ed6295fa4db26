"""The embedded server deals tasks out by tenant: what came first in a backlog does not go first."""

import asyncio
import uuid

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from ml_connector.temporal.priorities import Urgency, priority_of
from ml_connector.temporal.sandbox_runner import workflow_runner
from tests.unit.temporal.sample_workflows import EchoWorkflow

BACKLOG, FEW = 60, 3


async def test_few_tasks_of_one_tenant_go_before_most_of_anothers_backlog(
    temporal_client: Client,
) -> None:
    queue = f"fairness-{uuid.uuid4()}"

    async def start(tenant: str, urgency: Urgency = Urgency.NORMAL) -> WorkflowHandle[object, str]:
        return await temporal_client.start_workflow(
            "EchoWorkflow",
            tenant,
            id=f"{queue}-{uuid.uuid4()}",
            task_queue=queue,
            priority=priority_of(tenant, urgency),
            result_type=str,
        )

    started = [await start("busy") for _ in range(BACKLOG)]
    started += [await start("third") for _ in range(FEW)]
    started.append(await start("person", Urgency.QUOTE))
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[EchoWorkflow],
        workflow_runner=workflow_runner(),
        max_concurrent_workflow_tasks=2,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(2),
    ):
        await asyncio.gather(*(each.result() for each in started))
    closed = [(await each.describe()).close_time for each in started]
    by_end = sorted(range(len(started)), key=lambda place: str(closed[place]))
    third = [by_end.index(place) for place in range(BACKLOG, BACKLOG + FEW)]
    assert max(third) < BACKLOG // 2, f"places {third} of {len(started)}"
    assert by_end.index(len(started) - 1) < BACKLOG // 2, "a person who waits goes first"
