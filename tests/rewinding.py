"""Rolling an order's workflow back, as `temporal workflow reset` and the Web UI do."""

import uuid

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from ml_connector.temporal.ids import order_workflow_id
from tests.stage import Stage


async def reset_points(stage: Stage, tenant: str, number: str) -> list[int]:
    """The ends of an order's workflow tasks: to each of them it can be reset."""
    history = await stage.history(tenant, number)
    done = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return [event.event_id for event in history.events if event.event_type == done]


async def reset(stage: Stage, tenant: str, number: str, event: int) -> None:
    """Everything after the event is forgotten by Temporal, and done once more."""
    await stage.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=stage.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=order_workflow_id(tenant, number)),
            reason="a test",
            request_id=str(uuid.uuid4()),
            workflow_task_finish_event_id=event,
        )
    )
