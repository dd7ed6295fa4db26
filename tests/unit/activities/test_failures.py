"""What was to be expected fails an activity without a traceback in the log; a defect has one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock, Mock

import pytest
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.failures import FailureInterceptor, Later, NotYet
from activities.signatures import PREPARE_SHIPMENT
from ml_connector.http.faults import (
    OutcomeUnknownFault,
    RejectedFault,
    ThrottledFault,
    TransientFault,
)
from ml_connector.temporal.ids import order_workflow_id
from ml_connector.temporal.order_messages import PrepareRequest, Wait

ORDER = PrepareRequest(tenant="nordic", order="1", released=False)


async def failing(error: Exception) -> Exception:
    """What Temporal is told when an activity raises `error`."""
    inner = Mock(spec=ActivityInboundInterceptor, execute_activity=AsyncMock(side_effect=error))
    guarded = FailureInterceptor(Mock(settle=AsyncMock())).intercept_activity(inner)
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info,
        workflow_id=order_workflow_id(ORDER.tenant, ORDER.order),
        activity_type=PREPARE_SHIPMENT.name,
    )
    call = ExecuteActivityInput(fn=AsyncMock(), args=[ORDER], executor=None, headers={})
    with pytest.raises(type(error) if isinstance(error, LookupError) else ApplicationError) as told:
        await environment.run(guarded.execute_activity, call)
    return told.value


@pytest.mark.parametrize(
    ("error", "kind", "level"),
    [
        (NotYet(Wait(kind="budget", why="the hour is used up")), "Waiting", "info"),
        (Later("again", datetime.now(UTC)), "Later", "info"),
        (ThrottledFault("slow down", retry_after=timedelta(seconds=1)), "Throttled", "info"),
        (ThrottledFault("slow down", retry_after=timedelta(hours=1)), "Waiting", "info"),
        (RejectedFault("no"), "Rejected", "info"),
        (OutcomeUnknownFault("no answer"), "OutcomeUnknown", "info"),
        (TransientFault("no connection"), "Transient", "warning"),
    ],
)
async def test_what_was_to_be_expected_is_one_line(error: Exception, kind: str, level: str) -> None:
    with capture_logs() as lines:
        told = await failing(error)
    assert isinstance(told, ApplicationError)
    assert (told.type, told.category) == (kind, ApplicationErrorCategory.BENIGN)
    assert [(line["outcome"], line["log_level"]) for line in lines] == [(kind, level)]


async def test_a_defect_stays_what_it_is() -> None:
    defect = LookupError("there is no such row")
    assert await failing(defect) is defect
